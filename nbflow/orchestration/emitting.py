"""Users' events appended to the log, with the labels of the run that emitted them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import sqlalchemy as sa

from nbflow.model.event_log import MOST_RELATED
from nbflow.model.event_views import ID, ROLE, Labels, around
from nbflow.model.events import NewEvent
from nbflow.store import event_views, events


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
