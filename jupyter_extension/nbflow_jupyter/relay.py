"""From the bus to the browsers: committed events, at most ten messages a second, each row once.

The bus calls in a thread of its own; everything else here happens on the event loop. What a
browser is told is decided by its `Stream` (in `handlers.changes`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from jupyter_events import EventLogger

from nbflow.model.events import Event

#: the longest a committed event waits for others
COALESCE_SECONDS = 0.1

RUN_EVENTS = "urn:nbflow:flow-run:v1"
RUN_SCHEMA = Path(__file__).parent / "events" / "run.yaml"


class Listener(Protocol):
    """Somebody who is told of changes, on the event loop."""

    def tell(self, to: int, events: tuple[Event, ...]) -> None:
        """Take in the events up to a sequence number, oldest first."""
        ...


class Relay:
    """Gathers what the bus delivers and tells every listener."""

    def __init__(self, event_logger: EventLogger, log: logging.Logger) -> None:
        self._loop = asyncio.get_running_loop()
        self._event_logger = event_logger
        self._log = log
        self._listeners: set[Listener] = set()
        self._held: list[Event] = []
        self._to = 0
        self._told_at = 0.0
        self._waiting: asyncio.TimerHandle | None = None

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell a listener from now on; gives how to stop."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def deliver(self, _from: int, to: int, events: tuple[Event, ...]) -> None:
        """Take events from the bus, in the bus's thread."""
        self._loop.call_soon_threadsafe(self._take, to, events)

    def close(self) -> None:
        """Tell nobody any more."""
        self._listeners.clear()
        if self._waiting is not None:
            self._waiting.cancel()

    def _take(self, to: int, events: tuple[Event, ...]) -> None:
        self._held.extend(events)
        self._to = to
        if self._waiting is None:
            at = max(self._loop.time(), self._told_at + COALESCE_SECONDS)
            self._waiting = self._loop.call_at(at, self._tell)

    def _tell(self) -> None:
        held, self._held, self._waiting = self._held, [], None
        self._told_at = self._loop.time()
        events = coalesced(held)
        for listener in tuple(self._listeners):
            listener.tell(self._to, events)
        for event in held:
            if event.noun == "flow-runs" and event.row:
                self._emit(event)

    def _emit(self, event: Event) -> None:
        """Tell Jupyter's own event bus of a run's new state; costs nothing while nobody listens."""
        try:
            self._event_logger.emit(schema_id=RUN_EVENTS, data=run_event(event))
        except Exception:
            self._log.exception("nbflow could not emit an event")


def coalesced(events: Iterable[Event]) -> tuple[Event, ...]:
    """Give the events without those that a later one of the same row makes superfluous.

    Task runs are recorded as those that changed, so theirs are merged by id.
    """
    last: dict[tuple[str, str], Event] = {}
    for event in events:
        place = (event.noun, event.resource_id)
        earlier = last.pop(place, None)  # so that the order is that of the last ones
        if earlier is not None and event.noun == "task-runs":
            event = replace(event, row=_merged(earlier.row, event.row))
        last[place] = event
    return tuple(last.values())


def _merged(earlier: Any, later: Any) -> dict[str, Any]:
    runs = {run["id"]: run for row in (earlier, later) for run in row.get("task_runs", ())}
    return {"task_runs": list(runs.values())}


def run_event(event: Event) -> dict[str, Any]:
    """Give a flow run's event in the words of `events/run.yaml`."""
    row = event.row
    return {
        "flow_run_id": row["id"],
        "name": row["name"],
        "flow_name": row["flow_name"],
        "deployment_id": row["deployment_id"],
        "state_type": row["state"]["type"],
        "state_name": row["state"]["name"],
        "at": row["state"]["at"],
    }
