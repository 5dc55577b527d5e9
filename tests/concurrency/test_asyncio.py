"""`concurrency` and `rate_limit` awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from nbflow import flow, task
from nbflow.concurrency import aconcurrency, arate_limit
from nbflow.concurrency import asyncio as ours
from nbflow.concurrency.asyncio import concurrency, rate_limit
from nbflow.exceptions import AcquireConcurrencySlotTimeoutError, ConcurrencySlotAcquisitionError
from nbflow.orchestration.orchestrator import Orchestrator

Limit = Callable[..., Any]


def test_both_spellings_are_one() -> None:
    assert (aconcurrency, arate_limit) == (ours.concurrency, ours.rate_limit)


def test_the_event_loop_goes_on_while_slots_are_waited_for(limit: Limit) -> None:
    limit("db", 2)
    inside = most = 0

    async def work() -> None:
        nonlocal inside, most
        async with concurrency("db"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1

    async def all_of_them() -> None:
        # More than the loop's threads: waiting takes none of them.
        await asyncio.wait_for(asyncio.gather(*(work() for _ in range(60))), 60)

    asyncio.run(all_of_them())
    assert most == 2


def test_a_cancelled_waiter_leaves_the_line(
    orchestrator: Orchestrator, limit: Limit, wait_for: Callable[..., Any]
) -> None:
    limit("db", 1)

    async def wait() -> None:
        async with concurrency("db"):
            pytest.fail("must not be entered")

    async def cancel() -> None:
        async with concurrency("db"):
            waiting = asyncio.ensure_future(wait())
            in_line = partial(wait_for, lambda: orchestrator.read_limit("db").slots[1:])
            await asyncio.to_thread(in_line)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert len(orchestrator.read_limit("db").slots) == 1

    asyncio.run(cancel())
    assert orchestrator.read_limit("db").slots == ()


def test_errors_and_timeouts_are_those_of_plain_code(limit: Limit) -> None:
    limit("db", 1)
    limit("none", 0)

    async def use() -> None:
        async with concurrency("db"):
            with pytest.raises(AcquireConcurrencySlotTimeoutError):
                async with concurrency("db", timeout_seconds=0.1):
                    pass
        with pytest.raises(ConcurrencySlotAcquisitionError):
            async with concurrency("none"):
                pass
        with pytest.raises(ConcurrencySlotAcquisitionError):
            await rate_limit("db")

    asyncio.run(use())


def test_a_rate_is_awaited(limit: Limit) -> None:
    limit("api", 1, slot_decay_per_second=5.0)

    async def call() -> float:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(rate_limit("api") for _ in range(3)))
        return asyncio.get_running_loop().time() - began

    assert asyncio.run(call()) >= 0.4


def test_async_tasks_of_a_flow_share_a_limit(limit: Limit) -> None:
    limit("db", 1)
    inside = most = 0

    @task
    async def work() -> None:
        nonlocal inside, most
        async with concurrency("db"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1

    @flow
    async def run() -> None:
        for future in [work.submit() for _ in range(5)]:
            await future

    asyncio.run(run())
    assert most == 1
