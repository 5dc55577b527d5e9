"""Work pools and their queues: rows in, rows out. What an edit means is `model.work_pools`'s."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import clock, ids, pool_types
from nbflow.model.names import did_you_mean, shown
from nbflow.model.pages import Page
from nbflow.model.states import LIVE, StateType
from nbflow.model.work_pools import DEFAULT_QUEUE, WorkPool, WorkQueue
from nbflow.store import codec, paging
from nbflow.store.tables import deployment, flow_run
from nbflow.store.worker_tables import work_pool, work_queue

_UNFINISHED = sorted({*LIVE, StateType.SCHEDULED})


def find(connection: sa.Connection, name_or_id: str) -> WorkPool | None:
    """Read a pool by its name, else by its id; None: there is none."""
    same = sa.or_(work_pool.c.name == name_or_id, work_pool.c.id == name_or_id)
    first = sa.case((work_pool.c.name == name_or_id, 0), else_=1)
    row = connection.execute(sa.select(work_pool).where(same).order_by(first)).mappings().first()
    return None if row is None else _pool(row)


def get(connection: sa.Connection, name_or_id: str) -> WorkPool:
    """Read a pool by name or id. Raises NotFound."""
    found = find(connection, name_or_id)
    if found is None:
        names = connection.execute(sa.select(work_pool.c.name).limit(500)).scalars()
        raise NotFound(
            f"There is no work pool {shown(name_or_id)}.",
            field="work_pool",
            hint=did_you_mean(name_or_id, names, "There are"),
        )
    return found


def every(connection: sa.Connection) -> tuple[WorkPool, ...]:
    """List work pools by name."""
    rows = connection.execute(sa.select(work_pool).order_by(work_pool.c.name)).mappings()
    return tuple(_pool(row) for row in rows)


def page(connection: sa.Connection, *, limit: int, cursor: str | None) -> Page[WorkPool]:
    """List some work pools by name."""
    by = (work_pool.c.name,)
    rows, after = paging.page(connection, sa.select(work_pool), by, limit=limit, cursor=cursor)
    return Page(tuple(map(_pool, rows)), after)


def ensure(
    connection: sa.Connection, name: str, *, at: datetime, type: str | None = None
) -> WorkPool:
    """Read a work pool, making it with its default queue when there is none."""
    row = connection.execute(sa.select(work_pool).where(work_pool.c.name == name)).mappings()
    found = row.first()
    if found is not None:
        return _pool(found)
    usual = pool_types.AGENT if name == pool_types.AGENT_POOL else pool_types.DEFAULT
    made = WorkPool(ids.uuid7(), name, created_at=at, updated_at=at, type=type or usual)
    insert(connection, made)
    return made


def insert(connection: sa.Connection, made: WorkPool) -> None:
    """Insert a pool and its default queue."""
    connection.execute(work_pool.insert(), _pool_columns(made))
    at = made.created_at
    save_queue(connection, WorkQueue(ids.uuid7(), made.name, DEFAULT_QUEUE, at, at))


def replace(connection: sa.Connection, made: WorkPool) -> None:
    """Write a pool over what is kept of it."""
    update = work_pool.update().where(work_pool.c.id == made.id)
    connection.execute(update.values(_pool_columns(made)))


def delete(connection: sa.Connection, made: WorkPool) -> None:
    """Delete a pool and its queues."""
    connection.execute(work_queue.delete().where(work_queue.c.work_pool == made.name))
    connection.execute(work_pool.delete().where(work_pool.c.id == made.id))


def users(connection: sa.Connection, name: str) -> tuple[list[str], int]:
    """Give the names of the deployments of a pool, and how many of its runs have not ended."""
    query = sa.select(deployment.c.name).where(deployment.c.work_pool == name).limit(5)
    unfinished = sa.select(sa.func.count()).where(
        flow_run.c.work_pool == name, flow_run.c.state_type.in_(_UNFINISHED)
    )
    return list(connection.execute(query).scalars()), connection.execute(unfinished).scalar_one()


# -- queues -----------------------------------------------------------------------------------
def queues(connection: sa.Connection, pool: str | None = None) -> tuple[WorkQueue, ...]:
    """List the queues of a pool, or of all pools, first priority first."""
    query = sa.select(work_queue)
    if pool is not None:
        query = query.where(work_queue.c.work_pool == pool)
    c = work_queue.c
    rows = connection.execute(query.order_by(c.work_pool, c.priority, c.created_at, c.id))
    return tuple(_queue(row) for row in rows.mappings())


def page_of_queues(
    connection: sa.Connection, pool: str | None, *, limit: int, cursor: str | None
) -> Page[WorkQueue]:
    """List some queues of a pool, or of all pools, first priority first."""
    c = work_queue.c
    query = sa.select(work_queue).where(*([] if pool is None else [c.work_pool == pool]))
    by = (c.work_pool, c.priority, c.created_at, c.id)
    rows, after = paging.page(connection, query, by, limit=limit, cursor=cursor)
    return Page(tuple(map(_queue, rows)), after)


def find_queue(connection: sa.Connection, pool: str, name: str) -> WorkQueue | None:
    """Read a queue by its name or id; None: there is none."""
    return next((one for one in queues(connection, pool) if name in (one.name, one.id)), None)


def get_queue(connection: sa.Connection, pool: str, name: str) -> WorkQueue:
    """Read a queue by its name or id. Raises NotFound."""
    found = find_queue(connection, pool, name)
    if found is None:
        raise NotFound(
            f"The work pool {shown(pool)} has no queue {shown(name)}.",
            field="work_queue",
            hint=did_you_mean(name, (one.name for one in queues(connection, pool)), "It has"),
        )
    return found


def ensure_queues(
    connection: sa.Connection, pool: str, names: Iterable[str], *, at: datetime
) -> None:
    """Make those queues of a pool that are not there, each after the last one."""
    there = queues(connection, pool)
    last = max((one.priority for one in there), default=0)
    known = {one.name for one in there}
    for name in names:
        if name not in known:
            last += 1
            known.add(name)
            save_queue(connection, WorkQueue(ids.uuid7(), pool, name, at, at, priority=last))


def save_queue(connection: sa.Connection, made: WorkQueue) -> None:
    """Insert a queue, or write it over the one of its id."""
    values = _queue_columns(made)
    update = work_queue.update().where(work_queue.c.id == made.id).values(values)
    if not connection.execute(update).rowcount:
        connection.execute(work_queue.insert(), values)


def delete_queue(connection: sa.Connection, made: WorkQueue) -> None:
    """Delete a queue; its deployments and what waits in it go to the default queue."""
    connection.execute(work_queue.delete().where(work_queue.c.id == made.id))
    for table in (deployment, flow_run):
        c = table.c
        of_it = table.update().where(c.work_pool == made.work_pool, c.work_queue == made.name)
        if table is flow_run:
            of_it = of_it.where(flow_run.c.state_type.in_(_UNFINISHED))
        connection.execute(of_it.values(work_queue=DEFAULT_QUEUE))


_PLAIN_POOL = "id name type paused concurrency_limit description".split()


def _pool_columns(pool: WorkPool) -> dict[str, Any]:
    return {name: getattr(pool, name) for name in _PLAIN_POOL} | {
        "base_job_template": codec.dumps(dict(pool.base_job_template)),
        "created_at": clock.micros(pool.created_at),
        "updated_at": clock.micros(pool.updated_at),
    }


def _pool(row: sa.RowMapping) -> WorkPool:
    return WorkPool(
        **{name: row[name] for name in _PLAIN_POOL},
        base_job_template=codec.loads(row["base_job_template"]),
        created_at=clock.instant(row["created_at"]),
        updated_at=clock.instant(row["updated_at"] or row["created_at"]),
    )


_PLAIN_QUEUE = "id work_pool name priority concurrency_limit paused description".split()


def _queue_columns(queue: WorkQueue) -> dict[str, Any]:
    return {name: getattr(queue, name) for name in _PLAIN_QUEUE} | {
        "created_at": clock.micros(queue.created_at),
        "updated_at": clock.micros(queue.updated_at),
    }


def _queue(row: sa.RowMapping) -> WorkQueue:
    return WorkQueue(
        **{name: row[name] for name in _PLAIN_QUEUE},
        created_at=clock.instant(row["created_at"]),
        updated_at=clock.instant(row["updated_at"]),
    )
