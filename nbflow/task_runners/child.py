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

#: what comes before an answer
ANSWERED, INTERRUPTED, BROKEN = b"=", b"!", b"?"
Answer = tuple[bytes, bytes]


class _Interrupts:
    """SIGINT ends the call that goes on, and nothing when there is none."""

    def __init__(self) -> None:
        self.calling = False
        signal.signal(signal.SIGINT, self._interrupt)

    def _interrupt(self, *_: object) -> None:
        if self.calling:
            self.calling = False  # once: what the function does to end must not be interrupted
            raise KeyboardInterrupt

    def guarded(self, entry: Callable[[bytes], bytes], parcel: bytes) -> Answer:
        """Give the answer of a call, or the word that it was interrupted."""
        try:
            try:
                self.calling = True
                return ANSWERED, entry(parcel)
            finally:
                self.calling = False
        except KeyboardInterrupt:
            return INTERRUPTED, b""
        except BaseException:
            return BROKEN, traceback.format_exc().encode(errors="backslashreplace")


def serve(pipe: Connection, lifeline: Connection, initializer: bytes | None) -> None:
    """Answer calls until told to leave, or until the parent is gone."""
    interrupts = _Interrupts()
    threading.Thread(target=_leave_with_parent, args=(lifeline,), daemon=True).start()
    problem = _initialized(initializer)
    with suppress(EOFError, OSError):  # the parent is gone
        while head := pipe.recv_bytes():
            entry: Callable[[bytes], bytes] = pickle.loads(head)
            parcel = pipe.recv_bytes()
            kind, answer = (BROKEN, problem) if problem else interrupts.guarded(entry, parcel)
            pipe.send_bytes(kind)
            pipe.send_bytes(answer)
            del parcel, answer  # they must not live until the next call comes
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _initialized(initializer: bytes | None) -> bytes:
    """Call the initializer; give what went wrong."""
    if initializer is None:
        return b""
    try:
        call: tuple[Callable[..., Any], tuple[Any, ...]] = pickle.loads(initializer)
        call[0](*call[1])
    except BaseException as error:
        said = f"The initializer raised {type(error).__name__}: {error}"
        return said.encode(errors="backslashreplace")
    return b""


def _leave_with_parent(lifeline: Connection) -> None:
    """End this process, whatever it does, as soon as nobody holds the other end any more."""
    with suppress(EOFError, OSError):
        lifeline.recv_bytes()
    os._exit(1)
