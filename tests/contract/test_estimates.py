"""What `Estimates` promises, asked of both authorities."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from nbflow.exceptions import NotFound
from nbflow.model import ids, states
from nbflow.model.backend import Backend
from nbflow.model.runs import Batch, FlowRun, NewFlowRun, TaskRun, advance
from nbflow.store import owners


def notebook_run(backend: Backend, path: str) -> FlowRun:
    new = NewFlowRun("nb", kind="notebook", path=path, owner=owners.current())
    run = backend.create_flow_run(new)
    backend.propose(run.id, states.Running(), attempt=1)
    return run


def cell(run: FlowRun, key: str, seconds: float | None) -> TaskRun:
    """A cell that took so long; None: it has not begun."""
    at = run.created_at
    pending = states.Pending(at=at)
    made = TaskRun(ids.uuid7(), run.id, key, key, "cell", pending, at)
    if seconds is None:
        return made
    made = advance(made, states.Running(at=at))
    return advance(made, states.Completed(at=at + timedelta(seconds=seconds)))


def test_progress_is_told_by_the_last_completed_runs_of_the_notebook(
    backend: Backend, tmp_path: Path
) -> None:
    path = str(tmp_path / "nb.ipynb")
    first = notebook_run(backend, path)
    backend.record(Batch((cell(first, "a", 3.0), cell(first, "b", None))))
    found = backend.read_progress(first.id)
    assert (found.done, found.total, found.fraction) == (1, 2, 0.5)
    assert (found.remaining_seconds, dict(found.past)) == (None, {})

    backend.record(Batch((cell(first, "b", 9.0),)))
    backend.propose(first.id, states.Completed(), attempt=1)
    failed = notebook_run(backend, path)
    backend.record(Batch((cell(failed, "a", 500.0),)))
    backend.propose(failed.id, states.Failed(), attempt=1)
    other = notebook_run(backend, str(tmp_path / "other.ipynb"))
    backend.record(Batch((cell(other, "a", 500.0),)))
    backend.propose(other.id, states.Completed(), attempt=1)

    now = notebook_run(backend, path)
    backend.record(Batch((cell(now, "a", 1.0), cell(now, "b", None))))
    found = backend.read_progress(now.id)
    assert dict(found.past) == {"a": 3.0, "b": 9.0}
    assert found.fraction == pytest.approx(0.25)
    assert found.remaining_seconds == pytest.approx(9.0)
    assert found.expected_end is not None


def test_progress_of_an_unknown_run_is_not_found(backend: Backend) -> None:
    with pytest.raises(NotFound):
        backend.read_progress(ids.uuid7())
