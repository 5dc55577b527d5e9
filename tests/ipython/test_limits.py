"""Time limits, hooks and streams inside a kernel: a loop and a SIGINT handler are there already."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

PRELUDE = """
import asyncio, signal, threading, time
from nbflow import flow, task
from nbflow.exceptions import TimedOutRun
before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGURG)
"""


@pytest.mark.parametrize(
    "cell",
    [
        "@task(timeout_seconds=0.2)\ndef slow():\n    time.sleep(60)\nslow()",
        "@flow(timeout_seconds=0.2)\ndef slow():\n    time.sleep(60)\nslow()",
        "@flow(timeout_seconds=0.2)\nasync def slow():\n    await asyncio.sleep(60)\nawait slow()",
        "@flow(timeout_seconds=0.2)\nasync def slow():\n    time.sleep(60)\nawait slow()",
        "@task(timeout_seconds=0.2)\ndef slow():\n    time.sleep(2)\nslow.submit().result()",
    ],
    ids=["task", "flow", "async", "blocks the loop", "submitted"],
)
def test_a_limit_ends_code_in_a_cell_and_the_kernel_goes_on(kernel: Any, cell: str) -> None:
    assert kernel.run(PRELUDE).ok
    reply = kernel.run(cell)
    assert reply.content["ename"] == "TimedOutRun"
    assert kernel.run(
        "assert before == (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGURG))"
    ).ok
    assert kernel.run("await asyncio.sleep(0.01); 1 + 1").results == ["2"]


def test_async_hooks_and_conditions_of_a_plain_task_run_beside_the_kernels_loop(
    kernel: Any,
) -> None:
    assert kernel.run(PRELUDE).ok
    reply = kernel.run(
        "seen = []\n"
        "async def hook(task, run, state):\n"
        "    await asyncio.sleep(0)\n"
        "    seen.append(state.name)\n"
        "async def condition(task, run, state):\n"
        "    await asyncio.sleep(0)\n"
        "    return True\n"
        "@task(retries=1, retry_condition_fn=condition, on_running=[hook], on_failure=[hook])\n"
        "def fails():\n"
        "    raise ValueError\n"
        "fails(return_state=True)\n"
        "seen"
    )
    assert reply.results == ["['Running', 'Retrying', 'Failed']"]


def test_generators_stream_into_a_cell(kernel: Any) -> None:
    assert kernel.run(PRELUDE).ok
    reply = kernel.run(
        "@task\ndef counts():\n    yield from range(3)\n"
        "@flow\nasync def produces():\n    for k in counts():\n        yield k\n"
        "list(counts()), [k async for k in produces()]"
    )
    assert reply.results == ["([0, 1, 2], [0, 1, 2])"]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_sigterm_ends_a_kernel_whose_flow_runs_and_the_run_says_so(
    start_kernel: Callable[..., Any], records_of: Callable[..., Any], wait_for: Any, kind: str
) -> None:
    kernel = start_kernel()
    body = "time.sleep(60)" if kind == "sync" else "await asyncio.sleep(60)"
    define, call = ("def", "") if kind == "sync" else ("async def", "await ")
    kernel.client.execute(f"{PRELUDE}\n@flow\n{define} sleeps():\n    {body}\n{call}sleeps()")
    records = records_of(kernel)
    wait_for(lambda: any(run.state.is_running() for run in records.flow_runs("sleeps")))
    os.kill(kernel.pid, signal.SIGTERM)
    wait_for(lambda: not kernel.manager.is_alive(), what="the kernel's end")
    run = records.flow_run("sleeps")
    assert (run.state.name, run.state.message) == (
        "Crashed",
        "The process was told to terminate (SIGTERM).",
    )
