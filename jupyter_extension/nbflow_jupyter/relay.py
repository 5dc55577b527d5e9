"""From the bus to the browsers: committed events, at most ten messages a second, each row once.

The bus calls in a thread of its own; everything else here happens on the event loop, save reading
the task runs that somebody watches: their events hold ids only. What a browser is told is decided
by its `Stream` (in `handlers.changes`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import replace
from typing import Any, Protocol

from nbflow.model.events import Event
from nbflow_jupyter.bus import JupyterBus

#: the longest a committed event waits for others
COALESCE_SECONDS = 0.1

#: reads task runs off the event loop, as the stream shows them
Read = Callable[[list[str]], Awaitable[list[dict[str, Any]]]]


class Listener(Protocol):
    """Somebody who is told of changes, on the event loop."""

    @property
    def watched(self) -> Collection[str]:
        """Give the runs whose task runs it wants to hear of."""
        ...

    def tell(self, to: int, events: tuple[Event, ...]) -> None:
        """Take in the events up to a sequence number, oldest first."""
        ...


class Relay:
    """Gathers what the bus delivers and tells every listener."""

    def __init__(self, bus: JupyterBus, log: logging.Logger, *, read: Read) -> None:
        self._read = read
        self._loop = asyncio.get_running_loop()
        self._bus = bus
        self._log = log
        self._listeners: set[Listener] = set()
        self._held: list[Event] = []
        self._to = 0
        self._told_at = 0.0
        self._waiting: asyncio.TimerHandle | None = None
        self._telling: asyncio.Task[None] | None = None

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
        self._bus.close()
        if self._waiting is not None:
            self._waiting.cancel()
        if self._telling is not None:
            self._telling.cancel()

    def _take(self, to: int, events: tuple[Event, ...]) -> None:
        self._held.extend(events)
        self._to = to
        self._tell_soon()

    def _tell_soon(self) -> None:
        if self._waiting is None and self._telling is None and self._held:
            at = max(self._loop.time(), self._told_at + COALESCE_SECONDS)
            self._waiting = self._loop.call_at(at, self._begin)

    def _begin(self) -> None:
        held, self._held, self._waiting = self._held, [], None
        self._told_at = self._loop.time()
        self._telling = self._loop.create_task(self._tell(self._to, held))
        self._telling.add_done_callback(self._told)

    def _told(self, telling: asyncio.Task[None]) -> None:
        self._telling = None
        if not telling.cancelled() and (error := telling.exception()) is not None:
            self._log.error("nbflow could not tell of changes", exc_info=error)
        self._tell_soon()

    async def _tell(self, to: int, held: list[Event]) -> None:
        if self._listeners:
            events = await self._filled(coalesced(held))
            for listener in tuple(self._listeners):
                listener.tell(to, events)
        self._bus.take(held)

    async def _filled(self, events: tuple[Event, ...]) -> tuple[Event, ...]:
        """Put the task runs that somebody watches in the place of their ids."""
        watched = {run for listener in self._listeners for run in listener.watched}
        mine = [e for e in events if e.noun == "task-runs" and e.resource_id in watched]
        if not mine:
            return events
        try:
            rows = await self._read([task for event in mine for task in event.row["ids"]])
        except Exception as error:  # they come with the next change, or when the page asks again
            self._log.warning("nbflow could not read task runs: %s", error)
            rows = []
        by_run: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            by_run.setdefault(row["flow_run_id"], []).append(row)
        filled = {e.seq: {"task_runs": by_run.get(e.resource_id, [])} for e in mine}
        return tuple(replace(e, row=filled.get(e.seq, e.row)) for e in events)


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
    return {"ids": list(dict.fromkeys([*earlier["ids"], *later["ids"]]))}
