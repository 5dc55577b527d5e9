"""One task run can be read by its id alone."""

from __future__ import annotations

import pytest

from nbflow.exceptions import NotFound
from nbflow.model import clock, states
from nbflow.model.ids import uuid7
from nbflow.model.runs import Batch, TaskRun


def test_a_task_run_is_read_by_its_id(backend, make):
    run = make.run()
    kept = TaskRun(uuid7(), run.id, "a.b", "b-0", "task", states.Pending(), clock.now())
    backend.record(Batch((kept,)))
    found = backend.read_task_run(kept.id)
    assert (found.id, found.name, found.state.name) == (kept.id, "b-0", "Pending")
    assert [state.name for state in found.history] == ["Pending"]


@pytest.mark.parametrize("task_run_id", ["01a20000-0000-7000-8000-000000000001", "no id", "é/.."])
def test_one_that_is_not_there_is_not_found(backend, task_run_id):
    with pytest.raises(NotFound):
        backend.read_task_run(task_run_id)
