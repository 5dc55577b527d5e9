"""Events: what happened, told by users' code, and what was told, listed.

    from nbflow.events import emit_event
    emit_event("shop.order.paid", resource={"nbflow.resource.id": "shop.order.7"})

Emitting waits for nothing. Inside a run an event goes the way of its other records: it survives
that the process is killed, and the run, its flow, deployment, pool and tags are related. Elsewhere
a thread sends it within a moment, and the process's end waits for that.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from nbflow import connect, context, settings
from nbflow.gathering import PerProcess
from nbflow.model import clock
from nbflow.model import events as model
from nbflow.model.event_log import MOST_AT_ONCE, EventFilter, EventSort, checked
from nbflow.model.event_views import EventView
from nbflow.model.ids import uuid7
from nbflow.model.pages import MOST_ROWS, OneOrMore, every
from nbflow.store import spool

__all__ = ["Event", "EventView", "emit_event", "events", "flush"]

_log = logging.getLogger("nbflow.events")

#: events of code outside runs that wait; one more is dropped, and told in the log
MOST_WAITING = 10_000
#: how long a first event waits for others
_PAUSE_SECONDS = 0.02

Event = model.NewEvent


def emit_event(
    event: str,
    resource: Mapping[str, str],
    related: Sequence[Mapping[str, str]] | None = None,
    payload: Mapping[str, Any] | None = None,
    occurred: datetime | None = None,
    id: Any = None,
    follows: Event | EventView | str | None = None,
) -> Event:
    """Tell that something happened, and go on; give the event.

    Args:
        event: what, at most 96 characters, as `shop.order.paid`; not `nbflow.…`.
        resource: labels of what it happened to; `nbflow.resource.id` must be among them.
        related: labels of what it has to do with, each with `nbflow.resource.id` and
            `nbflow.resource.role`. Labels that begin with `prefect.` are taken as nbflow's.
        payload: a JSON object of at most 64 KB; registered secrets in it are masked.
        occurred: when; aware. Now, when left out.
        id: a UUID; a second event of the same id changes nothing.
        follows: the event it comes after, or that one's id.

    Raises InvalidInput naming the field.
    """
    here = context.here()
    run = here or context.ambient()
    inside = run.flow_context.flow_run.id if run else os.environ.get("NBFLOW_FLOW_RUN_ID")
    made = checked(
        Event(
            event,
            _ours(resource),
            tuple(map(_ours, related or ())),
            payload or {},
            occurred or clock.now(),
            str(id or uuid7()),
            follows if isinstance(follows, str) or follows is None else follows.id,
            inside or None,
            here.task_run_id if here else None,
        )
    )
    if not _rate.lets():
        _sender.it.drop()
    elif run is not None:
        run.flow_context.recorder.event(made)
    else:
        _sender.it.put(made)
    return made


def events(
    event: OneOrMore = None,
    *,
    resource: OneOrMore = None,
    related: OneOrMore = None,
    since: datetime | None = None,
    until: datetime | None = None,
    sort: EventSort = "-occurred",
    limit: int | None = 200,
) -> list[EventView]:
    """List events, newest first.

    Args:
        event: names; `*` stands for any characters, `!` before one leaves it out. Of several any.
        resource: ids of what they happened to; related: or have to do with.
        since: at or after this instant; until: before.
        limit: how many at most; None: all.

    Raises InvalidInput.
    """
    where = EventFilter(event, resource, related, since, until)
    at_once = min(limit or MOST_ROWS, MOST_ROWS)
    found = every(connect.connect().list_events, where, sort=sort, limit=at_once)
    return list(islice(found, limit))


def flush() -> None:
    """Send what this process has emitted, as far as the store can be asked."""
    run = context.here() or context.ambient()
    if run is not None:
        run.flow_context.recorder.drain(0.0)
    _sender.it.send()


def _ours(labels: Mapping[str, str]) -> Mapping[str, str]:
    """Give labels whose names are nbflow's where they were Prefect's."""
    if not isinstance(labels, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        return labels
    return {
        f"nbflow.{name[8:]}" if str(name).startswith("prefect.resource.") else name: value
        for name, value in labels.items()
    }


class _Rate:
    """So many events a second as `events_per_second` says; 0: any number."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._second, self._count = 0, 0

    def lets(self) -> bool:
        """Say whether one more may be told now."""
        most = settings.events_per_second
        if not most:
            return True
        with self._lock:
            now = int(clock.monotonic())
            self._count = self._count + 1 if now == self._second else 1
            self._second = now
            return self._count <= most


class _Sender:
    """Events of code outside runs, sent by a thread that is there while there are any."""

    def __init__(self) -> None:
        self._waiting: deque[Event] = deque()
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._timer: threading.Timer | None = None
        self._dropped = 0

    def put(self, event: Event) -> None:
        """Send an event soon."""
        with self._lock:
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(event)
            else:
                self._dropped += 1
            self._start()

    def drop(self) -> None:
        """Count an event that is not sent; the count is told in the log."""
        with self._lock:
            self._dropped += 1
            self._start()

    def _start(self) -> None:
        if self._timer is not None:
            return
        self._timer = threading.Timer(_PAUSE_SECONDS, self.send)
        self._timer.daemon = True
        try:
            self._timer.start()
        except RuntimeError:  # the interpreter is shutting down: `send` is called once more
            pass

    def send(self) -> None:
        """Send what waits, now."""
        with self._sending:
            with self._lock:
                self._timer = None
            while self._waiting:
                batch = list(islice(self._waiting, MOST_AT_ONCE))
                self._deliver(batch)
                for _ in batch:
                    self._waiting.popleft()
            with self._lock:
                dropped, self._dropped = self._dropped, 0
        if dropped:
            _log.warning("%d events were dropped: there were too many at once.", dropped)

    def _deliver(self, batch: list[Event]) -> None:
        try:
            connect.connect().emit_events(batch)
        except spool.OUTAGES as error:
            kept = spool.Spool()
            kept.append([spool.event_entry(event) for event in batch])
            kept.close()
            _log.warning("%d events wait in %s: %s", len(batch), kept.path, error)
        except Exception as error:
            _log.error("%d events were refused: %s", len(batch), error)


_rate = _Rate()
_sender = PerProcess(_Sender)
