"""The routes of tokens: those of workers elsewhere, and those of a run's own processes."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.pages import Page
from nbflow.model.tokens import MadeToken, NewToken, Token
from nbflow_jupyter import queries, shapes
from nbflow_jupyter.handlers import tokens
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "tokens",
        tokens.Tokens,
        get=Operation("nbflow:workers read", Page[Token], query=queries.PageQuery),
        post=Operation("nbflow:workers execute", MadeToken, NewToken, status=HTTPStatus.CREATED),
    ),
    route(
        "tokens/{name_or_id}",
        tokens.Token,
        delete=Operation("nbflow:workers execute", Token),
    ),
    route(
        "flow-runs/{flow_run_id}/token",
        tokens.OfRun,
        post=Operation(
            "nbflow:workers execute", MadeToken, shapes.Attempt, status=HTTPStatus.CREATED
        ),
    ),
)
