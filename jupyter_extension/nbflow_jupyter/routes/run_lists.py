"""The routes of flow runs by the many, and of what an operator does to them."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.pages import Count
from nbflow.model.run_lists import (
    Bucket,
    BulkAnswer,
    BulkRequest,
    Lateness,
    MadeFlowRuns,
    NewFlowRuns,
    RunFilter,
)
from nbflow.model.verdicts import Accept
from nbflow_jupyter import queries, shapes
from nbflow_jupyter.handlers import run_lists
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "flow-runs/count",
        run_lists.Count,
        get=Operation("nbflow:runs read", Count, query=RunFilter),
    ),
    route(
        "flow-runs/history",
        run_lists.History,
        get=Operation("nbflow:runs read", tuple[Bucket, ...], query=queries.HistoryQuery),
    ),
    route(
        "flow-runs/lateness",
        run_lists.Lateness,
        get=Operation("nbflow:runs read", Lateness, query=RunFilter),
    ),
    route(
        "flow-runs/create",
        run_lists.Create,
        post=Operation(
            "nbflow:runs execute", MadeFlowRuns, NewFlowRuns, status=HTTPStatus.CREATED, once=True
        ),
    ),
    route(
        "flow-runs/bulk",
        run_lists.Bulk,
        post=Operation("nbflow:runs execute", BulkAnswer, BulkRequest),
    ),
    route(
        "flow-runs/{flow_run_id}/set-state",
        run_lists.SetState,
        post=Operation("nbflow:runs execute", Accept, shapes.StateRequest),
    ),
)
