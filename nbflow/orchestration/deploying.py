"""Deployments made, edited and removed, each with its event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import Conflict, InvalidInput
from nbflow.model import clock, deployment_fields, editing, ids, job_variables, names, parameters
from nbflow.model.deployments import Deployment, DeploymentChange, NewDeployment
from nbflow.model.events import Event, parting
from nbflow.model.wire import jsonable
from nbflow.model.work_pools import template_of
from nbflow.orchestration import removing, schedules, versioning
from nbflow.store import blocks, deployments, events, flow_runs, variables, work_pools

_COPIED = (
    "name flow_name path source kernel_name kernel_argv host work_pool parameter_schema parameters "
    "tags description concurrency_limit paused made_by created_by "
    "function options entrypoint work_queue job_variables enforce_parameter_schema retries "
    "retry_delay_seconds crash_retries collision_strategy include files defined_in"
).split()


def deploy(connection: sa.Connection, new: NewDeployment, *, snapshot: str) -> Deployment:
    """Create a deployment, or replace the one of its name. Raises Conflict for another's."""
    existing = deployments.find(connection, new.name)
    if existing is None:
        _check_no_twin(connection, new.name)
    elif not new.replace:
        _check_same(existing, new)
        _check_maker(existing, new.made_by)
    now = clock.now()
    made = Deployment(
        id=existing.id if existing else ids.uuid7(),
        snapshot=snapshot,
        created_at=existing.created_at if existing else now,
        updated_at=_later(existing, now),
        **{name: getattr(new, name) for name in _COPIED},
    )
    earlier = existing.schedules if existing else ()
    kept = schedules.redeployed(connection, made.id, new.schedules, earlier)
    return _save(connection, existing, replace(made, schedules=kept), note=new.note)


def _save(
    connection: sa.Connection, before: Deployment | None, made: Deployment, *, note: str = ""
) -> Deployment:
    """Keep a deployment under its version's number, and tell of it."""
    pool = work_pools.ensure(connection, made.work_pool, at=made.updated_at)
    work_pools.ensure_queues(connection, pool.name, [made.work_queue], at=made.updated_at)
    job_variables.check(template_of(pool), made.job_variables, partial=True)
    _check_named(connection, made.job_variables)
    made, version = versioning.versioned(connection, before, made)
    deployments.save(connection, made)
    versioning.keep(connection, version, note)
    told = "created" if before is None else editing.verb(before.paused, made.paused)
    emit(connection, made, told)
    return made


def _check_named(connection: sa.Connection, said: Mapping[str, Any]) -> None:
    """Refuse placeholders of variables and blocks that are not there. Raises InvalidInput."""
    for name in sorted(job_variables.stored_names(said)):
        if variables.find(connection, name) is None:
            hint = f"Set it first: `nbflow variable set {name} VALUE`."
            raise _unknown(f"There is no variable {names.shown(name)}", hint)
    for label in sorted(job_variables.block_names(said)):
        slug, _, name = label.partition("/")
        if blocks.find(connection, slug, name) is None:
            hint = "Save it first; `nbflow block ls` lists those that are there."
            raise _unknown(f"There is no block {names.shown(label)}", hint)


def _unknown(message: str, hint: str) -> InvalidInput:
    return InvalidInput(
        f"{message}, which job_variables name.",
        code="job_variables.unknown_name",
        field="job_variables",
        hint=hint,
    )


def _later(before: Deployment | None, now: datetime) -> datetime:
    """Give an instant later than the last edit: it is the version that editors compare."""
    tick = timedelta(microseconds=1)
    return now if before is None else max(now, before.updated_at + tick)


def _check_no_twin(connection: sa.Connection, name: str) -> None:
    """Refuse a name that looks like another's: capitals and ways to write a letter apart."""
    other = names.twin(name, deployments.every_name(connection))
    if other is not None:
        raise Conflict(
            f"There is a deployment {other!r}; names differ by more than capitals.",
            code="deployment.name_taken",
            field="name",
            hint=f"Say {other!r}, or choose another name.",
        )


def _check_same(existing: Deployment, new: NewDeployment) -> None:
    if _what(existing) != _what(new):
        raise Conflict(
            f"The name {new.name!r} already belongs to {_what(existing)}.",
            code="deployment.name_taken",
            field="name",
            hint="Choose another name, or replace it (--replace).",
        )


def _check_maker(existing: Deployment, made_by: str) -> None:
    """Refuse to change what was made another way: that would be undone there, or lost."""
    if existing.made_by == made_by:
        return
    where = f" ({existing.defined_in})" if existing.defined_in else ""
    raise Conflict(
        f"The deployment {existing.name!r} was made by {existing.made_by}{where}; this would "
        f"change it by {made_by}.",
        code="deployment.made_by",
        field="made_by",
        hint=f"Change it by {existing.made_by}, or take it over: replace=true (--replace).",
    )


def _what(deployment: Deployment | NewDeployment) -> str:
    """Say what is deployed: a notebook, or a flow in it, in a script or in a module."""
    flow = deployment.entrypoint or deployment.function
    return deployment.path if flow is None else f"the flow {flow} of {deployment.path}"


def update(
    connection: sa.Connection,
    name_or_id: str,
    change: DeploymentChange,
    *,
    expected: datetime | None = None,
) -> Deployment:
    """Edit a deployment. Raises NotFound, InvalidInput, Conflict, Stale."""
    found = editing.unchanged(deployments.get(connection, name_or_id), expected)
    given = _given(found, change)
    if change.made_by is not None and set(given) - {"paused"}:
        given["made_by"] = _maker(found, change.made_by, replace=change.replace)
    made = replace(found, updated_at=_later(found, clock.now()), **given)
    if "parameters" in given:
        values = parameters.check(
            made.taken, given["parameters"], what=found.name, partial=not found.schedules
        )
        made = replace(made, parameters=values)
    if found.paused and not made.paused:
        made = replace(made, schedules=tuple(map(schedules.from_now, made.schedules)))
    return _save(connection, found, made, note=change.note)


def _maker(found: Deployment, made_by: str, *, replace: bool) -> str:
    deployment_fields.checked({"made_by": made_by})
    if not replace:
        _check_maker(found, made_by)
    return made_by


def _given(found: Deployment, change: DeploymentChange) -> dict[str, Any]:
    """Give what an edit says, checked. Raises InvalidInput."""
    kept = ("made_by", "replace", "note", "concurrency_limit")
    said = {n: v for n, v in vars(change).items() if v is not None and n not in kept}
    if change.concurrency_limit != "kept":
        said["concurrency_limit"] = change.concurrency_limit
    if change.enforce_parameter_schema is False and found.entrypoint is None:
        raise InvalidInput(
            "A notebook's parameters are always checked.",
            code="parameters.enforced",
            field="enforce_parameter_schema",
        )
    module = found.entrypoint is not None and not found.path.lower().endswith(".py")
    if change.source == "snapshot" and module:
        raise InvalidInput(
            "A flow of a module is always read when a run starts.",
            code="source.module",
            field="source",
            hint="Leave it live, or deploy FILE.py:FLOW.",
        )
    return deployment_fields.checked(said)


def rollback(
    connection: sa.Connection, name_or_id: str, version: int, *, made_by: str | None, force: bool
) -> Deployment:
    """Make a new version that is equal to an earlier one. Raises NotFound, Conflict."""
    found = deployments.get(connection, name_or_id)
    wanted = versioning.one(connection, found, version)
    maker = found.made_by if made_by is None else _maker(found, made_by, replace=force)
    made = replace(
        versioning.back(found, wanted), updated_at=_later(found, clock.now()), made_by=maker
    )
    return _save(connection, found, made, note=f"Version {version} again.")


def delete(connection: sa.Connection, name_or_id: str) -> None:
    """Delete a deployment with its schedules and waiting runs; past runs stay."""
    found = deployments.get(connection, name_or_id)
    schedules.remove(connection, [one.id for one in found.schedules])
    waiting = flow_runs.waiting_ids(connection, found.id)
    removing.remove_rows(connection, waiting)
    deployments.delete(connection, found.id)
    gone = Event("deployment.deleted", "deployments", found.id, clock.now(), parting(found))
    events.append(connection, [gone])


def emit(connection: sa.Connection, deployment: Deployment, verb: str) -> None:
    """Append the event of a deployment's change."""
    row = jsonable(deployment)
    kind = f"deployment.{verb}"
    events.append(connection, [Event(kind, "deployments", deployment.id, clock.now(), row)])
