"""A task that takes too long is TimedOut: a failure, tried again if tries are left."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from nbflow import flow, runtime, task
from nbflow.engine import timeouts
from nbflow.exceptions import TimedOutRun


def only_task_run(orchestrator):
    (run,) = orchestrator.list_flow_runs().rows
    (found,) = orchestrator.list_task_runs(run.id)
    return found


@pytest.fixture
def short_landing(monkeypatch):
    monkeypatch.setattr(timeouts, "LANDING_SECONDS", 0.05)


def test_a_sleeping_task_is_ended_and_called_timed_out(orchestrator):
    @task(timeout_seconds=0.05)
    def sleeps():
        time.sleep(60)

    @flow
    def outer():
        with pytest.raises(TimedOutRun, match=r"longer than 0.05 s") as caught:
            sleeps()
        assert isinstance(caught.value, TimeoutError)
        return sleeps(return_state=True).name

    began = time.monotonic()
    assert outer() == "TimedOut"
    assert time.monotonic() - began < 50
    (run,) = orchestrator.list_flow_runs().rows
    for found in orchestrator.list_task_runs(run.id):
        assert (found.state.type, found.state.name) == ("FAILED", "TimedOut")
        assert found.state.message == "It took longer than 0.05 s."


def test_a_timeout_is_tried_again_while_tries_are_left(orchestrator):
    @task(timeout_seconds=1.0, retries=2)
    def slow_at_first():
        if runtime.task_run.run_count < 3:
            time.sleep(60)
        return "in time"

    assert flow(lambda: slow_at_first())() == "in time"
    retry = ["AwaitingRetry", "Retrying"]
    found = only_task_run(orchestrator)
    assert [s.name for s in found.history] == ["Pending", "Running", *retry, *retry, "Completed"]


def test_the_users_own_timeout_error_is_a_plain_failure(orchestrator):
    @task(timeout_seconds=60)
    def raises():
        raise TimeoutError("of a socket")

    flow(lambda: raises(return_state=True).name)()
    assert only_task_run(orchestrator).state.name == "Failed"


@pytest.mark.usefixtures("short_landing")
@pytest.mark.parametrize("blocks", ["sleep", "recv", "lock"])
def test_a_submitted_task_that_blocks_in_c_is_left_behind_and_its_thread_replaced(
    orchestrator, blocks
):
    ours, theirs = socket.socketpair()
    block = {
        "sleep": lambda: time.sleep(5),
        "recv": lambda: ours.recv(1),
        "lock": lambda: threading.Event().wait(5),
    }[blocks]

    @task(timeout_seconds=0.5, retries=1)
    def blocked():
        if runtime.task_run.run_count == 1:
            block()
        return "second try"

    @task
    def other(n):
        return n

    @flow
    def outer():
        futures = [blocked.submit() for _ in range(8)]
        return [f.result() for f in futures], other.submit(3).result()

    assert outer() == (["second try"] * 8, 3)
    theirs.send(b"12345678")
    (run,) = orchestrator.list_flow_runs().rows
    first = orchestrator.list_task_runs(run.id)[0]
    assert "left behind on" in first.history[2].message


def test_a_submitted_task_that_computes_is_ended(orchestrator):
    @task(timeout_seconds=0.05)
    def computes():
        while True:
            sum(range(100))

    assert flow(lambda: computes.submit().wait() or "goes on")() == "goes on"
    assert only_task_run(orchestrator).state.message == "It took longer than 0.05 s."


@pytest.mark.parametrize("how", ["await", "submit"])
def test_an_async_task_is_ended(orchestrator, how):
    @task(timeout_seconds=0.05)
    async def sleeps():
        await asyncio.sleep(60)

    @flow
    async def outer():
        if how == "await":
            return (await sleeps(return_state=True)).name
        future = sleeps.submit()
        await asyncio.to_thread(future.wait)
        return future.state.name

    assert asyncio.run(outer()) == "TimedOut"


def test_an_async_task_that_computes_without_awaiting_is_ended(orchestrator):
    @task(timeout_seconds=0.05)
    async def computes():
        while True:
            sum(range(100))

    @task
    async def other():
        return "goes on"

    @flow
    def outer():
        first = computes.submit()
        first.wait()
        return first.state.name, other.submit().result()

    assert outer() == ("TimedOut", "goes on")


def test_contexts_and_values_pass_through_a_limit(orchestrator):
    @task(timeout_seconds=60)
    def named():
        return runtime.task_run.name, threading.current_thread().name

    @flow
    def outer():
        return named()[0], named.submit().result()[0]

    assert outer() == ("named-0", "named-1")


def test_tasks_in_a_limited_task_may_wait_for_each_other(orchestrator):
    @task
    def leaf(n):
        return n

    @task(timeout_seconds=60)
    def branch(n):
        return sum(f.result() for f in [leaf.submit(n), leaf.submit(n)])

    from nbflow.task_runners import ThreadPoolTaskRunner

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def outer():
        return [f.result() for f in [branch.submit(n) for n in range(3)]]

    assert outer() == [0, 2, 4]
