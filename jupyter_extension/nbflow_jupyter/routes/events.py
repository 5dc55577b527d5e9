"""The routes of events."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.event_log import Emitted, EventCount, NewEvents
from nbflow.model.event_views import EventView, Views
from nbflow.model.pages import Page
from nbflow_jupyter import queries
from nbflow_jupyter.handlers import event_stream, events
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "events",
        events.Events,
        get=Operation("nbflow:events read", Page[EventView], query=queries.EventQuery),
        post=Operation(
            "nbflow:events write",
            Emitted,
            NewEvents,
            status=HTTPStatus.CREATED,
            once=True,
            besides="execute",
        ),
    ),
    route(
        "events/count",
        events.Count,
        get=Operation("nbflow:events read", tuple[EventCount, ...], query=queries.EventCountQuery),
    ),
    route(
        "events/feed",
        events.Feed,
        get=Operation("nbflow:events read", Views, query=queries.FeedQuery),
    ),
    route(
        "events/stream",
        event_stream.EventStream,
        get=Operation("nbflow:events read", status=HTTPStatus.SWITCHING_PROTOCOLS),
    ),
)
