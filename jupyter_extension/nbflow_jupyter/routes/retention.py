"""The route of retention."""

from __future__ import annotations

from nbflow.model.retention import Removed
from nbflow_jupyter import shapes
from nbflow_jupyter.handlers import retention
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "retention/prune",
        retention.Prune,
        post=Operation("nbflow:runs write", tuple[Removed, ...], shapes.RetentionRequest),
    ),
)
