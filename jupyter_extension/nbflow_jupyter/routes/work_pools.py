"""The routes of work pools and their queues."""

from __future__ import annotations

from nbflow.model.deployments import WorkPool
from nbflow_jupyter.handlers import workers
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "work-pools",
        workers.WorkPools,
        get=Operation("nbflow:work-pools read", tuple[WorkPool, ...]),
    ),
)
