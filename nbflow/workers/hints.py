"""When a worker should look again: woken, moved by another process's commit, or in time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from nbflow import settings
from nbflow.exceptions import NbflowError
from nbflow.model import clock

#: how often another process's commits are looked for
_LOOK_SECONDS = 0.05
#: how long one question for news may wait for its answer
_ASK_SECONDS = 20
#: after a question that failed
_PAUSE_SECONDS = 1.0


class Watch(Protocol):
    """Something that can tell that the store has changed."""

    def moved(self) -> bool:
        """Say whether anything was committed since the last question."""
        ...


class Hints:
    """Rests until there may be something to do. A missed hint costs one rest, never a run."""

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch
        self._woken = threading.Event()

    def wake(self) -> None:
        """End the rest now (safe from any thread and from a signal handler)."""
        self._woken.set()

    def rest(self, seconds: float) -> None:
        """Rest at most so long."""
        until = clock.monotonic() + seconds
        while (left := until - clock.monotonic()) > 0:
            step = left if self._watch is None else min(left, _LOOK_SECONDS)
            if self._woken.wait(step) or self._moved():
                break
        self._woken.clear()

    def _moved(self) -> bool:
        return self._watch is not None and self._watch.moved()


class News:
    """Asks a server for news, in a thread: each question is answered when there is some.

    Args:
        ask: gives the number of the latest news after one, waiting at most so many seconds.
        tell: called when there is news.
    """

    def __init__(self, ask: Callable[[int, int], int], tell: Callable[[], None]) -> None:
        self._ask = ask
        self._tell = tell
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="nbflow-news", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; the last question may still be open, which holds up nobody."""
        self._stopping.set()

    def _keep(self) -> None:
        since = 0
        while not self._stopping.is_set():
            began = clock.monotonic()
            try:
                latest = self._ask(since, _ASK_SECONDS)
            except NbflowError:
                self._stopping.wait(min(_PAUSE_SECONDS, settings.heartbeat_seconds))
                continue
            if latest != since:
                since = latest
                self._tell()
            elif clock.monotonic() - began < _PAUSE_SECONDS:  # a server that does not let us wait
                self._stopping.wait(_PAUSE_SECONDS)
