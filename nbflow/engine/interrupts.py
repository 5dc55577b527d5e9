"""Ctrl-C and the main thread: interrupting the code there, and holding back while a write is made.

Python raises KeyboardInterrupt between any two instructions of the main thread, so also in the
middle of a transaction. Threads other than the main one are never interrupted.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
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

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.waiting and callable(self.before):
            self.before(number, frame)
        self.waiting = True


@contextmanager
def held_back() -> Iterator[None]:
    """Let Ctrl-C wait until the code inside has ended; pressed twice, it does not wait."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    handler = _HeldBack(before)
    try:
        signal.signal(signal.SIGINT, handler)
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if handler.waiting:
        before(signal.SIGINT, None)


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
        import ctypes

        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(main), ctypes.py_object(Cancellation)
        )
