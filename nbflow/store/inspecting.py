"""What the invariants are told from: rows in batches, each batch one snapshot. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import sqlalchemy as sa

from nbflow.model.states import TERMINAL, StateType
from nbflow.store.database import Database
from nbflow.store.tables import deployment, flow_run, flow_run_state, result, schedule, skip, slot

_BATCH = 500
_TERMINAL = [state.value for state in TERMINAL]
_AT_WORK = [StateType.PENDING.value, StateType.RUNNING.value, StateType.CANCELLING.value]


class Life(NamedTuple):
    """A run as it stands, and the states it went through: `(id, type, at)`, oldest first.

    Attributes:
        accepted: ids of those that were heard late, after the run had been given up.
    """

    run_id: str
    state_id: str
    attempt: int
    run_dir: str | None
    states: tuple[tuple[str, StateType, int], ...]
    accepted: frozenset[str] = frozenset()


class Kept(NamedTuple):
    """A result whose bytes lie in a file of the home folder."""

    key: str
    size: int
    sha256: str
    location: str


def lives(database: Database, *, since: int) -> Iterator[Life]:
    """Give the runs that changed since an instant (microseconds), by id."""
    after = ""
    while True:
        query = (
            sa.select(flow_run.c.id, flow_run.c.state_id, flow_run.c.attempt, flow_run.c.run_dir)
            .where(flow_run.c.id > after, flow_run.c.state_at >= since)
            .order_by(flow_run.c.id)
            .limit(_BATCH)
        )
        with database.read() as connection:
            rows = connection.execute(query).all()
            histories = _histories(connection, [row.id for row in rows])
            accepted = _accepted(connection, [row.id for row in rows])
        for row in rows:
            history = histories.get(row.id, ())
            yield Life(row.id, row.state_id, row.attempt, row.run_dir, history, accepted)
        if len(rows) < _BATCH:
            return
        after = rows[-1].id


def _histories(
    connection: sa.Connection, run_ids: list[str]
) -> dict[str, tuple[tuple[str, StateType, int], ...]]:
    c = flow_run_state.c
    query = (
        sa.select(c.flow_run_id, c.id, c.type, c.at)
        .where(c.flow_run_id.in_(run_ids))
        .order_by(c.flow_run_id, c.at, c.id)
    )
    return {
        run_id: tuple((row.id, StateType(row.type), row.at) for row in rows)
        for run_id, rows in groupby(connection.execute(query), key=lambda row: row.flow_run_id)
    }


def _accepted(connection: sa.Connection, run_ids: list[str]) -> frozenset[str]:
    c = flow_run_state.c
    heard = c.details.contains('"accepted_late"', autoescape=True)
    query = sa.select(c.id).where(c.flow_run_id.in_(run_ids), heard)
    return frozenset(connection.execute(query).scalars())


def files(database: Database, *, since: int) -> Iterator[Kept]:
    """Give the results kept in files of the home folder since an instant, by key."""
    after = ""
    while True:
        query = (
            sa.select(result.c.key, result.c.size, result.c.sha256, result.c.location)
            .where(
                result.c.key > after,
                result.c.created_at >= since,
                result.c.data.is_(None),
                result.c.location.is_not(None),
            )
            .order_by(result.c.key)
            .limit(_BATCH)
        )
        with database.read() as connection:
            rows = connection.execute(query).all()
        yield from (Kept(*row) for row in rows)
        if len(rows) < _BATCH:
            return
        after = rows[-1].key


def run_and_skipped(connection: sa.Connection) -> list[tuple[str, int]]:
    """List instants, by schedule, that are a run and a skip."""
    inside = flow_run.c.due_at.between(skip.c.first_at, skip.c.last_at)
    query = (
        sa.select(flow_run.c.schedule_id, flow_run.c.due_at)
        .join(skip, sa.and_(skip.c.schedule_id == flow_run.c.schedule_id, inside))
        .where(flow_run.c.backfill_id.is_(None))
    )
    return [(row.schedule_id, row.due_at) for row in connection.execute(query)]


def skipped_twice(connection: sa.Connection) -> list[tuple[str, int]]:
    """List instants, by schedule, that two skips speak of."""
    other = skip.alias()
    query = sa.select(skip.c.schedule_id, skip.c.first_at).join(
        other,
        sa.and_(
            other.c.schedule_id == skip.c.schedule_id,
            other.c.id != skip.c.id,
            skip.c.first_at.between(other.c.first_at, other.c.last_at),
        ),
    )
    return [(row.schedule_id, row.first_at) for row in connection.execute(query)]


def nobodys(connection: sa.Connection) -> list[str]:
    """List runs that a worker should be at work on, and that nobody holds."""
    query = sa.select(flow_run.c.id).where(
        flow_run.c.state_type.in_(_AT_WORK),
        flow_run.c.work_pool.is_not(None),
        sa.or_(flow_run.c.owner.is_(None), flow_run.c.lease_until.is_(None)),
    )
    return list(connection.execute(query).scalars())


def slots_of_ended(connection: sa.Connection) -> list[tuple[str, str]]:
    """List limits, with the run, whose slots are held or waited for by a run that has ended."""
    query = (
        sa.select(slot.c.limit_name, flow_run.c.id)
        .join(flow_run, flow_run.c.id == slot.c.flow_run_id)
        .where(flow_run.c.state_type.in_(_TERMINAL))
    )
    return [(row.limit_name, row.id) for row in connection.execute(query)]


def behind(connection: sa.Connection, *, before: int) -> list[tuple[str, int]]:
    """List active schedules whose next instant lies before one."""
    query = (
        sa.select(schedule.c.id, schedule.c.next_at)
        .join(deployment, deployment.c.id == schedule.c.deployment_id)
        .where(
            schedule.c.active,
            sa.not_(deployment.c.paused),
            schedule.c.next_at < before,
            schedule.c.problem.is_(None),
        )
    )
    return [(row.id, row.next_at) for row in connection.execute(query)]
