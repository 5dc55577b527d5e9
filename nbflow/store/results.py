"""Stored results: kept with the task runs that made them, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import names, rows
from nbflow.model.pages import Page
from nbflow.model.results import MOST, ResultRecord
from nbflow.store import paging
from nbflow.store.bulk import Bulk
from nbflow.store.dialect import Insert
from nbflow.store.tables import result


def append(connection: sa.Connection, records: Sequence[ResultRecord]) -> None:
    """Keep results; of two with the same key the newer one stays."""
    if records:
        _UPSERT(connection, [record.row() for record in records])


#: made once: a look-up costs a third less
_GET = sa.select(result).where(result.c.key == sa.bindparam("key"))


def get(connection: sa.Connection, key: str) -> ResultRecord:
    """Read the result of a key. Raises NotFound."""
    row = connection.execute(_GET, {"key": key}).first()
    if row is None:
        raise NotFound(f"There is no result {names.shown(key)}.", field="key")
    return rows.result(row)


def page(
    connection: sa.Connection,
    flow_run_id: str | None,
    *,
    task_key: str | None,
    limit: int,
    cursor: str | None,
    data: bool,
) -> Page[ResultRecord]:
    """List the results kept for one run, by key; or those a task made for all, newest first."""
    c = result.c
    if task_key is not None:
        query, by = _rows(data).where(c.task_key == task_key), (c.created_at, c.key)
    else:
        query, by = _rows(data).where(_of_run(flow_run_id or "")), (c.key,)
    down = task_key is not None
    found, after = paging.page(
        connection, query, by, limit=limit, cursor=cursor, down=down, most=MOST
    )
    return Page(tuple(rows.result(tuple(row.values())) for row in found), after)


def delete(connection: sa.Connection, keys: Sequence[str]) -> None:
    """Delete results."""
    connection.execute(result.delete().where(result.c.key.in_(keys)))


def delete_of_runs(connection: sa.Connection, flow_run_ids: Sequence[str]) -> list[str]:
    """Delete the results kept for some runs; give where their files lie."""
    gone = [_of_run(run_id) for run_id in flow_run_ids]
    if not gone:
        return []
    where = sa.or_(*gone)
    query = sa.select(result.c.location).where(where, result.c.location.is_not(None))
    files = [location for location in connection.execute(query).scalars() if location]
    connection.execute(result.delete().where(where))
    return files


class Old(NamedTuple):
    """A result whose time has come."""

    key: str
    size: int
    location: str | None


def old(
    connection: sa.Connection, *, before: int, now: int, limit: int, after: str = ""
) -> list[Old]:
    """List results made before an instant, or expired, by key."""
    query = (
        sa.select(result.c.key, result.c.size, result.c.location)
        .where(
            sa.or_(result.c.created_at < before, result.c.expires_at <= now), result.c.key > after
        )
        .order_by(result.c.key)
        .limit(limit)
    )
    return [Old(*row) for row in connection.execute(query)]


def known_files(connection: sa.Connection, locations: Sequence[str]) -> set[str]:
    """Give those of some places that a result speaks of."""
    query = sa.select(result.c.location).where(result.c.location.in_(locations))
    return {location for location in connection.execute(query).scalars() if location}


def _of_run(flow_run_id: str) -> sa.ColumnElement[bool]:
    """A run's keys begin with its id; `/` is the character after the dot that follows it."""
    return sa.and_(result.c.key >= flow_run_id, result.c.key < f"{flow_run_id}/")


def _rows(data: bool) -> sa.Select[Any]:
    if data:
        return sa.select(result)
    return sa.select(*(sa.null() if c.name == "data" else c for c in result.columns))


def _upsert(insert: Insert) -> sa.Insert:
    statement = insert(result)
    new = statement.excluded
    changes = {c.name: new[c.name] for c in result.columns if c.name != "key"}
    return statement.on_conflict_do_update(
        index_elements=["key"], set_=changes, where=new.created_at >= result.c.created_at
    )


_UPSERT = Bulk(_upsert)
