"""The event table: facts in commit order, appended in the transaction that made them so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow.model import clock
from nbflow.model.events import EMITTED, ID, Event, NewEvent, of_text
from nbflow.store import codec
from nbflow.store.bulk import Bulk, Row
from nbflow.store.tables import event

_COLUMNS = ("kind", "noun", "resource_id", "at", "row")
_APPEND = Bulk(lambda insert: insert(event).values(dict.fromkeys(_COLUMNS)).inline())
_ALL: sa.Select[Any] = sa.select(*(event.c[name] for name in ("seq", *_COLUMNS)))
_EMIT = Bulk(lambda insert: insert(event).values(dict.fromkeys((*_COLUMNS, "about"))).inline())


def append(connection: sa.Connection, events: Sequence[Event]) -> None:
    """Append events; the database numbers them."""
    append_texts(connection, [(e, codec.dumps(dict(e.row))) for e in events])


def append_texts(connection: sa.Connection, told: Sequence[tuple[Event, str]]) -> None:
    """Append events whose rows are JSON text already."""
    append_rows(
        connection,
        [(e.kind, e.noun, e.resource_id, clock.micros(e.at), text) for e, text in told],
    )


def append_rows(connection: sa.Connection, rows: Sequence[Row]) -> None:
    """Append events as rows: kind, noun, resource's id, instant, JSON text."""
    if rows:
        _APPEND(connection, rows)


def emit(connection: sa.Connection, made: Sequence[NewEvent]) -> None:
    """Append users' events."""
    rows = [
        (e.event, EMITTED, e.id, clock.micros(e.occurred), codec.dumps(_said(e)), e.resource[ID])
        for e in made
    ]
    _EMIT(connection, rows)


def _said(new: NewEvent) -> dict[str, Any]:
    return {
        "resource": new.resource,
        "related": new.related,
        "payload": new.payload,
        "follows": new.follows,
    }


def known(connection: sa.Connection, ids: Sequence[str]) -> set[str]:
    """Give those of some ids that users' events have."""
    query = sa.select(event.c.resource_id).where(
        event.c.resource_id.in_(ids), event.c.noun == EMITTED
    )
    return set(connection.execute(query).scalars())


def by_seqs(connection: sa.Connection, seqs: Sequence[int]) -> dict[int, Event]:
    """Give events by their numbers."""
    query = _ALL.where(event.c.seq.in_(seqs))
    return {found.seq: found for found in map(_event, connection.execute(query))}


def since(connection: sa.Connection, seq: int, *, limit: int) -> list[Event]:
    """Give the events after a number, oldest first."""
    query = _ALL.where(event.c.seq > seq).order_by(event.c.seq).limit(limit)
    return [*map(_event, connection.execute(query))]


def last_seq(connection: sa.Connection) -> int:
    """Give the newest event's number; 0 before the first."""
    return connection.execute(sa.select(sa.func.max(event.c.seq))).scalar() or 0


def first_seq(connection: sa.Connection) -> int:
    """Give the oldest event's number still kept; 0 when there is none."""
    return connection.execute(sa.select(sa.func.min(event.c.seq))).scalar() or 0


def before(connection: sa.Connection, at: datetime) -> int:
    """Give the number of the last event committed before an instant, by a look at few of them."""
    low, high = first_seq(connection), last_seq(connection) + 1
    while low < high:
        middle = (low + high) // 2
        query = sa.select(event.c.seq, event.c.at).where(event.c.seq >= middle)
        found = connection.execute(query.order_by(event.c.seq).limit(1)).first()
        if found is None or found.at >= clock.micros(at):
            high = middle
        else:
            low = found.seq + 1
    return max(0, low - 1)


def _event(row: Any) -> Event:
    seq, kind, noun, resource_id, at, text = row
    return of_text(kind, noun, resource_id, clock.instant(at), text, seq)
