"""The routes of flows."""

from __future__ import annotations

from nbflow.model.pages import Page
from nbflow.model.run_lists import FlowSummary
from nbflow_jupyter import queries
from nbflow_jupyter.handlers import flows
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "flows",
        flows.Flows,
        get=Operation("nbflow:runs read", Page[FlowSummary], query=queries.FlowQuery),
    ),
    route("flows/{name}", flows.Flow, get=Operation("nbflow:runs read", FlowSummary)),
)
