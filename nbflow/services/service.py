"""A chore in a loop: its own thread, woken early by a hint, slowed down while the store is away."""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from typing import Protocol

from nbflow.exceptions import NbflowError
from nbflow.model import clock

_log = logging.getLogger("nbflow.services")

#: the longest pause after repeated trouble, seconds
_SLOWEST = 10.0


class Chore(Protocol):
    """What a loop does. `run_once` gives how many seconds it may rest."""

    name: str

    def run_once(self, now: datetime) -> float:
        """Do what is due now; give how long to rest unless woken."""
        ...


class Service:
    """A chore running in a thread of its own."""

    def __init__(self, chore: Chore) -> None:
        self.chore = chore
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name=f"nbflow-{chore.name}", daemon=True)

    def start(self) -> None:
        """Start the loop."""
        self._thread.start()

    def wake(self) -> None:
        """Do not rest any longer: something may be due."""
        self._wake.set()

    def stop(self, timeout: float = 5.0) -> None:
        """End the loop and wait for it, at most `timeout` seconds."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _loop(self) -> None:
        trouble = 0
        while not self._stopping:
            self._wake.clear()
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
            if not self._stopping:
                self._wake.wait(rest)
