"""`Events` over SQL: what users emit is kept with the labels of the run that emitted it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from nbflow.exceptions import Forbidden, InvalidInput
from nbflow.model.backend import Changes
from nbflow.model.event_log import (
    MOST_AT_ONCE,
    MOST_RELATED,
    CountBy,
    Emitted,
    EventCount,
    EventFilter,
    EventSort,
    Meant,
    check_backfill,
    checked,
)
from nbflow.model.event_views import ID, ROLE, EventView, Labels, Views, around
from nbflow.model.events import NewEvent
from nbflow.model.pages import Page, check_limit, every
from nbflow.orchestration import automation_turns
from nbflow.orchestration.base import OverSql, again
from nbflow.store import event_list, event_views, events

#: seconds a look for news waits
_LOOK_SECONDS = 20.0


class SqlEvents(OverSql):
    """The events of a store."""

    if TYPE_CHECKING:

        def changes(self, since: int, *, limit: int = 1000, wait: float = 0.0) -> Changes:
            """Give what was committed after a number; the whole has it."""
            ...

    @again
    def emit_events(self, new: Sequence[NewEvent]) -> Emitted:
        """Keep users' events; one whose id is known changes nothing."""
        made = _checked(new)
        with self._write() as connection:
            return Emitted(emit(connection, made))

    @again
    def emit_unheard(self, new: Sequence[NewEvent]) -> Emitted:
        """Keep users' events that no enabled automation counts: those make nothing run.

        Looked at in the transaction that keeps them, as the automations will hear them. Raises
        Forbidden, InvalidInput.
        """
        made = _checked(new)
        with self._write() as connection:
            before = events.last_seq(connection)
            count = emit(connection, made)
            told = event_views.after(connection, before, limit=count) if count else None
            if told is not None and automation_turns.heard_by(connection, told.views):
                raise Forbidden(
                    "An automation acts on such an event, so emitting it takes the permission to "
                    "make things run.",
                    code="event.heard",
                    field="events",
                    hint="It is the action execute on nbflow:events.",
                )
            return Emitted(count)

    def list_events(
        self,
        where: EventFilter | None = None,
        *,
        sort: EventSort = "-occurred",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[EventView]:
        """List events."""
        where = where or EventFilter()
        with self.database.read() as connection:
            return event_list.page(connection, where, sort=sort, limit=limit, cursor=cursor)

    def count_events(self, by: CountBy, where: EventFilter | None = None) -> tuple[EventCount, ...]:
        """Count events by time, name or resource."""
        with self.database.read() as connection:
            return event_list.counts(connection, by, where or EventFilter())

    def view_events(self, since: int, *, limit: int = 200) -> Views:
        """Give the events of at most `limit` commits after a number, in order of commits."""
        check_limit(limit, 1000)
        with self.database.read() as connection:
            return event_views.after(connection, since, limit=limit)

    def follow_events(self, where: EventFilter | None = None) -> Iterator[EventView]:
        """Give events as they are committed, without end."""
        where = where or EventFilter()
        meant = Meant(where)
        check_backfill(where.since)
        with self.database.read() as connection:
            seq = events.last_seq(connection)
        return self._followed(where, meant, seq)

    def _followed(self, where: EventFilter, meant: Meant, seq: int) -> Iterator[EventView]:
        if where.since is not None:
            past = every(self.list_events, replace(where, until=None), sort="occurred", limit=200)
            yield from (view for view in past if view.seq <= seq)
        while True:
            found = self.view_events(seq)
            seq = found.seq
            yield from filter(meant, found.views)
            if not found.views:
                self.changes(seq, limit=1, wait=_LOOK_SECONDS)


def _checked(new: Sequence[NewEvent]) -> list[NewEvent]:
    if len(new) > MOST_AT_ONCE:
        raise InvalidInput(
            f"{len(new)} events at once; {MOST_AT_ONCE} are the most.",
            code="event.many",
            field="events",
        )
    return [checked(one) for one in new]


def emit(connection: sa.Connection, made: Sequence[NewEvent]) -> int:
    """Append users' events that were checked and are not there yet; give how many."""
    if not made:
        return 0
    first = {one.id: one for one in reversed(made)}
    known = events.known(connection, list(first))
    fresh = [one for one in made if one.id not in known and first[one.id] is one]
    around_runs = _around(connection, {one.flow_run_id for one in fresh if one.flow_run_id})
    events.emit(connection, [_placed(one, around_runs) for one in fresh])
    return len(fresh)


def _around(connection: sa.Connection, run_ids: set[str]) -> dict[str, tuple[Labels, ...]]:
    return {
        run_id: tuple(around(run_id, run))
        for run_id, run in event_views.runs(connection, run_ids).items()
    }


def _placed(one: NewEvent, runs: dict[str, tuple[Labels, ...]]) -> NewEvent:
    """Relate an event to the run that emitted it, and to what that has to do with."""
    if one.flow_run_id is None or one.flow_run_id not in runs:
        return one
    said = {other[ID] for other in one.related}
    added = [other for other in _of_run(one, runs[one.flow_run_id]) if other[ID] not in said]
    return replace(one, related=(*one.related, *added)[: 2 * MOST_RELATED])


def _of_run(one: NewEvent, run: Sequence[Labels]) -> Iterator[Labels]:
    if one.task_run_id is not None:
        yield {ID: f"nbflow.task-run.{one.task_run_id}", ROLE: "task-run"}
    yield from run
