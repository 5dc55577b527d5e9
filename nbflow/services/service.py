"""A chore in a loop: its own thread, woken early by a hint, slowed down while the store is away."""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from typing import Protocol

from nbflow.exceptions import NbflowError
from nbflow.model import clock

_log = logging.getLogger("nbflow.services")

#: the longest pause after repeated trouble, and the longest one for ease, seconds
_SLOWEST, _LONGEST_EASE = 10.0, 0.25


class Chore(Protocol):
    """What a loop does. `run_once` gives how many seconds it may rest."""

    name: str

    def run_once(self, now: datetime) -> float:
        """Do what is due now; give how long to rest unless woken."""
        ...


class Service:
    """A chore running in a thread of its own.

    Args:
        ease: it pauses so many times as long as it worked, whoever wakes it. What comes in a flood
            is then done together, and the other threads of the process get their turns.
    """

    def __init__(self, chore: Chore, *, ease: float = 0.0) -> None:
        self.chore = chore
        self._ease = ease
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"nbflow-{chore.name}", daemon=True)

    def start(self) -> None:
        """Start the loop."""
        self._thread.start()

    def wake(self) -> None:
        """Do not rest any longer: something may be due."""
        self._wake.set()

    def stop(self, timeout: float = 5.0) -> None:
        """End the loop and wait for it, at most `timeout` seconds."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _loop(self) -> None:
        trouble = 0
        while not self._stop.is_set():
            self._wake.clear()
            began = clock.monotonic()
            try:
                rest = self.chore.run_once(clock.now())
                trouble = 0
            except NbflowError as error:
                trouble += 1
                rest = min(0.2 * 2**trouble, _SLOWEST)
                _log.warning("%s pauses %.1f s: %s", self.chore.name, rest, error)
            except Exception:
                trouble += 1
                rest = min(0.2 * 2**trouble, _SLOWEST)
                _log.exception("%s failed; it goes on in %.1f s", self.chore.name, rest)
            eased = min(self._ease * (clock.monotonic() - began), _LONGEST_EASE)
            if not self._stop.wait(eased):
                self._wake.wait(max(rest - eased, 0.0))
