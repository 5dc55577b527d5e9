"""The routes of what lies inside runs."""

from __future__ import annotations

from nbflow.model.pages import Page
from nbflow.model.run_parts import RunGraph
from nbflow.model.runs import LogEntry, TaskRun
from nbflow_jupyter import queries
from nbflow_jupyter.handlers import run_parts
from nbflow_jupyter.operation import Operation, route

ROUTES = (
    route(
        "task-runs",
        run_parts.TaskRuns,
        get=Operation("nbflow:runs read", Page[TaskRun], query=queries.TaskRunQuery),
    ),
    route(
        "flow-runs/{flow_run_id}/graph",
        run_parts.Graph,
        get=Operation("nbflow:runs read", RunGraph, query=queries.RunGraphQuery),
    ),
    route(
        "logs",
        run_parts.AllLogs,
        get=Operation("nbflow:logs read", Page[LogEntry], query=queries.LogQuery),
    ),
    route(
        "flow-runs/{flow_run_id}/logs",
        run_parts.Logs,
        get=Operation("nbflow:logs read", Page[LogEntry], query=queries.LogQuery),
    ),
    route(
        "flow-runs/{flow_run_id}/logs/download",
        run_parts.Download,
        get=Operation("nbflow:logs read", bytes, query=queries.LogDownload),
    ),
)
