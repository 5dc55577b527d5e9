"""`Events` over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbflow.client import event_stream
from nbflow.client.base import OverHttp
from nbflow.model import reading
from nbflow.model.event_log import (
    CountBy,
    Emitted,
    EventCount,
    EventFilter,
    EventSort,
    EventsWanted,
    Meant,
    NewEvents,
    check_backfill,
)
from nbflow.model.event_views import EventView, Views
from nbflow.model.events import NewEvent
from nbflow.model.pages import Page


class HttpEvents(OverHttp):
    """The events of a server."""

    def emit_events(self, new: Sequence[NewEvent]) -> Emitted:
        """Keep users' events; one whose id is known changes nothing."""
        return self._post(Emitted, "events", NewEvents(tuple(new)))

    def list_events(
        self,
        where: EventFilter | None = None,
        *,
        sort: EventSort = "-occurred",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[EventView]:
        """List events."""
        query = {**vars(where or EventFilter()), "sort": sort, "limit": limit, "cursor": cursor}
        return self._get(Page[EventView], "events", query)

    def count_events(self, by: CountBy, where: EventFilter | None = None) -> tuple[EventCount, ...]:
        """Count events by time, name or resource."""
        text = self._ask("GET", "events/count", query={**vars(where or EventFilter()), "by": by})
        return reading.answer(tuple[EventCount, ...], text)

    def view_events(self, since: int, *, limit: int = 200) -> Views:
        """Give the events of at most `limit` commits after a number, in order of commits."""
        return self._get(Views, "events/feed", {"since": since, "limit": limit})

    def follow_events(self, where: EventFilter | None = None) -> Iterator[EventView]:
        """Give events as they are committed, without end, over one websocket."""
        where = where or EventFilter()
        wanted = EventsWanted(where.event, where.resource, where.related, where.since)
        Meant(where)
        check_backfill(where.since)
        authorization = self._client.headers.get("Authorization")
        return event_stream.follow(f"{self.url}events/stream", authorization, wanted)
