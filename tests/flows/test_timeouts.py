"""A flow that takes too long is TimedOut, whatever it was doing, and tried again if it may be."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from nbflow import flow, runtime, task
from nbflow.engine import timeouts
from nbflow.exceptions import TimedOutRun


@task
def sleeps(seconds=60.0):
    time.sleep(seconds)


@task(retries=5)
def sleeps_with_retries():
    time.sleep(60)


def runs(orchestrator):
    return {r.flow_name: r for r in orchestrator.list_flow_runs().rows}


@pytest.fixture
def short_landing(monkeypatch):
    monkeypatch.setattr(timeouts, "LANDING_SECONDS", 0.05)


def elsewhere(work):
    given = []

    def run():
        try:
            given.append(work())
        except BaseException as error:
            given.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    return given[0]


@pytest.mark.parametrize("where", ["itself", "task", "child", "future"])
def test_blocking_code_is_ended_wherever_the_flow_is(orchestrator, where):
    @flow
    def child():
        time.sleep(60)

    @flow(timeout_seconds=0.2)
    def limited():
        if where == "itself":
            time.sleep(60)
        elif where == "task":
            sleeps_with_retries()
        elif where == "child":
            child()
        else:
            sleeps.submit(1.0).result()

    began = time.monotonic()
    with pytest.raises(TimedOutRun, match=r"longer than 0.2 s"):
        limited()
    assert time.monotonic() - began < 50
    found = runs(orchestrator)
    assert (found["limited"].state.type, found["limited"].state.name) == ("FAILED", "TimedOut")
    if where == "child":
        assert found["child"].state.name == "Cancelled"
    for each in orchestrator.list_task_runs(found["limited"].id):
        assert each.state.is_final() or each.state.name == "NotReady"  # it had not begun
        assert each.attempt <= 1


def test_a_timeout_is_tried_again_while_tries_are_left(orchestrator):
    @flow(timeout_seconds=1.0, retries=1)
    def slow_at_first():
        if runtime.flow_run.run_count == 1:
            time.sleep(60)
        return "in time"

    assert slow_at_first() == "in time"
    run = runs(orchestrator)["slow-at-first"]
    names = [s.name for s in orchestrator.list_states(run.id)]
    assert names == ["Pending", "Running", "AwaitingRetry", "Retrying", "Completed"]


@pytest.mark.parametrize("blocks", [False, True], ids=["awaits", "blocks"])
def test_an_async_flow_is_ended(orchestrator, blocks):
    def block():
        time.sleep(60)

    @flow(timeout_seconds=0.2)
    async def limited():
        if blocks:
            block()
        await asyncio.sleep(60)

    with pytest.raises(TimedOutRun):
        asyncio.run(limited())
    assert runs(orchestrator)["limited"].state.name == "TimedOut"


@pytest.mark.usefixtures("short_landing")
def test_a_flow_on_another_thread_ends_in_time_though_its_code_blocks(orchestrator):
    gate, after = threading.Event(), []

    @flow(timeout_seconds=0.2)
    def limited():
        gate.wait(60)
        after.append("went on")
        sleeps(0)

    error = elsewhere(limited)
    assert isinstance(error, TimedOutRun)
    gate.set()
    state = runs(orchestrator)["limited"].state
    assert state.name == "TimedOut"
    assert "left behind on" in state.message
    assert after == []


def test_a_childs_timeout_is_a_plain_failure_of_its_parent(orchestrator):
    @flow(timeout_seconds=0.1)
    def child():
        time.sleep(60)

    @flow(timeout_seconds=60)
    def parent():
        child()

    with pytest.raises(TimedOutRun):
        parent()
    found = runs(orchestrator)
    assert (found["child"].state.name, found["parent"].state.name) == ("TimedOut", "Failed")


def test_a_limit_is_noticed_while_a_child_waits_for_its_retry(orchestrator):
    @flow(retries=1, retry_delay_seconds=60)
    def child():
        raise ValueError

    @flow(timeout_seconds=0.3)
    def parent():
        child()

    began = time.monotonic()
    with pytest.raises(TimedOutRun):
        parent()
    assert time.monotonic() - began < 50
    found = runs(orchestrator)
    assert (found["child"].state.name, found["parent"].state.name) == ("Cancelled", "TimedOut")


@pytest.mark.parametrize("heeds", [True, False], ids=["computes", "blocks in C"])
def test_submitted_tasks_do_not_hold_up_a_flow_whose_time_is_up(orchestrator, heeds):
    gate = threading.Event()

    @task
    def endless():
        while not gate.is_set():
            if heeds:
                sum(range(100))
            else:
                gate.wait(60)

    @flow(timeout_seconds=0.2)
    def limited():
        endless.submit().result()

    began = time.monotonic()
    assert limited(return_state=True).name == "TimedOut"
    assert time.monotonic() - began < 50
    gate.set()
    (run,) = orchestrator.list_flow_runs().rows
    assert [t.state.name for t in orchestrator.list_task_runs(run.id)] == ["Cancelled"]
