"""The bus: committed events, in order, to subscribers of this process.

Commits of this process wake it at once, those of others when the store tells. Both are hints: the
truth is `events after seq`, looked at every few seconds in any case.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from nbflow.exceptions import NbflowError
from nbflow.model.events import Event
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store.hints import Hints

_log = logging.getLogger("nbflow.services")
#: the longest rest
_LOOK_SECONDS = 5.0
#: the shortest: a hundred commits are then ten looks; who waited for a change is told at once
_PACE_SECONDS = 0.01
_BATCH = 1000

#: what a subscriber gets: the seq it is at, the seq it will be at, the events between
Deliver = Callable[[int, int, tuple[Event, ...]], None]


class Bus:
    """Follows the event table from now on and tells subscribers, in a thread of its own."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator
        self.seq = orchestrator.seq()
        #: called in the bus's thread after every look, whether or not there were events
        self.looked: list[Callable[[], None]] = []
        self._subscribers: list[Deliver] = []
        self._hints = Hints(orchestrator.watch())
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="nbflow-bus", daemon=True)
        orchestrator.listeners.append(self._hints.wake)

    def subscribe(self, deliver: Deliver) -> Callable[[], None]:
        """Deliver events to a function, called in the bus's thread; gives how to stop."""
        self._subscribers.append(deliver)
        return lambda: self._subscribers.remove(deliver)

    def start(self) -> None:
        """Start following."""
        self._thread.start()

    def stop(self) -> None:
        """Stop following."""
        self._ended.set()
        self._hints.wake()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def run_once(self) -> int:
        """Deliver what was committed since the last look; give how many events."""
        delivered = 0
        while True:
            found = self.orchestrator.changes(self.seq, limit=_BATCH)
            if found.seq > self.seq:
                before, self.seq = self.seq, found.seq
                delivered += len(found.events)
                for deliver in tuple(self._subscribers):
                    deliver(before, found.seq, found.events)
            if len(found.events) < _BATCH:
                return delivered

    def _loop(self) -> None:
        while not self._ended.is_set():
            try:
                self._hints.rest(_LOOK_SECONDS)
                self.run_once()
                for look in self.looked:
                    look()
                self._ended.wait(_PACE_SECONDS)
            except NbflowError as error:
                _log.warning("the bus could not read events: %s", error)
        self._hints.close()
