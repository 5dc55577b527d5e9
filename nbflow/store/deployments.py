"""Deployments, their schedules and recorded skips, and work pools."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import clock
from nbflow.model.deployments import Deployment, Schedule, Skip
from nbflow.model.schedules import timing_from_json, timing_to_json
from nbflow.store import codec
from nbflow.store.tables import deployment, schedule, skip


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
    return _deployment(row, _schedules(connection, [row["id"]]).get(row["id"], ()))


def every(connection: sa.Connection) -> tuple[Deployment, ...]:
    """List deployments by name."""
    rows = connection.execute(sa.select(deployment).order_by(deployment.c.name)).mappings().all()
    schedules = _schedules(connection, [row["id"] for row in rows])
    return tuple(_deployment(row, schedules.get(row["id"], ())) for row in rows)


def save(connection: sa.Connection, made: Deployment) -> None:
    """Insert a deployment, or replace the one of its id; its schedules are replaced with it."""
    values = _columns(made)
    changed = connection.execute(
        deployment.update().where(deployment.c.id == made.id).values(values)
    ).rowcount
    if not changed:
        connection.execute(deployment.insert(), values)
    kept = [s.id for s in made.schedules]
    connection.execute(
        schedule.delete().where(schedule.c.deployment_id == made.id, schedule.c.id.not_in(kept))
    )
    for item in made.schedules:
        save_schedule(connection, item)


def delete(connection: sa.Connection, deployment_id: str) -> None:
    """Delete a deployment and its schedules."""
    connection.execute(deployment.delete().where(deployment.c.id == deployment_id))


def save_schedule(connection: sa.Connection, item: Schedule) -> None:
    """Insert a schedule, or replace the one of its id."""
    values = _schedule_columns(item)
    changed = connection.execute(
        schedule.update().where(schedule.c.id == item.id).values(values)
    ).rowcount
    if not changed:
        connection.execute(schedule.insert(), values)


def get_schedule(connection: sa.Connection, schedule_id: str) -> Schedule:
    """Read a schedule. Raises NotFound."""
    row = (
        connection.execute(sa.select(schedule).where(schedule.c.id == schedule_id))
        .mappings()
        .first()
    )
    if row is None:
        raise NotFound(f"There is no schedule {schedule_id!r}.", field="schedule_id")
    return _schedule(row)


def due_schedules(connection: sa.Connection, now: datetime, *, limit: int) -> tuple[Schedule, ...]:
    """List active schedules of unpaused deployments whose next instant has come."""
    query = (
        sa.select(schedule)
        .join(deployment, deployment.c.id == schedule.c.deployment_id)
        .where(
            schedule.c.active, sa.not_(deployment.c.paused), schedule.c.next_at <= clock.micros(now)
        )
        .order_by(schedule.c.next_at)
        .limit(limit)
    )
    return tuple(_schedule(row) for row in connection.execute(query).mappings())


def next_instant(connection: sa.Connection) -> datetime | None:
    """Give when the next schedule is due; None: there is none."""
    query = (
        sa.select(sa.func.min(schedule.c.next_at))
        .join(deployment, deployment.c.id == schedule.c.deployment_id)
        .where(schedule.c.active, sa.not_(deployment.c.paused))
    )
    return codec.instant(connection.execute(query).scalar())


def move_mark(
    connection: sa.Connection, seen: Schedule, *, done_until: datetime, next_at: datetime | None
) -> bool:
    """Move a schedule's high-water mark from where it was seen; False when another was first."""
    return bool(
        connection.execute(
            schedule.update()
            .where(schedule.c.id == seen.id, schedule.c.done_until == clock.micros(seen.done_until))
            .values(done_until=clock.micros(done_until), next_at=codec.micros(next_at))
        ).rowcount
    )


def add_skips(connection: sa.Connection, skips: Sequence[Skip], *, at: datetime) -> None:
    """Record due instants that are not run."""
    if skips:
        connection.execute(
            skip.insert(),
            [
                {
                    "schedule_id": s.schedule_id,
                    "first_at": clock.micros(s.first_at),
                    "last_at": clock.micros(s.last_at),
                    "count": s.count,
                    "reason": s.reason,
                    "created_at": clock.micros(at),
                }
                for s in skips
            ],
        )


def skips(connection: sa.Connection, schedule_id: str) -> tuple[Skip, ...]:
    """List a schedule's recorded skips, oldest first."""
    query = sa.select(skip).where(skip.c.schedule_id == schedule_id).order_by(skip.c.first_at)
    return tuple(
        Skip(
            schedule_id=r["schedule_id"],
            first_at=clock.instant(r["first_at"]),
            last_at=clock.instant(r["last_at"]),
            count=r["count"],
            reason=r["reason"],
        )
        for r in connection.execute(query).mappings()
    )


def _schedules(
    connection: sa.Connection, deployment_ids: Sequence[str]
) -> dict[str, tuple[Schedule, ...]]:
    query = (
        sa.select(schedule)
        .where(schedule.c.deployment_id.in_(deployment_ids))
        .order_by(schedule.c.created_at, schedule.c.id)
    )
    found: dict[str, tuple[Schedule, ...]] = {}
    for row in connection.execute(query).mappings():
        found[row["deployment_id"]] = (*found.get(row["deployment_id"], ()), _schedule(row))
    return found


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


def _deployment(row: sa.RowMapping, schedules: tuple[Schedule, ...]) -> Deployment:
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


_PLAIN_SCHEDULE = (
    "id deployment_id active catchup overlap slug catchup_window_seconds catchup_max "
    "jitter_seconds max_runs runs_made generation problem"
).split()


def _schedule_columns(s: Schedule) -> dict[str, Any]:
    return {name: getattr(s, name) for name in _PLAIN_SCHEDULE} | {
        "timing": codec.dumps(timing_to_json(s.timing)),
        "parameters": codec.dumps(dict(s.parameters)),
        "created_at": clock.micros(s.created_at),
        "done_until": clock.micros(s.done_until),
        "next_at": codec.micros(s.next_at),
        "starts_at": codec.micros(s.starts_at),
        "ends_at": codec.micros(s.ends_at),
        "updated_at": clock.micros(s.updated_at or s.created_at),
    }


def _schedule(row: sa.RowMapping) -> Schedule:
    return Schedule(
        **{name: row[name] for name in _PLAIN_SCHEDULE},
        timing=timing_from_json(codec.loads(row["timing"])),
        parameters=codec.loads(row["parameters"]),
        created_at=clock.instant(row["created_at"]),
        done_until=clock.instant(row["done_until"]),
        next_at=codec.instant(row["next_at"]),
        starts_at=codec.instant(row["starts_at"]),
        ends_at=codec.instant(row["ends_at"]),
        updated_at=clock.instant(row["updated_at"] or row["created_at"]),
    )
