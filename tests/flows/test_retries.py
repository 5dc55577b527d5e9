"""A failed flow is tried again as a whole, when the authority says so."""

from __future__ import annotations

import asyncio

import pytest

from nbflow import flow, runtime, task


@task
def step(attempt):
    return attempt


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_flow_is_tried_again_until_it_succeeds(orchestrator, kind):
    seen = []

    def body():
        seen.append(runtime.flow_run.attempt)
        step(len(seen))
        if len(seen) < 3:
            raise ValueError(f"try {len(seen)}")
        return "done"

    async def abody():
        return body()

    if kind == "sync":
        assert flow(retries=2)(body)() == "done"
    else:
        assert asyncio.run(flow(retries=2)(abody)()) == "done"
    assert seen == [1, 2, 3]
    (run,) = orchestrator.list_flow_runs().rows
    assert (run.state.name, run.attempt) == ("Completed", 3)
    names = [s.name for s in orchestrator.list_states(run.id)]
    retry = ["AwaitingRetry", "Retrying"]
    assert names == ["Pending", "Running", *retry, *retry, "Completed"]
    (last,) = orchestrator.list_task_runs(run.id)
    assert last.flow_attempt == 3


def test_the_last_failure_is_the_flows_own(orchestrator):
    tries = []

    @flow(retries=1, retry_delay_seconds=0.01)
    def never():
        tries.append(1)
        raise ValueError(f"try {len(tries)}")

    with pytest.raises(ValueError, match="try 2"):
        never()
    (run,) = orchestrator.list_flow_runs().rows
    assert (run.state.name, run.attempt) == ("Failed", 2)


def test_a_run_cancelled_between_two_tries_is_not_tried_again(orchestrator):
    from nbflow.exceptions import CancelledRun
    from nbflow.states import Cancelling

    tries = []

    @flow(retries=3, retry_delay_seconds=0.3)
    def failing():
        tries.append(1)
        raise ValueError

    def cancel_when_it_waits():
        import threading

        def look():
            while True:
                rows = orchestrator.list_flow_runs().rows
                if rows and rows[0].state.name == "AwaitingRetry":
                    orchestrator.propose(rows[0].id, Cancelling(message="enough"))
                    return

        thread = threading.Thread(target=look)
        thread.start()
        return thread

    thread = cancel_when_it_waits()
    with pytest.raises(CancelledRun):
        failing()
    thread.join()
    assert tries == [1]
