"""Executed notebooks in other formats: tags count, nothing in them runs, no run fails by them."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
    new_raw_cell,
)

from nbflow import settings
from nbflow.exceptions import InvalidInput
from nbflow.kernels import environments
from nbflow.model.artifacts import ArtifactFilter
from nbflow.notebook import exports, run_notebook

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(1)>"


class Page(HTMLParser):
    """What a browser would run of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = [value or "" for name, value in attrs if name.startswith("on")]
        links = [value or "" for name, value in attrs if name in ("href", "src", "srcdoc")]
        self.active += values + links

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "script":
            self.scripts.append(data)


def shown(source: str, *tags: str, **data: Any) -> Any:
    bundle = {name.replace("_", "/"): content for name, content in data.items()}
    outputs = [new_output("display_data", data=bundle)] if data else []
    return new_code_cell(source, outputs=outputs, metadata={"tags": list(tags)})


def exported(folder: Path, *cells: Any, to: str = "html", **metadata: Any) -> str:
    path = folder / "notebook.ipynb"
    nbformat.write(new_notebook(cells=list(cells), metadata=metadata), path)
    (made,) = exports.make(path, [to])
    assert made.path is not None, made.problem
    return made.path.read_text(encoding="utf-8")


def test_a_run_stores_what_it_is_exported_to(notebooks, orchestrator):
    path = notebooks.write("# the sum\n1 + 1", "print('shown')")
    ran = run_notebook(path, exports=["html", "markdown", "script"])
    folder = ran.executed_notebook.parent
    assert "shown" in (folder / "notebook.html").read_text()
    assert "the sum" in (folder / "notebook.md").read_text()
    assert "the sum" in (folder / "notebook.py").read_text()
    kept = orchestrator.list_artifacts(ArtifactFilter(ran.id)).rows
    assert {Path(each.data["path"]).name for each in kept} == {
        "notebook.ipynb", "notebook.html", "notebook.md", "notebook.py"}  # fmt: skip


def test_an_export_that_fails_is_told_and_the_run_completes(notebooks, orchestrator, monkeypatch):
    def broken(*_: Any, **__: Any) -> Any:
        raise ValueError("no ink")

    monkeypatch.setattr(exports, "convert", broken)
    ran = run_notebook(notebooks.write("1"), exports=["html"])
    assert ran.is_completed()
    assert ran.flow_run.state.message == (
        "1 cell completed. The export to html failed: ValueError: no ink."
    )
    logged = [entry.message for entry in orchestrator.list_logs(ran.id).rows]
    assert "The export to html failed: ValueError: no ink" in logged


def test_tags_say_what_is_left_out(tmp_path):
    body = exported(
        tmp_path,
        shown("first = 1", "hide-input", text_plain="OUT1"),
        shown("second = 2", "remove-input", text_plain="OUT2"),
        shown("third = 3", "remove-output", text_plain="OUT3"),
        shown("fourth = 4", "remove-cell", text_plain="OUT4"),
        to="markdown",
    )
    there = [word for word in ("first", "second", "third", "fourth") if word in body]
    assert there == ["third"]
    assert [n for n in range(1, 5) if f"OUT{n}" in body] == [1, 2]


@pytest.mark.parametrize("to", ["html", "slides"])
def test_nothing_of_a_notebook_runs_in_its_html(tmp_path, to):
    svg = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'></svg>"
    body = exported(
        tmp_path,
        new_markdown_cell(f"# Title {ATTACK}\n\n[x](javascript:alert(1)) **bold**"),
        new_raw_cell(ATTACK, metadata={"raw_mimetype": "text/html"}),
        shown("a", text_html=f"<table><tr><td>cell</td></tr></table>{ATTACK}", text_plain="t"),
        shown("b", **{"application/javascript": "alert(1)", "image/svg+xml": svg}),
        shown("c", text_markdown=ATTACK, text_latex=f"$x${ATTACK}", text_plain=ATTACK),
        shown(ATTACK, f'"><{ATTACK}'),
        shown("d", **{"application/vnd.jupyter.widget-view+json": {"model_id": "x"}}),
        to=to,
        title=f"</title>{ATTACK}",
        widgets={"application/vnd.jupyter.widget-state+json": {"state": {"x": ATTACK}}},
    )
    page = Page()
    page.feed(body)
    assert not [script for script in page.scripts if "alert" in script]
    assert not [value for value in page.active if "alert" in value]
    assert "<td>cell</td>" in body
    assert "<strong>bold</strong>" in body


def test_scripts_stay_where_they_are_asked_for(tmp_path):
    path = tmp_path / "notebook.ipynb"
    nbformat.write(new_notebook(cells=[shown("a", text_html="<script>plot()</script>")]), path)
    (made,) = exports.make(path, ["html"], scripts=True)
    assert "<script>plot()</script>" in made.path.read_text()


def test_unknown_formats_are_refused_before_there_is_a_run(notebooks):
    with pytest.raises(InvalidInput) as caught:
        run_notebook(notebooks.write("1"), exports=["htm"])
    assert (caught.value.code, caught.value.field) == ("export.unknown", "exports")
    assert "html" in caught.value.hint
    assert not (settings.home() / "runs").exists()


def test_formats_whose_programs_are_not_here_are_refused(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    for format in ("pdf", "latex", "rst"):
        with pytest.raises(InvalidInput, match="pandoc") as caught:
            environments.check_exports([format])
        assert caught.value.code == "export.program"
    environments.check_exports(["html", "markdown", "script", "slides"])
