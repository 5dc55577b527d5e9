"""Time limits end calls that compute, that block and that refuse to end, on any thread."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time

import pytest

from nbflow.engine import timeouts
from nbflow.engine.timeouts import Overrun


def compute_for_ever() -> None:
    while True:
        sum(range(100))


def sleep_for_ever() -> None:
    time.sleep(60)


def wait_for_a_lock() -> None:
    threading.Lock().acquire()
    threading.Event().wait(60)


def receive_for_ever() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.recv(1)


def catch_everything_once() -> None:
    try:
        time.sleep(60)
    except Exception:
        time.sleep(60)


ENDLESS = [compute_for_ever, sleep_for_ever, wait_for_a_lock, receive_for_ever]


def elsewhere(work):
    """Do something on another thread; give what it returned or raised."""
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


@pytest.mark.parametrize("endless", [*ENDLESS, catch_everything_once])
def test_the_main_thread_is_freed_from_blocking_code(endless):
    began = time.monotonic()
    with pytest.raises(Overrun) as caught:
        timeouts.call(endless, 0.05)
    assert time.monotonic() - began < 500
    assert (caught.value.seconds, caught.value.home, caught.value.left_behind) == (0.05, True, None)


def test_what_ends_in_time_is_not_touched_and_leaves_the_signal_as_it_was():
    before = signal.getsignal(signal.SIGURG)
    assert timeouts.call(lambda: 5, 60) == 5
    with pytest.raises(ZeroDivisionError):
        timeouts.call(lambda: 1 / 0, 60)
    assert signal.getsignal(signal.SIGURG) == before


def test_code_that_swallows_the_stroke_is_struck_again(monkeypatch):
    monkeypatch.setattr(timeouts, "GRACE_SECONDS", 0.05)
    swallowed = []

    def stubborn():
        while len(swallowed) < 3:
            try:
                time.sleep(60)
            except BaseException as error:
                swallowed.append(error)
        time.sleep(60)

    with pytest.raises(Overrun):
        timeouts.call(stubborn, 0.05)
    assert len(swallowed) == 3


@pytest.mark.parametrize("which", ["inner", "outer"])
def test_of_limits_in_each_other_the_one_that_is_up_ends_its_own_call(which):
    reached = []

    def outer():
        try:
            timeouts.call(sleep_for_ever, 0.05 if which == "inner" else 60)
        except Overrun as overrun:
            reached.append(overrun.home)
            if which == "outer":
                raise
        return "goes on"

    if which == "inner":
        assert timeouts.call(outer, 60) == "goes on"
        assert reached == [True]
    else:
        with pytest.raises(Overrun) as caught:
            timeouts.call(outer, 0.05)
        assert reached == [False]
        assert caught.value.seconds == 0.05


def test_a_hundred_close_calls_are_all_settled():
    def settled():
        try:
            return timeouts.call(lambda: time.sleep(0.002) or "done", 0.002)
        except Overrun as overrun:
            return "over" if overrun.home else "lost"

    assert {settled() for _ in range(100)} <= {"done", "over"}


def test_python_code_on_another_thread_is_ended():
    overrun = elsewhere(lambda: timeouts.call(compute_for_ever, 0.05))
    assert isinstance(overrun, Overrun)
    assert (overrun.home, overrun.seconds, overrun.left_behind) == (True, 0.05, None)


@pytest.mark.parametrize("endless", [sleep_for_ever, wait_for_a_lock, receive_for_ever])
def test_blocking_code_on_another_thread_is_left_behind(endless, monkeypatch):
    monkeypatch.setattr(timeouts, "LANDING_SECONDS", 0.05)
    began = time.monotonic()
    overrun = elsewhere(lambda: timeouts.call(endless, 0.05))
    assert time.monotonic() - began < 500
    assert isinstance(overrun, Overrun)
    assert overrun.left_behind is not None


def test_code_left_behind_ends_at_its_next_instruction(monkeypatch):
    monkeypatch.setattr(timeouts, "LANDING_SECONDS", 0.05)
    gate, went_on, ended = threading.Event(), [], threading.Event()

    def blocked():
        try:
            gate.wait(60)
            went_on.append("past the gate")
        finally:
            ended.set()

    assert isinstance(elsewhere(lambda: timeouts.call(blocked, 0.05)), Overrun)
    gate.set()
    assert ended.wait(60)
    assert went_on == []


def test_values_and_errors_of_another_thread_come_back():
    assert elsewhere(lambda: timeouts.call(lambda: 7, 60)) == 7
    assert isinstance(elsewhere(lambda: timeouts.call(lambda: 1 / 0, 60)), ZeroDivisionError)


class TestOnALoop:
    def test_what_awaits_is_cancelled(self):
        async def main():
            await timeouts.acall(lambda: asyncio.sleep(60), 0.05)

        with pytest.raises(Overrun) as caught:
            asyncio.run(main())
        assert caught.value.home

    def test_what_blocks_the_main_threads_loop_is_ended(self):
        async def blocks():
            sleep_for_ever()

        async def main():
            await timeouts.acall(blocks, 0.05)

        began = time.monotonic()
        with pytest.raises(Overrun):
            asyncio.run(main())
        assert time.monotonic() - began < 50

    def test_only_the_task_whose_time_is_up_is_ended(self):
        async def ends():
            await asyncio.sleep(0.3)
            return "ended"

        async def main():
            return await asyncio.gather(
                timeouts.acall(ends, 60),
                timeouts.acall(lambda: asyncio.sleep(60), 0.05),
                return_exceptions=True,
            )

        one, other = asyncio.run(_settled(main()))
        assert one == "ended"
        assert isinstance(other, Overrun)

    def test_being_cancelled_from_outside_stays_being_cancelled(self):
        async def main():
            task = asyncio.ensure_future(timeouts.acall(lambda: asyncio.sleep(60), 60))
            await asyncio.sleep(0)
            task.cancel()
            await task

        with pytest.raises(asyncio.CancelledError):
            asyncio.run(main())

    def test_the_task_can_be_used_after_its_limit(self):
        async def main():
            try:
                await timeouts.acall(lambda: asyncio.sleep(60), 0.02)
            except Overrun:
                pass
            await asyncio.sleep(0.01)
            current = asyncio.current_task()
            assert current is not None
            return current.cancelling()

        assert asyncio.run(main()) == 0

    def test_on_another_threads_loop_too(self):
        async def main():
            await timeouts.acall(lambda: asyncio.sleep(60), 0.05)

        assert isinstance(elsewhere(lambda: asyncio.run(main())), Overrun)


async def _settled(coroutine):
    return await coroutine
