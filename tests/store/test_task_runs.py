"""The hand-written rows say what the tables' columns say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from nbflow.model import clock, states
from nbflow.model.runs import TaskRun, advance
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import task_runs


def test_every_field_of_a_task_run_comes_back(orchestrator: Orchestrator) -> None:
    now = clock.now()
    pending = states.Pending(at=now)
    running = states.Running(message="m", details={"cell": 3}, at=now + timedelta(seconds=1))
    done = states.Completed(at=now + timedelta(seconds=2.5))
    run = TaskRun(
        id="t",
        flow_run_id="f",
        key="key",
        name="name",
        kind="cell",
        state=running,
        created_at=now,
        position=4,
        attempt=2,
        flow_attempt=3,
        started_at=running.at,
        tags=("a", "b"),
        upstream=("u",),
        cell_id="c",
        result_key="r",
        note="n",
        history=(pending, running),
    )
    with orchestrator.database.write() as connection:
        task_runs.record(connection, [run])
        assert task_runs.of_flow_run(connection, "f") == (run,)
        after = advance(replace(run, name="renamed", tags=()), done)
        task_runs.record(connection, [after])
        assert task_runs.of_flow_run(connection, "f") == (after,)
        assert after.history == (pending, running, done)
        assert (after.started_at, after.ended_at) == (running.at, done.at)
        assert after.running_seconds == 1.5
