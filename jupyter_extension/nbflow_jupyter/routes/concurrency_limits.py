"""The routes of concurrency limits and their slots."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.limits import ConcurrencyLimit, Grant, LimitChange, NewLimit, SlotRequest
from nbflow.model.pages import Page
from nbflow_jupyter import queries, shapes
from nbflow_jupyter.handlers import limits
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "concurrency-limits",
        limits.Limits,
        get=Operation(
            "nbflow:concurrency-limits read", Page[ConcurrencyLimit], query=queries.PageQuery
        ),
        post=Operation(
            "nbflow:concurrency-limits write",
            ConcurrencyLimit,
            NewLimit,
            status=HTTPStatus.CREATED,
            once=True,
        ),
    ),
    route(
        "concurrency-limits/{name_or_id}",
        limits.Limit,
        get=Operation("nbflow:concurrency-limits read", ConcurrencyLimit),
        patch=Operation("nbflow:concurrency-limits write", ConcurrencyLimit, LimitChange),
        delete=Operation("nbflow:concurrency-limits write", status=HTTPStatus.NO_CONTENT),
    ),
    route(
        "concurrency-limits/{name_or_id}/reset",
        limits.Reset,
        post=Operation("nbflow:concurrency-limits write", ConcurrencyLimit),
    ),
    route(
        "concurrency-limits/tags/active",
        limits.TagLimits,
        get=Operation("nbflow:concurrency-limits read", tuple[str, ...]),
    ),
    route(
        "concurrency-limits/slots/acquire",
        limits.Acquire,
        post=Operation("nbflow:runs execute", Grant, SlotRequest),
    ),
    route(
        "concurrency-limits/slots/release",
        limits.Release,
        post=Operation("nbflow:runs execute", tuple[str, ...], shapes.SlotRequests),
    ),
    route(
        "concurrency-limits/slots/renew",
        limits.Renew,
        post=Operation("nbflow:runs execute", tuple[str, ...], shapes.SlotRequests),
    ),
    route(
        "concurrency-limits/slots/settled",
        limits.Settled,
        post=Operation("nbflow:runs execute", tuple[str, ...], shapes.SlotRequests),
    ),
)
