"""Which events are kept no longer: those past their time, then the oldest of too many.

An event that automations have not read stays, however old; of those, too, there is a most, and that
one was lost is said in the log and in what the automations tell of themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from nbflow import settings
from nbflow.model import clock
from nbflow.model.event_views import EMITTED
from nbflow.model.retention import event_days
from nbflow.store import automations, buckets, event_list, events
from nbflow.store.tables import event

_log = logging.getLogger("nbflow.services")

#: the name of the mark up to which events were deleted
_MARK = "pruned"
#: values one statement names
_AT_ONCE = 500


def old(connection: sa.Connection, now: datetime) -> Sequence[sa.ColumnElement[bool]]:
    """Give what is to go, as conditions of which one holds. Raises InvalidInput (the setting)."""
    last = events.last_seq(connection)
    newest = last - 1  # the last one stays: what is numbered next is told by it
    read = min(_read_until(connection, last), newest)
    if settings.unread_event_count:
        read = max(read, min(last - settings.unread_event_count, newest))
    past = [
        sa.and_(ours, event.c.at < clock.micros(now - timedelta(days=days)), event.c.seq <= read)
        for ours, days in _kinds(connection)
    ]
    if settings.event_count:
        past.append(event.c.seq <= min(last - settings.event_count, read))
    return past


def _read_until(connection: sa.Connection, last: int) -> int:
    """Give the number of the last event that no automation waits for."""
    since = [one.standing["since_seq"] for one in automations.enabled(connection)]
    return max(buckets.read_until(connection, buckets.RULES) or 0, min(since)) if since else last


def _kinds(connection: sa.Connection) -> Iterator[tuple[sa.ColumnElement[bool], float]]:
    """Give each name's events, users' and nbflow's apart, with the days they are kept."""
    for kind in event_list.every_kind(connection):
        ours = "nbflow.task-run.*" if kind == event_list.TASKS else f"nbflow.{kind}"
        for name, noun in ((kind, event.c.noun == EMITTED), (ours, event.c.noun != EMITTED)):
            days = event_days(name)
            if days is not None:
                yield sa.and_(event.c.kind == kind, noun), days


def count(connection: sa.Connection, past: Sequence[sa.ColumnElement[bool]]) -> int:
    """Count the events that are to go."""
    query = sa.select(sa.func.count()).select_from(event).where(sa.or_(*past))
    return connection.execute(query).scalar_one() if past else 0


def delete(connection: sa.Connection, past: Sequence[sa.ColumnElement[bool]], *, limit: int) -> int:
    """Delete at most so many of them, and mark how far; give how many."""
    found: set[int] = set()
    for condition in past:
        query = sa.select(event.c.seq).where(condition).limit(limit)
        found.update(connection.execute(query).scalars())
        if len(found) >= limit:
            break
    seqs = sorted(found)[:limit]
    for at in range(0, len(seqs), _AT_ONCE):
        connection.execute(event.delete().where(event.c.seq.in_(seqs[at : at + _AT_ONCE])))
    if seqs:
        _mark(connection, seqs[-1])
        _lose(connection, seqs)
    return len(seqs)


def _lose(connection: sa.Connection, seqs: Sequence[int]) -> None:
    """Say loudly which of deleted events automations had not read, if any."""
    read = _read_until(connection, seqs[-1])
    lost = [seq for seq in seqs if seq > read]
    if not lost:
        return
    _log.error(
        "%d events went before automations had read them (%d to %d): "
        "more than NBFLOW_UNREAD_EVENT_COUNT waited. Is a server running, and does it keep up?",
        len(lost), lost[0], lost[-1],
    )  # fmt: skip
    told: dict[str, dict[str, Any]] = {}
    for one in automations.enabled(connection):
        mine = sum(seq > one.standing["since_seq"] for seq in lost)
        if mine:
            told[one.id] = {**one.standing, "lost": one.standing.get("lost", 0) + mine}
    automations.stand(connection, told)


def until(connection: sa.Connection) -> int:
    """Give the number of the newest event that was deleted."""
    return buckets.read_until(connection, _MARK) or 0


def _mark(connection: sa.Connection, seq: int) -> None:
    before = buckets.read_until(connection, _MARK)
    if before is None or before < seq:
        buckets.move(connection, _MARK, before, seq)
