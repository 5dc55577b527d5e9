"""The routes of backfills."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.backfills import Backfill, Backfilled, NewBackfill
from nbflow.model.pages import Page
from nbflow_jupyter.handlers import backfills
from nbflow_jupyter.operation import Operation, route
from nbflow_jupyter.queries import BackfillQuery

ROUTES = (
    route(
        "backfills",
        backfills.Backfills,
        get=Operation("nbflow:backfills read", Page[Backfill], query=BackfillQuery),
        post=Operation(
            "nbflow:backfills execute",
            Backfilled,
            NewBackfill,
            status=HTTPStatus.CREATED,
            once=True,
        ),
    ),
    route(
        "backfills/plan",
        backfills.Plan,
        post=Operation("nbflow:backfills read", Backfilled, NewBackfill),
    ),
    route(
        "backfills/{backfill_id}",
        backfills.Backfill,
        get=Operation("nbflow:backfills read", Backfill),
    ),
    route(
        "backfills/{backfill_id}/cancel",
        backfills.Cancel,
        post=Operation("nbflow:backfills execute", Backfill),
    ),
)
