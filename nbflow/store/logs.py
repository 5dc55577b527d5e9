"""Log lines of runs: appended, listed, never changed."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from nbflow.model import rows
from nbflow.model.backend import Page
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
    connection: sa.Connection, flow_run_id: str, *, limit: int, after: str | None
) -> Page[LogEntry]:
    """List a run's lines, oldest first."""
    query = sa.select(log).where(log.c.flow_run_id == flow_run_id)
    if after is not None:
        query = query.where(
            sa.tuple_(log.c.at, log.c.id) > sa.tuple_(*codec.place(after, field="after"))
        )
    found = connection.execute(query.order_by(log.c.at, log.c.id).limit(limit + 1)).all()
    more = len(found) > limit
    last = found[limit - 1] if more else None
    lines = tuple(rows.log(row) for row in found[:limit])
    return Page(lines, f"{last.at}.{last.id}" if last else None)
