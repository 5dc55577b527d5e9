"""What `clients.Client` is asked about flow runs, and about what lies inside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from nbflow.model import clock, ids, states
from nbflow.model.backend import Backend, Changes
from nbflow.model.pages import MOST_ROWS, every
from nbflow.model.run_files import Export
from nbflow.model.run_lists import (
    BulkAnswer,
    BulkRequest,
    RunChange,
    RunFilter,
    RunSort,
)
from nbflow.model.run_parts import LogFilter, RunGraph, TaskRunFilter
from nbflow.model.runs import FlowRun, LogEntry, NewFlowRun, TaskRun
from nbflow.model.states import State
from nbflow.model.verdicts import Accept, accepted


class RunCalls:
    """Flow runs, their states, tasks and logs."""

    backend: Backend

    def create_flow_run(self, new: NewFlowRun) -> FlowRun:
        """Create a run. Raises InvalidInput, NotFound, Conflict."""
        return self.backend.create_flow_run(new)

    def create_flow_run_from_deployment(
        self,
        deployment: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        name: str | None = None,
        scheduled_time: datetime | None = None,
        tags: Sequence[str] = (),
        idempotency_key: str | None = None,
        work_queue_name: str | None = None,
        job_variables: Mapping[str, Any] | None = None,
    ) -> FlowRun:
        """Have a deployment (its name or id) run, now or at an instant. Raises NotFound."""
        found = self.backend.read_deployment(deployment)
        due_at = scheduled_time or clock.now()
        new = NewFlowRun(
            flow_name=found.flow_name,
            name=name or ids.run_name(),
            state=states.Scheduled(due_at),
            due_at=due_at,
            deployment_id=found.id,
            parameters=parameters or {},
            tags=tuple(tags),
            idempotency_key=idempotency_key,
            work_queue=work_queue_name,
            job_variables=job_variables or {},
        )
        return self.backend.create_flow_run(new)

    def read_flow_run(self, flow_run_id: str) -> FlowRun:
        """Read a run. Raises NotFound."""
        return self.backend.read_flow_run(flow_run_id)

    def read_flow_runs(
        self,
        where: RunFilter | None = None,
        *,
        sort: RunSort = "-due_at",
        limit: int = MOST_ROWS,
    ) -> list[FlowRun]:
        """List the first runs of an order, at most 200."""
        return list(self.backend.list_flow_runs(where, sort=sort, limit=limit).rows)

    def iter_flow_runs(
        self, where: RunFilter | None = None, *, sort: RunSort = "-due_at"
    ) -> Iterator[FlowRun]:
        """Give every run in an order, read by the page."""
        return every(self.backend.list_flow_runs, where, sort=sort, limit=MOST_ROWS)

    def count_flow_runs(self, where: RunFilter | None = None) -> int:
        """Count runs, up to 10,000."""
        return self.backend.count_flow_runs(where).count

    def update_flow_run(
        self, flow_run_id: str, *, name: str | None = None, tags: Sequence[str] | None = None
    ) -> FlowRun:
        """Edit a run's name or tags. Raises NotFound, InvalidInput."""
        change = RunChange(name, None if tags is None else tuple(tags))
        return self.backend.update_flow_run(flow_run_id, change)

    def set_flow_run_state(self, flow_run_id: str, state: State, *, force: bool = False) -> Accept:
        """Set a run's state; `force`: against the rules. Raises NotFound, TransitionRefused."""
        if force:
            return self.backend.force_state(flow_run_id, state)
        return accepted(self.backend.propose(flow_run_id, state), state)

    def cancel_flow_run(self, flow_run_id: str) -> Accept:
        """Ask a run to stop. Raises NotFound, TransitionRefused (it has ended)."""
        to = states.Cancelling(message="Cancelled by a client.")
        return accepted(self.backend.propose(flow_run_id, to), to)

    def resume_flow_run(
        self, flow_run_id: str, run_input: Mapping[str, Any] | None = None
    ) -> FlowRun:
        """Let a paused run go on. Raises NotFound, Conflict, InvalidInput."""
        return self.backend.resume_flow_run(flow_run_id, run_input)

    def retry_flow_run(self, flow_run_id: str) -> FlowRun:
        """Let an ended run that did not complete be tried again. Raises NotFound, Conflict."""
        return self.backend.retry_flow_run(flow_run_id)

    def delete_flow_run(self, flow_run_id: str) -> None:
        """Delete an ended run and all that belongs to it. Raises NotFound, Conflict."""
        self.backend.delete_flow_run(flow_run_id)

    def change_flow_runs(self, request: BulkRequest) -> BulkAnswer:
        """Cancel, delete, retry or tag several runs, each by itself. Raises InvalidInput."""
        return self.backend.change_flow_runs(request)

    def read_flow_run_states(self, flow_run_id: str) -> list[State]:
        """List the states a run went through, oldest first. Raises NotFound."""
        return list(self.backend.list_states(flow_run_id))

    def read_flow_run_graph(self, flow_run_id: str, *, since: datetime | None = None) -> RunGraph:
        """Give a run as a graph. Raises NotFound."""
        return self.backend.read_run_graph(flow_run_id, since=since)

    def read_flow_run_exports(self, flow_run_id: str) -> list[Export]:
        """List a run's executed notebook and its exports. Raises NotFound."""
        return list(self.backend.list_exports(flow_run_id))

    def read_flow_run_export(self, flow_run_id: str, name: str = "notebook.ipynb") -> bytes:
        """Read a run's executed notebook, or an export such as `notebook.html`. Raises NotFound."""
        return self.backend.read_export(flow_run_id, name)

    def read_changes(self, since: int = 0, *, limit: int = 1000, wait: float = 0.0) -> Changes:
        """Give what was committed after a number; wait at most so many seconds for the first."""
        return self.backend.changes(since, limit=limit, wait=wait)

    def read_task_run(self, task_run_id: str) -> TaskRun:
        """Read a task run. Raises NotFound."""
        return self.backend.read_task_run(task_run_id)

    def read_task_runs(
        self, where: TaskRunFilter | None = None, *, limit: int = MOST_ROWS
    ) -> list[TaskRun]:
        """List the newest task runs, at most 200."""
        return list(self.backend.find_task_runs(where, limit=limit).rows)

    def iter_task_runs(self, where: TaskRunFilter | None = None) -> Iterator[TaskRun]:
        """Give every task run, newest first, read by the page."""
        return every(self.backend.find_task_runs, where, limit=MOST_ROWS)

    def read_logs(
        self, where: LogFilter | None = None, *, limit: int = MOST_ROWS
    ) -> list[LogEntry]:
        """List the first log lines, at most 1,000."""
        return list(self.backend.list_logs(where=where, limit=limit).rows)

    def iter_logs(self, where: LogFilter | None = None) -> Iterator[LogEntry]:
        """Give every log line, oldest first, read by the page."""
        backend = self.backend
        return every(lambda cursor: backend.list_logs(where=where, after=cursor))
