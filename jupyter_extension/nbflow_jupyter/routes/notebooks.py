"""The routes of notebooks read as flows, without running them."""

from __future__ import annotations

from nbflow.model.cell_graph import CellGraph
from nbflow.model.deploying import NotebookInfo
from nbflow.model.import_cells import Checked
from nbflow_jupyter import queries, shapes
from nbflow_jupyter.handlers import checks, deployments
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "notebooks/inspect",
        deployments.Inspect,
        get=Operation("nbflow:notebooks read", NotebookInfo, query=queries.PathQuery),
    ),
    route(
        "notebooks/graph",
        deployments.Graph,
        get=Operation("nbflow:notebooks read", CellGraph, query=queries.GraphQuery),
        post=Operation("nbflow:notebooks read", CellGraph, shapes.GraphRequest),
    ),
    route(
        "notebooks/check",
        checks.Check,
        post=Operation("nbflow:notebooks execute", Checked, shapes.CheckRequest),
    ),
)
