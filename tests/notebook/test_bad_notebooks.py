"""Notebooks that cannot run are refused with file, cell and reason, and no kernel was started."""

from __future__ import annotations

import json
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbflow import deployments, settings
from nbflow.cli import main
from nbflow.exceptions import InvalidInput
from nbflow.model.backend import RunFilter
from nbflow.notebook import run_notebook

TELLTALE = {"name": "telltale", "language": "python", "display_name": "Telltale"}


def document(*cells: Any, **said: Any) -> dict[str, Any]:
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": TELLTALE}}
    return {**whole, "cells": list(cells), **said}


def cell(source: str, cell_id: str = "first", **metadata: Any) -> dict[str, Any]:
    made = {"cell_type": "code", "id": cell_id, "source": source, "metadata": metadata}
    return made | {"outputs": [], "execution_count": None}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in document().items() if name != key}


CONFLICT = '{"cells": [\n<<<<<<< HEAD\n]\n=======\n>>>>>>> other\n}'
SPEC = {"kernelspec": {"name": "nope"}}
RUST = {"kernelspec": {**TELLTALE, "language": "rust"}}

#: content, code, what is said
REFUSED: dict[str, tuple[Any, str, str]] = {
    # not a notebook
    "an empty file": ("", "notebook.invalid", "empty"),
    "null": ("null", "notebook.invalid", "object"),
    "a list": ("[]", "notebook.invalid", "object"),
    "cut off": ('{"cells": [', "notebook.invalid", "line 1, column 12"),
    "a merge conflict": (CONFLICT, "notebook.invalid", "merge"),
    "UTF-16": (json.dumps(document()).encode("utf-16"), "notebook.invalid", "bytes"),
    "100,000 lists": ("[" * 100_000, "notebook.invalid", "nested too deeply"),
    # of a version that is not known
    "version 5": (document(nbformat=5), "notebook.version", "nbformat 5"),
    "version 99": (document(nbformat=99), "notebook.version", "nbformat 99"),
    "a version in words": (document(nbformat="4"), "notebook.version", "whole numbers"),
    "no minor version": (without("nbformat_minor"), "notebook.version", "whole numbers"),
    # without what a notebook has
    "no cells": (without("cells"), "notebook.invalid", "list of cells"),
    "cells that are null": (document(cells=None), "notebook.invalid", "list of cells"),
    "a cell that is text": (document("x = 1"), "notebook.invalid", "cell 0"),
    "an unknown cell": (document({"cell_type": "sql"}), "notebook.invalid", "cell 0"),
    "a source that is a number": (
        document({**cell(""), "source": 5}), "notebook.invalid", "cell 0"),
    # for a kernel that is not here
    "an unknown kernel": (document(metadata=SPEC), "kernel.missing", "python3"),
    "another language": (document(metadata=RUST), "kernel.language", "rust"),
    # a parameters cell
    "parameters that are no Python": (
        document(cell("n = = 1", tags=["parameters"])), "notebook.parameters", "line 1"),
    # what cells ask for
    "an unknown option": (document(cell("%%task a --retris 2")), "cell.options", "retries"),
    "a flow's option at a task": (document(cell("%%task --params n=1")), "cell.options", "first"),
    "less than no retries": (document(cell("%%task a --retries -1")), "cell.options", "0 or more"),
    "no time": (document(cell("%%task a --timeout 0")), "cell.options", "More than nothing"),
    "a delay that is no number": (
        document(cell("%%task a --retries 1 --retry-delay nan")), "cell.options", "nan"),
    "a comment with an unknown option": (
        document(cell("# nbflow: task a --tries 2")), "cell.options", "--tries"),
    "an unknown option of a flow": (
        document(cell("%%flow f --cache x")), "cell.options", "--cache"),
    "unknown metadata": (document(cell("x", nbflow={"retrys": 1})), "cell.options", "retries"),
    "wrong metadata": (document(cell("x", nbflow={"retries": "two"})), "cell.options", "'two'"),
    "metadata that is a list": (document(cell("x", nbflow=[1])), "cell.options", "metadata.nbflow"),
    "one name for two tasks": (
        document(cell("%%task a\nx = 1"), cell("# nbflow: task a\ny = 1", "second")),
        "cell.name", "second"),
    "one name in line and metadata": (
        document(cell("%%flow a\nx"), cell("y = 1", "second", nbflow={"name": "a"})),
        "cell.name", "second"),
}  # fmt: skip


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], bool]:
    """Say whether the kernel `telltale` was ever started."""
    mark = tmp_path / "started"
    add_kernel(tmp_path, monkeypatch, "telltale", ["-c", f"open({str(mark)!r}, 'w').close()"])
    return mark.exists


def add_kernel(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, argv: list[str], python: str = ""
) -> None:
    spec = folder / "jupyter" / "kernels" / name
    spec.mkdir(parents=True)
    said = {"argv": [python or sys.executable, *argv], "display_name": name, "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(said))
    monkeypatch.setenv("JUPYTER_PATH", str(folder / "jupyter"))


def written(folder: Path, content: Any) -> Path:
    path = folder / "bad.ipynb"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(("content", "code", "said"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_everywhere_before_a_kernel_starts(
    tmp_path, orchestrator, capsys, started, content, code, said
):
    path = written(tmp_path, content)
    for refuse in (run_notebook, deployments.deploy):
        with pytest.raises(InvalidInput) as caught:
            refuse(path)
        assert caught.value.code == code
        assert said in str(caught.value)
        assert "bad.ipynb" in str(caught.value) or code.startswith(("kernel", "notebook.param"))
    for verb in ("run", "deploy"):
        assert main.run([verb, str(path)]) == 2
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1
        assert said in lines[0]
    assert not started()
    assert orchestrator.list_flow_runs(RunFilter()).rows == ()
    assert orchestrator.list_deployments().rows == ()


#: a run keeps to the kernel it was created for
LATER = {name: row for name, row in REFUSED.items() if row[1] != "kernel.language"}


@pytest.mark.parametrize(("content", "code", "said"), LATER.values(), ids=LATER)
def test_a_run_of_what_it_became_meanwhile_fails_and_says_so(
    notebooks, tmp_path, started, content, code, said
):
    path = written(tmp_path, content)
    name = None if code.startswith("kernel") else "telltale"
    ran = notebooks.run(path=path, kernel_name=name)
    assert ran.state.is_failed()
    assert ran.state.details["cause"] == code
    assert not started()
    assert not ran.folder.exists()


def test_a_huge_file_is_refused_at_once(tmp_path, orchestrator):
    path = tmp_path / "huge.ipynb"
    with path.open("wb") as file:
        file.truncate(500 << 20)
    with pytest.raises(InvalidInput, match=r"500 MB; 200 MB is the most") as caught:
        run_notebook(path)
    assert caught.value.code == "notebook.too_large"


MENDED: dict[str, Any] = {
    "a mark of the byte order": "\ufeff" + json.dumps(document(cell("1"))),
    "no metadata": {"nbformat": 4, "nbformat_minor": 5, "cells": [cell("1")]},
    "one id twice": document(cell("1"), cell("2")),
    "no ids": document({k: v for k, v in cell("1").items() if k != "id"}, nbformat_minor=2),
    "an id that is too long": document(cell("1", "x" * 65)),
    "version 3": {
        "nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "old"},
        "worksheets": [{"cells": [
            {"cell_type": "code", "input": "1", "outputs": [], "language": "python"}]}]},
    "no cells at all": document(),
    "only text": document({"cell_type": "markdown", "source": "# Hi", "metadata": {}}),
    "tags that are a text": document(cell("n = 1", tags="parameters")),
}  # fmt: skip


@pytest.mark.parametrize("content", MENDED.values(), ids=MENDED)
def test_what_can_be_mended_runs_and_the_file_stays_as_it_is(tmp_path, orchestrator, content):
    path = written(tmp_path, content)
    before = path.read_bytes()
    ran = run_notebook(path, kernel_name="python3")
    assert ran.is_completed()
    assert path.read_bytes() == before
    nbformat.validate(nbformat.read(ran.executed_notebook, as_version=4))


# -- kernels ----------------------------------------------------------------------------------


def test_a_kernel_that_never_answers_is_given_up(notebooks, tmp_path, monkeypatch, marked):
    add_kernel(tmp_path, monkeypatch, "mute", ["-c", "import time; time.sleep(600)"])
    with settings.temporary(kernel_start_seconds=1.0):
        ran = notebooks.run("1", kernel_name="mute")
    assert ran.state.is_crashed()
    assert ran.state.details["cause"] == "kernel.start_failed"
    assert "'mute' did not start" in ran.state.message
    assert marked(ran.run) == []


def test_a_kernel_behind_a_wrapper_runs(notebooks, tmp_path, monkeypatch):
    script = f'exec {sys.executable} -m ipykernel_launcher -f "$0"'
    add_kernel(tmp_path, monkeypatch, "wrapped", ["-c", script, "{connection_file}"], "/bin/sh")
    ran = notebooks.run("%load_ext nbflow", "%%task a\nprint(1 + 1)", kernel_name="wrapped")
    assert ran.state.is_completed(), ran.state.message
    assert ran.text(1) == "2\n"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A kernel `bare`: an environment with ipykernel, and without nbflow."""
    venv.create(tmp_path / "env", with_pip=False, symlinks=True)
    (packages,) = (tmp_path / "env" / "lib").glob("python*/site-packages")
    # A plain line of a .pth file adds a folder without reading the .pth files in it.
    (packages / "others.pth").write_text(str(Path(nbformat.__file__).parents[1]))
    python = tmp_path / "env" / "bin" / "python"
    argv = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    add_kernel(tmp_path, monkeypatch, "bare", argv, str(python))
    return python


MAGIC = ["%load_ext nbflow", "%%task a\nx = 1", "# nbflow: flow a\nx = 1", "import nbflow"]


@pytest.mark.parametrize("source", MAGIC)
def test_magics_need_nbflow_where_the_kernel_runs(tmp_path, orchestrator, bare, source, capsys):
    path = written(tmp_path, document(cell("0"), cell(source, "magic")))
    for refuse in (run_notebook, deployments.deploy):
        with pytest.raises(InvalidInput) as caught:
            refuse(path, kernel_name="bare")
        assert caught.value.code == "kernel.no_nbflow"
        assert caught.value.hint == f"Install it there: {bare} -m pip install nbflow"
    assert main.run(["deploy", str(path), "-k", "bare"]) == 2
    assert "pip install nbflow" in capsys.readouterr().err
    assert orchestrator.list_deployments().rows == ()


def test_an_untouched_notebook_needs_no_nbflow(tmp_path, orchestrator, bare):
    path = written(tmp_path, document(cell("n = 1", tags=["parameters"]), cell("n + 1", "b")))
    ran = run_notebook(path, {"n": 5}, kernel_name="bare")
    (*_, last) = nbformat.read(ran.executed_notebook, as_version=4).cells
    assert last.outputs[0].data["text/plain"] == "6"
    assert deployments.deploy(path, kernel_name="bare").kernel_name == "bare"


# -- cells that end badly ---------------------------------------------------------------------

BAD_STR = "class E(Exception):\n    def __str__(self): raise ValueError('no')\nraise E"
ENDINGS: list[tuple[str, str]] = [
    ("raise ValueError('x' * 10_000_000)", "ValueError: xxx"),
    (BAD_STR, "E"),
    ("def f(): f()\nf()", "RecursionError"),
    ("raise ExceptionGroup('many', [ValueError(1), KeyError(2)])", "ExceptionGroup: many"),
    (r"raise ValueError('\x1b[2J\x1b]0;title\x07' * 1000)", "ValueError"),
    ("raise SystemExit", "sys.exit"),
    ("import sys; sys.exit(3)", "sys.exit(3)"),
    ("import getpass; getpass.getpass()", "asked for input"),
    ("breakpoint()", "asked for input"),
    ("try:\n    1/0\nexcept ZeroDivisionError:\n    %debug\n    raise", ""),
]  # fmt: skip


@pytest.mark.parametrize(("source", "said"), ENDINGS, ids=[s[:25] for s, _ in ENDINGS])
def test_however_badly_a_cell_ends_the_run_fails_and_says_why(notebooks, source, said):
    ran = notebooks.run("print('kept')", source, "3")
    assert ran.state.is_failed(), ran.state.message
    assert said in ran.state.message
    assert len(ran.state.message) < 1_000
    assert "\x1b" not in ran.state.message
    assert ran.states == ["Completed", "Failed", "NotReady"]
    assert len(json.dumps(ran.notebook)) < 2_000_000


def test_what_cells_leave_running_ends_with_the_run(notebooks, marked):
    ran = notebooks.run(
        "!(sleep 300 >/dev/null 2>&1 &)",
        "%%bash --bg\nsleep 300",
        "import asyncio\ntask = asyncio.create_task(asyncio.sleep(300))",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(300,)).start()",
        "import atexit\natexit.register(time.sleep, 300)",
    )
    assert ran.state.is_completed(), ran.state.message
    assert (ran.run.ended_at - ran.cells[-1].ended_at).total_seconds() < 200
    assert marked(ran.run) == []


def test_ten_thousand_cells_can_be_checked_at_once(tmp_path):
    path = tmp_path / "long.ipynb"
    cells = [new_code_cell(f"# nbflow: task t{n}\nx = {n}") for n in range(10_000)]
    nbformat.write(new_notebook(cells=cells), path)
    with pytest.raises(InvalidInput, match="no parameter"):
        run_notebook(path, {"n": 1})


def test_a_cell_larger_than_what_it_may_put_out_runs(notebooks):
    with settings.temporary(output_cell_bytes=1_000_000):
        ran = notebooks.run("x = 1\n# " + "y" * (3 << 20) + "\nprint(x)", "2")
    assert ran.state.is_completed(), ran.state.message
    assert ran.text(0) == "1\n"
