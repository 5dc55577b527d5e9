"""What every run tells of itself under the names Prefect's users know."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from nbflow.model import clock, states
from nbflow.model.runs import FlowRun, TaskRun, advance
from nbflow.model.states import StateType

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds):
    return START + timedelta(seconds=seconds)


def flow_run():
    state = states.Scheduled(at(10), at=START)
    return FlowRun("i", "n", "f", "flow", state, created_at=START, due_at=at(10))


def task_run():
    return TaskRun("i", "f", "k", "n", "task", states.Pending(at=START), created_at=START)


@pytest.mark.parametrize("run", [flow_run(), task_run()], ids=["flow", "task"])
def test_time_counts_while_a_run_is_running_and_only_then(run):
    with clock.frozen(at(30)):
        assert run.run_count == 0
        assert run.start_time is None
        assert run.total_run_time == run.estimated_run_time == timedelta()
        run = advance(run, states.Running(at=at(12)))
        assert (run.run_count, run.start_time) == (1, at(12))
        assert run.total_run_time == timedelta()
        assert run.estimated_run_time == timedelta(seconds=18)
        run = advance(run, states.AwaitingRetry(at(20), at=at(15)))
        assert run.estimated_run_time == timedelta(seconds=3)
        run = advance(run, states.Retrying(at=at(20)))
        run = advance(run, states.Completed(at=at(25)))
        assert run.total_run_time == run.estimated_run_time == timedelta(seconds=8)
        assert (run.run_count, run.end_time) == (2, at(25))
        assert (run.state_type, run.state_name) == (StateType.COMPLETED, "Completed")


def test_lateness_grows_until_a_run_begins():
    run = flow_run()
    assert run.expected_start_time == at(10)
    with clock.frozen(at(30)):
        assert run.estimated_start_time_delta == timedelta(seconds=20)
    with clock.frozen(at(5)):
        assert run.estimated_start_time_delta == timedelta()
    begun = advance(run, states.Running(at=at(12)))
    assert begun.estimated_start_time_delta == timedelta(seconds=2)
    assert task_run().expected_start_time == START
    assert replace(run, due_at=None).expected_start_time == START
