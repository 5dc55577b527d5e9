"""Flow runs by the many: any page of any order costs the same; counts, history, lateness, flows.

A filter that names several states, deployments or flows is asked as several queries, each along
its own index, and merged: one query over all of them would sort all they match.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import InvalidInput
from nbflow.model import clock
from nbflow.model.pages import MOST_COUNTED, Count, OneOrMore, Page, several
from nbflow.model.run_lists import (
    STATE_NAMES,
    Bucket,
    FlowSummary,
    Lateness,
    RunFilter,
    RunSort,
    StateCount,
)
from nbflow.model.runs import FlowRun
from nbflow.model.states import StateType
from nbflow.store import codec, flow_runs
from nbflow.store.run_texts import RunTexts
from nbflow.store.tables import deployment, flow_run

#: runs of one flow that are counted: a list of flows counts for each
_MOST_OF_FLOW = 1000
#: queries one page is made of at most; more values are one query
_MOST_BRANCHES = 12
_CURSOR = re.compile(r"([-\w]{1,1400})\.([0-9a-f-]{36})(?:\.(-?[a-z_]{4,10}))?")
_TYPES = {kind.value for kind in StateType}
#: a filter's fields that are columns, of which any of several values may be asked for
_EQUAL = (
    "schedule_id", "parent_flow_run_id", "id", "name", "work_pool", "work_queue", "backfill_id",
    "created_by",
)  # fmt: skip
_SPANS = (("", "due_at"), ("started_", "started_at"), ("ended_", "ended_at"))

#: microseconds from a run's start to its end
_DURATION = flow_run.c.ended_at - flow_run.c.started_at

Condition = sa.ColumnElement[bool]


def page(
    connection: sa.Connection, where: RunFilter, *, sort: RunSort, limit: int, cursor: str | None
) -> Page[FlowRun]:
    """List runs in an order; the cursor is a place in it."""
    found, after = _found(connection, where, sort, limit, cursor)
    # SQLAlchemy's own name for what it documents: a column may be called `mapping`
    rows = (row._mapping for row in found)  # pyright: ignore[reportPrivateUsage]
    return Page(tuple(map(flow_runs.run_of, rows)), after)


def texts(
    connection: sa.Connection, where: RunFilter, *, sort: RunSort, limit: int, cursor: str | None
) -> tuple[list[str], str | None]:
    """List runs as JSON texts, and give the cursor."""
    found, after = _found(connection, where, sort, limit, cursor)
    return RunTexts(found).whole(), after


def _found(
    connection: sa.Connection, where: RunFilter, sort: RunSort, limit: int, cursor: str | None
) -> tuple[list[sa.Row[Any]], str | None]:
    down, name = sort.startswith("-"), sort.removeprefix("-")
    column = _DURATION if name == "duration" else flow_run.c[name]
    query = sa.select(flow_run).where(*_conditions(where))
    if column is _DURATION or flow_run.c[name].nullable:
        query = query.where(column.is_not(None))
    if cursor is not None:
        place = sa.tuple_(*_place(cursor, sort, text=name == "name"))
        here = sa.tuple_(column, flow_run.c.id)
        query = query.where(here < place if down else here > place)
    by = (column, flow_run.c.id)
    query = query.order_by(*(each.desc() if down else each for each in by)).limit(limit + 1)
    found: list[sa.Row[Any]] = []
    branches = _branches(where)
    for branch in branches:
        found += connection.execute(query.where(*branch)).all()
    if len(branches) > 1:
        found.sort(key=lambda row: (_value(row, name), row.id), reverse=down)
    last = found[limit - 1] if len(found) > limit else None
    after = None if last is None else _cursor(_value(last, name), last.id, sort)
    return found[:limit], after


def _value(row: sa.Row[Any], name: str) -> int | str:
    """Give what a row is ordered by."""
    return row.ended_at - row.started_at if name == "duration" else getattr(row, name)


def count(connection: sa.Connection, where: RunFilter, *, most: int = MOST_COUNTED) -> Count:
    """Count runs, up to a number."""
    found = 0
    for branch in _branches(where):
        some = sa.select(sa.literal(1)).select_from(flow_run).where(*_conditions(where), *branch)
        query = sa.select(sa.func.count()).select_from(some.limit(most + 1).subquery())
        found += connection.execute(query).scalar_one()
        if found > most:
            return Count(most, complete=False)
    return Count(found)


def history(
    connection: sa.Connection, where: RunFilter, *, since: int, until: int, width: int
) -> tuple[Bucket, ...]:
    """Count runs by when they were due and by state; instants and width in microseconds."""
    c = flow_run.c
    number = sa.cast((c.due_at - since) // width, sa.Integer)
    query = (
        sa.select(
            number.label("number"), c.state_type, c.state_name, sa.func.count().label("count"),
            sa.func.sum(c.running_seconds).label("running"),
            sa.func.coalesce(sa.func.sum(_late_micros()), 0).label("late"),
        )
        .where(*_conditions(where), _any_branch(where), c.due_at >= since, c.due_at < until)
        .group_by(number, c.state_type, c.state_name)
        .order_by(number, c.state_type, c.state_name)
    )  # fmt: skip
    found: dict[int, list[StateCount]] = {}
    for at, kind, name, many, running, late in connection.execute(query):
        told = StateCount(StateType(kind), name, many, float(running), float(late) / 1e6)
        found.setdefault(int(at), []).append(told)
    spans = [(at, at + width) for at in range(since, until, width)]
    return tuple(
        Bucket(clock.instant(begin), clock.instant(min(end, until)), tuple(found.get(number, ())))
        for number, (begin, end) in enumerate(spans)
    )


def lateness(connection: sa.Connection, where: RunFilter, *, now: int) -> Lateness:
    """Say how late the newest runs started, or are by now."""
    c = flow_run.c
    waits = sa.case((c.state_type == StateType.SCHEDULED.value, now - c.due_at), else_=0)
    late = sa.func.coalesce(_late_micros(), sa.case((waits > 0, waits), else_=0)).label("late")
    some = (
        sa.select(late)
        .where(*_conditions(where), _any_branch(where), c.due_at <= now)
        .order_by(c.due_at.desc(), c.id.desc())
        .limit(MOST_COUNTED)
        .subquery()
    )
    runs, average = connection.execute(
        sa.select(sa.func.count(), sa.func.coalesce(sa.func.avg(some.c.late), 0))
    ).one()
    return Lateness(runs, float(average) / 1e6)


def meant(
    connection: sa.Connection,
    where: RunFilter,
    types: Sequence[StateType],
    *,
    tagged: Sequence[str] = (),
    untagged: Sequence[str] = (),
    limit: int,
) -> list[str]:
    """List the ids of the runs of some state types a filter means, oldest due first.

    Only those that have one of `tagged`, or lack one of `untagged`.
    """
    c = flow_run.c
    has = [sa.or_(*map(_tagged, tagged))] if tagged else []
    lacks = [sa.not_(sa.and_(*map(_tagged, untagged)))] if untagged else []
    types_in = c.state_type.in_([kind.value for kind in types])
    query = (
        sa.select(c.id)
        .where(*_conditions(where), _any_branch(where), types_in, *has, *lacks)
        .order_by(c.due_at, c.id)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())


def rename(connection: sa.Connection, run: FlowRun) -> None:
    """Keep a run's name and tags."""
    connection.execute(
        flow_run.update()
        .where(flow_run.c.id == run.id)
        .values(name=run.name, tags=codec.dumps(list(run.tags)))
    )


# -- flows ------------------------------------------------------------------------------------
def next_flow(connection: sa.Connection, after: str | None) -> str | None:
    """Give the first name of a flow after another: one look into an index, whatever there is."""
    found: list[str] = []
    for column in (flow_run.c.flow_name, deployment.c.flow_name):
        query = sa.select(sa.func.min(column))
        if column.table is flow_run:
            query = query.where(flow_run.c.kind != "session")
        if after is not None:
            query = query.where(column > after)
        name = connection.execute(query).scalar()
        found += [name] if name is not None else []
    return min(found, default=None)


def summary(connection: sa.Connection, flow_name: str) -> FlowSummary:
    """Say what there is of a flow."""
    where = RunFilter(flow_name=flow_name)
    query = sa.select(sa.func.count()).where(deployment.c.flow_name == flow_name)
    last = page(connection, where, sort="-due_at", limit=1, cursor=None).rows
    return FlowSummary(
        name=flow_name,
        runs=count(connection, where, most=_MOST_OF_FLOW),
        deployments=connection.execute(query).scalar_one(),
        last_run=last[0] if last else None,
    )


# -- what a filter means ----------------------------------------------------------------------
def _branches(where: RunFilter) -> list[list[Condition]]:
    """Give the queries that make a page: by state, or by deployment, or by flow."""
    states = _states(where.state)
    among = [
        [flow_run.c[name] == value for value in several(getattr(where, name))]
        for name in ("deployment_id", "flow_name")
    ]
    sets = [options for options in (states, *among) if options]
    split = next((one for one in sets if 1 < len(one) <= _MOST_BRANCHES), None)
    rest = [sa.or_(*options) for options in sets if options is not split]
    if split is None:
        return [rest]
    return [[one, *rest] for one in split]


def _any_branch(where: RunFilter) -> Condition:
    return sa.or_(sa.false(), *(sa.and_(sa.true(), *branch) for branch in _branches(where)))


def _states(said: tuple[str, ...]) -> list[Condition]:
    """Give a condition for each state type or name, none of which two runs share."""
    c = flow_run.c
    types = [text for text in dict.fromkeys(said) if text in _TYPES]
    found: list[Condition] = [c.state_type == kind for kind in types]
    for name in dict.fromkeys(said):
        kind = STATE_NAMES.get(name)
        if name in _TYPES or (kind is not None and kind.value in types):
            continue
        known = [c.state_type == kind.value] if kind is not None else []
        other = [c.state_type.not_in(types)] if types and kind is None else []
        found.append(sa.and_(c.state_name == name, *known, *other))
    return found


def _conditions(where: RunFilter) -> list[Condition]:
    """Give what a filter asks besides states, deployments and flows."""
    c = flow_run.c
    found: list[Condition] = []
    if where.kind:
        found.append(c.kind.in_(where.kind))
    elif not where.sessions:
        found.append(c.kind != "session")
    for name in _EQUAL:
        found += _among(c[name], getattr(where, name))
    if where.roots:
        found.append(c.parent_flow_run_id.is_(None))
    if where.search:
        found.append(_search(where.search))
    if where.tags:
        found.append(sa.or_(*map(_tagged, where.tags)))
    found += map(_tagged, where.all_tags)
    for prefix, name in _SPANS:
        since, until = getattr(where, f"{prefix}since"), getattr(where, f"{prefix}until")
        found += [c[name] >= clock.micros(since)] if since else []
        found += [c[name] < clock.micros(until)] if until else []
    return found


def _among(column: sa.ColumnElement[Any], said: OneOrMore) -> list[Condition]:
    values = several(said)
    if len(values) == 1:
        return [column == values[0]]
    return [column.in_(values)] if values else []


def _search(text: str) -> Condition:
    c = flow_run.c
    return sa.or_(
        c.name.icontains(text, autoescape=True),
        c.flow_name.icontains(text, autoescape=True),
        c.id.startswith(text.lower(), autoescape=True),
    )


def _tagged(tag: str) -> Condition:
    return flow_run.c.tags.contains(codec.dumps(tag), autoescape=True)


def _late_micros() -> sa.ColumnElement[Any]:
    late = flow_run.c.started_at - flow_run.c.due_at
    return sa.case((late > 0, late), (flow_run.c.started_at.is_not(None), 0), else_=None)


# -- places -----------------------------------------------------------------------------------
def _cursor(value: int | str, run_id: str, sort: RunSort) -> str:
    if isinstance(value, str):
        value = base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
    return f"{value}.{run_id}" if sort == "-due_at" else f"{value}.{run_id}.{sort}"


def _place(cursor: str, sort: RunSort, *, text: bool) -> tuple[int | str, str]:
    """Give the place a cursor stands for. Raises InvalidInput for one of another list."""
    made = _CURSOR.fullmatch(cursor)
    if made is not None and (made[3] or "-due_at") == sort:
        value = _text(made[1]) if text else _number(made[1])
        if value is not None:
            return value, made[2]
    raise InvalidInput(
        "This cursor was not made by nbflow for this order.",
        code="cursor.invalid",
        field="cursor",
        hint="Start again without a cursor.",
    )


def _number(said: str) -> int | None:
    return int(said) if re.fullmatch(r"-?\d{1,18}", said) else None


def _text(said: str) -> str | None:
    try:
        return base64.urlsafe_b64decode(said + "=" * (-len(said) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
