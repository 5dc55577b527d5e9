"""Events as people and rules see them, read from the event table: those of task runs one by one.

What is stored is `events`; what a view says is `model.event_views`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from nbflow.model import event_views
from nbflow.model.event_views import EventView, Views
from nbflow.model.events import Event
from nbflow.store import codec, events
from nbflow.store.tables import deployment, flow_run, task_run

#: values one statement names
_AT_ONCE = 500

_TASK = tuple(
    task_run.c[name]
    for name in ("id", "key", "name", "kind", "tags", "cell_id", "position", "result_key")
)
_RUN = tuple(
    flow_run.c[name]
    for name in ("id", "name", "flow_name", "deployment_id", "work_pool", "schedule_id", "tags")
)


def after(connection: sa.Connection, seq: int, *, limit: int) -> Views:
    """Give the views of at most `limit` commits' events after a number, in order."""
    found = events.since(connection, seq, limit=limit)
    return Views(tuple(of(connection, found)), found[-1].seq if found else seq)


def of(connection: sa.Connection, found: Sequence[Event]) -> list[EventView]:
    """Give the views of events, in their order."""
    recorded = [event for event in found if event.noun == "task-runs"]
    ids = {task_id for event in recorded for task_id in event.row["ids"]}
    tasks = _rows(connection, _TASK, ids)
    around = runs(connection, {event.resource_id for event in recorded})
    views: list[EventView] = []
    for event in found:
        if event.noun == "task-runs":
            views += event_views.of_task_runs(event, tasks, around)
        else:
            views.append(event_views.view(event))
    return _named(connection, views)


def runs(connection: sa.Connection, ids: Iterable[str]) -> dict[str, Mapping[str, Any]]:
    """Give what views say of some flow runs, those that are there, by id."""
    return _rows(connection, _RUN, ids)


def _named(connection: sa.Connection, views: list[EventView]) -> list[EventView]:
    names: dict[str, str] = {}
    for kind, table in (("deployment", deployment), ("flow-run", flow_run)):
        wanted = event_views.unnamed(views, kind)
        found = _rows(connection, (table.c.id, table.c.name), wanted)
        names |= {f"nbflow.{kind}.{row_id}": row["name"] for row_id, row in found.items()}
    return [event_views.named(view, names) for view in views] if names else views


def _rows(
    connection: sa.Connection, columns: Sequence[sa.Column[Any]], ids: Iterable[str]
) -> dict[str, Mapping[str, Any]]:
    """Give some columns of the rows of some ids, those that are there."""
    found: dict[str, Mapping[str, Any]] = {}
    for some in _parts(sorted(ids)):
        query = sa.select(*columns).where(columns[0].in_(some))
        for row in connection.execute(query).mappings():
            found[row["id"]] = _read(row)
    return found


def _read(row: sa.RowMapping) -> Mapping[str, Any]:
    read = dict(row)
    if "tags" in read:
        read["tags"] = codec.loads(read["tags"])
    return read


def _parts(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]
