"""What lies inside runs, over SQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from nbflow.model import clock, run_parts
from nbflow.model.pages import Page, check_limit
from nbflow.model.run_lists import RunFilter
from nbflow.model.run_parts import (
    MOST_LINES,
    LogFilter,
    LogSort,
    RunGraph,
    TaskRunFilter,
    TimeSort,
)
from nbflow.model.runs import LogEntry, TaskRun
from nbflow.model.wire import JsonText
from nbflow.orchestration.base import OverSql
from nbflow.store import flow_runs, logs, run_lists, task_runs

_MOST_CHILDREN = 1000


class SqlRunParts(OverSql):
    """The part of the Orchestrator that answers for what lies inside runs."""

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
        check_limit(limit, MOST_LINES)
        asked = where or LogFilter()
        run_parts.check({"flow_run_id": asked.flow_run_id, "task_run_id": asked.task_run_id})
        with self.database.read() as connection:
            if flow_run_id is not None:
                flow_runs.get(connection, flow_run_id)
                asked = replace(asked, flow_run_id=flow_run_id)
            return logs.page(connection, asked, sort=sort, limit=limit, after=after)

    def find_task_runs(
        self,
        where: TaskRunFilter | None = None,
        *,
        sort: TimeSort = "-created_at",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[TaskRun]:
        """List task runs of any flow runs, newest first."""
        check_limit(limit)
        asked = where or TaskRunFilter()
        run_parts.check(
            {name: getattr(asked, name) for name in ("flow_run_id", "id", "key", "name", "tags")}
        )
        with self.database.read() as connection:
            return task_runs.page(connection, asked, sort=sort, limit=limit, cursor=cursor)

    def tell_task_runs(self, flow_run_id: str) -> JsonText:
        """Give a run's task runs as JSON text, as its page is told of them; not of the port."""
        with self.database.read() as connection:
            texts = task_runs.texts(connection, flow_run_id)
        return JsonText(f"[{','.join(texts)}]")

    def read_run_graph(self, flow_run_id: str, *, since: datetime | None = None) -> RunGraph:
        """Give a run's latest attempt as a graph."""
        at = clock.now()  # before the rows: what changes meanwhile is told again
        called = RunFilter(parent_flow_run_id=flow_run_id, sessions=True)
        with self.database.read() as connection:
            run = flow_runs.get(connection, flow_run_id)
            tasks = task_runs.of_flow_run(connection, flow_run_id)
            children = run_lists.page(
                connection, called, sort="due_at", limit=_MOST_CHILDREN, cursor=None
            )
        return run_parts.graph_of(run, tasks, children.rows, at=at, since=since)
