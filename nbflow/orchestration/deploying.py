"""Deployments made, edited and removed, each with its event."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from nbflow.exceptions import Conflict
from nbflow.model import clock, editing, ids, parameters
from nbflow.model.backend import DeploymentChange
from nbflow.model.deployments import Deployment, NewDeployment, NewSchedule, Schedule
from nbflow.model.events import Event
from nbflow.model.wire import jsonable
from nbflow.store import deployments, events, flow_runs, snapshots, work_pools

_COPIED = (
    "name flow_name path source kernel_name kernel_argv host work_pool parameter_schema parameters "
    "tags description concurrency_limit paused made_by created_by "
    "function options entrypoint work_queue job_variables enforce_parameter_schema retries "
    "retry_delay_seconds crash_retries collision_strategy include files defined_in"
).split()


def deploy(connection: sa.Connection, new: NewDeployment) -> Deployment:
    """Create a deployment, or replace the one of its name. Raises Conflict for another's."""
    existing = deployments.find(connection, new.name)
    if existing is not None and _what(existing) != _what(new) and not new.replace:
        raise Conflict(
            f"The name {new.name!r} already belongs to {_what(existing)}.",
            code="deployment.name_taken",
            field="name",
            hint="Choose another name, or replace it (--replace).",
        )
    now = clock.now()
    made = Deployment(
        id=existing.id if existing else ids.uuid7(),
        snapshot=snapshots.write(new.content),
        created_at=existing.created_at if existing else now,
        updated_at=now,
        **{name: getattr(new, name) for name in _COPIED},
    )
    earlier = existing.schedules if existing else ()
    made = replace(made, schedules=_schedules(made.id, new.schedules, earlier))
    work_pools.ensure(connection, made.work_pool, at=now)
    deployments.save(connection, made)
    emit(connection, made, "updated" if existing else "created")
    return made


def _what(deployment: Deployment | NewDeployment) -> str:
    """Say what is deployed: a notebook, or a flow in it."""
    flow = deployment.function
    return deployment.path if flow is None else f"the flow {flow} of {deployment.path}"


def update(
    connection: sa.Connection,
    name_or_id: str,
    change: DeploymentChange,
    *,
    expected: datetime | None = None,
) -> Deployment:
    """Edit a deployment. Raises NotFound, ParameterError, Stale."""
    found = editing.unchanged(deployments.get(connection, name_or_id), expected)
    given = {k: v for k, v in vars(change).items() if v is not None}
    if "parameters" in given:
        given["parameters"] = parameters.check(
            found.parameter_schema,
            given["parameters"],
            what=found.name,
            partial=not found.schedules,
        )
    made = replace(found, updated_at=clock.now(), **given)
    if found.paused and not made.paused:
        made = replace(made, schedules=tuple(_from_now(s) for s in made.schedules))
    deployments.save(connection, made)
    emit(connection, made, "updated")
    return made


def set_schedule_active(connection: sa.Connection, schedule_id: str, active: bool) -> Deployment:
    """Pause or resume a schedule; a resumed one starts from now."""
    found = deployments.get_schedule(connection, schedule_id)
    if active != found.active:
        resumed = _from_now(found) if active else found
        deployments.save_schedule(connection, replace(resumed, active=active))
    made = deployments.get(connection, found.deployment_id)
    emit(connection, made, "updated")
    return made


def delete(connection: sa.Connection, name_or_id: str) -> None:
    """Delete a deployment with its schedules and waiting runs; past runs stay."""
    found = deployments.get(connection, name_or_id)
    waiting = flow_runs.waiting_ids(connection, found.id)
    flow_runs.delete(connection, waiting)
    now = clock.now()
    gone = [Event("flow-run.deleted", "flow-runs", run_id, now) for run_id in waiting]
    deployments.delete(connection, found.id)
    events.append(connection, [*gone, Event("deployment.deleted", "deployments", found.id, now)])


def emit(connection: sa.Connection, deployment: Deployment, verb: str) -> None:
    """Append the event of a deployment's change."""
    row = jsonable(deployment)
    kind = f"deployment.{verb}"
    events.append(connection, [Event(kind, "deployments", deployment.id, clock.now(), row)])


def _schedules(
    deployment_id: str, new: tuple[NewSchedule, ...], earlier: tuple[Schedule, ...]
) -> tuple[Schedule, ...]:
    """Give the schedules of a deployment; one that keeps its timing keeps its place in time."""
    return tuple(_schedule(deployment_id, item, earlier) for item in new)


def _schedule(deployment_id: str, new: NewSchedule, earlier: tuple[Schedule, ...]) -> Schedule:
    same = next((s for s in earlier if s.timing == new.timing), None)
    now = clock.now()
    made = Schedule(
        id=same.id if same else ids.uuid7(),
        deployment_id=deployment_id,
        timing=new.timing,
        created_at=same.created_at if same else now,
        done_until=same.done_until if same else now,
        next_at=same.next_at if same else None,
        active=new.active,
        catchup=new.catchup,
        overlap=new.overlap,
        parameters=new.parameters,
        slug=new.slug,
        catchup_window_seconds=new.catchup_window_seconds,
        catchup_max=new.catchup_max,
        jitter_seconds=new.jitter_seconds,
        starts_at=new.starts_at,
        ends_at=new.ends_at,
        max_runs=new.max_runs,
        runs_made=same.runs_made if same else 0,
        generation=same.generation if same else 1,
        updated_at=now,
    )
    if same and replace(made, updated_at=same.updated_at) == same:
        return same
    return made if same and same.active else _from_now(made)


def _from_now(schedule: Schedule) -> Schedule:
    """Start a schedule now: what lay before is not made up."""
    now = clock.now()
    upcoming = schedule.timing.next(1, after=now)
    return replace(schedule, done_until=now, next_at=upcoming[0] if upcoming else None)
