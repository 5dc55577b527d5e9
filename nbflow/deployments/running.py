"""Having a deployment run by a worker, and waiting for it: `run_deployment` and its `a…` twin.

Inside a flow the run is a child: a task run stands for it there, futures among its parameters draw
edges, cancelling the flow cancels it, and a later attempt of the flow finds it again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Generator, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from nbflow import connect, context
from nbflow.connect import Rests
from nbflow.context import FlowRunContext
from nbflow.engine import resolve
from nbflow.engine.tracking import Tracking
from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import clock, ids, names, parameters, states
from nbflow.model.backend import Backend
from nbflow.model.deployments import Deployment
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.states import State
from nbflow.store.spool import OUTAGES
from nbflow.workers import presence

_log = logging.getLogger("nbflow")

#: how often a server is asked; a store on this machine tells of changes by itself
POLL_SECONDS = 5.0
#: how long is waited for the task run of a child to be in the store
_RECORDED_SECONDS = 2.0
#: the pools of which was said that nobody serves them
_said: set[str] = set()


def run_deployment(
    name: str,
    parameters: Mapping[str, Any] | None = None,
    scheduled_time: datetime | None = None,
    flow_run_name: str | None = None,
    timeout: float | None = None,
    poll_interval: float = POLL_SECONDS,
    tags: Iterable[str] | None = None,
    idempotency_key: str | None = None,
    work_queue_name: str | None = None,
    as_subflow: bool = True,
    job_variables: Mapping[str, Any] | None = None,
) -> FlowRun:
    """Have a deployment run, and wait for its end; give the run, whatever it came to.

    Args:
        name: the deployment's name (also `FLOW/NAME`) or id.
        parameters: laid over the deployment's own; futures are waited for.
        scheduled_time: when it is due; now when left out. Aware, or in UTC.
        flow_run_name: made up when left out.
        timeout: seconds to wait; None: until it has ended, 0: not at all. The run as it then is
            is given, and goes on; the task run that stands for it inside a flow follows it.
        poll_interval: seconds between two looks, where a change is not told of by itself.
        tags: of the run, beside the deployment's.
        idempotency_key: a second run of the same key is the first.
        work_queue_name: the deployment's own when left out.
        as_subflow: inside a flow: make it a child run.
        job_variables: laid over the deployment's.

    Raises NotFound, ParameterError, InvalidInput, Conflict, before anything is made; never because
    of how the run ended.
    """
    call = DeploymentCall(
        name, parameters, scheduled_time, flow_run_name, tags, idempotency_key, work_queue_name,
        as_subflow, job_variables,
    )  # fmt: skip
    run = call.begin()
    if run.state.is_final():
        return run
    return connect.wait_out(call.waiting(run, timeout, poll_interval), call.pause)


async def arun_deployment(
    name: str,
    parameters: Mapping[str, Any] | None = None,
    scheduled_time: datetime | None = None,
    flow_run_name: str | None = None,
    timeout: float | None = None,  # noqa: ASYNC109 (of the wait alone: the run goes on)
    poll_interval: float = POLL_SECONDS,
    tags: Iterable[str] | None = None,
    idempotency_key: str | None = None,
    work_queue_name: str | None = None,
    as_subflow: bool = True,
    job_variables: Mapping[str, Any] | None = None,
) -> FlowRun:
    """Have a deployment run, and await its end (as `run_deployment`)."""
    import asyncio

    call = DeploymentCall(
        name, parameters, scheduled_time, flow_run_name, tags, idempotency_key, work_queue_name,
        as_subflow, job_variables,
    )  # fmt: skip
    run = await asyncio.to_thread(call.begin)
    if run.state.is_final():
        return run
    return await connect.await_out(call.waiting(run, timeout, poll_interval), call.check)


class DeploymentCall:
    """One call of `run_deployment`: a run made, and waited for."""

    def __init__(
        self,
        name: str,
        values: Mapping[str, Any] | None,
        due_at: datetime | None,
        run_name: str | None,
        tags: Iterable[str] | None,
        key: str | None,
        work_queue: str | None,
        as_subflow: bool,
        job_variables: Mapping[str, Any] | None,
    ) -> None:
        self._name = name
        self._values = dict(values or {})
        self._due_at = _aware(due_at)
        self._said: dict[str, Any] = (
            {} if run_name is None else {"name": names.check_name(run_name)}
        )
        self._said |= {"idempotency_key": key, "job_variables": dict(job_variables or {})}
        if work_queue is not None:
            self._said["work_queue"] = names.check_name(work_queue, field="work_queue_name")
        self._tags = {*names.check_tags(tuple(tags or ())), *context.current_tags()}
        around = context.here() if as_subflow else None
        self._inside: FlowRunContext | None = around and around.flow_context
        self._inputs = resolve.inputs((), self._values)
        self._tracking: Tracking | None = None

    def begin(self) -> FlowRun:
        """Make the run; give instead the one that an earlier attempt of the flow around made."""
        inside = self._inside
        if inside is not None:
            inside.hold.check()
            if inside.hold.halted:
                inside.hold.go_on()
        resolve.wait(self._inputs, f"Deployment {self._name}")
        _, values = resolve.values((), self._values)
        backend = connect.connect()
        deployment = find(backend, self._name)
        new = self._new(deployment, values)
        if inside is not None:
            there = self._as_child(inside, new)
            if there is not None:
                return there
            assert self._tracking is not None
            # In the store before the child is: it follows the child's states there from now on.
            inside.recorder.drain(_RECORDED_SECONDS)
            new = _child(new, inside.flow_run.id, self._tracking.run.id)
        run = backend.create_flow_run(new)
        if self._tracking is not None:
            self._tracking.adopt(run)
            self._tracking.enter(State(run.state.type, run.state.name))
        _tell_who_is_missing(backend, deployment.work_pool)
        return run

    def _new(self, deployment: Deployment, values: Mapping[str, Any]) -> NewFlowRun:
        due_at = self._due_at or clock.now()
        merged = {**deployment.parameters, **values}
        return NewFlowRun(
            flow_name=deployment.flow_name,
            state=states.Scheduled(due_at),
            due_at=due_at,
            deployment_id=deployment.id,
            parameters=parameters.check(deployment.taken, merged, what=deployment.name),
            tags=tuple(sorted(self._tags)),
            created_by="code",
            **self._said,
        )

    def _as_child(self, inside: FlowRunContext, new: NewFlowRun) -> FlowRun | None:
        """Open the task run that stands for the run; give the run that was made before, if any."""
        self._tracking = Tracking(inside, new, resolve.task_run_ids(self._inputs))
        reused = self._tracking.reused(lambda run: run)
        if reused is not None:
            return reused.result()
        return self._tracking.unfinished()

    def waiting(
        self, run: FlowRun, timeout: float | None, poll_interval: float
    ) -> Generator[float, None, FlowRun]:
        """Wait as pauses, in seconds, until the run has ended or the time is over; give the run."""
        until = None if timeout is None else clock.monotonic() + max(timeout, 0.0)
        backend = connect.connect()
        rests = Rests(backend, max(poll_interval, 0.05))
        try:
            while not run.state.is_final():
                for seconds in rests.rest():
                    left = None if until is None else until - clock.monotonic()
                    if left is not None and left <= 0:
                        return run
                    yield seconds if left is None else min(seconds, left)
                try:
                    run = backend.read_flow_run(run.id)
                except OUTAGES:  # it goes on; who cannot be asked now is asked again
                    continue
                if self._tracking is not None:
                    self._tracking.enter(run.state)
            return run
        finally:
            rests.close()
            if run.state.is_final() and self._inside is not None and self._inside.tally is not None:
                self._inside.tally.ended(run.id, run.state)

    def pause(self, seconds: float) -> None:
        """Wait on this thread; raise Cancellation if the run around must stop."""
        if self._inside is not None:
            self._inside.hold.pause(seconds)
        else:
            threading.Event().wait(seconds)

    def check(self) -> None:
        """Raise Cancellation if the run around must stop."""
        if self._inside is not None:
            self._inside.hold.check()


def find(backend: Backend, name: str) -> Deployment:
    """Give the deployment of a name, an id, or `FLOW/NAME`. Raises NotFound."""
    flow, slash, plain = str(name).rpartition("/")
    found = backend.read_deployment(plain)
    if slash and flow != found.flow_name:
        raise NotFound(
            f"The deployment {plain!r} is of the flow {found.flow_name!r}, not of {flow!r}.",
            field="name",
        )
    return found


def _child(new: NewFlowRun, parent: str, task_run: str) -> NewFlowRun:
    from dataclasses import replace

    return replace(new, id=ids.uuid7(), parent_flow_run_id=parent, parent_task_run_id=task_run)


def _aware(at: datetime | None) -> datetime | None:
    if at is None or isinstance(at, datetime):
        return at if at is None or at.tzinfo is not None else at.replace(tzinfo=UTC)
    raise InvalidInput(
        f"scheduled_time is {names.shown(at)}, not a datetime.", field="scheduled_time"
    )


def _tell_who_is_missing(backend: Backend, work_pool: str) -> None:
    """Say once of each pool that nobody is there to run what waits in it."""
    if work_pool in _said:
        return
    absent = presence.missing(backend, work_pool, scheduled=False)
    if absent is not None:
        _said.add(work_pool)
        _log.warning("%s", absent)
