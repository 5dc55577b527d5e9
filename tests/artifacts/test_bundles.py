"""Anything a notebook displays, in a plain script, inside IPython, and in a cell."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import textwrap
from unittest.mock import Mock

import pytest

from nbflow.artifacts import Artifact, create_artifact
from nbflow.exceptions import InvalidInput

SPEC = {"mark": "bar", "data": {"values": [{"a": 1}]}, "encoding": {"x": {"field": "a"}}}
VEGA = "application/vnd.vegalite.v5+json"


class Chart:
    """What an Altair chart is to a notebook."""

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {VEGA: {**SPEC, "width": float("nan")}, "text/plain": "<Chart>"}, {VEGA: {}}


class Rich:
    """Has a method for each form."""

    def _repr_html_(self):
        return "<b>rich</b>"

    def _repr_markdown_(self):
        return "**rich**"

    def _repr_svg_(self):
        return "<svg/>"

    def _repr_png_(self):
        return b"\x89PNG", {"width": 3}

    def _repr_pdf_(self):
        return b"%PDF-1.7"

    def _repr_json_(self):
        return {"rich": (1, 2)}

    def __repr__(self):
        return "Rich()"


def test_an_object_shows_itself_in_each_of_its_forms(orchestrator, data_of):
    made = create_artifact(Rich(), key="rich")
    assert data_of(made) == {
        "text/html": "<b>rich</b>",
        "text/markdown": "**rich**",
        "image/svg+xml": "<svg/>",
        "image/png": base64.b64encode(b"\x89PNG").decode(),
        "application/pdf": base64.b64encode(b"%PDF-1.7").decode(),
        "application/json": {"rich": [1, 2]},
        "text/plain": "Rich()",
    }
    assert orchestrator.read_artifact(made).mime_types[0] == "text/html"


def test_a_chart_gives_its_own_bundle(data_of):
    assert data_of(create_artifact(Chart())) == {
        VEGA: {**SPEC, "width": None},
        "text/plain": "<Chart>",
    }


def test_a_figure_is_drawn(data_of):
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2])
    for value in (figure, axes):
        data = data_of(create_artifact(value))
        assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
        assert data["text/plain"].startswith("<")


def test_a_data_frame_is_html_and_text(data_of):
    pandas = pytest.importorskip("pandas")
    data = data_of(create_artifact(pandas.DataFrame({"n": range(500)})))
    assert "<table" in data["text/html"]
    assert "500 rows × 1 columns" in data["text/html"]
    assert "n" in data["text/plain"]


def test_an_explicit_bundle_is_kept_as_it_is_said(data_of):
    said = {
        "text/html": ["<b>", "done</b>"],
        "image/png": b"\x89PNG",
        "application/json": {"n": 10**30, "at": float("inf"), 1: {2}},
        "application/javascript": "alert(1)",
    }
    assert data_of(create_artifact(said)) == {
        "text/html": "<b>done</b>",
        "image/png": base64.b64encode(b"\x89PNG").decode(),
        "application/json": {"n": str(10**30), "at": None, "1": [2]},
    }


@pytest.mark.parametrize("value", [3, "text", None, {"a": 1}, {}, [1, 2], Rich, int, Mock])
def test_what_has_no_other_form_is_a_text(data_of, value):
    assert data_of(create_artifact(value)) == {"text/plain": repr(value)}


def test_an_object_that_answers_to_every_name_is_a_text(data_of):
    value = Mock()
    assert list(data_of(create_artifact(value))) == ["text/plain"]


class Failing:
    def _repr_html_(self):
        raise RuntimeError("no html")

    def __repr__(self):
        raise ValueError("no repr")


def test_an_object_whose_repr_raises_is_refused_with_what_it_said(shown, caplog):
    with pytest.raises(InvalidInput, match=r"its __repr__ raised ValueError: no repr") as refused:
        create_artifact(Failing())
    assert refused.value.field == "obj"
    assert shown() == ()
    assert "_repr_html_ of Failing failed: no html" in caplog.text


def test_a_form_that_fails_is_left_out(data_of):
    class Half(Failing):
        def _repr_markdown_(self):
            return "**half**"

    assert data_of(create_artifact(Half())) == {"text/markdown": "**half**"}


def test_a_figure_that_cannot_be_drawn_is_refused(shown):
    class Figure:
        def savefig(self, file, **said):
            raise RuntimeError("no canvas")

    with pytest.raises(InvalidInput, match="RuntimeError: no canvas"):
        create_artifact(Figure())
    assert shown() == ()


cyclic: dict[str, object] = {}
cyclic["self"] = cyclic


@pytest.mark.parametrize(
    "bundle",
    [
        {"application/json": cyclic},
        {"text/html": 3},
        {"image/png": 3},
        {"application/javascript": "alert(1)"},
    ],
)
def test_a_bundle_that_cannot_be_kept_is_refused(shown, bundle):
    with pytest.raises(InvalidInput):
        create_artifact(bundle)
    assert shown() == ()


def test_a_deep_document_comes_back_whole(data_of):
    deep: object = 1
    for _ in range(100):
        deep = {"in": [deep]}
    assert data_of(create_artifact({"application/json": deep})) == {"application/json": deep}


# -- inside IPython ---------------------------------------------------------------------------
IN_IPYTHON = textwrap.dedent("""
    import json
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.display import HTML, Image, Markdown
    from nbflow.artifacts import Artifact, create_artifact

    shell = InteractiveShell.instance()

    class Registered:
        pass

    html = shell.display_formatter.formatters["text/html"]
    html.for_type(Registered, lambda value: "<i>registered</i>")

    class Failing:
        def _repr_html_(self):
            raise RuntimeError("no html")

    values = (Registered(), HTML("<b>x</b>"), Markdown("# m"), Failing())
    made = [create_artifact(value) for value in values]
    print("RESULT" + json.dumps([Artifact.get(i).data for i in made]))
""")


def test_inside_ipython_its_formatters_are_asked(home):
    said = subprocess.run(
        [sys.executable, "-c", IN_IPYTHON], check=True, capture_output=True, text=True
    ).stdout
    registered, html, markdown, failing = json.loads(said.split("RESULT")[1])
    assert registered["text/html"] == "<i>registered</i>"
    assert html["text/html"] == "<b>x</b>"
    assert markdown["text/markdown"] == "# m"
    assert list(failing) == ["text/plain"]


def test_making_one_loads_no_more_than_it_needs(home):
    code = """
import sys
from nbflow.artifacts import create_artifact
create_artifact({"text/html": "x"})
create_artifact(3)
heavy = ("IPython", "matplotlib", "pandas", "numpy", "pydantic", "tornado")
print([name for name in heavy if name in sys.modules])
"""
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


def test_an_artifact_found_again_displays_itself(orchestrator):
    create_artifact(Rich(), key="rich", description="as *rich* as can be")
    found = Artifact.get("rich")
    shown = found._repr_mimebundle_()
    assert "<b>rich</b>" in shown["text/html"]
    assert shown["text/plain"] == "as *rich* as can be\nRich()"
    assert repr(found) == f"Artifact(type='mime', key='rich', id='{found.id}')"
