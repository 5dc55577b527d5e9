"""A failed task is tried again as its options say; its history tells every step."""

from __future__ import annotations

import asyncio

import pytest

from nbflow import flow, runtime, task
from nbflow.states import Failed


def run_of(orchestrator, name=None):
    (run,) = orchestrator.list_flow_runs().rows
    (found,) = [t for t in orchestrator.list_task_runs(run.id) if name in (None, t.key)]
    return found


def names(task_run):
    return [state.name for state in task_run.history]


RETRY = ["AwaitingRetry", "Retrying"]


def test_two_failures_and_a_success_are_one_run_of_three_tries(orchestrator):
    failures, ids = [], set()

    @task(retries=2, retry_delay_seconds=[0.01, 0.02], on_failure=[lambda *a: failures.append(a)])
    def flaky():
        ids.add(runtime.task_run.id)
        if runtime.task_run.run_count < 3:
            raise ValueError("again")
        return "ok"

    assert flow(lambda: flaky())() == "ok"
    run = run_of(orchestrator)
    assert names(run) == ["Pending", "Running", *RETRY, *RETRY, "Completed"]
    assert (run.attempt, ids, failures) == (3, {run.id}, [])
    waits = [s for s in run.history if s.name == "AwaitingRetry"]
    assert [w.message for w in waits] == [
        "Attempt 1 of 3 failed: ValueError: again",
        "Attempt 2 of 3 failed: ValueError: again",
    ]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_condition_that_does_not_hold_ends_the_tries(orchestrator, kind):
    asked = []

    def condition(task, run, state):
        asked.append((task.name, run.attempt, state.name))
        return run.attempt < 2

    async def acondition(task, run, state):
        await asyncio.sleep(0)
        return condition(task, run, state)

    @task(retries=5, retry_condition_fn=condition if kind == "sync" else acondition)
    def fails():
        raise ValueError

    flow(lambda: fails(return_state=True).name)()
    assert names(run_of(orchestrator)) == ["Pending", "Running", *RETRY, "Failed"]
    assert asked == [("fails", 1, "Failed"), ("fails", 2, "Failed")]


def test_an_async_condition_is_asked_while_a_loop_runs(orchestrator):
    async def never(task, run, state):
        await asyncio.sleep(0)
        return False

    @task(retries=5, retry_condition_fn=never)
    async def fails():
        raise ValueError

    @task(retries=5, retry_condition_fn=never)
    def fails_too():
        raise ValueError

    @flow
    async def outer():
        return [(await fails(return_state=True)).name, fails_too(return_state=True).name]

    assert asyncio.run(outer()) == ["Failed", "Failed"]
    (run,) = orchestrator.list_flow_runs().rows
    assert [t.attempt for t in orchestrator.list_task_runs(run.id)] == [1, 1]


def test_an_exception_in_a_condition_means_no_other_try(orchestrator):
    def broken(task, run, state):
        raise RuntimeError("no idea")

    @task(retries=5, retry_condition_fn=broken)
    def fails():
        raise ValueError("its own")

    @flow
    def outer():
        with pytest.raises(ValueError, match="its own"):
            fails()

    outer()
    run = run_of(orchestrator)
    assert names(run) == ["Pending", "Running", "Failed"]
    lines = orchestrator.list_logs(run.flow_run_id).rows
    assert any("no idea" in line.message for line in lines)


def test_a_condition_is_not_asked_when_no_try_is_left(orchestrator):
    asked = []

    @task(retries=1, retry_condition_fn=lambda *a: asked.append(a) or True)
    def fails():
        return Failed(message="no")

    flow(lambda: fails(return_state=True).name)()
    assert len(asked) == 1


def test_a_submitted_task_is_tried_again_too(orchestrator):
    @task(retries=2, retry_delay_seconds=0.01)
    def flaky():
        if runtime.task_run.run_count < 3:
            raise ValueError
        return "ok"

    assert flow(lambda: flaky.submit().result())() == "ok"
    assert run_of(orchestrator).attempt == 3
