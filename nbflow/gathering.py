"""What is gathered in a process and sent a little later: a fork or an end loses nothing of it."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Sends(Protocol):
    """Something that holds what is to be sent."""

    def send(self) -> None:
        """Send what waits, now."""
        ...


S = TypeVar("S", bound=Sends)


class PerProcess(Generic[S]):
    """One gatherer a process, `it`. A fork begins with an empty one: what waits is the parent's.

    What it holds when the process ends is sent.
    """

    def __init__(self, make: Callable[[], S]) -> None:
        self._make = make
        self.it = make()
        os.register_at_fork(after_in_child=self._begin_again)
        atexit.register(self._send_last)

    def _begin_again(self) -> None:
        self.it = self._make()

    def _send_last(self) -> None:
        self.it.send()
