"""Task runs: recorded in batches as they now are; the newer record of a task run wins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nbflow.model import clock, rows
from nbflow.model.pages import Page, several
from nbflow.model.run_parts import TaskRunFilter, TimeSort
from nbflow.model.runs import TaskRun
from nbflow.model.states import StateType
from nbflow.store import codec, task_states, task_texts
from nbflow.store.bulk import Bulk
from nbflow.store.dialect import Insert
from nbflow.store.tables import task_run
from nbflow.store.task_states import NewStates

_OPEN = (StateType.PENDING.value, StateType.RUNNING.value, StateType.SCHEDULED.value)


def record(connection: sa.Connection, runs: Sequence[TaskRun]) -> list[NewStates]:
    """Keep task runs as they now are, each with its whole history; give which states are new.

    Sending a batch twice, or an older one later, changes nothing: the row keeps what is newer by
    `(flow_attempt, attempt, state_at)`.
    """
    if not runs:
        return []
    made = [run.row() for run in runs]
    new = task_states.of(connection, made)
    _UPSERT(connection, made)
    return new


def of_flow_run(
    connection: sa.Connection, flow_run_id: str, *, attempt: int | None = None
) -> tuple[TaskRun, ...]:
    """List a run's task runs of one attempt (the latest one recorded, when left out), in order."""
    found = _of_flow_run(connection, flow_run_id, attempt)
    return tuple(rows.task_run(row) for row in found)


def texts(connection: sa.Connection, flow_run_id: str) -> list[str]:
    """List a run's task runs of its latest attempt as JSON texts without histories, in order."""
    return task_texts.short(_of_flow_run(connection, flow_run_id, None))


def _of_flow_run(
    connection: sa.Connection, flow_run_id: str, attempt: int | None
) -> Sequence[sa.Row[Any]]:
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
    return connection.execute(query).all()


def page(
    connection: sa.Connection,
    where: TaskRunFilter,
    *,
    sort: TimeSort,
    limit: int,
    cursor: str | None,
) -> Page[TaskRun]:
    """List task runs by when they were made: their ids tell."""
    c, down = task_run.c, sort.startswith("-")
    query = sa.select(task_run).where(*_conditions(where))
    if cursor is not None:
        place = codec.place(f"0.{cursor}", field="cursor")[1]
        query = query.where(c.id < place if down else c.id > place)
    query = query.order_by(c.id.desc() if down else c.id).limit(limit + 1)
    found = connection.execute(query).all()
    made = tuple(rows.task_run(row) for row in found[:limit])
    return Page(made, made[-1].id if len(found) > limit else None)


def _conditions(where: TaskRunFilter) -> list[sa.ColumnElement[bool]]:
    c = task_run.c
    found: list[sa.ColumnElement[bool]] = [
        c[name].in_(several(value))
        for name in ("flow_run_id", "id", "key", "name", "kind")
        if (value := getattr(where, name))
    ]
    if where.state:
        found.append(sa.or_(c.state_type.in_(where.state), c.state_name.in_(where.state)))
    if where.search:
        found.append(c.name.icontains(where.search, autoescape=True))
    if where.tags:
        either = [c.tags.contains(codec.dumps(tag), autoescape=True) for tag in where.tags]
        found.append(sa.or_(*either))
    found += [c.created_at >= clock.micros(where.since)] if where.since else []
    found += [c.created_at < clock.micros(where.until)] if where.until else []
    return found


def by_ids(connection: sa.Connection, ids: Sequence[str]) -> tuple[TaskRun, ...]:
    """Give the task runs of some ids, those that are there, in order."""
    query = (
        sa.select(task_run)
        .where(task_run.c.id.in_(ids))
        .order_by(task_run.c.flow_attempt, task_run.c.position, task_run.c.id)
    )
    return tuple(rows.task_run(row) for row in connection.execute(query))


def unfinished(connection: sa.Connection, flow_run_id: str, *, attempt: int) -> tuple[TaskRun, ...]:
    """List a run's task runs that have not ended."""
    query = sa.select(task_run).where(
        task_run.c.flow_run_id == flow_run_id,
        task_run.c.flow_attempt == attempt,
        task_run.c.state_type.in_(_OPEN),
        task_run.c.state_name != "NotReady",
    )
    return tuple(rows.task_run(row) for row in connection.execute(query))


def _upsert(insert: Insert) -> sa.Insert:  # `task_states` says the same of one row
    statement = insert(task_run)
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


_UPSERT = Bulk(_upsert)
