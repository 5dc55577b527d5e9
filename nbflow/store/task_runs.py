"""Task runs, log lines and artifacts: appended in batches, the newer record of a task run wins."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert as upsert

from nbflow.model import clock
from nbflow.model.runs import TaskRun, TaskRunUpdate
from nbflow.model.states import State, StateType
from nbflow.store import codec
from nbflow.store.tables import task_run, task_run_state

_OPEN = (StateType.PENDING.value, StateType.RUNNING.value, StateType.SCHEDULED.value)


def record(connection: sa.Connection, updates: Sequence[TaskRunUpdate]) -> None:
    """Keep task runs as they now are, and the states they went through.

    Sending a batch twice, or an older one later, changes nothing: ids are unique and the row keeps
    the state that is newer by `(flow_attempt, attempt, state_at)`.
    """
    if not updates:
        return
    newest = {update.run.id: update.run for update in updates}
    connection.exec_driver_sql(_UPSERT, [_values(run) for run in newest.values()])
    history = [_state_values(update.run.id, state) for update in updates for state in update.states]
    if history:
        connection.exec_driver_sql(_APPEND, history)


def of_flow_run(
    connection: sa.Connection, flow_run_id: str, *, attempt: int | None = None
) -> tuple[TaskRun, ...]:
    """List a run's task runs of one attempt (the latest one recorded, when left out), in order."""
    if attempt is None:
        query = sa.select(sa.func.max(task_run.c.flow_attempt)).where(
            task_run.c.flow_run_id == flow_run_id
        )
        attempt = connection.execute(query).scalar()
    query = (
        sa.select(task_run)
        .where(task_run.c.flow_run_id == flow_run_id, task_run.c.flow_attempt == attempt)
        .order_by(task_run.c.position, task_run.c.id)
    )
    return tuple(_task_run(row) for row in connection.execute(query).mappings())


def states(connection: sa.Connection, task_run_id: str) -> tuple[State, ...]:
    """List the states a task run went through, oldest first."""
    query = (
        sa.select(task_run_state)
        .where(task_run_state.c.task_run_id == task_run_id)
        .order_by(task_run_state.c.at, task_run_state.c.id)
    )
    return tuple(codec.history_state(row) for row in connection.execute(query).mappings())


def unfinished(connection: sa.Connection, flow_run_id: str, *, attempt: int) -> tuple[TaskRun, ...]:
    """List a run's task runs that have not ended."""
    query = sa.select(task_run).where(
        task_run.c.flow_run_id == flow_run_id,
        task_run.c.flow_attempt == attempt,
        task_run.c.state_type.in_(_OPEN),
        task_run.c.state_name != "NotReady",
    )
    return tuple(_task_run(row) for row in connection.execute(query).mappings())


def _upsert() -> Any:
    statement = upsert(task_run)
    new, old = statement.excluded, task_run.c
    keep = ("id", "flow_run_id", "key", "kind", "created_at")
    changes = {c.name: new[c.name] for c in task_run.columns if c.name not in keep}
    newer = sa.tuple_(new.flow_attempt, new.attempt, new.state_at) >= sa.tuple_(
        old.flow_attempt, old.attempt, old.state_at
    )
    # A run's own word, though it arrives late from a spool, outranks what was assumed at its death.
    assumed = sa.text(
        "task_run.state_name IN ('Crashed', 'NotReady')"
        " AND excluded.state_type IN ('COMPLETED', 'FAILED')"
    )
    return statement.on_conflict_do_update(
        index_elements=["id"], set_=changes, where=sa.or_(newer, assumed)
    )


def _sql(statement: Any) -> str:
    """Give a statement as text: its rows are tuples in the order of the table's columns.

    Every task call ends in these two statements; through SQLAlchemy's parameters they cost twice.
    """
    return str(statement.compile(dialect=sqlite.dialect()))


_UPSERT = _sql(_upsert())
_APPEND = _sql(upsert(task_run_state).on_conflict_do_nothing(index_elements=["id"]))


def _values(run: TaskRun) -> tuple[Any, ...]:
    """Give a task run's row, in the order of `tables.task_run`."""
    state = run.state
    return (
        run.id,
        run.flow_run_id,
        run.key,
        run.name,
        run.kind,
        state.id,
        state.type.value,
        state.name,
        state.message,
        codec.details_text(state.details),
        clock.micros(state.at),
        clock.micros(run.created_at),
        run.position,
        run.attempt,
        run.flow_attempt,
        codec.micros(run.started_at),
        codec.micros(run.ended_at),
        run.running_seconds,
        codec.dumps(list(run.tags)) if run.tags else "[]",
        codec.dumps(list(run.upstream)) if run.upstream else "[]",
        run.cell_id,
    )


def _state_values(task_run_id: str, state: State) -> tuple[Any, ...]:
    """Give a state's row, in the order of `tables.task_run_state`."""
    return (
        state.id,
        task_run_id,
        state.type.value,
        state.name,
        state.message,
        codec.details_text(state.details),
        clock.micros(state.at),
    )


def _task_run(row: sa.RowMapping) -> TaskRun:
    def at(name: str) -> datetime | None:
        return codec.instant(row[name])

    return TaskRun(
        id=row["id"],
        flow_run_id=row["flow_run_id"],
        key=row["key"],
        name=row["name"],
        kind=row["kind"],
        state=codec.state_of(row),
        created_at=clock.instant(row["created_at"]),
        position=row["position"],
        attempt=row["attempt"],
        flow_attempt=row["flow_attempt"],
        started_at=at("started_at"),
        ended_at=at("ended_at"),
        running_seconds=row["running_seconds"],
        tags=tuple(codec.loads(row["tags"])),
        upstream=tuple(codec.loads(row["upstream"])),
        cell_id=row["cell_id"],
    )
