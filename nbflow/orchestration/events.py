"""`Events` over SQL: what users emit is kept with the labels of the run that emitted it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nbflow.exceptions import Forbidden, InvalidInput
from nbflow.model.changes import Changes
from nbflow.model.event_log import (
    MOST_AT_ONCE,
    CountBy,
    Emitted,
    EventCount,
    EventFilter,
    EventSort,
    Meant,
    check_backfill,
    checked,
)
from nbflow.model.event_views import EventView, Views
from nbflow.model.events import NewEvent
from nbflow.model.pages import Page, check_limit, every
from nbflow.orchestration import automation_turns, emitting
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
            return Emitted(emitting.emit(connection, made))

    @again
    def emit_unheard(self, new: Sequence[NewEvent]) -> Emitted:
        """Keep users' events that no enabled automation counts: those make nothing run.

        Looked at in the transaction that keeps them, as the automations will hear them. Raises
        Forbidden, InvalidInput.
        """
        made = _checked(new)
        with self._write() as connection:
            before = events.last_seq(connection)
            count = emitting.emit(connection, made)
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
