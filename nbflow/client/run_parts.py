"""What lies inside runs, over HTTP."""

from __future__ import annotations

from datetime import datetime

from nbflow.client.base import OverHttp, path_of
from nbflow.model.pages import Page
from nbflow.model.run_parts import (
    MOST_LINES,
    LogFilter,
    LogSort,
    RunGraph,
    TaskRunFilter,
    TimeSort,
)
from nbflow.model.runs import LogEntry, TaskRun


class HttpRunParts(OverHttp):
    """What lies inside a server's runs."""

    def list_logs(
        self,
        flow_run_id: str | None = None,
        *,
        where: LogFilter | None = None,
        sort: LogSort = "at",
        limit: int = MOST_LINES,
        after: str | None = None,
    ) -> Page[LogEntry]:
        """List log lines, oldest first."""
        said = vars(where or LogFilter())
        query = {**said, "level": said["level"] or None, "sort": sort, "limit": limit}
        path = "logs"
        if flow_run_id is not None:
            path = path_of("flow-runs", flow_run_id, "logs")
            del query["flow_run_id"]
        return self._get(Page[LogEntry], path, {**query, "after": after})

    def find_task_runs(
        self,
        where: TaskRunFilter | None = None,
        *,
        sort: TimeSort = "-created_at",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[TaskRun]:
        """List task runs of any flow runs, newest first."""
        query = {**vars(where or TaskRunFilter()), "sort": sort, "limit": limit, "cursor": cursor}
        return self._get(Page[TaskRun], "task-runs", query)

    def read_run_graph(self, flow_run_id: str, *, since: datetime | None = None) -> RunGraph:
        """Give a run's latest attempt as a graph."""
        return self._get(RunGraph, path_of("flow-runs", flow_run_id, "graph"), {"since": since})
