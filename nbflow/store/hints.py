"""When to look at the store again: woken, moved by another's commit, or in time.

Where the system tells that something is being written, nobody looks before; what is written counts
a moment later, so from then on it is looked often for a while. Elsewhere it is looked often always.
"""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from typing import Protocol

from nbflow.model import clock

#: how often commits are looked for where nothing tells of them
_LOOK_SECONDS = 0.05
#: and after a sign: soon first, then as often, for so long
_FIRST_LOOK_SECONDS = 0.005
_ALERT_SECONDS = 0.5


class Watch(Protocol):
    """Tells that another connection committed: a hint, never the truth."""

    @property
    def descriptor(self) -> int | None:
        """Give what can be read from once `moved` may have something to tell; None: ask often."""
        ...

    def moved(self) -> bool:
        """Say whether anything was committed since the last question."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class Hints:
    """The rests of one thread, until there may be something to do.

    A missed hint costs one rest, never a run.
    """

    def __init__(self, watch: Watch | None) -> None:
        self._watch = watch
        self._ear, self._bell = socket.socketpair()
        for end in (self._ear, self._bell):
            end.setblocking(False)
        self._rung = False
        self._alert_until = 0.0
        self._step = _LOOK_SECONDS

    def wake(self) -> None:
        """End the rest now (safe from any thread and from a signal handler)."""
        if not self._rung:
            self._rung = True
            with suppress(OSError):  # it is closed
                self._bell.send(b"\0")

    def rest(self, seconds: float) -> bool:
        """Rest at most so long; say whether a hint ended it."""
        until = clock.monotonic() + seconds
        while (left := until - clock.monotonic()) > 0:
            if self._hinted(left):
                return True
        return self._heard(0.0)

    def close(self) -> None:
        """Let go of the store."""
        self._bell.close()
        self._ear.close()
        if self._watch is not None:
            self._watch.close()

    def _hinted(self, left: float) -> bool:
        """Wait for one sign, or one step."""
        watch = self._watch
        if watch is None:
            return self._heard(left)
        sign = None if clock.monotonic() < self._alert_until else watch.descriptor
        if sign is not None:
            woken = self._heard(left, sign)
            if not woken and clock.monotonic() >= self._alert_until:
                return False
        else:
            woken = self._heard(min(left, self._step))
            self._step = min(2 * self._step, _LOOK_SECONDS)
        return watch.moved() or woken

    def _heard(self, seconds: float, sign: int | None = None) -> bool:
        """Wait for a word, or a sign; say whether it was a word."""
        poller = select.poll()  # select() takes no descriptor above 1023
        poller.register(self._ear, select.POLLIN)
        if sign is not None:
            poller.register(sign, select.POLLIN)
        ready = {descriptor for descriptor, _ in poller.poll(seconds * 1000)}
        if sign in ready:
            self._alert_until = clock.monotonic() + _ALERT_SECONDS
            self._step = _FIRST_LOOK_SECONDS
        if self._ear.fileno() not in ready:
            return False
        self._ear.recv(64)
        self._rung = False  # now: whoever wakes before this is heard by the look that follows
        return True
