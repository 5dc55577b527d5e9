"""`Schedules` over SQL: kept, edited and looked ahead at. `scheduling` makes runs of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import InvalidInput, InvalidSchedule
from nbflow.model import clock, editing, ids, schedule_said, scheduling
from nbflow.model.deployments import Deployment, NewSchedule, Schedule, Skip
from nbflow.model.events import Event, parting
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.scheduling import ScheduleChange, ScheduleFilter, Upcoming
from nbflow.model.wire import jsonable
from nbflow.orchestration import removing
from nbflow.orchestration.base import OverSql
from nbflow.store import deployments, events, schedules

#: an edit of these makes it another schedule: its waiting runs are replaced
_TIMES = ("timing", "parameters", "jitter_seconds", "starts_at", "ends_at")
_MOST = 1000


class SqlSchedules(OverSql):
    """The schedules of a store."""

    def list_schedules(
        self,
        where: ScheduleFilter | None = None,
        *,
        limit: int = MOST_ROWS,
        cursor: str | None = None,
    ) -> Page[Schedule]:
        """List schedules, the next due first."""
        where = where or ScheduleFilter()
        with self.database.read() as connection:
            return schedules.page(
                connection,
                deployment_id=_id_of(connection, where.deployment),
                active=where.active,
                problem=where.problem,
                limit=limit,
                cursor=cursor,
            )

    def read_schedule(self, schedule_id: str) -> Schedule:
        """Read a schedule."""
        with self.database.read() as connection:
            return schedules.get(connection, schedule_id)

    def create_schedule(self, deployment: str, new: NewSchedule) -> Schedule:
        """Give a deployment a schedule; it begins now."""
        with self._write() as connection:
            found = deployments.get(connection, deployment)
            schedule_said.refuse_more(len(found.schedules))
            said = _checked(found, new)
            schedule_said.refuse_twin(said, found.schedules)
            made = from_now(_new(found.id, said))
            schedules.save(connection, made)
            _emit(connection, made, "created")
            return made

    def update_schedule(
        self, schedule_id: str, change: ScheduleChange, *, expected: datetime | None = None
    ) -> Schedule:
        """Edit, pause or resume a schedule."""
        with self._write() as connection:
            found = schedules.get(connection, schedule_id)
            if expected is not None and found.updated_at != expected:
                raise editing.stale(found, found.updated_at or found.created_at)
            made = _changed(connection, found, change)
            if made != found:
                schedules.save(connection, made)
                _emit(connection, made, editing.verb(not found.active, not made.active))
            return made

    def delete_schedule(self, schedule_id: str) -> None:
        """Delete a schedule and its runs nobody has claimed."""
        with self._write() as connection:
            found = schedules.get(connection, schedule_id)
            remove(connection, [found.id])
            _emit(connection, found, "deleted")

    def skip_instant(self, schedule_id: str, due_at: datetime) -> Skip:
        """Leave out one instant to come."""
        now = clock.now()
        with self._write() as connection:
            found = schedules.get(connection, schedule_id)
            asked = schedules.asked(connection, found.done_until).get(found.id, frozenset())
            made = Skip(found.id, due_at, due_at, 1, "asked")
            if clock.micros(due_at) in asked:
                return made
            _check_ahead(found, due_at, now, asked)
            schedules.add_skips(connection, [made], at=now)
            asked |= {clock.micros(due_at)}
            if found.next_at == due_at:
                following = scheduling.following(found, found.done_until, asked)
                schedules.save(connection, replace(found, next_at=next(following, None)))
            emit_skips(connection, [made], at=now)
            _emit(connection, schedules.get(connection, found.id), "updated")
            return made

    def list_skips(
        self, schedule_id: str, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Skip]:
        """List a schedule's recorded skips, newest first."""
        with self.database.read() as connection:
            found = schedules.get(connection, schedule_id)
            return schedules.skips(connection, found.id, limit=limit, cursor=cursor)

    def list_upcoming(
        self, deployment: str | None = None, *, limit: int = 100
    ) -> tuple[Upcoming, ...]:
        """List what active schedules of unpaused deployments will do, soonest first."""
        _check_limit(limit)
        now = clock.now()
        with self.database.read() as connection:
            found = schedules.live(connection, deployment_id=_id_of(connection, deployment))
            asked = schedules.asked(connection, now)
        # By their next instant: once so many are known, schedules that begin later add none.
        soonest: list[Upcoming] = []
        for item, name in found:
            last = soonest[limit - 1].due_at if len(soonest) >= limit else None
            if last is not None and item.next_at is not None and item.next_at > last:
                break
            more = _upcoming(item, name, now, asked.get(item.id, frozenset()))
            soonest = sorted(chain(soonest, more), key=lambda one: one.due_at)[:limit]
        return tuple(soonest)


def _upcoming(
    item: Schedule, deployment: str, now: datetime, asked: Collection[int]
) -> Iterator[Upcoming]:
    for due_at in scheduling.ahead(item, now, asked):
        yield Upcoming(
            schedule_id=item.id,
            deployment_id=item.deployment_id,
            deployment_name=deployment,
            due_at=due_at,
            start_at=scheduling.start_at(item, due_at),
            skipped=clock.micros(due_at) in asked,
            slug=item.slug,
        )


# -- a deployment's schedules -----------------------------------------------------------------


def redeployed(
    connection: sa.Connection,
    deployment_id: str,
    new: Sequence[NewSchedule],
    earlier: Sequence[Schedule],
) -> tuple[Schedule, ...]:
    """Give the schedules a deployment has when it is deployed anew, and take back the others' runs.

    One that keeps its slug, or its times, stays what it is and keeps its place in time.
    """
    left = list(earlier)
    made: list[Schedule] = []
    for said in new:
        same = _same(said, left)
        if same is None:
            made.append(from_now(_new(deployment_id, said)))
        else:
            left.remove(same)
            made.append(_edited(connection, same, said))
    remove(connection, [gone.id for gone in left])
    return tuple(made)


def _same(said: NewSchedule, earlier: Sequence[Schedule]) -> Schedule | None:
    """Give the schedule that is meant: of the slug, else of the times, the likest first."""
    if said.slug is not None:
        named = next((one for one in earlier if one.slug == said.slug), None)
        if named is not None:
            return named
    alike = [one for one in earlier if one.timing == said.timing]
    alike.sort(key=lambda one: dict(one.parameters) != dict(said.parameters))
    return alike[0] if alike else None


def remove(connection: sa.Connection, schedule_ids: Sequence[str]) -> None:
    """Delete schedules with their record, and the runs of them nobody has claimed."""
    if schedule_ids:
        _take_back(connection, schedule_ids)
        schedules.delete(connection, schedule_ids)


def from_now(schedule: Schedule) -> Schedule:
    """Start a schedule now: what lay before is not made up, and nothing is fired twice."""
    mark = max(clock.now(), schedule.done_until)
    return replace(schedule, done_until=mark, next_at=_first(schedule, mark))


def emit_skips(connection: sa.Connection, skips: Sequence[Skip], *, at: datetime) -> None:
    """Append an event for each recorded skip."""
    told = [
        Event("schedule.skipped", "schedules", skip.schedule_id, at, jsonable(skip))
        for skip in skips
    ]
    events.append(connection, told)


def _new(deployment_id: str, said: NewSchedule) -> Schedule:
    now = clock.now()
    return Schedule(
        id=ids.uuid7(),
        deployment_id=deployment_id,
        created_at=now,
        updated_at=now,
        done_until=now,
        next_at=None,
        **vars(said),
    )


def _changed(connection: sa.Connection, found: Schedule, change: ScheduleChange) -> Schedule:
    """Give a schedule as a change makes it, checked whole."""
    said_nothing = vars(ScheduleChange())
    given = {name: value for name, value in vars(change).items() if value != said_nothing[name]}
    if given.keys() <= {"active"}:  # to pause one is never refused, whatever else is wrong with it
        return _active(found, given.get("active", found.active))
    of = deployments.get(connection, found.deployment_id)
    said = _checked(of, replace(schedule_said.said_of(found), **given))
    schedule_said.refuse_twin(said, [one for one in of.schedules if one.id != found.id])
    return _edited(connection, found, said)


def _edited(connection: sa.Connection, found: Schedule, said: NewSchedule) -> Schedule:
    """Give a schedule as it is to be; where its times or parameters change, it begins anew."""
    made = replace(found, **vars(said))
    if made == found:
        return found
    now = clock.now()
    made = replace(made, updated_at=now, problem=None)
    if any(getattr(made, name) != getattr(found, name) for name in _TIMES):
        _take_back(connection, [found.id])
        schedules.drop_asked(connection, found.id, after=now)
        return from_now(replace(made, generation=found.generation + 1))
    return from_now(made) if found.next_at is None or not found.active else made


def _active(found: Schedule, active: bool) -> Schedule:
    if active == found.active:
        return found
    made = replace(found, active=active, updated_at=clock.now())
    if not active:
        return made
    if found.problem is not None:
        raise InvalidSchedule(found.problem, code="schedule.problem", field="timing")
    return from_now(made)


def _first(schedule: Schedule, after: datetime) -> datetime | None:
    if schedule.max_runs is not None and schedule.runs_made >= schedule.max_runs:
        return None
    return next(scheduling.following(schedule, after), None)


def _take_back(connection: sa.Connection, schedule_ids: Sequence[str]) -> None:
    """Delete the runs of schedules nobody ever claimed; each is a recorded skip."""
    found = schedules.unclaimed(connection, schedule_ids)
    if not found:
        return
    now = clock.now()
    skips = [Skip(schedule_id, due_at, due_at, 1, "replaced") for _, schedule_id, due_at in found]
    run_ids = [run_id for run_id, _, _ in found]
    removing.remove_rows(connection, run_ids)
    schedules.add_skips(connection, skips, at=now)
    emit_skips(connection, skips, at=now)


def _checked(of: Deployment, said: NewSchedule) -> NewSchedule:
    return schedule_said.checked(said, of.taken, of.parameters, what=of.name)


def _check_ahead(found: Schedule, due_at: datetime, now: datetime, asked: Collection[int]) -> None:
    """Refuse an instant that is none, or not to come. Raises InvalidInput."""
    mark = max(now, found.done_until)
    at = due_at - clock.MICROSECOND
    if due_at > mark and next(scheduling.following(found, at), None) == due_at:
        return
    near = next(scheduling.following(found, mark, asked), None)
    raise InvalidInput(
        f"{due_at.isoformat()} is no instant this schedule has yet to come to.",
        code="skip.not_due",
        field="due_at",
        hint="It has ended." if near is None else f"The next one is {near.isoformat()}.",
    )


def _emit(connection: sa.Connection, schedule: Schedule, verb: str) -> None:
    """Append the event of a schedule's change, and of its deployment, which shows it."""
    now = clock.now()
    row: dict[str, Any] = parting(schedule) if verb == "deleted" else jsonable(schedule)
    of = deployments.get(connection, schedule.deployment_id)
    told = [
        Event(f"schedule.{verb}", "schedules", schedule.id, now, row),
        Event("deployment.updated", "deployments", of.id, now, jsonable(of)),
    ]
    events.append(connection, told)


def _id_of(connection: sa.Connection, deployment: str | None) -> str | None:
    return None if deployment is None else deployments.get(connection, deployment).id


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= _MOST:
        raise InvalidInput(
            f"limit is {limit}; it must be 1 to {_MOST}.", field="limit", code="limit.range"
        )
