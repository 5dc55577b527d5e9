"""Each form of a magic cell with all a cell may do: in a real kernel, nbclient and papermill.

A row says what is in the cell, what it shows and what is recorded; each executor runs them all.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from nbflow import connect
from nbflow.model.backend import RunFilter
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import journal

TEXT = "text/plain"
PYTHON = {"name": "python3", "language": "python", "display_name": "Python 3"}
FORMS = {"task": "%%task {}", "flow": "%%flow {}", "comment": "# nbflow: task {}"}
SIGNAL = "import os, signal, time, asyncio\nos.kill(os.getpid(), signal.SIGINT)\n"


@dataclass(frozen=True)
class Row:
    """A cell and what becomes of it.

    Attributes:
        cell: its source; `{m}` is the line of the magic.
        result: the text of the last expression's value.
        out: what is in its standard output.
        silent: nothing at all is shown.
        state: of its run; empty: there is none.
        error: the name of the exception it ends with.
        after: an expression, true in the kernel afterwards.
        name: on the magic's line; made from the row's own when left out.
    """

    cell: str
    result: str | None = None
    out: str = ""
    silent: bool = False
    state: str = "Completed"
    error: str | None = None
    after: str = "True"
    name: str = "{form}_{row}"


AWAIT = "import asyncio\nawait asyncio.sleep(0, {})"
FAILS = "print('begun')\nraise LookupError('lost')"
AFAILS = f"import asyncio\nawait asyncio.sleep(0)\n{FAILS}"
ROWS = {
    "sync": Row("{m}\nvalue = 20\nvalue + 1", "21", after="value == 20"),
    "await": Row("{m}\n" + AWAIT.format(22), "22"),
    "await_kept": Row("{m}\nimport asyncio\nkept = await asyncio.sleep(0, 5)", after="kept == 5"),
    "shell": Row("{m}\n!echo printed\nfiles = !echo caught\nfiles[0]", "'caught'", "printed"),
    "shell_await": Row("{m}\nname = !echo caught\n" + AWAIT.format("name[0]"), "'caught'"),
    "line_magic": Row("{m}\n%who_ls set\nspent = %time 6 * 7\nspent", "42", "Wall time"),
    "time_outside": Row("%%time\n{m}\n24", "24", "Wall time"),
    "time_inside": Row("{m}\n%%time\ninside = 25\ninside", "25", "Wall time", after="inside == 25"),
    "time_outside_await": Row("%%time\n{m}\n" + AWAIT.format(26), "26", "Wall time"),
    "time_inside_await": Row("{m}\n%%time\n" + AWAIT.format(27), "27", "Wall time"),
    "capture_outside": Row(
        "%%capture held\n{m}\nprint('x')", silent=True, after="held.stdout == 'x\\n'"
    ),
    "capture_inside": Row("{m}\n%%capture held\nprint('y')", after="held.stdout == 'y\\n'"),
    "capture_outside_await": Row(
        "%%capture held\n{m}\nprint('z')\n" + AWAIT.format(1),
        silent=True, after="held.stdout == 'z\\n'",
    ),
    "capture_inside_await": Row(
        "{m}\n%%capture held\nprint('w')\n" + AWAIT.format(1), after="held.stdout == 'w\\n'"
    ),
    "capture_and_time": Row(
        "%%capture held\n%%time\n{m}\n" + AWAIT.format(1), silent=True,
        after="'Wall time' in held.stdout",
    ),
    "semicolon": Row("{m}\n28;"),
    "semicolon_await": Row("{m}\n" + AWAIT.format(28) + ";"),
    "display": Row(
        "{m}\nfrom IPython.display import display\nprint('a')\ndisplay('shown')\n'd'", "'d'", "a"
    ),
    "braces": Row("{m}\nx = 29\nx", "29", name="{form}-{{x}}-$x"),
    "comment_only_name": Row("{m}\n# nothing but a comment\n30", "30"),
    "exception": Row("{m}\n" + FAILS, out="begun", state="Failed", error="LookupError"),
    "exception_await": Row("{m}\n" + AFAILS, out="begun", state="Failed", error="LookupError"),
    "exception_time_outside": Row("%%time\n{m}\n" + FAILS, state="Failed", error="LookupError"),
    "exception_time_inside": Row("{m}\n%%time\n" + FAILS, state="Failed", error="LookupError"),
    "exception_capture_outside": Row(
        "%%capture\n{m}\n" + FAILS, state="Failed", error="LookupError"
    ),
    "exception_capture_inside": Row(
        "{m}\n%%capture\n" + FAILS, state="Failed", error="LookupError"
    ),
    "exception_capture_await": Row(
        "%%capture\n{m}\n" + AFAILS, state="Failed", error="LookupError"
    ),
    "interrupt": Row(
        "{m}\n" + SIGNAL + "time.sleep(60)", state="Cancelled", error="KeyboardInterrupt"
    ),
    "interrupt_await": Row(
        "{m}\n" + SIGNAL + "await asyncio.sleep(60)", state="Cancelled", error="CancelledError"
    ),
    "empty": Row("{m}\n", state="", error="MagicError"),
    "blank": Row("{m}\n\n  \n", state="", error="MagicError"),
    "syntax": Row("{m}\nx = = 1", state="", error="SyntaxError"),
}  # fmt: skip
PASSING = {key: row for key, row in ROWS.items() if row.error is None}
FAILING = {key: row for key, row in ROWS.items() if row.error is not None}


def cell_of(form: str, row: str) -> tuple[str, str]:
    """Give a cell's source, and the name on its magic's line."""
    name = ROWS[row].name.format(form=form, row=row)
    return ROWS[row].cell.replace("{m}", FORMS[form].format(name)), name


@dataclass
class Shown:
    """What a cell shows in the end."""

    outputs: list[Any]

    def of(self, kind: str) -> list[Any]:
        return [output for output in self.outputs if output["output_type"] == kind]

    @property
    def out(self) -> str:
        return "".join(o["text"] for o in self.of("stream") if o["name"] == "stdout")

    @property
    def errors(self) -> list[str]:
        return [o["ename"] for o in self.of("error")]


def check(row: Row, form: str, shown: Shown) -> None:
    """Check what is shown: output in order, the result, one traceback."""
    assert shown.errors == ([row.error] if row.error else [])
    assert [o["data"][TEXT] for o in shown.of("execute_result")] == (
        [row.result] if row.result else []
    )
    assert row.out in shown.out
    assert not row.silent or shown.outputs == []
    if row.error is None and not row.silent:
        (view,) = [o for o in shown.of("display_data") if "Completed" in o["data"].get(TEXT, "")]
        kinds = [o["output_type"] for o in shown.outputs]
        assert shown.outputs[-1] is view or kinds[-1] == "stream"  # below it only %%time speaks


def states(store: Orchestrator, form: str, name: str, *, parent: str | None = None) -> list[str]:
    """Give the states of the runs of a cell: of task runs, or of flow runs."""
    runs = store.list_flow_runs(RunFilter(sessions=True)).rows
    if form == "flow":
        return [run.state.name for run in runs if run.kind == "flow" and run.flow_name == name]
    around = [run for run in runs if run.kind != "flow"]
    tasks = [task for run in around for task in store.list_task_runs(run.id)]
    return [task.state.name for task in tasks if task.name == name]


everything = [pytest.param(form, row, id=f"{form}-{row}") for row in ROWS for form in FORMS]


# -- a kernel that a person works in ----------------------------------------------------------
@pytest.mark.parametrize(("form", "row"), everything)
def test_in_a_kernel(kernel: Any, records: Any, form: str, row: str) -> None:
    cell, name = cell_of(form, row)
    reply = kernel.run(cell)
    wanted = ROWS[row]
    check(wanted, form, Shown(_outputs(reply)))
    assert kernel.value(wanted.after) == "True"
    assert reply.ok is (wanted.error is None)
    if wanted.state:
        records.wait_for(
            lambda: states(records.orchestrator, form, name) == [wanted.state], what=wanted.state
        )
    else:
        assert states(records.orchestrator, form, name) == []


def _outputs(reply: Any) -> list[Any]:
    kinds = ("stream", "execute_result", "display_data", "error")
    return [
        {**message["content"], "output_type": message["msg_type"]}
        for message in reply.messages
        if message["msg_type"] in kinds
    ]


@pytest.mark.parametrize("row", FAILING)
@pytest.mark.parametrize("form", FORMS)
def test_run_all_stops(kernel: Any, form: str, row: str) -> None:
    assert kernel.run_all(cell_of(form, row)[0], "never = 1") == ["error", "aborted"]
    assert kernel.value("'never' in globals()") == "False"


# -- nbclient ---------------------------------------------------------------------------------
@dataclass
class Elsewhere:
    """A kernel that nbclient drives, and the store its cells write to."""

    client: NotebookClient
    store: Orchestrator

    def run(self, source: str) -> tuple[Shown, bool]:
        """Execute a cell as part of a notebook; give what it shows, and whether that stops it."""
        cell = new_code_cell(source)
        self.client.nb.cells.append(cell)
        stopped = False
        try:
            self.client.execute_cell(cell, len(self.client.nb.cells) - 1)
        except CellExecutionError:
            stopped = True
        return Shown(cell.outputs), stopped


@pytest.fixture(scope="module")
def nbclient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    home = tmp_path_factory.mktemp("nbclient")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBFLOW_HOME", str(home))
        patch.setenv("IPYTHONDIR", str(home / "ipython"))
        patch.delenv("JPY_SESSION_NAME", raising=False)
        notebook = new_notebook(cells=[], metadata={"kernelspec": PYTHON})
        client = NotebookClient(notebook, km=KernelManager(kernel_name="python3"), timeout=60)
        with client.setup_kernel(cwd=str(home)):
            made = Elsewhere(client, Orchestrator(f"sqlite:///{home / 'nbflow.sqlite'}"))
            assert made.run("%load_ext nbflow") == (Shown([]), False)
            yield made
    made.store.close()


@pytest.mark.parametrize(("form", "row"), everything)
def test_in_nbclient(
    nbclient: Elsewhere, wait_for: Callable[..., Any], form: str, row: str
) -> None:
    cell, name = cell_of(form, row)
    shown, stopped = nbclient.run(cell)
    wanted = ROWS[row]
    check(wanted, form, shown)
    assert stopped is (wanted.error is not None)
    assert nbclient.run(f"assert {wanted.after}") == (Shown([]), False)
    said = [wanted.state] if wanted.state else []
    wait_for(lambda: states(nbclient.store, form, name) == said, what=wanted.state)


# -- papermill, and nbflow's own executor -----------------------------------------------------
@pytest.fixture
def folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a notebook is executed by itself."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return tmp_path


def _papermill(path: Path) -> tuple[bool, list[Any]]:
    import papermill
    from papermill.exceptions import PapermillExecutionError

    out, completed = path.with_name("out.ipynb"), True
    try:
        papermill.execute_notebook(path, out, cwd=str(path.parent), progress_bar=False)
    except PapermillExecutionError:
        completed = False
    cells = nbformat.read(out, as_version=4).cells
    return completed, [c for c in cells if "papermill-error-cell-tag" not in c.metadata.tags]


def _nbflow(path: Path) -> tuple[bool, list[Any]]:
    command = [sys.executable, "-m", "nbflow", "run", str(path)]
    done = subprocess.run(command, cwd=path.parent, check=False, timeout=110, capture_output=True)
    store = connect.connect()
    assert isinstance(store, Orchestrator)
    runs = store.list_flow_runs(RunFilter(sessions=True)).rows
    (run,) = [run for run in runs if run.kind == "notebook"]
    saved = journal.folder(run.run_dir or "") / journal.NOTEBOOK
    return done.returncode == 0, nbformat.read(saved, as_version=4).cells


EXECUTORS: dict[str, Callable[[Path], tuple[bool, list[Any]]]] = {
    "papermill": _papermill,
    "nbflow": _nbflow,
}


def _write(folder: Path, sources: list[str]) -> Path:
    cells = [new_code_cell(source) for source in ("%load_ext nbflow", *sources)]
    path = folder / "matrix.ipynb"
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": PYTHON}), path)
    return path


@pytest.mark.parametrize("executor", EXECUTORS)
def test_all_that_passes_in_one_notebook(
    folder: Path, orchestrator: Orchestrator, executor: str
) -> None:
    rows = [(form, row) for row in PASSING for form in FORMS]
    sources = [text for pair in rows for text in (cell_of(*pair)[0], _after(pair[1]))]
    completed, cells = EXECUTORS[executor](_write(folder, sources))
    assert completed
    for (form, row), cell in zip(rows, cells[1::2], strict=True):
        check(PASSING[row], form, Shown(cell.outputs))
        assert states(orchestrator, form, cell_of(form, row)[1]) == ["Completed"], (form, row)


def _after(row: str) -> str:
    return f"assert {ROWS[row].after}"


STOPPING = ("exception", "exception_await", "exception_capture_outside", "interrupt", "empty")


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("row", STOPPING)
@pytest.mark.parametrize("form", FORMS)
def test_an_executed_notebook_stops_at_what_fails(
    folder: Path, orchestrator: Orchestrator, executor: str, form: str, row: str
) -> None:
    cell, name = cell_of(form, row)
    completed, cells = EXECUTORS[executor](_write(folder, [cell, "never = 1"]))
    assert not completed
    _, failed, never = cells
    check(ROWS[row], form, Shown(failed.outputs))
    assert never.execution_count is None
    allowed = {ROWS[row].state} if ROWS[row].state else {"Failed"}
    if row == "interrupt" and executor == "nbflow":
        allowed.add("Failed")  # nobody asked for the run's end: the cell interrupted itself
    said = states(orchestrator, form, name)
    assert set(said) <= allowed
    assert len(said) == 1 or not ROWS[row].state
