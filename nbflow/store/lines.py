"""The lines in which runs wait for a worker: who is live under a limit, and who is next."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from nbflow.model import clock
from nbflow.model.runs import FlowRun
from nbflow.model.states import LIVE, StateType
from nbflow.store import codec
from nbflow.store.flow_runs import BUSY, run_of
from nbflow.store.tables import deployment, flow_run, schedule

_LIVE = sorted(state.value for state in LIVE)


@dataclass(frozen=True)
class Busy:
    """How many runs of a deployment are live, and how many of those came from a schedule."""

    deployment_id: str
    runs: int
    scheduled: int


# Statements that are asked at each claim are made once: that takes longer than to answer them.
_BUSY = (
    sa.select(flow_run.c.deployment_id, sa.func.count(), sa.func.count(flow_run.c.schedule_id))
    .where(BUSY, flow_run.c.deployment_id.is_not(None))
    .group_by(flow_run.c.deployment_id)
)
_LATE = sa.and_(flow_run.c.state_type == StateType.SCHEDULED.value, flow_run.c.state_name == "Late")
_BY_POOL = (
    sa.select(
        flow_run.c.work_pool, sa.func.count(sa.case((BUSY, 1))), sa.func.count(sa.case((_LATE, 1)))
    )
    .where(sa.or_(BUSY, _LATE), flow_run.c.work_pool.is_not(None))
    .group_by(flow_run.c.work_pool)
)
_BUSY_BY_QUEUE = (
    sa.select(flow_run.c.work_queue, sa.func.count())
    .where(BUSY, flow_run.c.work_pool == sa.bindparam("work_pool"))
    .group_by(flow_run.c.work_queue)
)


def busy(connection: sa.Connection) -> dict[str, Busy]:
    """Count live runs by deployment: limits are live runs, not counters."""
    return {row[0]: Busy(*row) for row in connection.execute(_BUSY)}


def by_pool(connection: sa.Connection) -> dict[str, tuple[int, int]]:
    """Count the live runs of each pool, and its late ones."""
    return {row[0]: (row[1], row[2]) for row in connection.execute(_BY_POOL)}


def busy_by_queue(connection: sa.Connection, work_pool: str) -> dict[str, int]:
    """Count the live runs of a pool by queue."""
    rows = connection.execute(_BUSY_BY_QUEUE, {"work_pool": work_pool})
    return {row[0]: row[1] for row in rows}


@dataclass(frozen=True)
class Waiting:
    """A run that is due, with what its deployment says about running it."""

    run: FlowRun
    concurrency_limit: int | None
    overlap: str | None
    collision: str | None
    start_at: int

    @property
    def place(self) -> tuple[int, str]:
        """Give where in line it stands."""
        return self.start_at, self.run.id


def _waiting(row: sa.RowMapping) -> Waiting:
    said = ("concurrency_limit", "overlap", "collision_strategy", "start_at")
    return Waiting(run_of(row), *(row[name] for name in said))


_DUE = (
    sa.select(
        flow_run,
        deployment.c.concurrency_limit,
        deployment.c.collision_strategy,
        schedule.c.overlap,
    )
    .outerjoin(deployment, deployment.c.id == flow_run.c.deployment_id)
    .outerjoin(schedule, schedule.c.id == flow_run.c.schedule_id)
    .where(flow_run.c.state_type == StateType.SCHEDULED.value)
    .order_by(flow_run.c.start_at, flow_run.c.id)
)


def waiting(
    connection: sa.Connection,
    *,
    work_pool: str,
    work_queue: str,
    host: str,
    snapshots: bool,
    now: datetime,
    after: tuple[int, str] | None,
    except_deployments: Collection[str],
    except_scheduled: Collection[str],
    limit: int,
) -> tuple[Waiting, ...]:
    """List due runs of a queue that this host can run, oldest first, after a place in line.

    `snapshots`: also those deployed on another host, if what they run is kept in the store.
    Leaves out all runs of `except_deployments`, and the queueing scheduled ones of
    `except_scheduled`.
    """
    start_at, run_id = after or (-1, "")
    said = {
        "work_pool": work_pool, "work_queue": work_queue, "host": host, "now": clock.micros(now),
        "after_start": start_at, "after_id": run_id, "full": list(except_deployments),
        "queueing": list(except_scheduled), "most": limit,
    }  # fmt: skip
    rows = connection.execute(_waiting_on(snapshots), said).mappings()
    return tuple(_waiting(row) for row in rows)


@cache
def _waiting_on(snapshots: bool) -> sa.Select[Any]:
    said = sa.bindparam
    queues = sa.and_(
        flow_run.c.deployment_id.in_(said("queueing", expanding=True)),
        flow_run.c.schedule_id.is_not(None),
        sa.func.coalesce(schedule.c.overlap, "enqueue") != "allow",
    )
    place = sa.tuple_(flow_run.c.start_at, flow_run.c.id)
    return _DUE.where(
        flow_run.c.work_pool == said("work_pool"),
        flow_run.c.work_queue == said("work_queue"),
        flow_run.c.start_at <= said("now"),
        place > sa.tuple_(said("after_start"), said("after_id")),
        _offered(snapshots),
        sa.or_(
            flow_run.c.deployment_id.is_(None),
            flow_run.c.deployment_id.not_in(said("full", expanding=True)),
        ),
        sa.not_(sa.func.coalesce(queues, sa.false())),
    ).limit(said("most"))


def _offered(snapshots: bool) -> sa.ColumnElement[bool]:
    """Tell the runs a host can run: those it deployed itself, and perhaps kept ones of others."""
    there = sa.or_(deployment.c.host.is_(None), deployment.c.host == sa.bindparam("host"))
    return sa.or_(there, deployment.c.source == "snapshot") if snapshots else there


def turned_away(connection: sa.Connection, now: datetime, *, limit: int) -> tuple[Waiting, ...]:
    """List due runs whose deployment is at its limit and that do not yet say so, oldest first."""
    live = (
        sa.select(sa.func.count())
        .select_from(other := flow_run.alias())
        .where(
            other.c.deployment_id == deployment.c.id,
            other.c.state_type.in_(_LIVE),
            other.c.lease_until.is_not(None),
        )
        .scalar_subquery()
    )
    query = _DUE.where(
        flow_run.c.start_at <= clock.micros(now),
        deployment.c.concurrency_limit.is_not(None),
        sa.or_(
            deployment.c.collision_strategy == "cancel_new",
            flow_run.c.state_name.in_(("Scheduled", "Late")),
        ),
        live >= deployment.c.concurrency_limit,
    ).limit(limit)
    return tuple(_waiting(row) for row in connection.execute(query).mappings())


def holders(
    connection: sa.Connection, *, scheduled: bool = False, **where: str
) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Count the live runs where some columns are as said, and give the first ones' id and name."""
    conditions = [BUSY, *_are(where, scheduled=scheduled)]
    count = connection.execute(sa.select(sa.func.count()).where(*conditions)).scalar_one()
    named = sa.select(flow_run.c.id, flow_run.c.name).where(*conditions)
    rows = connection.execute(named.order_by(flow_run.c.state_at, flow_run.c.id).limit(10))
    return count, tuple((row[0], row[1]) for row in rows)


def in_line(
    connection: sa.Connection, run: FlowRun, *, scheduled: bool = False, **where: str
) -> tuple[int, int]:
    """Count the due runs before a waiting one, and all that are due with it, where as said."""
    c = flow_run.c
    mine = connection.execute(sa.select(c.start_at).where(c.id == run.id)).scalar() or 0
    due = [
        c.state_type == StateType.SCHEDULED.value,
        c.start_at <= max(mine, clock.now_micros()),
        *_are(where, scheduled=scheduled),
    ]
    before = sa.or_(c.start_at < mine, sa.and_(c.start_at == mine, c.id < run.id))
    query = sa.select(sa.func.count(sa.case((before, 1))), sa.func.count()).where(*due)
    row = connection.execute(query).one()
    return row[0], row[1]


def _are(where: Mapping[str, str], *, scheduled: bool) -> list[sa.ColumnElement[bool]]:
    said = [flow_run.c[name] == value for name, value in where.items()]
    return [*said, flow_run.c.schedule_id.is_not(None)] if scheduled else said


_ANY_DUE = (
    sa.select(flow_run.c.id)
    .where(
        flow_run.c.state_type == StateType.SCHEDULED.value,
        flow_run.c.work_pool == sa.bindparam("work_pool"),
        flow_run.c.start_at <= sa.bindparam("now"),
    )
    .limit(1)
)


def any_due(connection: sa.Connection, work_pool: str, now: datetime) -> bool:
    """Say whether a pool has a run to claim (a look that takes no lock)."""
    said = {"work_pool": work_pool, "now": clock.micros(now)}
    return connection.execute(_ANY_DUE, said).first() is not None


def next_start(connection: sa.Connection, work_pool: str) -> datetime | None:
    """Give when the next waiting run of a pool may be claimed."""
    query = sa.select(sa.func.min(flow_run.c.start_at)).where(
        flow_run.c.state_type == StateType.SCHEDULED.value, flow_run.c.work_pool == work_pool
    )
    return codec.instant(connection.execute(query).scalar())
