"""Log lines of runs: appended, listed, never changed."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from nbflow.model import clock, rows
from nbflow.model.pages import Page, several
from nbflow.model.run_parts import LogFilter, LogSort
from nbflow.model.runs import LogEntry
from nbflow.store import codec
from nbflow.store.bulk import Bulk
from nbflow.store.tables import log

_APPEND = Bulk(lambda insert: insert(log).on_conflict_do_nothing(index_elements=["id"]))


def append(connection: sa.Connection, entries: Sequence[LogEntry]) -> None:
    """Append lines; a line sent twice is kept once."""
    if entries:
        _APPEND(connection, [entry.row() for entry in entries])


def page(
    connection: sa.Connection, where: LogFilter, *, sort: LogSort, limit: int, after: str | None
) -> Page[LogEntry]:
    """List lines: of one run by time, of several in the order they were written."""
    by = (log.c.at, log.c.id) if len(several(where.flow_run_id)) == 1 else (log.c.id,)
    query = sa.select(log).where(*_conditions(where))
    down = sort.startswith("-")
    if after is not None:
        place = sa.tuple_(*codec.place(after, field="after")[-len(by) :])
        here = sa.tuple_(*by)
        query = query.where(here < place if down else here > place)
    query = query.order_by(*(each.desc() if down else each for each in by))
    found = connection.execute(query.limit(limit + 1)).all()
    more = len(found) > limit
    last = found[limit - 1] if more else None
    lines = tuple(rows.log(row) for row in found[:limit])
    return Page(lines, f"{last.at}.{last.id}" if last else None)


def _conditions(where: LogFilter) -> list[sa.ColumnElement[bool]]:
    c = log.c
    found: list[sa.ColumnElement[bool]] = [
        c[name].in_(several(value)) if len(several(value)) > 1 else c[name] == several(value)[0]
        for name in ("flow_run_id", "task_run_id")
        if (value := getattr(where, name))
    ]
    found += [c.level >= where.level] if where.level else []
    found += [c.message.icontains(where.search, autoescape=True)] if where.search else []
    found += [c.at >= clock.micros(where.since)] if where.since else []
    found += [c.at < clock.micros(where.until)] if where.until else []
    return found
