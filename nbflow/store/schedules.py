"""Schedules and the skips they recorded: when deployments run, and what was left out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import Conflict, NotFound
from nbflow.model import clock, names
from nbflow.model.deployments import Schedule, Skip
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.schedules import Timing, timing_kept, timing_to_json
from nbflow.model.states import StateType
from nbflow.store import codec, paging
from nbflow.store.dialect import PLACES
from nbflow.store.tables import deployment, flow_run, schedule, skip

#: an active schedule of an unpaused deployment that can fire here
_LIVE = sa.and_(schedule.c.active, sa.not_(deployment.c.paused), schedule.c.problem.is_(None))
#: where a schedule without a next instant stands in the order of the next instants
_NEVER = 10**17
#: ids in one IN list
_SOME = 500


@dataclass(frozen=True)
class Due:
    """A schedule whose next instant has come.

    Attributes:
        pattern: what its runs follow from: its parameters as JSON text, its deployment's id, and
            since when that one is as it is.
    """

    schedule: Schedule
    pattern: tuple[str, str, int]


def get(connection: sa.Connection, schedule_id: str) -> Schedule:
    """Read a schedule. Raises NotFound."""
    query = sa.select(schedule).where(schedule.c.id == schedule_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound(
            f"There is no schedule {names.shown(schedule_id)}.",
            field="schedule_id",
            hint="`nbflow schedule ls` lists them.",
        )
    return schedule_of(row)


def of_deployments(
    connection: sa.Connection, deployment_ids: Collection[str]
) -> dict[str, tuple[Schedule, ...]]:
    """Read the schedules of some deployments, oldest first."""
    found: dict[str, tuple[Schedule, ...]] = {}
    query = (
        sa.select(schedule)
        .where(schedule.c.deployment_id.in_(deployment_ids))
        .order_by(schedule.c.created_at, schedule.c.id)
    )
    for row in connection.execute(query).mappings():
        found[row["deployment_id"]] = (*found.get(row["deployment_id"], ()), schedule_of(row))
    return found


def page(
    connection: sa.Connection,
    *,
    deployment_id: str | None = None,
    active: bool | None = None,
    problem: bool | None = None,
    limit: int = MOST_ROWS,
    cursor: str | None = None,
) -> Page[Schedule]:
    """List schedules, the next due first; those without a next instant last."""
    next_at = sa.func.coalesce(schedule.c.next_at, _NEVER).label("next_or_never")
    query = sa.select(schedule, next_at)
    if deployment_id is not None:
        query = query.where(schedule.c.deployment_id == deployment_id)
    if active is not None:
        query = query.where(schedule.c.active == active)
    if problem is not None:
        query = query.where(schedule.c.problem.is_not(None) == problem)
    by = (next_at, schedule.c.id)
    rows, after = paging.page(connection, query, by, limit=limit, cursor=cursor)
    return Page(tuple(map(schedule_of, rows)), after)


def live(
    connection: sa.Connection, *, deployment_id: str | None = None
) -> tuple[tuple[Schedule, str], ...]:
    """List what will fire by itself: each with its deployment's name."""
    query = (
        sa.select(schedule, deployment.c.name.label("deployment_name"))
        .join(deployment, deployment.c.id == schedule.c.deployment_id)
        .where(_LIVE, schedule.c.next_at.is_not(None))
        .order_by(schedule.c.next_at, schedule.c.id)
    )
    if deployment_id is not None:
        query = query.where(schedule.c.deployment_id == deployment_id)
    rows = connection.execute(query).mappings()
    return tuple((schedule_of(row), row["deployment_name"]) for row in rows)


def save(connection: sa.Connection, item: Schedule) -> None:
    """Insert a schedule, or replace the one of its id."""
    values = _columns(item)
    changed = connection.execute(
        schedule.update().where(schedule.c.id == item.id).values(values)
    ).rowcount
    if not changed:
        connection.execute(schedule.insert(), values)


def delete(connection: sa.Connection, schedule_ids: Collection[str]) -> None:
    """Delete schedules and the skips they recorded."""
    connection.execute(skip.delete().where(skip.c.schedule_id.in_(schedule_ids)))
    connection.execute(schedule.delete().where(schedule.c.id.in_(schedule_ids)))


# -- for the tick -----------------------------------------------------------------------------


def due(connection: sa.Connection, now: datetime, *, limit: int) -> tuple[Due, ...]:
    """List the schedules that are due; another tick leaves these out."""
    query = (
        sa.select(*schedule.c, deployment.c.updated_at)
        .join(deployment, deployment.c.id == schedule.c.deployment_id)
        .where(_LIVE, schedule.c.next_at <= clock.micros(now))
        .order_by(schedule.c.next_at)
        .limit(limit)
        .with_for_update(of=schedule, skip_locked=True)
    )
    columns = [column.name for column in schedule.c]
    found: list[Due] = []
    for row in connection.execute(query):
        *own, updated_at = row
        mine = dict(zip(columns, own, strict=True))
        pattern = (mine["parameters"], mine["deployment_id"], updated_at)
        found.append(Due(schedule_of(mine), pattern))
    return tuple(found)


def next_instant(connection: sa.Connection) -> datetime | None:
    """Give when the next schedule is due; None: there is none."""
    query = (  # not min(): an index gives the first, and what stays behind it is not read
        sa.select(schedule.c.next_at)
        .join(deployment, deployment.c.id == schedule.c.deployment_id)
        .where(_LIVE, schedule.c.next_at.is_not(None))
        .order_by(schedule.c.next_at)
        .limit(1)
    )
    return codec.instant(connection.execute(query).scalar())


@dataclass(frozen=True)
class Move:
    """A schedule's mark to be moved from where it was seen, and the runs made on the way."""

    seen: Schedule
    done_until: datetime
    next_at: datetime | None
    made: int


#: as text: a thousand dicts through SQLAlchemy cost as much as what SQLite then does
_MOVE = (
    "UPDATE schedule SET done_until=?, next_at=?, runs_made=runs_made+? WHERE id=? AND done_until=?"
)


def move_marks(connection: sa.Connection, moves: Sequence[Move]) -> None:
    """Move high-water marks, all of them. Raises Conflict when another was first at one."""
    values = [
        (
            clock.micros(move.done_until),
            codec.micros(move.next_at),
            move.made,
            move.seen.id,
            clock.micros(move.seen.done_until),
        )
        for move in moves
    ]
    text = _MOVE.replace("?", PLACES[connection.dialect.name][1])
    moved = connection.exec_driver_sql(text, values).rowcount if values else 0
    if 0 <= moved < len(values):
        raise Conflict("Another server made these runs first.", code="tick.overtaken")


def set_problem(connection: sa.Connection, schedule_id: str, problem: str | None) -> None:
    """Say why a schedule cannot fire here, or that it can again."""
    connection.execute(
        schedule.update().where(schedule.c.id == schedule_id).values(problem=problem)
    )


def runs_there(
    connection: sa.Connection, schedule_ids: Collection[str], *, since: datetime
) -> frozenset[tuple[str, int]]:
    """Give the instants, by schedule, from one on that have a run already."""
    c = flow_run.c
    found: set[tuple[str, int]] = set()
    ids = list(schedule_ids)
    for at in range(0, len(ids), _SOME):
        query = sa.select(c.schedule_id, c.due_at).where(
            c.schedule_id.in_(ids[at : at + _SOME]), c.due_at >= clock.micros(since)
        )
        found |= {(row.schedule_id, row.due_at) for row in connection.execute(query)}
    return frozenset(found)


def unclaimed(
    connection: sa.Connection, schedule_ids: Collection[str]
) -> tuple[tuple[str, str, datetime], ...]:
    """List the runs of schedules that nobody ever claimed: id, schedule, due instant."""
    c = flow_run.c
    query = (
        sa.select(c.id, c.schedule_id, c.due_at)
        .where(
            c.schedule_id.in_(schedule_ids),
            c.state_type == StateType.SCHEDULED.value,
            c.attempt == 0,
            c.backfill_id.is_(None),
        )
        .order_by(c.due_at)
    )
    return tuple((r.id, r.schedule_id, clock.instant(r.due_at)) for r in connection.execute(query))


# -- skips ------------------------------------------------------------------------------------


def add_skips(connection: sa.Connection, skips: Sequence[Skip], *, at: datetime) -> None:
    """Record due instants that are not run."""
    if skips:
        connection.execute(
            skip.insert(),
            [
                {
                    "schedule_id": s.schedule_id,
                    "first_at": clock.micros(s.first_at),
                    "last_at": clock.micros(s.last_at),
                    "count": s.count,
                    "reason": s.reason,
                    "created_at": clock.micros(at),
                }
                for s in skips
            ],
        )


def skips(
    connection: sa.Connection,
    schedule_id: str,
    *,
    limit: int = MOST_ROWS,
    cursor: str | None = None,
) -> Page[Skip]:
    """List a schedule's recorded skips, newest first."""
    query = sa.select(skip).where(skip.c.schedule_id == schedule_id)
    by = (skip.c.first_at, skip.c.id)
    rows, after = paging.page(connection, query, by, limit=limit, cursor=cursor, down=True)
    told = (
        Skip(
            schedule_id=r["schedule_id"],
            first_at=clock.instant(r["first_at"]),
            last_at=clock.instant(r["last_at"]),
            count=r["count"],
            reason=r["reason"],
        )
        for r in rows
    )
    return Page(tuple(told), after)


def asked(
    connection: sa.Connection, after: datetime, until: datetime | None = None
) -> Mapping[str, frozenset[int]]:
    """Give the instants after one that were asked to be left out, by schedule."""
    query = sa.select(skip.c.schedule_id, skip.c.first_at).where(
        skip.c.reason == "asked", skip.c.first_at > clock.micros(after)
    )
    if until is not None:
        query = query.where(skip.c.first_at <= clock.micros(until))
    found: dict[str, frozenset[int]] = {}
    for row in connection.execute(query):
        found[row.schedule_id] = found.get(row.schedule_id, frozenset()) | {row.first_at}
    return found


def drop_asked(connection: sa.Connection, schedule_id: str, *, after: datetime) -> None:
    """Forget which instants to come were to be left out: they are instants no more."""
    connection.execute(
        skip.delete().where(
            skip.c.schedule_id == schedule_id,
            skip.c.reason == "asked",
            skip.c.first_at > clock.micros(after),
        )
    )


# -- rows -------------------------------------------------------------------------------------

_PLAIN = (
    "id deployment_id active catchup overlap slug catchup_window_seconds catchup_max "
    "jitter_seconds max_runs runs_made generation"
).split()


def _columns(s: Schedule) -> dict[str, Any]:
    return {name: getattr(s, name) for name in (*_PLAIN, "problem")} | {
        "timing": codec.dumps(timing_to_json(s.timing)),
        "parameters": codec.dumps(dict(s.parameters)),
        "created_at": clock.micros(s.created_at),
        "done_until": clock.micros(s.done_until),
        "next_at": codec.micros(s.next_at),
        "starts_at": codec.micros(s.starts_at),
        "ends_at": codec.micros(s.ends_at),
        "updated_at": clock.micros(s.updated_at or s.created_at),
    }


def schedule_of(row: Mapping[str, Any] | sa.RowMapping) -> Schedule:
    """Give the schedule of a row; what cannot be evaluated on this host has a problem."""
    timing, problem = _timing(row["timing"])
    parameters = row["parameters"]
    return Schedule(
        **{name: row[name] for name in _PLAIN},
        problem=problem or row["problem"],
        timing=timing,
        parameters={} if parameters == "{}" else codec.loads(parameters),
        created_at=clock.instant(row["created_at"]),
        done_until=clock.instant(row["done_until"]),
        next_at=codec.instant(row["next_at"]),
        starts_at=codec.instant(row["starts_at"]),
        ends_at=codec.instant(row["ends_at"]),
        updated_at=clock.instant(row["updated_at"] or row["created_at"]),
    )


def _timing(text: str) -> tuple[Timing, str | None]:
    try:
        return _known(text), None
    except LookupError:
        return timing_kept(codec.loads(text))


@lru_cache(maxsize=4096)
def _known(text: str) -> Timing:
    """Give a timing that can be evaluated here; raises LookupError, so that it is asked again."""
    timing, problem = timing_kept(codec.loads(text))
    if problem is not None:
        raise LookupError(problem)
    return timing


def evaluates(item: Schedule) -> bool:
    """Say whether a schedule's timing means anything on this host."""
    return timing_kept(timing_to_json(item.timing))[1] is None
