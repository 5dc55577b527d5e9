"""`.submit`: futures, their order, what they pass on, and that nothing stalls."""

from __future__ import annotations

import asyncio
import threading

import pytest

from nbflow import flow, get_run_logger, runtime, tags, task
from nbflow.exceptions import InvalidInput, NbflowError, UpstreamError
from nbflow.futures import Future, as_completed, wait
from nbflow.task_runners import ThreadPoolTaskRunner


@task
def number(x):
    return x


@task
def add(*values):
    return sum(values)


@pytest.mark.usefixtures("orchestrator")
class TestFutures:
    def test_a_future_gives_the_value_and_the_state(self):
        @flow
        def uses():
            future = number.submit(3)
            assert isinstance(future, Future)
            assert future.result() == 3
            assert future.done()
            assert future.state.is_completed()
            assert future.task_run.name == future.name == "number-0"
            return future.task_run_id == future.task_run.id

        assert uses()

    def test_a_future_raises_what_the_task_raised(self):
        @task
        def bad():
            raise ValueError("bad")

        @flow
        def uses():
            future = bad.submit()
            assert isinstance(future.result(raise_on_failure=False), ValueError)
            with pytest.raises(ValueError, match="bad"):
                future.result()

        uses()

    def test_waiting_gives_up_after_its_timeout(self):
        gate = threading.Event()

        @task
        def slow():
            gate.wait(20)

        @flow
        def uses():
            future = slow.submit()
            with pytest.raises(TimeoutError, match="slow-0"):
                future.result(timeout=0.01)
            future.wait(0.01)
            assert not future.done()
            done, not_done = wait([future, number.submit(1)], timeout=0.05)
            assert (len(done), not_done) == (1, {future})
            with pytest.raises(TimeoutError, match="1 of 1"):
                list(as_completed([future], timeout=0.01))
            gate.set()
            future.wait()
            assert future.done()

        uses()

    def test_futures_come_in_the_order_they_end(self):
        gates = [threading.Event() for _ in range(3)]

        @task
        def waits(n):
            gates[n].wait(20)
            return n

        @flow
        def uses():
            futures = [waits.submit(n) for n in range(3)]
            order = []
            gates[2].set()
            for future in as_completed(futures):
                order.append(future.result())
                gates[(order[-1] + 2) % 3].set()
            return order

        assert uses() == [2, 1, 0]

    def test_a_timeout_in_the_past_is_refused(self):
        with pytest.raises(InvalidInput):
            wait([], timeout=-1)
        with pytest.raises(InvalidInput):
            as_completed([], timeout=-1)

    def test_callbacks_are_called_once_ended_even_when_one_of_them_fails(self):
        called = []

        def broken(_):
            raise RuntimeError("callback")

        @flow
        def uses():
            future = number.submit(1)
            future.add_done_callback(broken)
            future.add_done_callback(called.append)
            future.wait()
            future.add_done_callback(called.append)

        uses()
        assert len(called) == 2

    def test_futures_among_the_arguments_are_replaced_by_their_values(self):
        @task
        def look(value):
            return value

        @flow
        def uses():
            one, two = number.submit(1), number.submit(2)
            given = {"a": [one, (two, 5)], "b": {one}, "c": "text"}
            assert look.submit(given).result() == {"a": [1, (2, 5)], "b": {1}, "c": "text"}
            assert given["a"][0] is one
            return add.submit(one, two, number(3)).result()

        assert uses() == 6

    def test_a_list_that_contains_itself_does_no_harm(self):
        @flow
        def uses():
            loop = [1]
            loop.append(loop)
            return number.submit(loop).result()[0]

        assert uses() == 1

    def test_upstream_runs_are_noted(self, orchestrator):
        @flow
        def uses():
            first = number.submit(1)
            number.submit([first], wait_for=[number.submit(2)]).wait()

        uses()
        (run,) = orchestrator.list_flow_runs().rows
        first, *_, last = sorted(orchestrator.list_task_runs(run.id), key=lambda t: len(t.upstream))
        assert first.upstream == ()
        assert len(last.upstream) == 2

    def test_a_task_whose_upstream_failed_never_runs(self, orchestrator):
        called = []

        @task
        def bad():
            raise ValueError

        @task(retries=3)
        def after(x):
            called.append(x)

        @flow
        def uses():
            first = after.submit(bad.submit())
            second = after.submit(first)
            with pytest.raises(UpstreamError, match="bad-0 is Failed"):
                first.result()
            with pytest.raises(UpstreamError, match="after-0 is NotReady"):
                second.result()

        uses()
        assert called == []
        (run,) = orchestrator.list_flow_runs().rows
        states = sorted(t.state.name for t in orchestrator.list_task_runs(run.id))
        assert states == ["Failed", "NotReady", "NotReady"]

    @pytest.mark.parametrize("workers", [1, 2, None])
    def test_waiting_inside_submitted_tasks_cannot_stall(self, workers):
        @task
        def tree(depth):
            if depth == 0:
                return 1
            return sum(f.result() for f in [tree.submit(depth - 1), tree.submit(depth - 1)])

        @flow(task_runner=ThreadPoolTaskRunner(max_workers=workers))
        def uses():
            return tree.submit(6).result(timeout=60)

        assert uses() == 64

    def test_no_more_run_at_once_than_asked_for(self):
        running, most = [], []
        lock = threading.Lock()

        @task
        def counts():
            with lock:
                running.append(1)
                most.append(len(running))
            threading.Event().wait(0.002)
            with lock:
                running.pop()

        @flow(task_runner=ThreadPoolTaskRunner(max_workers=3))
        def uses():
            for _ in range(40):
                counts.submit()

        uses()
        assert 1 <= max(most) <= 3

    def test_tasks_that_only_wait_run_side_by_side(self):
        barrier = threading.Barrier(60)

        @task
        def meets():
            barrier.wait(30)
            return 1

        @flow
        def uses():
            return sum(f.result() for f in [meets.submit() for _ in range(60)])

        assert uses() == 60

    def test_async_tasks_run_on_a_loop_of_their_own(self):
        @task
        async def meets(event, other):
            event.set()
            await other.wait()
            get_run_logger().info("met")
            return threading.current_thread().name

        @flow
        def uses():
            one, two = asyncio.Event(), asyncio.Event()
            names = [f.result() for f in [meets.submit(one, two), meets.submit(two, one)]]
            return set(names)

        assert uses() == {"nbflow-task-loop"}

    def test_a_future_can_be_awaited(self):
        @task
        async def inner():
            return 2

        @task
        async def outer():
            return await inner.submit() + 1

        @flow
        async def uses():
            return await outer.submit()

        assert asyncio.run(uses()) == 3

    def test_waiting_on_the_loop_that_runs_the_task_is_refused(self):
        @task
        async def inner():
            return 2

        @task
        async def outer():
            return inner.submit().result()

        @flow
        def uses():
            with pytest.raises(NbflowError, match="await future"):
                outer.submit().result(timeout=60)

        uses()

    def test_context_goes_along_with_a_submitted_task(self):
        @task
        def sees():
            return runtime.flow_run.id, tuple(runtime.task_run.tags), runtime.task_run.parameters

        @flow
        def uses():
            with tags("inside"):
                future = sees.submit()
            return future.result() == (runtime.flow_run.id, ("inside",), {})

        assert uses()

    def test_what_was_not_begun_when_the_flow_failed_is_cancelled(self, orchestrator):
        started, gate = threading.Event(), threading.Event()

        @task
        def holds():
            started.set()
            gate.wait(20)

        @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
        def fails():
            holds.submit()
            waiting = number.submit(1)
            started.wait(20)
            waiting.add_done_callback(lambda _: gate.set())
            raise ValueError

        with pytest.raises(ValueError):
            fails()
        (run,) = orchestrator.list_flow_runs().rows
        states = [t.state.name for t in orchestrator.list_task_runs(run.id)]
        assert states == ["Completed", "Cancelled"]
