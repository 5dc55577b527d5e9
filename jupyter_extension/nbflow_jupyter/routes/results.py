"""The routes of results."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.pages import Page
from nbflow.model.results import Pruned, ResultRecord
from nbflow_jupyter import queries, shapes
from nbflow_jupyter.handlers import results
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "results",
        results.Results,
        get=Operation("nbflow:results read", Page[ResultRecord], query=queries.ResultQuery),
    ),
    route(
        "results/prune",
        results.Prune,
        post=Operation("nbflow:results write", Pruned, shapes.PruneRequest),
    ),
    route(
        "results/{key}",
        results.Result,
        get=Operation("nbflow:results read", ResultRecord),
        delete=Operation("nbflow:results write", status=HTTPStatus.NO_CONTENT),
    ),
    route(
        "results/{key}/content",
        results.Content,
        get=Operation("nbflow:results read", bytes),
    ),
)
