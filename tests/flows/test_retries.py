"""A failed flow is tried again as a whole, when the authority says so."""

from __future__ import annotations

import asyncio
from datetime import datetime

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


def test_each_wait_is_as_long_as_the_list_says_and_the_last_repeats(orchestrator):
    @flow(retries=3, retry_delay_seconds=[0.5, 0.01])
    def fails():
        raise ValueError

    with pytest.raises(ValueError):
        fails()
    (run,) = orchestrator.list_flow_runs().rows
    waits = [s for s in orchestrator.list_states(run.id) if s.name == "AwaitingRetry"]
    seconds = [(datetime.fromisoformat(w.details["due_at"]) - w.at).total_seconds() for w in waits]
    # The authority adds the delay when it hears of the failure, a little after it happened.
    assert seconds[0] >= 0.5
    assert all(0.01 <= each < 0.5 for each in seconds[1:])
    assert len(seconds) == 3
    assert run.attempt == 4


def test_jitter_and_backoff_are_for_flows_too(orchestrator):
    @flow(
        retries=2,
        retry_delay_seconds=lambda retries: [0.001 * 600**n for n in range(retries)],
        retry_jitter_factor=0.5,
    )
    def fails():
        raise ValueError

    with pytest.raises(ValueError):
        fails()
    (run,) = orchestrator.list_flow_runs().rows
    waits = [s for s in orchestrator.list_states(run.id) if s.name == "AwaitingRetry"]
    first, second = (
        (datetime.fromisoformat(w.details["due_at"]) - w.at).total_seconds() for w in waits
    )
    assert first < 0.3 <= second


@pytest.mark.parametrize("answer", [False, "broken"])
def test_a_condition_that_does_not_hold_ends_the_tries(orchestrator, answer):
    asked = []

    def condition(flow, run, state):
        asked.append((flow.name, run.attempt, state.name))
        if answer == "broken":
            raise RuntimeError
        return answer

    @flow(retries=5, retry_condition_fn=condition)
    def fails():
        raise ValueError("once")

    with pytest.raises(ValueError, match="once"):
        fails()
    (run,) = orchestrator.list_flow_runs().rows
    assert (run.state.name, run.attempt) == ("Failed", 1)
    assert asked == [("fails", 1, "Failed")]


def test_a_condition_that_holds_lets_it_go_on(orchestrator):
    @flow(retries=1, retry_condition_fn=lambda flow, run, state: "ValueError" in state.message)
    def flaky():
        if runtime.flow_run.run_count == 1:
            raise ValueError
        return "ok"

    assert flaky() == "ok"


RAN = []


@task
def once(n):
    RAN.append(n)
    return n


def test_tasks_that_completed_are_not_run_again(orchestrator):
    RAN.clear()

    @flow(retries=1)
    def outer():
        total = once(1) + once(2)
        if runtime.flow_run.run_count == 1:
            raise ValueError
        return total

    assert outer() == 3
    assert RAN == [1, 2]
    (run,) = orchestrator.list_flow_runs().rows
    assert [t.state.name for t in orchestrator.list_task_runs(run.id)] == ["Cached", "Cached"]


def test_ctrl_c_while_a_flow_waits_for_its_retry_cancels_it(orchestrator):
    import os
    import signal
    import threading

    @flow(retries=1, retry_delay_seconds=60)
    def fails():
        raise ValueError

    @fails.on_running
    def interrupt_when_it_waits(flow, run, state):
        def look():
            while orchestrator.read_flow_run(run.id).state.name != "AwaitingRetry":
                pass
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=look, daemon=True).start()

    with pytest.raises(KeyboardInterrupt):
        fails()
    (run,) = orchestrator.list_flow_runs().rows
    assert run.state.name == "Cancelled"


def test_a_cancel_request_is_heard_while_a_flow_waits_for_its_retry(orchestrator, wait_for):
    import threading
    import time

    from nbflow import settings
    from nbflow.exceptions import CancelledRun
    from nbflow.states import Cancelling

    @flow(retries=1, retry_delay_seconds=60)
    def fails():
        raise ValueError

    def cancel():
        def waiting():
            rows = orchestrator.list_flow_runs().rows
            return rows[0] if rows and rows[0].state.name == "AwaitingRetry" else None

        orchestrator.propose(wait_for(waiting).id, Cancelling(message="enough"))

    thread = threading.Thread(target=cancel)
    thread.start()
    began = time.monotonic()
    with settings.temporary(heartbeat_seconds=0.05), pytest.raises(CancelledRun):
        fails()
    thread.join()
    assert time.monotonic() - began < 50
    (run,) = orchestrator.list_flow_runs().rows
    assert run.state.name == "Cancelled"
