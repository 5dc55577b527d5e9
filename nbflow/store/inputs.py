"""Inputs of flow runs: appended, listed in order."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from nbflow.model import clock
from nbflow.model.inputs import RunInput
from nbflow.store import codec
from nbflow.store.tables import run_input

#: the authority's clock, not the sender's
_ORDER = (run_input.c.created_at, run_input.c.id)


def insert(connection: sa.Connection, given: RunInput, *, at: datetime) -> None:
    """Keep an input that came at an instant; one that is kept already changes nothing."""
    there = sa.select(run_input.c.id).where(run_input.c.id == given.id)
    if connection.execute(there).first() is not None:
        return
    connection.execute(
        run_input.insert().values(
            id=given.id,
            flow_run_id=given.flow_run_id,
            key=given.key,
            value=codec.dumps(given.value),
            sender=given.sender,
            created_at=clock.micros(at),
        )
    )


def listed(
    connection: sa.Connection, flow_run_id: str, *, prefix: str, after: str | None, limit: int
) -> tuple[RunInput, ...]:
    """List a run's inputs whose key begins with `prefix`, oldest first."""
    query = sa.select(run_input).where(
        run_input.c.flow_run_id == flow_run_id, run_input.c.key.startswith(prefix, autoescape=True)
    )
    if after is not None:
        place = sa.select(run_input.c.created_at, run_input.c.id).where(run_input.c.id == after)
        query = query.where(sa.tuple_(*_ORDER) > place.scalar_subquery())
    query = query.order_by(*_ORDER).limit(limit)
    return tuple(_input_of(row) for row in connection.execute(query).mappings())


def _input_of(row: sa.RowMapping) -> RunInput:
    return RunInput(
        flow_run_id=row["flow_run_id"],
        key=row["key"],
        value=codec.loads(row["value"]),
        sender=row["sender"],
        created_at=clock.instant(row["created_at"]),
        id=row["id"],
    )
