"""Events as lists and counts: by name, by what they happened to, by time.

Each name is a range of an index, in order of time, and there are few names: so a page is merged
from as many ranges, however many events there are. What no index knows (names of task runs'
states) is looked for in `_LOOKED_AT` events a page at most; the cursor goes on there. In which rows
related resources may be `event_sieve` knows: of `_SIEVED` rows of each range a page at most.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from nbflow.exceptions import InvalidInput
from nbflow.model import clock
from nbflow.model.event_log import CountBy, EventCount, EventFilter, EventSort, Meant
from nbflow.model.event_views import EMITTED, EventView
from nbflow.model.pages import Page, check_limit
from nbflow.model.shapes import is_list
from nbflow.store import event_sieve, event_views, events
from nbflow.store.tables import event, task_run
from nbflow.store.worker_tables import work_pool

#: events looked at for one page; and at once
_LOOKED_AT, _AT_ONCE = 2_000, 250
#: rows of each range that the database looks into for one page
_SIEVED = 5_000
#: names or resources counted
_MOST_COUNTED = 1_000
_SECONDS = {"minute": 60, "hour": 3600, "day": 86_400}
TASKS, _OF_TASKS = "task-runs.recorded", "nbflow.task-run."
_FARTHEST = 2**62


class _Place(NamedTuple):
    """Where in a list an event is; `part`: which state of the task runs recorded together."""

    at: int
    seq: int
    part: int


Conditions = list[sa.ColumnElement[bool]]
_here = sa.tuple_(event.c.at, event.c.seq)


def page(
    connection: sa.Connection,
    where: EventFilter,
    *,
    sort: EventSort,
    limit: int,
    cursor: str | None,
) -> Page[EventView]:
    """List events in order of time. Raises InvalidInput."""
    check_limit(limit)
    meant, down = Meant(where), sort.startswith("-")
    place = None if cursor is None else _place(cursor)
    ranges, end = _sieved(connection, _ranges(connection, where, meant), meant, place, down=down)
    found: list[tuple[EventView, _Place]] = []
    looked, size = 0, limit + 2  # mostly all that is read is meant; one was told, one is more
    while ranges:
        chunk = _chunk(connection, ranges, place, size, down=down)
        for view, here in _views(connection, chunk, place, down=down):
            looked += 1
            if not meant(view):
                continue
            if len(found) == limit:
                return Page(tuple(one for one, _ in found), _cursor(found[-1][1]))
            found.append((view, here))
        if len(chunk) < size:
            return Page(tuple(one for one, _ in found), None if end is None else _cursor(end))
        size = _AT_ONCE
        place = _Place(*chunk[-1], -1 if down else _FARTHEST)
        if looked >= _LOOKED_AT:
            return Page(tuple(one for one, _ in found), _cursor(place))
    return Page(tuple(one for one, _ in found), None)


def _chunk(
    connection: sa.Connection,
    ranges: Sequence[Conditions],
    place: _Place | None,
    size: int,
    *,
    down: bool,
) -> list[tuple[int, int]]:
    """Give the places of the next events of some ranges together."""
    found: set[tuple[int, int]] = set()
    for conditions in ranges:
        query = _from(place, conditions, down=down).limit(size)
        found.update((row[0], row[1]) for row in connection.execute(query))
    return sorted(found, reverse=down)[:size]


def _from(place: _Place | None, conditions: Conditions, *, down: bool) -> sa.Select[int, int]:
    """Ask for the places in a range, in order; of the event at `place` some states may be left."""
    query = sa.select(event.c.at, event.c.seq).where(*conditions)
    if place is not None:
        query = query.where(_here <= _at(place) if down else _here >= _at(place))
    return query.order_by(*(each.desc() if down else each for each in (event.c.at, event.c.seq)))


def _at(place: _Place) -> sa.ColumnElement[Any]:
    return sa.tuple_(sa.literal(place.at), sa.literal(place.seq))


def _sieved(
    connection: sa.Connection,
    ranges: list[Conditions],
    meant: Meant,
    place: _Place | None,
    *,
    down: bool,
) -> tuple[list[Conditions], _Place | None]:
    """Give ranges without what cannot be related, and where they end if that is before the last."""
    may = event_sieve.condition(meant.related)
    if may is None:
        return ranges, None
    asked = (_from(place, one, down=down).offset(_SIEVED).limit(1) for one in ranges)
    cuts = [(row[0], row[1]) for query in asked for row in connection.execute(query)]
    if not cuts:
        return [[*one, may] for one in ranges], None
    end = _Place(*(max(cuts) if down else min(cuts)), -1 if down else _FARTHEST)
    near = _here >= _at(end) if down else _here <= _at(end)
    return [[*one, near, may] for one in ranges], end


def _views(
    connection: sa.Connection,
    chunk: Sequence[tuple[int, int]],
    place: _Place | None,
    *,
    down: bool,
) -> Iterator[tuple[EventView, _Place]]:
    """Give the views of events after a place, in order."""
    kept = events.by_seqs(connection, [seq for _, seq in chunk])
    views = event_views.of(connection, [kept[seq] for _, seq in chunk if seq in kept])
    parts: Counter[int] = Counter()
    placed: list[tuple[EventView, _Place]] = []
    for view in views:
        at = clock.micros(kept[view.seq].at)
        placed.append((view, _Place(at, view.seq, parts[view.seq])))
        parts[view.seq] += 1
    for view, here in sorted(placed, key=lambda one: one[1], reverse=down):
        if place is None or (here < place if down else here > place):
            yield view, here


# -- ranges -----------------------------------------------------------------------------------
def _ranges(connection: sa.Connection, where: EventFilter, meant: Meant) -> list[Conditions]:
    """Give the parts of an index in which all that is meant lies."""
    times: Conditions = []
    times += [event.c.at >= clock.micros(where.since)] if where.since else []
    times += [event.c.at < clock.micros(where.until)] if where.until else []
    if exact := meant.resource.exact:
        return [[condition, *times] for id_ in exact for condition in _about(connection, id_)]
    return [[event.c.kind == kind, *times] for kind in _kinds(connection, meant)]


def _about(connection: sa.Connection, resource: str) -> Conditions:
    """Give where the events of a resource are."""
    kind, _, row_id = resource.removeprefix("nbflow.").partition(".")
    if kind == "task-run":
        query = sa.select(task_run.c.flow_run_id).where(task_run.c.id == row_id)
        row_id = connection.execute(query).scalar() or ""
    elif kind == "work-pool":
        query = sa.select(work_pool.c.id).where(work_pool.c.name == row_id)
        row_id = connection.execute(query).scalar() or row_id
    return [event.c.about == resource, event.c.resource_id == row_id]


def _kinds(connection: sa.Connection, meant: Meant) -> list[str]:
    """Give the names there are in the table that a filter may mean."""
    return [kind for kind in every_kind(connection) if _may_mean(meant, kind)]


def _may_mean(meant: Meant, kind: str) -> bool:
    if kind == TASKS:
        return meant.event.may_begin(_OF_TASKS)
    return meant.event.matches(kind) or meant.event.matches(f"nbflow.{kind}")


def every_kind(connection: sa.Connection) -> list[str]:
    """Give every name there is, from one place of the index to the next."""
    first = sa.select(sa.func.min(event.c.kind).label("kind")).cte("names", recursive=True)
    following = sa.select(sa.func.min(event.c.kind)).where(event.c.kind > first.c.kind)
    names = first.union_all(sa.select(following.scalar_subquery()).where(first.c.kind.is_not(None)))
    query = sa.select(names.c.kind).where(names.c.kind.is_not(None))
    return list(connection.execute(query).scalars())


# -- counts -----------------------------------------------------------------------------------
def counts(connection: sa.Connection, by: CountBy, where: EventFilter) -> tuple[EventCount, ...]:
    """Count events by time, or by name or resource."""
    meant = Meant(where)
    looked_at = meant.resource or meant.related or meant.event.says_more_than(_OF_TASKS)
    if looked_at or by == "resource":
        return _looked_through(connection, by, where)
    if by == "event":
        return _by_name(connection, where, meant)
    return _by_time(connection, _SECONDS[by], _ranges(connection, where, meant))


def _by_time(
    connection: sa.Connection, seconds: int, ranges: Iterable[Conditions]
) -> tuple[EventCount, ...]:
    span = seconds * 1_000_000
    bucket = (event.c.at - event.c.at % span).label("bucket")
    found: Counter[int] = Counter()
    for conditions in ranges:
        query = sa.select(bucket, sa.func.count()).where(*conditions).group_by(bucket)
        for start, count in connection.execute(query):
            found[start] += count
    return tuple(_of_time(start, seconds, count) for start, count in sorted(found.items()))


def _of_time(start: int, seconds: int, count: int) -> EventCount:
    at, until = clock.instant(start), clock.instant(start + seconds * 1_000_000)
    return EventCount(at.isoformat().replace("+00:00", "Z"), count, at, until)


def _by_name(connection: sa.Connection, where: EventFilter, meant: Meant) -> tuple[EventCount, ...]:
    found: Counter[str] = Counter()
    for conditions in _ranges(connection, where, meant):
        query = sa.select(event.c.kind, event.c.noun, sa.func.count()).where(*conditions)
        for kind, noun, count in connection.execute(query.group_by(event.c.kind, event.c.noun)):
            name = "task-run.*" if kind == TASKS else kind
            found[name if noun == EMITTED else f"nbflow.{name}"] += count
    return _most(found)


def _looked_through(
    connection: sa.Connection, by: CountBy, where: EventFilter
) -> tuple[EventCount, ...]:
    """Count the newest events that are meant, one by one."""
    found: Counter[Any] = Counter()
    cursor = None
    for _ in range(_MOST_COUNTED // 50):
        told = page(connection, where, sort="-occurred", limit=200, cursor=cursor)
        found.update(_counted(view, by) for view in told.rows)
        cursor = told.cursor
        if cursor is None:
            break
    if by in _SECONDS:
        return tuple(_of_time(at, _SECONDS[by], count) for at, count in sorted(found.items()))
    return _most(found)


def _counted(view: EventView, by: CountBy) -> Any:
    if by == "event":
        return view.event
    if by == "resource":
        return view.resource["nbflow.resource.id"]
    at = clock.micros(view.occurred)
    return at - at % (_SECONDS[by] * 1_000_000)


def _most(found: Counter[str]) -> tuple[EventCount, ...]:
    return tuple(EventCount(name, count) for name, count in found.most_common(_MOST_COUNTED))


# -- cursors ----------------------------------------------------------------------------------
def _cursor(place: _Place) -> str:
    return base64.urlsafe_b64encode(json.dumps([*place]).encode()).decode().rstrip("=")


def _place(cursor: str) -> _Place:
    try:
        text = base64.urlsafe_b64decode(cursor[:200] + "=" * (-len(cursor[:200]) % 4))
        said = json.loads(text)
    except (binascii.Error, ValueError, RecursionError):
        said = None
    if is_list(said) and len(said) == 3 and all(map(_is_number, said)):
        return _Place(*said)
    raise InvalidInput(
        "This cursor was not made by nbflow for this list.",
        code="cursor.invalid",
        field="cursor",
        hint="Start again without a cursor.",
    )


def _is_number(value: object) -> bool:
    return type(value) is int and abs(value) <= _FARTHEST
