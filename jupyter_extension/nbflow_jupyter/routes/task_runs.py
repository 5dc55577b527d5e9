"""The routes of task runs."""

from __future__ import annotations

from nbflow.model.runs import TaskRun
from nbflow_jupyter.handlers import flow_runs
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "task-runs/{task_run_id}",
        flow_runs.OneTaskRun,
        get=Operation("nbflow:runs read", TaskRun),
    ),
)
