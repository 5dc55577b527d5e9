"""Magics in notebooks that are executed: by nbflow's executor, by papermill, by nbclient."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from nbflow import results
from nbflow.model.backend import RunFilter
from nbflow.model.runs import FlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import journal

HTML, TEXT = "text/html", "text/plain"
RUN = "application/vnd.nbflow.run.v1+json"
PYTHON = {"name": "python3", "language": "python", "display_name": "Python 3"}


def a_notebook(*cells: str) -> Any:
    made = [new_code_cell(cell) for cell in ("%load_ext nbflow", *cells)]
    return new_notebook(cells=made, metadata={"kernelspec": PYTHON})


def shown(cell: Any) -> list[dict[str, Any]]:
    return [output.data for output in cell.outputs if RUN in output.get("data", {})]


class Executed:
    """A notebook executed by `nbflow run`, and what was kept of it."""

    def __init__(self, folder: Path, orchestrator: Orchestrator, *cells: str) -> None:
        path = folder / "nb.ipynb"
        nbformat.write(a_notebook(*cells), path)
        command = [sys.executable, "-m", "nbflow", "run", str(path)]
        self.code = subprocess.run(command, check=False, timeout=100).returncode
        self.orchestrator = orchestrator
        rows = orchestrator.list_flow_runs(RunFilter(sessions=True)).rows
        (self.run,) = [run for run in rows if run.kind == "notebook"]
        self.others = [run for run in rows if run.kind != "notebook"]

    def tasks(self, run: FlowRun | None = None) -> list[tuple[str, str]]:
        rows = self.orchestrator.list_task_runs((run or self.run).id)
        return [(row.name, row.state.name) for row in rows]

    @property
    def cells(self) -> Any:
        assert self.run.run_dir
        saved = journal.folder(self.run.run_dir) / journal.NOTEBOOK
        return nbformat.read(saved, as_version=4).cells


@pytest.fixture
def execute(tmp_path: Path, orchestrator: Orchestrator) -> Callable[..., Executed]:
    return lambda *cells: Executed(tmp_path, orchestrator, *cells)


def test_a_cell_is_one_task_run_and_its_options_are_carried_out(
    execute: Callable[..., Executed],
) -> None:
    done = execute(
        "tries = 0",
        "%%task load --retries 2 --retry-delay 0.01\ntries += 1\nassert tries == 3\ntries",
        "# nbflow: task wait --retries 1\nimport asyncio\nawait asyncio.sleep(0)\n"
        "tries += 1\nassert tries == 5",
    )
    assert done.code == 0
    assert done.tasks()[2:] == [("load", "Completed"), ("wait", "Completed")]
    assert done.others == []
    lines = [entry.message for entry in done.orchestrator.list_logs(done.run.id).rows]
    assert "Attempt 1 of 3 failed: AssertionError; the next is in 0.01 s." in lines


def test_flows_are_child_runs_and_tasks_join_the_notebooks_run(
    execute: Callable[..., Executed],
) -> None:
    done = execute(
        "from nbflow import flow, task\n@task\ndef one():\n    return 1",
        "one()",
        "@flow\ndef called():\n    return one()\ncalled()",
        "%%flow magic\n%%task inner\none()",
    )
    assert done.code == 0
    assert ("one-0", "Completed") in done.tasks()
    assert len(done.tasks()) == 6
    assert {run.flow_name for run in done.others} == {"called", "magic"}
    assert {run.parent_flow_run_id for run in done.others} == {done.run.id}
    (magic,) = [run for run in done.others if run.flow_name == "magic"]
    assert ("inner", "Completed") in done.tasks(magic)


def test_the_saved_notebook_has_the_final_state_without_scripts_or_widgets(
    execute: Callable[..., Executed],
) -> None:
    done = execute(
        "%%task quick\n'value'",
        "%%flow slow\nimport threading\nthreading.Event().wait(0.6);",
        "%%task broken\n1 / 0",
        "never = 1",
    )
    assert done.code == 1
    assert [state for _, state in done.tasks()] == ["Completed"] * 3 + ["Failed", "NotReady"]
    _, quick, slow, broken, never = done.cells
    assert [output.output_type for output in quick.outputs] == ["execute_result", "display_data"]
    assert shown(quick)[0][TEXT].startswith("✓ Completed · quick · ")
    assert shown(slow)[0][TEXT].startswith("✓ Completed · slow (")
    assert [output.output_type for output in broken.outputs] == ["display_data", "error"]
    assert "ZeroDivisionError: division by zero" in shown(broken)[0][TEXT]
    assert never.outputs == []
    for cell in done.cells:
        for output in cell.outputs:
            assert "<script" not in str(output)
            assert "widget" not in str(output)


def test_outputs_of_task_cells_are_stored_before_their_run_completes(
    execute: Callable[..., Executed],
) -> None:
    done = execute(
        "import threading, pandas as pd",
        "%%task load\ndf = pd.DataFrame({'a': [1, 2]})\nsame = df\nguard = threading.Lock()",
        "%%task nothing\nprint('seen')\n'last'",
        "%%task grown --cache inputs,source\ngrown = df.a.sum()\nprint('adding')\ngrown",
        "%%task grown_too --cache inputs,source\ngrown = df.a.sum()\nprint('adding')\ngrown",
    )
    assert done.code == 0
    rows = done.orchestrator.list_task_runs(done.run.id)
    loaded, nothing, first, again = (results.of_key(row.result_key) for row in rows[2:])
    assert list(loaded) == ["df", "same"]
    assert loaded["df"] is loaded["same"]
    assert loaded["df"].a.tolist() == [1, 2]
    assert rows[2].note == "Left out: guard (_thread.lock)."
    assert (nothing, nothing.value) == ({}, "last")
    assert first == again == {"grown": 3}
    assert [row.state.name for row in rows[4:]] == ["Completed", "Cached"]
    assert rows[5].note.startswith("Cached: task run ")
    assert [output.get("text") for output in done.cells[-1].outputs[:1]] == ["adding\n"]


def test_a_line_is_carried_out_by_the_kernel(execute: Callable[..., Executed]) -> None:
    done = execute(
        "import nbflow\nn = 1",
        "%%task left\nnbflow.skip('nothing new')",
        "nbflow.skip('nor here')",
        "%%task no --if n > 3\nn = 5",
        "%%task slow --timeout 0.3 --retries 1\nn += 1\nimport time\nif n < 3: time.sleep(60)",
        "%%task enough\nnbflow.stop('no new rows')",
        "never = 1",
    )
    assert done.code == 0
    assert (done.run.state.name, "no new rows" in done.run.state.message) == ("Completed", True)
    rows = done.orchestrator.list_task_runs(done.run.id)[2:]
    assert [(row.name, row.state.name) for row in rows[:4]] == [
        ("left", "Skipped"),
        ("nbflow.skip('nor here')", "Skipped"),
        ("no", "Skipped"),
        ("slow", "Completed"),
    ]
    assert [row.state.message for row in rows[:3]] == [
        "nothing new",
        "nor here",
        "--if n > 3 is false.",
    ]
    assert rows[4].state.is_completed()
    for cell in done.cells:
        for output in cell.outputs:
            assert "Traceback" not in str(output)


# -- other executors --------------------------------------------------------------------------
@pytest.fixture
def elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder where a notebook is executed by something that is not nbflow."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return tmp_path


def test_nbclient_saves_the_final_state(elsewhere: Path, orchestrator: Orchestrator) -> None:
    notebook = a_notebook("%%task one\n1", "%%flow f\n2")
    NotebookClient(notebook).execute(cwd=str(elsewhere))
    nbformat.validate(notebook)
    assert [output.output_type for output in notebook.cells[1].outputs] == [
        "execute_result",
        "display_data",
    ]
    assert shown(notebook.cells[1])[0][TEXT].startswith("✓ Completed · one")
    assert shown(notebook.cells[2])[0][TEXT].startswith("✓ Completed · f (")
    assert "widgets" not in notebook.metadata
    kinds = {run.kind for run in orchestrator.list_flow_runs(RunFilter(sessions=True)).rows}
    assert kinds == {"session", "flow"}


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("%%task bad\n1 / 0", "ZeroDivisionError"),
        ("%%task --nonsense\n1", "There is no option --nonsense"),
        ("%%task", "The cell has no code."),
        ("%%task bad\nx = = 1", "invalid syntax"),
        ("%nbflow flow-run inspect nothing", "There is no run 'nothing'"),
    ],
)
def test_papermill_stops_at_what_fails(
    elsewhere: Path, orchestrator: Orchestrator, cell: str, said: str
) -> None:
    import papermill
    from papermill.exceptions import PapermillExecutionError

    path, out = elsewhere / "in.ipynb", elsewhere / "out.ipynb"
    nbformat.write(a_notebook(cell, "never = 1"), path)
    with pytest.raises(PapermillExecutionError, match=said):
        papermill.execute_notebook(path, out, cwd=str(elsewhere), progress_bar=False)
    last = nbformat.read(out, as_version=4).cells[-1]
    assert last.execution_count is None


def test_nbclient_stops_at_a_failure_that_capture_hid(elsewhere: Path) -> None:
    notebook = a_notebook("%%capture\n%%task bad\n1 / 0", "never = 1")
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        NotebookClient(notebook).execute(cwd=str(elsewhere))
