"""The sequential runner: submitted is done."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time

import pytest

from nbflow import flow, task
from nbflow.task_runners import SequentialTaskRunner

pytestmark = pytest.mark.usefixtures("home")


def test_a_submitted_task_has_ended_when_submit_returns():
    order = []
    note = task(order.append, name="note")

    @flow(task_runner=SequentialTaskRunner)
    def around():
        future = note.submit(1)
        assert future.done()
        order.append(2)
        note.submit(3)

    around()
    assert order == [1, 2, 3]


def test_async_tasks_too_also_from_an_async_flow():
    order = []

    @task
    async def note(n):
        await asyncio.sleep(0)
        order.append(n)

    @flow(task_runner=SequentialTaskRunner)
    async def around():
        assert note.submit(1).done()
        order.append(2)
        await note.submit(3)

    asyncio.run(around())
    assert order == [1, 2, 3]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_ctrl_c_ends_the_task_and_the_flow(orchestrator, kind):
    def interrupt():
        threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGINT)).start()

    @task
    def blocks():
        interrupt()
        time.sleep(30)

    @task
    async def awaits():
        interrupt()
        await asyncio.sleep(30)

    reached = []

    @flow(task_runner=SequentialTaskRunner)
    def around():
        (blocks if kind == "sync" else awaits).submit()
        reached.append(1)

    with pytest.raises(KeyboardInterrupt):
        around()
    assert not reached
    (run,) = orchestrator.list_flow_runs().rows
    (task_run,) = orchestrator.list_task_runs(run.id)
    assert (run.state.name, task_run.state.name) == ("Cancelled", "Cancelled")
