"""What is sent to a browser: small, offline, and nothing in it reads text as HTML."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter, MarkdownExporter
from nbconvert.preprocessors import ExecutePreprocessor
from nbformat.v4 import new_code_cell, new_notebook

import nbflow.widgets
from nbflow.widgets import front

MODULES = ("runview", "graph", "runs", "form")
FILES = sorted(Path(nbflow.widgets.__file__).parent.glob("*.js"))
MOST_BYTES = 30 * 1024


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_small_and_exports_one_render(name: str) -> None:
    text = front.module(name)
    assert len(text.encode()) < MOST_BYTES
    assert text.count("export default { render }") == 1


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_text_is_read_as_html_and_nothing_is_loaded(file: Path) -> None:
    text = file.read_text()
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser",
                 "eval(", "Function(", "import(", "fetch(", "XMLHttpRequest", "srcdoc",
                 "createContextualFragment", "setTimeout('"):  # fmt: skip
        assert word not in text
    addresses = set(re.findall(r"https?://[^'\"`\s]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}


def test_every_file_belongs_to_a_module() -> None:
    used = {"parts", *(part for name in MODULES for part in front._MADE_OF[name])}
    assert {file.stem for file in FILES} == used


def test_importing_nbflow_loads_no_widgets() -> None:
    code = (
        "import sys, nbflow; from nbflow import flow, task; nbflow.Flow; nbflow.State\n"
        "print([m for m in ('nbflow.widgets', 'nbflow.model.cards', 'nbflow.model.looks', "
        "'ipywidgets', 'anywidget') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


CELLS = (
    "from nbflow import flow, task, widgets\nfrom nbflow.states import Failed\n"
    "@task\ndef half(n):\n    return n / 2\n"
    "@flow\ndef halves(n: int = 2):\n    return half(half(n))\n"
    "state = halves(return_state=True)\nstate",
    "Failed(message='<script>window.__xss=1</script>')",
    "halves",
    "from nbflow.connect import connect\n"
    "from nbflow.model.backend import RunFilter\n"
    "(run,) = connect().list_flow_runs(RunFilter(flow_name='halves')).rows\nrun",
    "widgets.run(run)",
    "widgets.graph(run)",
    "widgets.runs(flow_name='halves')",
    "%load_ext nbflow\n%nbflow flow-run ls",
)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> nbformat.NotebookNode:
    """A notebook whose cells end with all there is to show, executed without a front end."""
    home = tmp_path_factory.mktemp("home")
    nb = new_notebook(cells=[*map(new_code_cell, CELLS)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBFLOW_HOME", str(home))
        patch.delenv("JPY_SESSION_NAME", raising=False)
        ExecutePreprocessor(timeout=60).preprocess(nb, {"metadata": {"path": str(home)}})
    return nb


def test_executed_without_a_front_end_everything_is_saved_as_it_reads(
    executed: nbformat.NotebookNode, inert: Callable[[str], None]
) -> None:
    shown = [
        output["data"]
        for cell in executed.cells
        for output in cell.outputs
        if output.output_type in ("display_data", "execute_result")
    ]
    assert len(shown) == 7
    for data in shown:
        assert {"text/html", "text/plain"} <= set(data)
        assert not {mime for mime in data if "widget-view" in mime}
        inert(data["text/html"])
    assert shown[0]["text/plain"].startswith("✓ Completed · state")
    assert shown[4]["text/plain"].startswith("✓ Completed · halves")
    assert "half-1 · Completed" in shown[5]["text/plain"]
    assert executed.cells[-1].outputs[0]["text"].startswith("ID")


def test_converted_it_reads_as_well(executed: nbformat.NotebookNode) -> None:
    page, _ = HTMLExporter().from_notebook_node(executed)
    assert page.count('class="nbflow-run"') >= 3
    assert page.count('class="nbflow-card"') >= 3
    assert "data:image/svg+xml;base64," in page
    assert "<script>window.__xss" not in page
    text, _ = MarkdownExporter().from_notebook_node(executed)
    assert "halves" in text
