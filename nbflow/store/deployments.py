"""Deployments."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import clock
from nbflow.model.deployments import Deployment, Schedule
from nbflow.model.pages import Page
from nbflow.store import codec, paging, schedules
from nbflow.store.tables import deployment

#: ids in one IN list
_SOME = 500


def get(connection: sa.Connection, name_or_id: str) -> Deployment:
    """Read a deployment with its schedules. Raises NotFound."""
    found = find(connection, name_or_id)
    if found is None:
        raise NotFound(
            f"There is no deployment {name_or_id!r}.",
            field="deployment",
            hint="`nbflow deployment ls` lists them.",
        )
    return found


def find(connection: sa.Connection, name_or_id: str) -> Deployment | None:
    """Read a deployment by id or name; None when there is none."""
    query = sa.select(deployment).where(
        sa.or_(deployment.c.id == name_or_id, deployment.c.name == name_or_id)
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        return None
    return deployment_of(row, schedules.of_deployments(connection, [row["id"]]).get(row["id"], ()))


def page(connection: sa.Connection, *, limit: int, cursor: str | None) -> Page[Deployment]:
    """List deployments by name."""
    by = (deployment.c.name,)
    rows, after = paging.page(connection, sa.select(deployment), by, limit=limit, cursor=cursor)
    found = schedules.of_deployments(connection, [row["id"] for row in rows])
    return Page(tuple(deployment_of(row, found.get(row["id"], ())) for row in rows), after)


def some(connection: sa.Connection, ids: Collection[str]) -> dict[str, Deployment]:
    """Read some deployments by their ids, without their schedules."""
    rows: list[sa.RowMapping] = []
    wanted = list(ids)
    for at in range(0, len(wanted), _SOME):
        query = sa.select(deployment).where(deployment.c.id.in_(wanted[at : at + _SOME]))
        rows += connection.execute(query).mappings()
    return {row["id"]: deployment_of(row, ()) for row in rows}


def every_name(connection: sa.Connection) -> tuple[str, ...]:
    """List the names of all deployments."""
    return tuple(connection.execute(sa.select(deployment.c.name)).scalars())


def by_queue(connection: sa.Connection) -> dict[tuple[str, str], list[str]]:
    """List the ids of all deployments by the pool and queue their runs wait in."""
    c = deployment.c
    found: dict[tuple[str, str], list[str]] = {}
    for which, pool, queue in connection.execute(sa.select(c.id, c.work_pool, c.work_queue)):
        found.setdefault((pool, queue), []).append(which)
    return found


def save(connection: sa.Connection, made: Deployment) -> None:
    """Insert a deployment, or replace the one of its id; its schedules are replaced with it."""
    values = _columns(made)
    changed = connection.execute(
        deployment.update().where(deployment.c.id == made.id).values(values)
    ).rowcount
    if not changed:
        connection.execute(deployment.insert(), values)
    for item in made.schedules:
        schedules.save(connection, item)


def delete(connection: sa.Connection, deployment_id: str) -> None:
    """Delete a deployment and its schedules."""
    connection.execute(deployment.delete().where(deployment.c.id == deployment_id))


_PLAIN = (
    "id name flow_name path source snapshot kernel_name host work_pool description "
    "concurrency_limit paused made_by created_by function entrypoint version work_queue "
    "enforce_parameter_schema retries retry_delay_seconds crash_retries collision_strategy "
    "defined_in"
).split()


def _columns(d: Deployment) -> dict[str, Any]:
    return {name: getattr(d, name) for name in _PLAIN} | {
        "kernel_argv": codec.dumps(list(d.kernel_argv)),
        "parameter_schema": codec.dumps(dict(d.parameter_schema)),
        "parameters": codec.dumps(dict(d.parameters)),
        "tags": codec.dumps(list(d.tags)),
        "options": codec.dumps(dict(d.options)),
        "job_variables": codec.dumps(dict(d.job_variables)),
        "include": codec.dumps(list(d.include)),
        "files": codec.dumps(dict(d.files)),
        "created_at": clock.micros(d.created_at),
        "updated_at": clock.micros(d.updated_at),
    }


def deployment_of(
    row: Mapping[str, Any] | sa.RowMapping, schedules: tuple[Schedule, ...]
) -> Deployment:
    """Give the deployment of a row."""
    return Deployment(
        **{name: row[name] for name in _PLAIN},
        kernel_argv=tuple(codec.loads(row["kernel_argv"])),
        parameter_schema=codec.loads(row["parameter_schema"]),
        parameters=codec.loads(row["parameters"]),
        tags=tuple(codec.loads(row["tags"])),
        options=codec.loads(row["options"]),
        job_variables=codec.loads(row["job_variables"]),
        include=tuple(codec.loads(row["include"])),
        files=codec.loads(row["files"]),
        created_at=clock.instant(row["created_at"]),
        updated_at=clock.instant(row["updated_at"]),
        schedules=schedules,
    )
