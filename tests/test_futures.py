"""Futures among each other: several at once, and task runs that wait for each other."""

from __future__ import annotations

import asyncio
import threading

import pytest

from nbflow import flow, quote, task
from nbflow.exceptions import InvalidInput, NbflowError
from nbflow.futures import as_completed, wait
from nbflow.task_runners import ThreadPoolTaskRunner

pytestmark = pytest.mark.usefixtures("home")


@task
def number(x):
    return x


@task
def other(x):
    return x


def test_wait_tells_those_that_ended_from_those_that_did_not():
    go = threading.Event()
    held = task(lambda: go.wait(20), name="held")

    @flow
    def around():
        quick, slow = number.submit(1), held.submit()
        quick.wait()
        ended = wait([quick, slow], timeout=0.02)
        assert (ended.done, ended.not_done) == ({quick}, {slow})
        go.set()
        done, not_done = wait([quick, slow])
        assert (len(done), len(not_done)) == (2, 0)

    around()


def test_as_completed_gives_them_in_the_order_they_end():
    gates = [threading.Event() for _ in range(3)]
    held = task(lambda n: gates[n].wait(20) and n, name="held")

    @flow
    def around():
        futures = held.map([0, 1, 2])
        order = []
        gates[2].set()
        for future in as_completed(futures):
            order.append(future.result())
            gates[order[-1] - 1].set()
        return order

    assert around() == [2, 1, 0]


def test_as_completed_says_how_many_are_unfinished():
    go = threading.Event()
    held = task(lambda n: n or go.wait(20), name="held")

    @flow
    def around():
        futures = held.map([1, 0, 0])
        with pytest.raises(TimeoutError, match="2 of 3 futures have not ended"):
            list(as_completed(futures, timeout=0.05))
        go.set()

    around()


def test_negative_timeouts_are_refused():
    @flow
    def around():
        future = number.submit(1)
        with pytest.raises(InvalidInput, match="in the past"):
            as_completed([future], timeout=-1)
        with pytest.raises(InvalidInput, match="in the past"):
            wait([future], timeout=-1)

    around()


def test_a_callback_is_called_when_the_run_has_ended_or_at_once():
    told = []

    @flow
    def around():
        future = number.submit(1)
        future.add_done_callback(lambda done: told.append(done.result()))
        future.wait()
        future.add_done_callback(lambda done: told.append(done.state.name))

    around()
    assert told == [1, "Completed"]


# -- circles ----------------------------------------------------------------------------------
def test_a_run_given_its_own_future_fails_instead_of_hanging():
    mine, given = [], threading.Event()

    @task
    def own():
        assert given.wait(60)
        return mine[0].result()

    @flow
    def around():
        mine.append(own.submit())
        given.set()
        return mine[0].result(timeout=60, raise_on_failure=False)

    error = around()
    assert isinstance(error, NbflowError)
    assert error.code == "future.deadlock"
    assert "waits for own-0" in error.message


def test_a_run_whose_arguments_came_to_hold_its_future_fails():
    go = threading.Event()
    held = task(lambda: go.wait(20), name="held")

    @flow
    def around():
        arguments = [held.submit()]
        future = number.submit(arguments)
        arguments.append(future)
        go.set()
        return future.result(timeout=60, raise_on_failure=False)

    error = around()
    assert getattr(error, "code", None) == "future.deadlock"


@pytest.mark.parametrize("most", [1, 2, None])
def test_runs_that_wait_for_each_other_in_their_bodies_fail_instead_of_hanging(most):
    futures, ready = {}, threading.Event()

    @task
    def one():
        assert ready.wait(60)
        return futures["two"].result()

    @task
    def two():
        assert ready.wait(60)
        return futures["one"].result()

    @flow(task_runner=ThreadPoolTaskRunner(most))
    def around():
        futures["one"] = one.submit()
        futures["two"] = two.submit()
        ready.set()
        return quote([futures[n].result(timeout=60, raise_on_failure=False) for n in futures])

    errors = around()
    assert all(isinstance(error, NbflowError) for error in errors)
    assert "would wait for itself" in str(errors[0])


def test_async_runs_that_await_each_other_fail_instead_of_hanging():
    futures, ready = {}, threading.Event()

    @task
    async def one(at):
        assert await asyncio.to_thread(ready.wait, 20)
        return await futures[1 - at]

    @flow
    def around():
        futures[0] = one.submit(0)
        futures[1] = one.submit(1)
        ready.set()
        return quote([f.result(timeout=60, raise_on_failure=False) for f in list(futures.values())])

    assert all(isinstance(error, NbflowError) for error in around())


def test_a_subflow_in_a_task_that_waits_for_the_task_fails_instead_of_hanging():
    mine, given = [], threading.Event()

    @flow
    def inside():
        assert given.wait(60)
        return mine[0].result()

    @task
    def calls():
        return inside()

    @flow
    def around():
        mine.append(calls.submit())
        given.set()
        return mine[0].result(timeout=60, raise_on_failure=False)

    assert getattr(around(), "code", None) == "future.deadlock"


def test_a_wait_with_a_timeout_is_nobodys_deadlock():
    mine, given = [], threading.Event()

    @task
    def own():
        assert given.wait(60)
        try:
            mine[0].result(timeout=0.05)
        except TimeoutError:
            return "gave up"

    @flow
    def around():
        mine.append(own.submit())
        given.set()
        return mine[0].result(timeout=60)

    assert around() == "gave up"


def test_many_async_runs_waiting_for_inputs_do_not_stall_the_one_they_wait_for():
    @task
    async def first(go):
        second = follow.submit(number.submit(2))
        return await second

    @task
    async def follow(x):
        return x

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def around():
        source = first.submit(0)
        return quote([f.result(timeout=60) for f in [follow.submit(source) for _ in range(40)]])

    assert around() == [2] * 40
