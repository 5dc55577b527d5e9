"""What a worker process of `ProcessPoolTaskRunner` does: one call after the other, on its main
thread, so that Ctrl-C and signals reach the code that runs.

It imports nothing of the engine: what it calls comes with each call.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

Entry = Callable[[bytes], bytes]

#: first byte of an answer
ANSWERED, INTERRUPTED, BROKEN = b"=", b"!", b"?"


class _Interrupts:
    """SIGINT ends the call that goes on, and nothing when there is none."""

    def __init__(self) -> None:
        self.calling = False
        signal.signal(signal.SIGINT, self._interrupt)

    def _interrupt(self, *_: object) -> None:
        if self.calling:
            self.calling = False  # once: what the function does to end must not be interrupted
            raise KeyboardInterrupt

    def guarded(self, entry: Entry, parcel: bytes) -> bytes:
        """Give the answer of a call, or the word that it was interrupted."""
        try:
            try:
                self.calling = True
                return ANSWERED + entry(parcel)
            finally:
                self.calling = False
        except KeyboardInterrupt:
            return INTERRUPTED
        except BaseException:
            return BROKEN + traceback.format_exc().encode(errors="backslashreplace")


def serve(entry: Entry, pipe: Connection, lifeline: Connection, initializer: bytes | None) -> None:
    """Say that all is ready, then answer calls, with what `entry` gives, until the pipe closes."""
    interrupts = _Interrupts()
    threading.Thread(target=_leave_with_parent, args=(lifeline,), daemon=True).start()
    with suppress(EOFError, OSError):
        pipe.send_bytes(_initialized(initializer))
        while True:
            pipe.send_bytes(interrupts.guarded(entry, pipe.recv_bytes()))
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _initialized(initializer: bytes | None) -> bytes:
    """Call the initializer; give how that went, as of a call."""
    if initializer is None:
        return ANSWERED
    try:
        call: tuple[Callable[..., Any], tuple[Any, ...]] = pickle.loads(initializer)
        call[0](*call[1])
    except BaseException as error:
        said = f"The initializer raised {type(error).__name__}: {error}"
        return BROKEN + said.encode(errors="backslashreplace")
    return ANSWERED


def _leave_with_parent(lifeline: Connection) -> None:
    """End this process, whatever it does, as soon as nobody holds the other end any more."""
    with suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)
