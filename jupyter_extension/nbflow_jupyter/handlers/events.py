"""Events: listed, counted, followed in order of commits, and emitted by users."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.model.event_log import NewEvents
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.queries import EventCountQuery, EventQuery, FeedQuery


class Events(ApiHandler):
    """All events."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:events")
    async def get(self) -> None:
        """List events in order of time; a page that is not full may have a cursor nevertheless."""
        asked = self.query(EventQuery)
        await self.answer(
            self.backend.list_events,
            asked,
            sort=asked.sort,
            limit=asked.limit,
            cursor=asked.cursor,
        )

    @web.authenticated
    @authorized(action="write", resource="nbflow:events")
    async def post(self) -> None:
        """Emit events; one whose id is known changes nothing.

        One that an enabled automation acts on takes `execute`, too: it makes things run.
        """
        new = self.body(NewEvents)
        trusted = await self.may("execute", "nbflow:events")
        emit = self.backend.emit_events if trusted else self.backend.emit_unheard
        await self.answer(emit, new.events, status=201)


class Count(ApiHandler):
    """How many events there are."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:events")
    async def get(self) -> None:
        """Count events by minute, hour or day (oldest first), name or resource (most first)."""
        asked = self.query(EventCountQuery)
        await self.answer(self.backend.count_events, asked.by, asked)


class Feed(ApiHandler):
    """Events in order of commits."""

    _track_activity = False

    @web.authenticated
    @authorized(action="read", resource="nbflow:events")
    async def get(self) -> None:
        """Give the events of the commits after a number, each state of a task run by itself."""
        asked = self.query(FeedQuery)
        await self.answer(self.backend.view_events, asked.since, limit=asked.limit)
