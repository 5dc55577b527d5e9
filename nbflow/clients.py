"""`get_client`: what is stored, by Prefect's names: typed, over the store or over a server.

`Client` is the body (`client_calls`, noun by noun); its every method is one call of the port
(`model.backend`), whose own names are all at `client.backend`. `AsyncClient` has the same methods,
each to be awaited: the same body, driven in a thread, so that an event loop goes on meanwhile.
Shapes are the model's dataclasses; those that calls are given are here as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from functools import partial, wraps
from threading import Thread
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, cast, overload

from nbflow.client_calls.automations import AutomationCalls
from nbflow.client_calls.blocks import BlockCalls
from nbflow.client_calls.deployments import DeploymentCalls
from nbflow.client_calls.events import EventCalls
from nbflow.client_calls.kept import KeptCalls
from nbflow.client_calls.runs import RunCalls
from nbflow.connect import connect
from nbflow.model.artifacts import ArtifactFilter
from nbflow.model.automations import AutomationChange, NewAutomation, TestAsked
from nbflow.model.backend import Backend
from nbflow.model.deployments import DeploymentChange
from nbflow.model.event_log import EventFilter
from nbflow.model.run_lists import BulkRequest, RunChange, RunFilter
from nbflow.model.run_parts import LogFilter, TaskRunFilter
from nbflow.model.runs import NewFlowRun
from nbflow.model.scheduling import ScheduleFilter
from nbflow.model.variables import NewVariable, VariableChange

__all__ = [
    "ArtifactFilter",
    "AsyncClient",
    "AutomationChange",
    "BulkRequest",
    "Client",
    "DeploymentChange",
    "EventFilter",
    "LogFilter",
    "NewAutomation",
    "NewFlowRun",
    "NewVariable",
    "RunChange",
    "RunFilter",
    "ScheduleFilter",
    "TaskRunFilter",
    "TestAsked",
    "VariableChange",
    "get_client",
]

P = ParamSpec("P")
R = TypeVar("R")
Row = TypeVar("Row")


class Client(RunCalls, DeploymentCalls, AutomationCalls, EventCalls, BlockCalls, KeptCalls):
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


def _followed(
    method: Callable[Concatenate[Client, P], Iterator[Row]],
) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[Row]]:
    """Give the twin of a method whose next row may never come: who leaves waits for none."""

    @wraps(method)
    async def followed(self: AsyncClient, *args: P.args, **named: P.kwargs) -> AsyncIterator[Row]:
        rows = await asyncio.to_thread(method, self.client, *args, **named)
        while True:
            told: asyncio.Future[Row] = asyncio.get_running_loop().create_future()
            Thread(target=_tell_next, args=(rows, told), daemon=True).start()
            yield await told

    return followed


def _tell_next(rows: Iterator[Row], told: asyncio.Future[Row]) -> None:
    """Tell a loop of the next row, in a thread that nobody waits for."""
    tell: Callable[[], object]
    try:
        tell = partial(told.set_result, next(rows))
    except Exception as error:
        tell = partial(told.set_exception, error)
    with suppress(RuntimeError):  # the loop has ended
        told.get_loop().call_soon_threadsafe(lambda: told.done() or tell())


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
    emit_events = _twin(Client.emit_events)
    read_events = _twin(Client.read_events)
    iter_events = _stream(Client.iter_events)
    count_events = _twin(Client.count_events)
    follow_events = _followed(Client.follow_events)
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
