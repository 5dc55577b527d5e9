"""The routes of variables."""

from __future__ import annotations

from http import HTTPStatus

from nbflow.model.pages import Page
from nbflow.model.variables import NewVariable, Variable, VariableChange
from nbflow_jupyter import queries
from nbflow_jupyter.handlers import variables
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "variables",
        variables.Variables,
        get=Operation("nbflow:variables read", Page[Variable], query=queries.PageQuery),
        post=Operation(
            "nbflow:variables write", Variable, NewVariable, status=HTTPStatus.CREATED, once=True
        ),
    ),
    route(
        "variables/{name}",
        variables.Variable,
        get=Operation("nbflow:variables read", Variable),
        patch=Operation("nbflow:variables write", Variable, VariableChange),
        delete=Operation("nbflow:variables write", status=HTTPStatus.NO_CONTENT),
    ),
)
