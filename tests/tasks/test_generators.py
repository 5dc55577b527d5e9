"""Generators: what they yield streams out, and their run is Running until they are exhausted."""

from __future__ import annotations

import asyncio
import time

import pytest

from nbflow import flow, runtime, task
from nbflow.exceptions import TimedOutRun


@task
def counts(n):
    yield from range(n)


@task
async def acounts(n):
    for k in range(n):
        await asyncio.sleep(0)
        yield k


def task_runs(orchestrator):
    (run,) = orchestrator.list_flow_runs().rows
    return orchestrator.list_task_runs(run.id)


def test_a_task_streams_and_its_run_lasts_until_the_end(orchestrator):
    seen = []

    @task
    def names():
        for _ in range(2):
            seen.append(runtime.task_run.name)
            yield 1

    @flow
    def outer():
        stream = names()
        assert runtime.task_run.name is None
        first = next(stream)
        assert runtime.task_run.name is None  # its context is only its own
        return first + sum(stream)

    assert outer() == 2
    assert seen == ["names-0", "names-0"]
    (run,) = task_runs(orchestrator)
    assert [s.name for s in run.history] == ["Pending", "Running", "Completed"]


def test_a_flow_streams_and_is_running_meanwhile(orchestrator):
    @flow
    def produces():
        yield from counts(3)
        return "returned"

    stream = produces()
    assert next(stream) == 0
    (run,) = orchestrator.list_flow_runs().rows
    assert run.state.name == "Running"
    assert list(stream) == [1, 2]
    (run,) = orchestrator.list_flow_runs().rows
    assert run.state.name == "Completed"


def test_async_flows_and_tasks_stream_too(orchestrator):
    @flow
    async def produces():
        async for k in acounts(3):
            yield k

    async def read():
        return [k async for k in produces()]

    assert asyncio.run(read()) == [0, 1, 2]
    (run,) = task_runs(orchestrator)
    assert run.state.name == "Completed"


@pytest.mark.parametrize("kind", [counts, acounts], ids=["sync", "async"])
def test_submitted_it_gives_a_list(orchestrator, kind):
    assert flow(lambda: kind.submit(3).result())() == [0, 1, 2]


def test_asked_for_its_state_it_gives_a_list(orchestrator):
    assert flow(lambda: counts(2, return_state=True).result())() == [0, 1]

    @flow
    def produces():
        yield 1

    assert produces(return_state=True).result() == [1]


def test_a_reader_that_stops_early_completes_the_run(orchestrator):
    closed = []

    @task
    def endless():
        try:
            while True:
                yield 1
        finally:
            closed.append(runtime.task_run.name)

    @flow
    def outer():
        for item in endless():
            return item

    assert outer() == 1
    assert closed == ["endless-0"]
    assert [t.state.name for t in task_runs(orchestrator)] == ["Completed"]


def test_an_async_reader_that_stops_early_completes_the_run(orchestrator):
    @flow
    async def outer():
        stream = acounts(10)
        async for item in stream:
            await stream.aclose()
            return item

    assert asyncio.run(outer()) == 0
    assert [t.state.name for t in task_runs(orchestrator)] == ["Completed"]


def test_an_exception_ends_the_stream_and_fails_the_run(orchestrator):
    @task
    def breaks():
        yield 1
        raise ValueError("halfway")

    @flow
    def outer():
        stream = breaks()
        assert next(stream) == 1
        with pytest.raises(ValueError, match="halfway"):
            next(stream)

    outer()
    assert [t.state.name for t in task_runs(orchestrator)] == ["Failed"]


def test_a_retry_streams_again_from_the_start(orchestrator):
    @task(retries=1)
    def flaky():
        yield runtime.task_run.run_count
        if runtime.task_run.run_count == 1:
            raise ValueError

    assert flow(lambda: list(flaky()))() == [1, 2]


def test_only_the_time_of_the_body_counts_against_its_limit(orchestrator):
    @task(timeout_seconds=1.0)
    def slow_to_read():
        yield from range(3)

    @task(timeout_seconds=0.2)
    def slow():
        for k in range(100):
            time.sleep(0.05)
            yield k

    @flow
    def outer():
        items = []
        for item in slow_to_read():
            time.sleep(0.5)
            items.append(item)
        with pytest.raises(TimedOutRun):
            list(slow())
        return items

    assert outer() == [0, 1, 2]


def test_what_is_sent_into_a_stream_arrives(orchestrator):
    @task
    def echoes():
        got = None
        while True:
            got = yield got

    @flow
    def outer():
        stream = echoes()
        next(stream)
        return stream.send(5)

    assert outer() == 5


def test_outside_a_flow_a_generator_has_a_run_of_its_own(orchestrator):
    assert list(counts(3)) == [0, 1, 2]
    (run,) = orchestrator.list_flow_runs().rows
    assert (run.flow_name, run.state.name) == ("counts", "Completed")


class Source:
    """Tasks that are methods."""

    def __init__(self, factor):
        self.factor = factor

    @task
    def times(self, n):
        return self.factor * n

    @task
    def items(self, n):
        for k in range(n):
            yield self.factor * k

    @task
    async def later(self, n):
        await asyncio.sleep(0)
        return self.factor * n

    @task
    @classmethod
    def named(cls, n):
        return cls.__name__, n

    @task
    @staticmethod
    def plain(n):
        return n

    @flow
    def whole(self, n: int):
        return self.times(n) + self.times.submit(n).result()


def test_methods_of_every_kind_are_tasks_and_flows(orchestrator):
    two, three = Source(2), Source(3)

    @flow
    def outer():
        return [
            two.times(5),
            three.times(5),
            two.times.submit(7).result(),
            list(three.items(3)),
            Source.named(1),
            two.named(2),
            Source.plain(3),
            two.plain.submit(4).result(),
            Source.times(two, 6),
            two.times.with_options(name="other")(1),
            asyncio.run(two.later(4)),
            two.times.fn(8),
        ]

    assert outer() == [
        10, 15, 14, [0, 3, 6], ("Source", 1), ("Source", 2), 3, 4, 12, 2, 8, 16,
    ]  # fmt: skip
    assert two.whole("5") == 20
    assert repr(two.times).startswith("<Task 'times' of")
