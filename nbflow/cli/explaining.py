"""Why a run that is due and has a worker is not given to it: the limits of deployment and pool."""

from __future__ import annotations

from collections.abc import Sequence

from nbflow.exceptions import NotFound
from nbflow.model.backend import Backend, RunFilter
from nbflow.model.deployments import Deployment
from nbflow.model.runs import FlowRun
from nbflow.model.states import LIVE, StateType

_MOST_NAMED = 5
_LIVE = tuple(kind.value for kind in LIVE)
_WAITING = (StateType.SCHEDULED.value,)


def place(backend: Backend, run: FlowRun) -> str | None:
    """Say what a due run waits for, who has it, and where in line it stands; None: nothing."""
    try:
        deployment = backend.read_deployment(run.deployment_id) if run.deployment_id else None
    except NotFound:
        deployment = None
    found = None if deployment is None else _of_deployment(backend, run, deployment)
    return found or _of_pool(backend, run)


def _of_deployment(backend: Backend, run: FlowRun, deployment: Deployment) -> str | None:
    live = _busy(backend, RunFilter(state=_LIVE, deployment_id=deployment.id))
    waiting = _runs(backend, RunFilter(state=_WAITING, deployment_id=deployment.id))
    limit = deployment.concurrency_limit
    if limit is not None and len(live) >= limit:
        what = f"one of the {limit} places of the deployment {deployment.name!r}"
        return f"{what}{_held(live)}{_in_line(run, waiting)}"
    schedule = next((s for s in deployment.schedules if s.id == run.schedule_id), None)
    before = [one for one in live if one.schedule_id]
    if schedule is not None and schedule.overlap != "allow" and before:
        scheduled = [one for one in waiting if one.schedule_id]
        return f"the scheduled run before it to end{_held(before)}{_in_line(run, scheduled)}"
    return None


def _of_pool(backend: Backend, run: FlowRun) -> str | None:
    pool = next((p for p in backend.list_work_pools() if p.name == run.work_pool), None)
    if pool is None:
        return None
    if pool.paused:
        return f"the pool {pool.name!r}, which is paused"
    if pool.concurrency_limit is None:
        return None
    live = [r for r in _busy(backend, RunFilter(state=_LIVE)) if r.work_pool == pool.name]
    if len(live) < pool.concurrency_limit:
        return None
    waiting = [r for r in _runs(backend, RunFilter(state=_WAITING)) if r.work_pool == pool.name]
    what = f"one of the {pool.concurrency_limit} places of the pool {pool.name!r}"
    return f"{what}{_held(live)}{_in_line(run, waiting)}"


def _busy(backend: Backend, where: RunFilter) -> list[FlowRun]:
    """List runs that a process is at work on: they are what a limit counts."""
    return [run for run in _runs(backend, where) if run.lease_until is not None]


def _runs(backend: Backend, where: RunFilter) -> list[FlowRun]:
    found: list[FlowRun] = []
    cursor: str | None = None
    while True:
        page = backend.list_flow_runs(where, limit=200, cursor=cursor)
        found += page.rows
        cursor = page.cursor
        if cursor is None:
            return found


def _held(live: Sequence[FlowRun]) -> str:
    named = ", ".join(one.name for one in live[:_MOST_NAMED])
    more = f" and {len(live) - _MOST_NAMED} more" if len(live) > _MOST_NAMED else ""
    return f", held by {named}{more}" if live else ""


def _in_line(run: FlowRun, waiting: Sequence[FlowRun]) -> str:
    """Say how many are due before it: the oldest goes first."""
    before = sum((one.due_at, one.id) < (run.due_at, run.id) for one in waiting if one.due_at)
    return f"; number {before + 1} in line"
