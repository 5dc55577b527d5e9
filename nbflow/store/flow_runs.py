"""Flow runs: insert, read, list, and change by guarded update (the row count says who won)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import clock
from nbflow.model.backend import Page, RunFilter
from nbflow.model.runs import FlowRun
from nbflow.model.states import LIVE, TERMINAL, State, StateType
from nbflow.store import codec
from nbflow.store.tables import (  # fmt: skip
    artifact,
    deployment,
    flow_run,
    flow_run_state,
    log,
    run_input,
    schedule,
    task_run,
)

_LIVE = sorted(state.value for state in LIVE)
#: a process is at work on it; a suspended run has none
_BUSY = sa.and_(flow_run.c.state_type.in_(_LIVE), flow_run.c.lease_until.is_not(None))
#: or waits between two tries
_HELD = sa.and_(
    flow_run.c.state_type.in_([*_LIVE, StateType.SCHEDULED.value]),
    flow_run.c.lease_until.is_not(None),
)


def insert(connection: sa.Connection, run: FlowRun, *, start_at: datetime | None) -> None:
    """Insert a run and its first state."""
    connection.execute(flow_run.insert(), columns(run) | {"start_at": codec.micros(start_at)})
    _append_state(connection, run.id, run.state)


def insert_rows(
    connection: sa.Connection, rows: Sequence[tuple[Mapping[str, Any], State]]
) -> None:
    """Insert many runs, as columns with `start_at`, and their first states."""
    if rows:
        connection.execute(flow_run.insert(), [dict(row) for row, _ in rows])
        connection.execute(
            flow_run_state.insert(),
            [codec.history_columns(state) | {"flow_run_id": row["id"]} for row, state in rows],
        )


def get(connection: sa.Connection, run_id: str) -> FlowRun:
    """Read a run. Raises NotFound."""
    row = connection.execute(sa.select(flow_run).where(flow_run.c.id == run_id)).mappings().first()
    if row is None:
        raise NotFound(f"There is no run {run_id!r}.", field="flow_run_id")
    return run_of(row)


def made_before(connection: sa.Connection, run_id: str, key: str | None) -> FlowRun | None:
    """Read the run that a request with this id, or with this idempotency key, already made."""
    same = flow_run.c.id == run_id
    if key is not None:
        same = sa.or_(same, flow_run.c.idempotency_key == key)
    row = connection.execute(sa.select(flow_run).where(same)).mappings().first()
    return None if row is None else run_of(row)


def replace_state(
    connection: sa.Connection, seen: FlowRun, after: FlowRun, *, start_at: datetime | None
) -> bool:
    """Move a run from the state that was seen to its next; False when another was first."""
    changed = connection.execute(
        flow_run.update()
        .where(flow_run.c.id == seen.id, flow_run.c.state_id == seen.state.id)
        .values(columns(after) | {"start_at": codec.micros(start_at)})
    ).rowcount
    if changed:
        _append_state(connection, after.id, after.state)
    return bool(changed)


def states(connection: sa.Connection, run_id: str) -> tuple[State, ...]:
    """List the states a run went through, oldest first."""
    query = (
        sa.select(flow_run_state)
        .where(flow_run_state.c.flow_run_id == run_id)
        .order_by(flow_run_state.c.at, flow_run_state.c.id)
    )
    return tuple(codec.history_state(row) for row in connection.execute(query).mappings())


def page(
    connection: sa.Connection, where: RunFilter, *, limit: int, cursor: str | None
) -> Page[FlowRun]:
    """List runs, newest due first; the cursor is a place, so any page costs the same."""
    query = sa.select(flow_run).where(*_conditions(where))
    if cursor is not None:
        due_at, run_id = codec.place(cursor, field="cursor")
        query = query.where(sa.tuple_(flow_run.c.due_at, flow_run.c.id) < sa.tuple_(due_at, run_id))
    query = query.order_by(flow_run.c.due_at.desc(), flow_run.c.id.desc()).limit(limit + 1)
    rows = connection.execute(query).mappings().all()
    more = len(rows) > limit
    last = rows[limit - 1] if more else None
    return Page(
        rows=tuple(run_of(row) for row in rows[:limit]),
        cursor=f"{last['due_at']}.{last['id']}" if last else None,
    )


def live_of_deployment(connection: sa.Connection, deployment_id: str) -> tuple[FlowRun, ...]:
    """List a deployment's scheduled runs that have begun or wait, oldest due first."""
    query = (
        sa.select(flow_run)
        .where(
            flow_run.c.deployment_id == deployment_id,
            flow_run.c.schedule_id.is_not(None),
            flow_run.c.state_type.in_([*_LIVE, StateType.SCHEDULED.value]),
        )
        .order_by(flow_run.c.due_at, flow_run.c.id)
    )
    return tuple(run_of(row) for row in connection.execute(query).mappings())


@dataclass(frozen=True)
class Busy:
    """How many runs of a deployment are live, and how many of those came from a schedule."""

    deployment_id: str
    runs: int
    scheduled: int


def busy(connection: sa.Connection) -> dict[str, Busy]:
    """Count live runs by deployment: limits are live runs, not counters."""
    query = (
        sa.select(flow_run.c.deployment_id, sa.func.count(), sa.func.count(flow_run.c.schedule_id))
        .where(_BUSY, flow_run.c.deployment_id.is_not(None))
        .group_by(flow_run.c.deployment_id)
    )
    return {row[0]: Busy(*row) for row in connection.execute(query)}


def busy_by_queue(connection: sa.Connection, work_pool: str) -> dict[str, int]:
    """Count the live runs of a pool by queue."""
    query = (
        sa.select(flow_run.c.work_queue, sa.func.count())
        .where(_BUSY, flow_run.c.work_pool == work_pool)
        .group_by(flow_run.c.work_queue)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


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
    queues = sa.and_(
        flow_run.c.deployment_id.in_(except_scheduled),
        flow_run.c.schedule_id.is_not(None),
        sa.func.coalesce(schedule.c.overlap, "enqueue") != "allow",
    )
    query = _DUE.where(
        flow_run.c.work_pool == work_pool,
        flow_run.c.work_queue == work_queue,
        flow_run.c.start_at <= clock.micros(now),
        _offered(host, snapshots=snapshots),
        sa.or_(
            flow_run.c.deployment_id.is_(None),
            flow_run.c.deployment_id.not_in(except_deployments),
        ),
        sa.not_(sa.func.coalesce(queues, sa.false())),
    ).limit(limit)
    if after is not None:
        query = query.where(sa.tuple_(flow_run.c.start_at, flow_run.c.id) > sa.tuple_(*after))
    return tuple(_waiting(row) for row in connection.execute(query).mappings())


def _offered(host: str, *, snapshots: bool) -> sa.ColumnElement[bool]:
    """Tell the runs a host can run: those it deployed itself, and perhaps kept ones of others."""
    there = sa.or_(deployment.c.host.is_(None), deployment.c.host == host)
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


def renew(
    connection: sa.Connection, run_id: str, attempt: int, *, lease_until: datetime
) -> FlowRun | None:
    """Renew a lease; None when this attempt no longer holds the run."""
    changed = connection.execute(
        flow_run.update()
        .where(flow_run.c.id == run_id, flow_run.c.attempt == attempt, _HELD)
        .values(lease_until=clock.micros(lease_until))
        .returning(flow_run)
    ).mappings()
    row = changed.first()
    return None if row is None else run_of(row)


def any_due(connection: sa.Connection, work_pool: str, now: datetime) -> bool:
    """Say whether a pool has a run to claim (a look that takes no lock)."""
    query = sa.select(flow_run.c.id).where(
        flow_run.c.state_type == StateType.SCHEDULED.value,
        flow_run.c.work_pool == work_pool,
        flow_run.c.start_at <= clock.micros(now),
    )
    return connection.execute(query.limit(1)).first() is not None


def next_start(connection: sa.Connection, work_pool: str) -> datetime | None:
    """Give when the next waiting run of a pool may be claimed."""
    query = sa.select(sa.func.min(flow_run.c.start_at)).where(
        flow_run.c.state_type == StateType.SCHEDULED.value, flow_run.c.work_pool == work_pool
    )
    return codec.instant(connection.execute(query).scalar())


def unfinished_children(connection: sa.Connection, run_id: str) -> tuple[FlowRun, ...]:
    """List the runs that a run called and that have not ended."""
    query = sa.select(flow_run).where(
        flow_run.c.parent_flow_run_id == run_id,
        flow_run.c.state_type.not_in([state.value for state in TERMINAL]),
    )
    return tuple(run_of(row) for row in connection.execute(query).mappings())


def waited_in_vain(connection: sa.Connection, now: datetime) -> tuple[FlowRun, ...]:
    """List the paused runs that nobody resumed in time."""
    query = sa.select(flow_run).where(
        flow_run.c.state_type == StateType.PAUSED.value, flow_run.c.start_at <= clock.micros(now)
    )
    return tuple(run_of(row) for row in connection.execute(query).mappings())


def told(
    connection: sa.Connection, run_ids: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give which of these runs were asked to stop, and which are paused."""
    types = (StateType.CANCELLING.value, StateType.PAUSED.value)
    query = sa.select(flow_run.c.id, flow_run.c.state_type).where(
        flow_run.c.id.in_(run_ids), flow_run.c.state_type.in_(types)
    )
    found = connection.execute(query).all()
    cancel, paused = (tuple(id for id, kind in found if kind == wanted) for wanted in types)
    return cancel, paused


def live(connection: sa.Connection) -> tuple[FlowRun, ...]:
    """List every run a process may be working on."""
    query = sa.select(flow_run).where(_HELD)
    return tuple(run_of(row) for row in connection.execute(query).mappings())


def held_by_worker(connection: sa.Connection, worker_id: str) -> tuple[FlowRun, ...]:
    """List the live runs a worker claimed."""
    query = sa.select(flow_run).where(
        flow_run.c.worker_id == worker_id, flow_run.c.state_type.in_(_LIVE)
    )
    return tuple(run_of(row) for row in connection.execute(query).mappings())


def overdue(
    connection: sa.Connection, *, before: datetime, limit: int = 500
) -> tuple[FlowRun, ...]:
    """List waiting runs that could have started before an instant and are not yet called Late."""
    query = (
        sa.select(flow_run)
        .where(
            flow_run.c.state_type == StateType.SCHEDULED.value,
            flow_run.c.state_name == "Scheduled",
            flow_run.c.start_at < clock.micros(before),
        )
        .limit(limit)
    )
    return tuple(run_of(row) for row in connection.execute(query).mappings())


def delete(connection: sa.Connection, run_ids: Sequence[str]) -> None:
    """Delete runs and all that belongs to them."""
    for table in (task_run, flow_run_state, log, artifact, run_input):
        connection.execute(table.delete().where(table.c.flow_run_id.in_(run_ids)))
    connection.execute(flow_run.delete().where(flow_run.c.id.in_(run_ids)))


def waiting_ids(connection: sa.Connection, deployment_id: str) -> list[str]:
    """List the ids of a deployment's runs that nobody has claimed."""
    query = sa.select(flow_run.c.id).where(
        flow_run.c.deployment_id == deployment_id,
        flow_run.c.state_type == StateType.SCHEDULED.value,
    )
    return list(connection.execute(query).scalars())


def columns(run: FlowRun) -> dict[str, Any]:
    """Give a run as the columns of its row."""
    return codec.state_columns(run.state) | {
        "id": run.id,
        "name": run.name,
        "flow_name": run.flow_name,
        "kind": run.kind,
        "created_at": clock.micros(run.created_at),
        "parameters": codec.dumps(dict(run.parameters)),
        "tags": codec.dumps(list(run.tags)),
        "attempt": run.attempt,
        "due_at": codec.micros(run.due_at),
        "started_at": codec.micros(run.started_at),
        "ended_at": codec.micros(run.ended_at),
        "running_seconds": run.running_seconds,
        "deployment_id": run.deployment_id,
        "schedule_id": run.schedule_id,
        "parent_flow_run_id": run.parent_flow_run_id,
        "parent_task_run_id": run.parent_task_run_id,
        "work_pool": run.work_pool,
        "owner": codec.owner_text(run.owner),
        "worker_id": run.owner.worker_id if run.owner else None,
        "lease_until": codec.micros(run.lease_until),
        "retries": run.retries,
        "retry_delay_seconds": run.retry_delay_seconds,
        "path": run.path,
        "function": run.function,
        "snapshot": run.snapshot,
        "kernel_name": run.kernel_name,
        "run_dir": run.run_dir,
        "idempotency_key": run.idempotency_key,
        "created_by": run.created_by,
        "options": codec.dumps(dict(run.options)),
        "work_queue": run.work_queue,
        "job_variables": codec.dumps(dict(run.job_variables)),
        "entrypoint": run.entrypoint,
        "deployment_version": run.deployment_version,
        "crash_retries": run.crash_retries,
        "backfill_id": run.backfill_id,
    }


_SAME = (
    "id name flow_name kind attempt running_seconds deployment_id schedule_id parent_flow_run_id "
    "parent_task_run_id work_pool retries retry_delay_seconds path function snapshot kernel_name "
    "run_dir idempotency_key created_by work_queue entrypoint deployment_version crash_retries "
    "backfill_id"
).split()


def run_of(row: sa.RowMapping) -> FlowRun:
    """Give the run of a row."""
    return FlowRun(
        state=codec.state_of(row),
        created_at=clock.instant(row["created_at"]),
        parameters=codec.loads(row["parameters"]),
        tags=tuple(codec.loads(row["tags"])),
        options=codec.loads(row["options"]),
        job_variables=codec.loads(row["job_variables"]),
        due_at=codec.instant(row["due_at"]),
        started_at=codec.instant(row["started_at"]),
        ended_at=codec.instant(row["ended_at"]),
        owner=codec.owner_of(row["owner"]),
        lease_until=codec.instant(row["lease_until"]),
        **{name: row[name] for name in _SAME},
    )


def _append_state(connection: sa.Connection, run_id: str, state: State) -> None:
    connection.execute(
        flow_run_state.insert(), codec.history_columns(state) | {"flow_run_id": run_id}
    )


def _conditions(where: RunFilter) -> list[sa.ColumnElement[bool]]:
    c = flow_run.c
    found: list[sa.ColumnElement[bool]] = []
    if not where.sessions:
        found.append(c.kind != "session")
    if where.state:
        found.append(sa.or_(c.state_type.in_(where.state), c.state_name.in_(where.state)))
    for name in ("deployment_id", "schedule_id", "flow_name", "parent_flow_run_id"):
        value = getattr(where, name)
        if value is not None:
            found.append(c[name] == value)
    if where.search:
        found.append(
            sa.or_(
                c.name.icontains(where.search, autoescape=True),
                c.flow_name.icontains(where.search, autoescape=True),
                c.id.startswith(where.search.lower(), autoescape=True),
            )
        )
    if where.tags:
        either = [c.tags.contains(codec.dumps(tag), autoescape=True) for tag in where.tags]
        found.append(sa.or_(*either))
    if where.since:
        found.append(c.due_at >= clock.micros(where.since))
    if where.until:
        found.append(c.due_at < clock.micros(where.until))
    return found
