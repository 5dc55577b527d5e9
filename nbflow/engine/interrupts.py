"""Ctrl-C and the main thread: interrupting the code there, and holding back while a write is made.

Python raises KeyboardInterrupt between any two instructions of the main thread, so also in the
middle of a transaction. In other threads an exception can be raised from outside; it arrives at
their next instruction, so not while they are blocked in C.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Cancellation(BaseException):
    """A run was told to stop. Not an Exception, so that `except Exception` lets it through."""


class _HeldBack:
    """A SIGINT handler that lets the first interrupt wait; the next one comes through."""

    def __init__(self, before: Any) -> None:
        self.before = before
        self.waiting = False
        self.terminated = False  # SIGTERM came, and waits as well

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.waiting and callable(self.before):
            self.before(number, frame)
        self.waiting = True


class Terminated(SystemExit):
    """The process was told to end (SIGTERM); let through, it ends as shells expect, with 143."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


#: threads in which nothing is raised from outside now
_sheltered: set[int] = set()
_shelter = threading.Lock()


@contextmanager
def held_back() -> Iterator[None]:
    """Let Ctrl-C wait until the code inside has ended; pressed twice, it does not wait."""
    if threading.current_thread() is not threading.main_thread():
        with _sheltering(threading.get_ident()):
            yield
        return
    before = signal.getsignal(signal.SIGINT)
    if not callable(before):
        yield
        return
    handler = _HeldBack(before)
    try:
        signal.signal(signal.SIGINT, handler)
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if handler.terminated:
        raise Terminated
    if handler.waiting:
        before(signal.SIGINT, None)


def are_held_back() -> bool:
    """Say whether the main thread is inside `held_back`."""
    return isinstance(signal.getsignal(signal.SIGINT), _HeldBack)


@contextmanager
def _sheltering(ident: int) -> Iterator[None]:
    if ident in _sheltered:
        yield
        return
    with _shelter:
        _sheltered.add(ident)
    try:
        yield
    finally:
        _sheltered.discard(ident)


def raise_in(ident: int, kind: type[BaseException]) -> bool:
    """Raise an exception in another thread; False: not now, it makes a write."""
    import ctypes

    with _shelter:
        if ident in _sheltered:
            return False
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(kind))
    return True


def cancel_in(ident: int) -> None:
    """Raise Cancellation in another thread."""
    raise_in(ident, Cancellation)


def spare(ident: int) -> None:
    """Take back what was raised in a thread and has not arrived."""
    import ctypes

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), None)


#: SIGTERM has come: an event loop may meanwhile have made a cancellation of it
terminated = False


#: ends what runs on an event loop, if it is not what runs just now; says whether it did
_ending: Callable[[], bool] | None = None


@contextmanager
def terminable(end: Callable[[], bool] | None = None) -> Iterator[None]:
    """Let SIGTERM raise Terminated on the main thread, where nobody else has a use for it.

    Args:
        end: asked first, for code on an event loop: raised there, it would end the loop and leave
            the code where it is.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    global terminated, _ending
    terminated, _ending = False, end
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        came, terminated, _ending = terminated, False, None
        # An event loop would go on after its task was cancelled, IPython after a SystemExit.
        if came and (end is not None or "IPython" in sys.modules):
            os.kill(os.getpid(), signal.SIGTERM)


def _terminate(number: int, frame: FrameType | None) -> None:
    global terminated
    terminated = True
    held = signal.getsignal(signal.SIGINT)
    if isinstance(held, _HeldBack) and not held.terminated:
        held.terminated = True
        return
    if _ending is None or not _ending():
        raise Terminated


def ending_here() -> Callable[[], bool]:
    """Give what ends the running asyncio task, for `terminable`."""
    import asyncio

    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def end() -> bool:
        if task is None or asyncio.current_task(loop) is task:
            return False
        loop.call_soon_threadsafe(task.cancel)
        return True

    return end


def interrupt_main() -> None:
    """Interrupt the main thread: as Ctrl-C does, so that a blocking call ends too."""
    main = threading.main_thread().ident
    if main is None:
        return
    handler = signal.getsignal(signal.SIGINT)
    while isinstance(handler, _HeldBack):
        handler = handler.before
    if handler is signal.default_int_handler:
        signal.pthread_kill(main, signal.SIGINT)
    else:  # SIGINT means something else here, or is ignored: a background job of a shell
        raise_in(main, Cancellation)
