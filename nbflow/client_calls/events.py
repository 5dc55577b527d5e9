"""What `clients.Client` is asked about events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from nbflow.model.backend import Backend
from nbflow.model.event_log import CountBy, Emitted, EventCount, EventFilter, EventSort
from nbflow.model.event_views import EventView
from nbflow.model.events import NewEvent
from nbflow.model.pages import MOST_ROWS, every


class EventCalls:
    """Events: emitted, listed, counted and followed."""

    backend: Backend

    def emit_events(self, new: Sequence[NewEvent]) -> Emitted:
        """Keep at most 1000 events; one whose id is known changes nothing. Raises InvalidInput."""
        return self.backend.emit_events(new)

    def read_events(
        self,
        where: EventFilter | None = None,
        *,
        sort: EventSort = "-occurred",
        limit: int = MOST_ROWS,
    ) -> list[EventView]:
        """List the first events of an order. Raises InvalidInput."""
        return list(islice(self.iter_events(where, sort=sort), limit))

    def iter_events(
        self, where: EventFilter | None = None, *, sort: EventSort = "-occurred"
    ) -> Iterator[EventView]:
        """Give every event in an order, read by the page. Raises InvalidInput."""
        return every(self.backend.list_events, where, sort=sort, limit=MOST_ROWS)

    def count_events(self, by: CountBy, where: EventFilter | None = None) -> list[EventCount]:
        """Count events by minute, hour or day (oldest first), name or resource (most first)."""
        return list(self.backend.count_events(by, where))

    def follow_events(self, where: EventFilter | None = None) -> Iterator[EventView]:
        """Give events as they are committed, without end; `since`: at most 15 minutes ago.

        Raises InvalidInput, Unreachable.
        """
        return self.backend.follow_events(where)
