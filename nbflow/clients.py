"""`get_client`: what is stored, by Prefect's names: typed, over the store or over a server.

`Client` is the body; its every method is one call of the port (`model.backend`), whose own names
are all at `client.backend`. `AsyncClient` has the same methods, each to be awaited: the same body,
driven in a thread, so that an event loop goes on meanwhile. Shapes are the model's dataclasses.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, cast, overload

from nbflow.block_calls import BlockCalls
from nbflow.connect import connect
from nbflow.exceptions import NotFound
from nbflow.model import clock, ids, states
from nbflow.model.artifacts import Artifact, ArtifactFilter
from nbflow.model.automations import (
    Automation,
    AutomationChange,
    Firing,
    NewAutomation,
    Standing,
    TestAsked,
    Tested,
)
from nbflow.model.backend import Backend, Changes
from nbflow.model.deployments import Deployment, DeploymentChange, Schedule
from nbflow.model.limits import ConcurrencyLimit
from nbflow.model.pages import MOST_ROWS, every
from nbflow.model.run_files import Export
from nbflow.model.run_lists import (
    BulkAnswer,
    BulkRequest,
    FlowSummary,
    RunChange,
    RunFilter,
    RunSort,
)
from nbflow.model.run_parts import LogFilter, RunGraph, TaskRunFilter
from nbflow.model.runs import FlowRun, LogEntry, NewFlowRun, TaskRun
from nbflow.model.scheduling import ScheduleFilter
from nbflow.model.states import State
from nbflow.model.variables import NewVariable, Variable, VariableChange
from nbflow.model.verdicts import Accept, accepted
from nbflow.model.work_pools import WorkPool, WorkQueue
from nbflow.model.workers import Worker

P = ParamSpec("P")
R = TypeVar("R")
Row = TypeVar("Row")


class Client(BlockCalls):
    """What is stored, read and changed. Threads may share it.

    Attributes:
        backend: the port itself: every noun and verb, under nbflow's own names.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *raised: object) -> None:
        """Keep what is open: it is this process's, and others use it."""

    async def __aenter__(self) -> AsyncClient:
        return AsyncClient(self)

    async def __aexit__(self, *raised: object) -> None:
        """Keep what is open, likewise."""

    # -- flow runs ----------------------------------------------------------------------------
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

    # -- what lies inside runs ----------------------------------------------------------------
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

    # -- flows and deployments ----------------------------------------------------------------
    def read_flows(self, search: str | None = None, *, limit: int = MOST_ROWS) -> list[FlowSummary]:
        """List flows by name, at most 200."""
        return list(self.backend.list_flows(search, limit=limit).rows)

    def read_flow_by_name(self, name: str) -> FlowSummary:
        """Read a flow. Raises NotFound."""
        return self.backend.read_flow(name)

    def read_deployment(self, deployment_id: str) -> Deployment:
        """Read a deployment. Raises NotFound."""
        return self.backend.read_deployment(deployment_id)

    def read_deployment_by_name(self, name: str) -> Deployment:
        """Read a deployment by its name. Raises NotFound."""
        return self.backend.read_deployment(name)

    def read_deployments(self) -> list[Deployment]:
        """List deployments by name."""
        return list(every(self.backend.list_deployments))

    def update_deployment(self, name_or_id: str, change: DeploymentChange) -> Deployment:
        """Edit a deployment. Raises NotFound, InvalidInput, Conflict."""
        return self.backend.update_deployment(name_or_id, change)

    def pause_deployment(self, name_or_id: str) -> Deployment:
        """Stop a deployment's schedules. Raises NotFound."""
        return self.backend.update_deployment(name_or_id, DeploymentChange(paused=True))

    def resume_deployment(self, name_or_id: str) -> Deployment:
        """Let a deployment's schedules go on, from now. Raises NotFound."""
        return self.backend.update_deployment(name_or_id, DeploymentChange(paused=False))

    def delete_deployment(self, name_or_id: str) -> None:
        """Delete a deployment, its schedules and its waiting runs. Raises NotFound."""
        self.backend.delete_deployment(name_or_id)

    def read_schedules(self, where: ScheduleFilter | None = None) -> list[Schedule]:
        """List schedules."""
        return list(every(self.backend.list_schedules, where))

    # -- where runs are executed --------------------------------------------------------------
    def read_work_pool(self, name: str) -> WorkPool:
        """Read a work pool. Raises NotFound."""
        return self.backend.read_work_pool(name)

    def read_work_pools(self) -> list[WorkPool]:
        """List work pools by name."""
        return list(every(self.backend.list_work_pools))

    def read_work_queues(self, work_pool_name: str | None = None) -> list[WorkQueue]:
        """List the work queues of a pool, or of all."""
        return list(every(self.backend.list_work_queues, work_pool_name))

    def read_workers(self) -> list[Worker]:
        """List workers that have not stopped, newest first."""
        return list(every(self.backend.list_workers))

    def read_concurrency_limits(self) -> list[ConcurrencyLimit]:
        """List concurrency limits."""
        return list(every(self.backend.list_limits))

    # -- automations --------------------------------------------------------------------------
    def create_automation(self, new: NewAutomation) -> Automation:
        """Make an automation. Raises InvalidInput, Conflict."""
        return self.backend.create_automation(new)

    def read_automations(self) -> list[Automation]:
        """List automations by name."""
        return list(every(self.backend.list_automations))

    def read_automation(self, name_or_id: str) -> Automation:
        """Read an automation by name or id. Raises NotFound."""
        return self.backend.read_automation(name_or_id)

    def update_automation(self, name_or_id: str, change: AutomationChange) -> Automation:
        """Edit an automation. Raises NotFound, InvalidInput."""
        return self.backend.update_automation(name_or_id, change)

    def pause_automation(self, name_or_id: str) -> Automation:
        """Pause an automation. Raises NotFound."""
        return self.backend.update_automation(name_or_id, AutomationChange(enabled=False))

    def resume_automation(self, name_or_id: str) -> Automation:
        """Let an automation work again, counting from now. Raises NotFound."""
        return self.backend.update_automation(name_or_id, AutomationChange(enabled=True))

    def delete_automation(self, name_or_id: str) -> None:
        """Delete an automation. Raises NotFound."""
        self.backend.delete_automation(name_or_id)

    def read_automation_firings(self, name_or_id: str, limit: int = 200) -> list[Firing]:
        """List an automation's newest firings with their actions. Raises NotFound."""
        return list(self.backend.list_firings(name_or_id, limit=limit).rows)

    def read_automation_standing(self, name_or_id: str) -> Standing:
        """Say what an automation saw and how far it is. Raises NotFound."""
        return self.backend.read_standing(name_or_id)

    def test_automation(self, asked: TestAsked) -> Tested:
        """Try an automation on past events; nothing is done. Raises InvalidInput, NotFound."""
        return self.backend.test_automation(asked)

    # -- artifacts and variables --------------------------------------------------------------
    def read_artifact(self, key_or_id: str) -> Artifact:
        """Read an artifact by id, or the newest of a key. Raises NotFound."""
        return self.backend.read_artifact(key_or_id)

    def read_artifacts(
        self, where: ArtifactFilter | None = None, *, limit: int = MOST_ROWS
    ) -> list[Artifact]:
        """List the newest artifacts, at most 200."""
        return list(self.backend.list_artifacts(where, limit=limit).rows)

    def iter_artifacts(self, where: ArtifactFilter | None = None) -> Iterator[Artifact]:
        """Give every artifact, newest first, read by the page."""
        return every(self.backend.list_artifacts, where)

    def delete_artifact(self, key_or_id: str) -> int:
        """Delete an artifact, or every version of a key; give how many. Raises NotFound."""
        return self.backend.delete_artifact(key_or_id)

    def read_variables(self) -> list[Variable]:
        """List variables by name."""
        return list(every(self.backend.list_variables))

    def read_variable_by_name(self, name: str) -> Variable | None:
        """Read a variable; None: there is none of that name."""
        try:
            return self.backend.read_variable(name)
        except NotFound:
            return None

    def set_variable(self, new: NewVariable) -> Variable:
        """Set a variable. Raises Conflict: it is there, and `overwrite` was not said."""
        return self.backend.set_variable(new)

    def update_variable(self, name: str, change: VariableChange) -> Variable:
        """Edit a variable. Raises NotFound, InvalidInput."""
        return self.backend.update_variable(name, change)

    def delete_variable_by_name(self, name: str) -> None:
        """Delete a variable. Raises NotFound."""
        self.backend.delete_variable(name)


# -- the second driver ------------------------------------------------------------------------
def _twin(
    method: Callable[Concatenate[Client, P], R],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, R]]:
    """Give a method's twin that is awaited."""

    @wraps(method)
    async def awaited(self: AsyncClient, *args: P.args, **named: P.kwargs) -> R:
        return await asyncio.to_thread(method, self.client, *args, **named)

    return awaited


def _stream(
    method: Callable[Concatenate[Client, P], Iterator[Row]],
) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[Row]]:
    """Give the twin of a method that reads by the page, for `async for`."""

    @wraps(method)
    async def streamed(self: AsyncClient, *args: P.args, **named: P.kwargs) -> AsyncIterator[Row]:
        rows = method(self.client, *args, **named)
        end = object()
        while (row := await asyncio.to_thread(next, rows, end)) is not end:
            yield cast("Row", row)

    return streamed


class AsyncClient:
    """The same, to be awaited."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *raised: object) -> None:
        """Keep what is open: it is this process's, and others use it."""

    async def call(self, act: Callable[[Backend], R]) -> R:
        """Call the port under its own names: `await client.call(lambda b: b.list_tokens())`."""
        return await asyncio.to_thread(act, self.client.backend)

    create_flow_run = _twin(Client.create_flow_run)
    create_flow_run_from_deployment = _twin(Client.create_flow_run_from_deployment)
    read_flow_run = _twin(Client.read_flow_run)
    read_flow_runs = _twin(Client.read_flow_runs)
    iter_flow_runs = _stream(Client.iter_flow_runs)
    count_flow_runs = _twin(Client.count_flow_runs)
    update_flow_run = _twin(Client.update_flow_run)
    set_flow_run_state = _twin(Client.set_flow_run_state)
    cancel_flow_run = _twin(Client.cancel_flow_run)
    resume_flow_run = _twin(Client.resume_flow_run)
    retry_flow_run = _twin(Client.retry_flow_run)
    delete_flow_run = _twin(Client.delete_flow_run)
    change_flow_runs = _twin(Client.change_flow_runs)
    read_flow_run_states = _twin(Client.read_flow_run_states)
    read_flow_run_graph = _twin(Client.read_flow_run_graph)
    read_flow_run_exports = _twin(Client.read_flow_run_exports)
    read_flow_run_export = _twin(Client.read_flow_run_export)
    read_changes = _twin(Client.read_changes)
    read_task_run = _twin(Client.read_task_run)
    read_task_runs = _twin(Client.read_task_runs)
    iter_task_runs = _stream(Client.iter_task_runs)
    read_logs = _twin(Client.read_logs)
    iter_logs = _stream(Client.iter_logs)
    read_flows = _twin(Client.read_flows)
    read_flow_by_name = _twin(Client.read_flow_by_name)
    read_deployment = _twin(Client.read_deployment)
    read_deployment_by_name = _twin(Client.read_deployment_by_name)
    read_deployments = _twin(Client.read_deployments)
    update_deployment = _twin(Client.update_deployment)
    pause_deployment = _twin(Client.pause_deployment)
    resume_deployment = _twin(Client.resume_deployment)
    delete_deployment = _twin(Client.delete_deployment)
    read_schedules = _twin(Client.read_schedules)
    read_work_pool = _twin(Client.read_work_pool)
    read_work_pools = _twin(Client.read_work_pools)
    read_work_queues = _twin(Client.read_work_queues)
    read_workers = _twin(Client.read_workers)
    read_concurrency_limits = _twin(Client.read_concurrency_limits)
    read_artifact = _twin(Client.read_artifact)
    read_artifacts = _twin(Client.read_artifacts)
    iter_artifacts = _stream(Client.iter_artifacts)
    delete_artifact = _twin(Client.delete_artifact)
    create_automation = _twin(Client.create_automation)
    read_automations = _twin(Client.read_automations)
    read_automation = _twin(Client.read_automation)
    update_automation = _twin(Client.update_automation)
    pause_automation = _twin(Client.pause_automation)
    resume_automation = _twin(Client.resume_automation)
    delete_automation = _twin(Client.delete_automation)
    read_automation_firings = _twin(Client.read_automation_firings)
    read_automation_standing = _twin(Client.read_automation_standing)
    test_automation = _twin(Client.test_automation)
    create_block_type = _twin(Client.create_block_type)
    read_block_types = _twin(Client.read_block_types)
    read_block_type_by_slug = _twin(Client.read_block_type_by_slug)
    update_block_type = _twin(Client.update_block_type)
    delete_block_type = _twin(Client.delete_block_type)
    create_block_schema = _twin(Client.create_block_schema)
    read_block_schemas = _twin(Client.read_block_schemas)
    create_block_document = _twin(Client.create_block_document)
    read_block_documents = _twin(Client.read_block_documents)
    read_block_document = _twin(Client.read_block_document)
    read_block_document_by_name = _twin(Client.read_block_document_by_name)
    open_block_document = _twin(Client.open_block_document)
    update_block_document = _twin(Client.update_block_document)
    delete_block_document = _twin(Client.delete_block_document)
    read_variables = _twin(Client.read_variables)
    read_variable_by_name = _twin(Client.read_variable_by_name)
    set_variable = _twin(Client.set_variable)
    update_variable = _twin(Client.update_variable)
    delete_variable_by_name = _twin(Client.delete_variable_by_name)


@overload
def get_client(sync_client: Literal[True] = True) -> Client: ...
@overload
def get_client(sync_client: Literal[False]) -> AsyncClient: ...
def get_client(sync_client: bool = True) -> Client | AsyncClient:
    """Give a client of the store, or of the server that NBFLOW_API_URL names.

    `with get_client() as client:` calls plainly, and so does `client = get_client()`;
    `async with get_client() as client:`, or `sync_client=False`, gives one whose calls are awaited.
    Raises SchemaMismatch, StoreBusy, Unreachable.
    """
    client = Client(connect())
    return client if sync_client else AsyncClient(client)
