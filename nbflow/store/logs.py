"""Log lines of runs: appended, listed, never changed."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from nbflow.model import clock
from nbflow.model.backend import Page
from nbflow.model.runs import LogEntry
from nbflow.store import codec
from nbflow.store.tables import log

_APPEND = upsert(log).on_conflict_do_nothing(index_elements=["id"])


def append(connection: sa.Connection, entries: Sequence[LogEntry]) -> None:
    """Append lines; a line sent twice is kept once."""
    if entries:
        connection.execute(
            _APPEND,
            [
                {
                    "id": e.id,
                    "flow_run_id": e.flow_run_id,
                    "task_run_id": e.task_run_id,
                    "at": clock.micros(e.at),
                    "level": e.level,
                    "logger": e.logger,
                    "message": e.message,
                }
                for e in entries
            ],
        )


def page(
    connection: sa.Connection, flow_run_id: str, *, limit: int, after: str | None
) -> Page[LogEntry]:
    """List a run's lines, oldest first."""
    query = sa.select(log).where(log.c.flow_run_id == flow_run_id)
    if after is not None:
        query = query.where(
            sa.tuple_(log.c.at, log.c.id) > sa.tuple_(*codec.place(after, field="after"))
        )
    rows = connection.execute(query.order_by(log.c.at, log.c.id).limit(limit + 1)).mappings().all()
    more = len(rows) > limit
    lines = tuple(
        LogEntry(
            flow_run_id=r["flow_run_id"],
            at=clock.instant(r["at"]),
            level=r["level"],
            message=r["message"],
            logger=r["logger"],
            task_run_id=r["task_run_id"],
            id=r["id"],
        )
        for r in rows[:limit]
    )
    last = rows[limit - 1] if more else None
    return Page(lines, f"{last['at']}.{last['id']}" if last else None)
