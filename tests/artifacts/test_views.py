"""Artifacts as static HTML and text: readable anywhere, and whatever they hold is inert."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.artifacts import views
from nbflow.artifacts.safe_html import safe_html
from nbflow.model.artifacts import Artifact, ArtifactKind
from tests.conftest import Inert


def shown(kind: ArtifactKind, data: Any, description: str | None = None) -> tuple[str, str]:
    """Give an artifact as HTML and as text, both checked."""
    artifact = Artifact(kind, None, description=description)
    html, text = views.to_html(artifact, data), views.to_text(artifact, data)
    Inert(html)
    hostile = [
        c for c in (*range(9), 11, 27, 127, 0x9B, 0x202E, 0x200B, 0xFEFF) if chr(c) in text + html
    ]
    assert hostile == []
    return html, text


def test_a_payload_is_inert_wherever_it_stands(xss_payloads):
    for payload in xss_payloads:
        _is_inert_everywhere(payload)


def _is_inert_everywhere(attack):
    encoded = base64.b64encode(f"<svg>{attack}</svg>".encode()).decode()
    for kind, data in (
        ("markdown", attack),
        ("link", {"url": attack, "text": attack}),
        ("link", {"url": f"https://x.org/{attack}", "text": attack}),
        ("table", {"columns": [attack], "rows": [[attack], [{"a": attack}]]}),
        ("image", {"mime": "image/svg+xml", "base64": encoded}),
        ("image", {"mime": attack, "base64": encoded}),
        ("image", {"mime": "image/png", "base64": f'"{attack}'}),
        ("image", {"url": attack}),
        ("mime", {"text/html": attack}),
        ("mime", {"image/svg+xml": attack}),
        ("mime", {"text/plain": attack}),
        ("mime", {"application/json": {attack: attack}}),
        ("mime", {attack: attack}),
        ("notebook", {"path": attack}),
    ):
        shown(kind, data, description=attack)  # type: ignore[arg-type]


@given(st.text(alphabet=st.sampled_from("<>/='\"!-& \tabimgscriptonerrorsvg:;")))
def test_whatever_is_written_html_stays_inert(text):
    Inert(safe_html(text))


def test_html_of_a_data_frame_stays_a_table():
    pandas = pytest.importorskip("pandas")
    html, _ = shown("mime", {"text/html": pandas.DataFrame({"n": [1, 2]})._repr_html_()})
    found = Inert(html)
    assert found.tags.count("td") == 2
    assert "vertical-align" not in found.text  # its style sheet is not shown as text


def test_html_that_does_no_harm_is_left_as_it_is():
    text = (
        '<p style="color:red;text-align:right">a <b>b</b> &lt; <a href="https://x.org/?a=1&amp;b=2"'
    )
    text += ' rel="noopener noreferrer">c</a></p><ul><li>1</li></ul><hr>'
    assert safe_html(text) == text


def test_elements_left_open_are_closed():
    assert safe_html("<div><b>x</div>y") == "<div><b>x</b></div>y"
    assert safe_html("<table><tr><td>x") == "<table><tr><td>x</td></tr></table>"


def test_a_progress_is_a_bar_with_its_number():
    html, text = shown("progress", {"progress": 42.0})
    assert "42 %" in html
    assert "width:42.0%" in html
    assert text == "[████████░░░░░░░░░░░░] 42 %"
    assert shown("progress", {"progress": 99.96})[1].endswith("100 %")


def test_a_table_says_which_of_its_rows_are_shown():
    data = {"columns": ["n"], "rows": [[n] for n in range(500)], "total": 1_000_000}
    html, text = shown("table", data)
    assert Inert(html).tags.count("tr") == 1 + views.MOST_ROWS
    assert "first 100 of 1,000,000 rows" in html
    assert text.splitlines()[-1] == "first 20 of 1,000,000 rows"
    assert text.splitlines()[:2] == ["n", "0"]
    assert "first" not in shown("table", {"columns": ["n"], "rows": [[1]]})[0]


def test_the_richest_form_of_a_bundle_is_shown():
    png = base64.b64encode(b"\x89PNG").decode()
    forms = {"text/plain": "Figure", "image/png": png}
    assert f'<img src="data:image/png;base64,{png}"' in shown("mime", forms)[0]
    assert shown("mime", {**forms, "text/html": "<b>x</b>"})[0].count("<b>x</b>") == 1
    assert shown("mime", forms)[1] == "Figure"
    assert shown("mime", {"application/pdf": "JVBERi0="})[1] == "(application/pdf)"
    assert '"a": 1' in shown("mime", {"application/json": {"a": 1}})[1]


def test_an_image_elsewhere_says_nothing_of_who_looks():
    html, text = shown("image", {"url": "https://example.org/a.png"})
    assert 'referrerpolicy="no-referrer"' in html
    assert text == "https://example.org/a.png"


def test_markdown_stays_markdown_in_a_notebook():
    made = views.bundle(Artifact("markdown", "# Hi", description="why"), "# Hi")
    assert made == {"text/plain": "why\n# Hi", "text/markdown": "why\n\n# Hi"}


def test_endless_text_is_cut():
    assert len(shown("markdown", "x" * 10_000_000)[0]) < 110_000
