"""Flow runs: insert, read, list, and change by guarded update (the row count says who won)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import clock
from nbflow.model.rows import texts
from nbflow.model.runs import FlowRun
from nbflow.model.states import LIVE, TERMINAL, State, StateType, micros_of
from nbflow.store import codec
from nbflow.store.bulk import Bulk, Row
from nbflow.store.tables import artifact, flow_run, flow_run_state, log, run_input, task_run

#: values in one question
_MOST_KEYS = 500
_INSERT = Bulk(lambda insert: insert(flow_run))
_INSERT_STATE = Bulk(lambda insert: insert(flow_run_state))
_LIVE = sorted(state.value for state in LIVE)
_UNFINISHED = sorted(state.value for state in StateType if state not in TERMINAL)
#: a process is at work on it; a suspended run has none
BUSY = sa.and_(flow_run.c.state_type.in_(_LIVE), flow_run.c.lease_until.is_not(None))
#: or waits between two tries
_HELD = sa.and_(
    flow_run.c.state_type.in_([*_LIVE, StateType.SCHEDULED.value]),
    flow_run.c.lease_until.is_not(None),
)


def insert(connection: sa.Connection, run: FlowRun, *, start_at: datetime | None) -> None:
    """Insert a run and its first state."""
    insert_rows(connection, [row_of(run, start_at=start_at)])


def insert_rows(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Insert many runs, as rows in the order of the table's columns, each with its first state."""
    if rows:
        _INSERT(connection, rows)
        _INSERT_STATE(connection, [*map(_first_state, rows)])


_COLUMNS = tuple(column.name for column in flow_run.columns)
#: gives of a run's row its state, as it lies in a row of the history
_first_state = itemgetter(
    *(_COLUMNS.index({"flow_run_id": "id", "id": "state_id"}.get(c.name, f"state_{c.name}"))
      for c in flow_run_state.columns)
)  # fmt: skip
#: gives of a run's row what its event says besides: id, state's name and instant
entry = itemgetter(*map(_COLUMNS.index, ("id", "state_name", "state_at")))


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


def known(connection: sa.Connection, asked: Sequence[tuple[str, str | None]]) -> set[str | None]:
    """Give those of some ids and idempotency keys that made a run."""
    found: set[str | None] = set()
    for at in range(0, len(asked), _MOST_KEYS):
        part = asked[at : at + _MOST_KEYS]
        for query, values in (
            (_IDS, [run_id for run_id, _ in part]),
            (_KEYS, [key for _, key in part if key is not None]),
        ):
            if values:
                found |= {*connection.execute(query, {"values": values}).scalars()}
    return found


#: made once: to put them together takes longer than to carry them out
_IDS, _KEYS = (
    sa.select(column).where(column.in_(sa.bindparam("values", expanding=True)))
    for column in (flow_run.c.id, flow_run.c.idempotency_key)
)
_REPLACE = flow_run.update().where(
    flow_run.c.id == sa.bindparam("seen_id"), flow_run.c.state_id == sa.bindparam("seen_state_id")
)


def replace_state(
    connection: sa.Connection, seen: FlowRun, after: FlowRun, *, start_at: datetime | None
) -> bool:
    """Move a run from the state that was seen to its next; False when another was first."""
    values = columns(after, start_at=start_at)
    place = {"seen_id": seen.id, "seen_state_id": seen.state.id}
    changed = connection.execute(_REPLACE, values | place).rowcount
    if changed:
        _append_state(connection, after.id, after.state)
    return bool(changed)


def amend_state(connection: sa.Connection, run: FlowRun) -> None:
    """Write what was added to a run's state: its message and its details."""
    state = run.state
    said = {"message": state.message, "details": codec.details_text(state.details)}
    mine = flow_run_state.c.id == state.id
    connection.execute(flow_run_state.update().where(mine).values(said))
    now = {f"state_{name}": value for name, value in said.items()}
    connection.execute(flow_run.update().where(flow_run.c.state_id == state.id).values(now))


def replace_states(
    connection: sa.Connection, moves: Sequence[tuple[FlowRun, FlowRun, datetime | None]]
) -> None:
    """Move many runs that were read in this transaction: before, after, when it may start."""
    rows = [
        columns(after)
        | {"start_at": codec.micros(at), "seen_id": seen.id, "seen_state_id": seen.state.id}
        for seen, after, at in moves
    ]
    if rows:
        connection.execute(_REPLACE, rows)
        said = [codec.history_columns(run.state) | {"flow_run_id": run.id} for _, run, _ in moves]
        connection.execute(flow_run_state.insert(), said)


def states(connection: sa.Connection, run_id: str) -> tuple[State, ...]:
    """List the states a run went through, oldest first."""
    query = (
        sa.select(flow_run_state)
        .where(flow_run_state.c.flow_run_id == run_id)
        .order_by(flow_run_state.c.at, flow_run_state.c.id)
    )
    return tuple(codec.history_state(row) for row in connection.execute(query).mappings())


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


def unfinished_children(connection: sa.Connection, run_id: str) -> tuple[FlowRun, ...]:
    """List the runs that a run called and that have not ended."""
    query = sa.select(flow_run).where(
        flow_run.c.parent_flow_run_id == run_id,
        flow_run.c.state_type.not_in([state.value for state in TERMINAL]),
    )
    return tuple(run_of(row) for row in connection.execute(query).mappings())


def parents(connection: sa.Connection, run_ids: Sequence[str]) -> list[str]:
    """Give the runs that called some runs."""
    c = flow_run.c
    query = sa.select(c.parent_flow_run_id).where(
        c.id.in_(run_ids), c.parent_flow_run_id.is_not(None)
    )
    return list(connection.execute(query).scalars()) if run_ids else []


def key_of(connection: sa.Connection, run_id: str) -> str | None:
    """Give the idempotency key a run was made with; None: it has none, or is not there."""
    query = sa.select(flow_run.c.idempotency_key).where(flow_run.c.id == run_id)
    return connection.execute(query).scalar()


def cancelled_children(connection: sa.Connection) -> tuple[FlowRun, ...]:
    """List unfinished runs whose parent was cancelled, and that were not told."""
    parent = flow_run.alias()
    done = [state.value for state in (*TERMINAL, StateType.CANCELLING)]
    query = (
        sa.select(flow_run)
        .join(parent, parent.c.id == flow_run.c.parent_flow_run_id)
        .where(
            flow_run.c.state_type.not_in(done),
            parent.c.state_type.in_((StateType.CANCELLED.value, StateType.CANCELLING.value)),
        )
        .limit(200)
    )
    return tuple(run_of(row) for row in connection.execute(query).mappings())


def unstarted(connection: sa.Connection, now: datetime) -> tuple[FlowRun, ...]:
    """List claims whose lease ended before they began: their worker does not hold them."""
    query = sa.select(flow_run).where(
        flow_run.c.state_type == StateType.PENDING.value,
        flow_run.c.work_pool.is_not(None),
        flow_run.c.lease_until < clock.micros(now),
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


def any_unfinished(connection: sa.Connection) -> bool:
    """Say whether any run has yet to end."""
    query = sa.select(flow_run.c.id).where(flow_run.c.state_type.in_(_UNFINISHED)).limit(1)
    return connection.execute(query).first() is not None


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
            flow_run.c.backfill_id.is_(None),  # they wait for when there is time
        )
        .limit(limit)
    )
    return tuple(run_of(row) for row in connection.execute(query).mappings())


def went_by(connection: sa.Connection, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Give the names of some runs, of their flows and deployments, by id."""
    c = flow_run.c
    query = sa.select(c.id, c.name, c.flow_name, c.deployment_id).where(c.id.in_(run_ids))
    return {
        row["id"]: {name: value for name, value in row.items() if name != "id" and value}
        for row in connection.execute(query).mappings()
    }


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


def in_order(columns: Mapping[str, Any]) -> Row:
    """Give a run's columns as they lie in a row of the table."""
    return tuple([columns[name] for name in _COLUMNS])


def columns(run: FlowRun, *, start_at: datetime | None = None) -> dict[str, Any]:
    """Give a run as the columns of its row."""
    return dict(zip(_COLUMNS, row_of(run, start_at=start_at), strict=True))


def row_of(run: FlowRun, *, start_at: datetime | None = None) -> Row:
    """Give a run as its row, in the order of `tables.flow_run`."""
    state, owner = run.state, run.owner
    return (
        run.id,
        run.name,
        run.flow_name,
        run.kind,
        state.id,
        state.type.value,
        state.name,
        state.message,
        codec.details_text(state.details),
        micros_of(state),
        clock.micros(run.created_at),
        codec.details_text(run.parameters),
        texts(run.tags),
        run.attempt,
        codec.micros(run.due_at),
        codec.micros(start_at),
        codec.micros(run.started_at),
        codec.micros(run.ended_at),
        run.running_seconds,
        run.deployment_id,
        run.schedule_id,
        run.parent_flow_run_id,
        run.parent_task_run_id,
        run.work_pool,
        codec.owner_text(owner),
        owner.worker_id if owner else None,
        codec.micros(run.lease_until),
        run.retries,
        run.retry_delay_seconds,
        run.path,
        run.function,
        run.snapshot,
        run.kernel_name,
        run.run_dir,
        run.idempotency_key,
        run.created_by,
        codec.details_text(run.options),
        run.work_queue,
        codec.details_text(run.job_variables),
        run.entrypoint,
        run.deployment_version,
        run.crash_retries,
        run.backfill_id,
    )


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
        parameters=codec.mapping(row["parameters"]),
        tags=tuple(codec.loads(row["tags"])) if row["tags"] != "[]" else (),
        options=codec.mapping(row["options"]),
        job_variables=codec.mapping(row["job_variables"]),
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
