"""The routes of changes, asked for or streamed."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.changes import Changes
from nbflow_jupyter import queries
from nbflow_jupyter.handlers import changes
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "changes",
        changes.Changes,
        get=Operation("nbflow:events read", Changes, query=queries.ChangeQuery),
    ),
    route(
        "changes/stream",
        changes.Stream,
        get=Operation("nbflow:events read", status=HTTPStatus.SWITCHING_PROTOCOLS),
    ),
)
