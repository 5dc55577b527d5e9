"""When a worker should look again: woken, moved by another process's commit, or in time."""

from __future__ import annotations

import threading
from typing import Protocol

from nbflow.model import clock

#: how often another process's commits are looked for, seconds
_LOOK_SECONDS = 0.05


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
            if self._woken.wait(min(left, _LOOK_SECONDS)) or self._moved():
                break
        self._woken.clear()

    def _moved(self) -> bool:
        return self._watch is not None and self._watch.moved()
