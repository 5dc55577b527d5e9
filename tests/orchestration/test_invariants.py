"""What must be true of a store is true after real runs; a wrong row or file is noticed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import nbformat
import pytest
import sqlalchemy as sa
from nbformat.v4 import new_code_cell, new_notebook

from nbflow import deployments, flow, settings
from nbflow.model import clock, states
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.scheduling import ScheduleChange
from nbflow.notebook.child import run_notebook
from nbflow.orchestration import invariants
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import journal, tables


def broken(orchestrator: Orchestrator) -> list[tuple[str, str]]:
    found = invariants.check(orchestrator.database, now=clock.now())
    return [(one.invariant, one.subject) for one in found]


def write(orchestrator: Orchestrator, statement: sa.Update | sa.Insert) -> None:
    with orchestrator.database.write() as connection:
        assert connection.execute(statement).rowcount


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    made = new_notebook(cells=[new_code_cell("1")])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(made, tmp_path / "nb.ipynb")
    return tmp_path / "nb.ipynb"


@pytest.fixture
def completed(orchestrator: Orchestrator) -> FlowRun:
    run = orchestrator.create_flow_run(NewFlowRun("f"))
    for state in (states.Running(), states.Completed()):
        orchestrator.propose(run.id, state, attempt=1)
    return orchestrator.read_flow_run(run.id)


@pytest.fixture
def kept(orchestrator: Orchestrator) -> str:
    """The key of a result whose bytes lie in a file."""

    @flow
    def large() -> str:
        return "x" * 100_000

    assert len(large()) == 100_000
    (record,) = orchestrator.list_results(orchestrator.list_flow_runs().rows[0].id).rows
    assert record.location is not None
    return record.key


def test_a_store_of_real_runs_keeps_them_all(
    orchestrator: Orchestrator, notebook: Path, kept: str, completed: FlowRun
) -> None:
    run_notebook(notebook)
    made = deployments.deploy(notebook, interval=60, catchup="all")
    orchestrator.tick(clock.now() + timedelta(seconds=180))
    assert len(orchestrator.list_flow_runs().rows) >= 5
    orchestrator.update_schedule(made.schedules[0].id, ScheduleChange(active=False))
    assert broken(orchestrator) == []


def test_states_follow_time_though_the_clock_is_set_back(orchestrator: Orchestrator) -> None:
    run = orchestrator.create_flow_run(NewFlowRun("f"))
    orchestrator.propose(run.id, states.Running())
    with clock.frozen(clock.now() - timedelta(hours=1)):
        orchestrator.propose(run.id, states.Completed())
        orchestrator.propose(run.id, states.AwaitingRetry(clock.now()))
    assert [s.name for s in orchestrator.list_states(run.id)] == ["Pending", "Running", "Completed"]
    assert broken(orchestrator) == []


STATE, RUN = tables.flow_run_state, tables.flow_run


def test_a_run_that_left_its_end_is_noticed(orchestrator: Orchestrator, completed: FlowRun) -> None:
    later = states.Running(at=clock.now() + timedelta(seconds=1))
    columns = {"flow_run_id": completed.id, "id": later.id, "type": "RUNNING", "name": "Running"}
    row = columns | {"message": "", "details": "{}", "at": clock.micros(later.at)}
    write(orchestrator, STATE.insert().values(row))
    write(orchestrator, RUN.update().values(state_id=later.id, state_type="RUNNING"))
    assert broken(orchestrator) == [("I3", completed.id)]


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        (STATE.update().where(STATE.c.name == "Running").values(type="CANCELLING"), "I8"),
        (RUN.update().values(state_id="another"), "I8"),
        (RUN.update().values(attempt=2), "I2"),
        (RUN.update().values(state_type="RUNNING", work_pool="default", lease_until=None), "I2"),
    ],
)
def test_a_row_that_is_wrong_is_noticed(
    orchestrator: Orchestrator, completed: FlowRun, statement: sa.Update, number: str
) -> None:
    assert broken(orchestrator) == []
    write(orchestrator, statement)
    assert (number, completed.id) in broken(orchestrator)


def test_a_slot_of_a_run_that_has_ended_is_noticed(
    orchestrator: Orchestrator, completed: FlowRun
) -> None:
    row = {
        **{"request_id": "r", "limit_name": "db", "occupy": 1, "waiting": False, "rate": False},
        **{"priority": 0, "asked_at": 0, "lease_until": 0, "lease_seconds": 30.0},
    }
    write(orchestrator, tables.slot.insert().values(**row, flow_run_id=completed.id))
    assert broken(orchestrator) == [("I5", completed.id)]


@pytest.mark.parametrize(
    "harm", [lambda path: path.unlink(), lambda path: path.write_bytes(b"x" * 10)]
)
def test_a_result_whose_file_is_not_what_was_written_is_noticed(
    orchestrator: Orchestrator, kept: str, harm: Callable[[Path], None]
) -> None:
    (path,) = (settings.home() / "results").glob("*/*")
    harm(path)
    assert broken(orchestrator) == [("I4", kept)]


def test_a_completed_run_whose_notebook_is_none_is_noticed(
    orchestrator: Orchestrator, notebook: Path
) -> None:
    run = run_notebook(notebook).flow_run
    (journal.folder(run.run_dir) / journal.NOTEBOOK).write_text("{")
    assert broken(orchestrator) == [("I4", run.id)]


def test_a_schedule_that_fell_behind_is_noticed_and_so_is_an_instant_that_is_both(
    orchestrator: Orchestrator, notebook: Path
) -> None:
    (schedule,) = deployments.deploy(notebook, interval=60, catchup="all").schedules
    later = clock.now() + timedelta(seconds=200)
    assert broken(orchestrator) == []
    found = invariants.check(orchestrator.database, now=later)
    assert [one.invariant for one in found] == ["I9"]
    orchestrator.tick(later)
    assert list(invariants.check(orchestrator.database, now=later)) == []
    run = orchestrator.list_flow_runs().rows[0]
    at = clock.micros(replace(run).due_at or later)
    row = {"schedule_id": schedule.id, "first_at": at, "last_at": at, "count": 1}
    skip = tables.skip.insert().values(**row, reason="overlap", created_at=at)
    write(orchestrator, skip)
    assert broken(orchestrator) == [("I1", schedule.id)]
