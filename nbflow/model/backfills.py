"""Backfills: runs for instants that have passed, because the work is wanted for them, too.

What is asked and answered, which instants are meant, and when they are too many. A backfill's runs
belong to no schedule. They wait in a queue of their pool that is drained after its others, and that
may be limited or paused as any; else they obey the deployment's limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NoReturn, Protocol

from nbflow.exceptions import InvalidInput
from nbflow.model import clock, names
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.schedules import Cron, Interval, RRule, Timing, count, describe, instants

MOST_INSTANTS = 1000
TAG = "backfill"
#: the queue of the pool where such runs wait; made as its last
QUEUE = "backfill"
#: counted at once: what is too many is known after the first of these
_STRIDE = timedelta(days=366) // clock.MICROSECOND


@dataclass(frozen=True)
class NewBackfill:
    """What is asked: a run for each instant from `since` on and before `until`.

    Attributes:
        deployment: a name or id.
        until: now when left out; never later.
        schedule: whose instants: a schedule's slug or id. None: the deployment's only one.
        timing: other instants than those of a schedule.
        parameters: laid over the deployment's, and the schedule's.
        again: also instants that have a run already.
        limit: at most so many runs, the oldest first; asked again, the next ones.
        created_by: who asks.
    """

    deployment: str
    since: datetime
    until: datetime | None = None
    schedule: str | None = None
    timing: Timing | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    again: bool = False
    limit: int | None = None
    created_by: str | None = None


@dataclass(frozen=True)
class Backfill:
    """A backfill that was made.

    Attributes:
        count: how many runs it made.
        states: how many of them are in which state now, by its type.
        cancelled_at: when it was asked to stop.
    """

    id: str
    deployment_id: str
    schedule_id: str | None
    timing: Timing
    since: datetime
    until: datetime
    count: int
    created_at: datetime
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    created_by: str | None = None
    cancelled_at: datetime | None = None
    states: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True)
class Backfilled:
    """What a backfill makes, or would make.

    Attributes:
        description: the instants in plain words.
        due_at: those that get a run. left_out: those that have one already.
        backfill: what was made; None: nothing, it was only looked at.
    """

    description: str
    due_at: tuple[datetime, ...]
    left_out: tuple[datetime, ...] = ()
    backfill: Backfill | None = None


class Backfills(Protocol):
    """The part of the Backend that makes runs for the past."""

    def plan_backfill(self, new: NewBackfill) -> Backfilled:
        """Say what a backfill would make, and make nothing.

        Raises NotFound, InvalidInput (`backfill.too_many`, `backfill.empty`, …), ParameterError.
        """
        ...

    def create_backfill(self, new: NewBackfill) -> Backfilled:
        """Make a run for each instant. Raises what `plan_backfill` does."""
        ...

    def list_backfills(
        self,
        deployment: str | None = None,
        *,
        limit: int = MOST_ROWS,
        cursor: str | None = None,
    ) -> Page[Backfill]:
        """List backfills, newest first. Raises NotFound (the deployment)."""
        ...

    def read_backfill(self, backfill_id: str) -> Backfill:
        """Read a backfill, with how far its runs are. Raises NotFound."""
        ...

    def cancel_backfill(self, backfill_id: str) -> Backfill:
        """Cancel those of its runs that have not ended. Raises NotFound."""
        ...


def checked(new: NewBackfill, now: datetime) -> tuple[datetime, datetime]:
    """Check what is asked by itself; give from when until when. Raises InvalidInput."""
    if new.timing is not None and new.schedule is not None:
        _fail("timing", "Either a schedule's instants are meant, or those of a timing.")
    timing: Any = new.timing
    if timing is not None and not isinstance(timing, (Cron, Interval, RRule)):
        _fail("timing", f"{names.shown(timing)} is none of Cron, Interval and RRule.")
    since, until = _instant("since", new.since), _instant("until", new.until or now)
    if until <= since:
        _fail("until", f"{until.isoformat()} is not after {since.isoformat()}.")
    limit: Any = new.limit
    if limit is not None and not (type(limit) is int and 1 <= limit <= MOST_INSTANTS):
        _fail("limit", f"limit is {names.shown(limit)}; it must be 1 to {MOST_INSTANTS}.")
    return since, until


def chosen(
    timing: Timing, since: datetime, until: datetime, *, now: datetime, most: int = MOST_INSTANTS
) -> list[datetime]:
    """Give the instants meant. Raises InvalidInput (`backfill.too_many`, `.future`, `.empty`)."""
    low, high = clock.micros(since) - 1, clock.micros(until) - 1
    refuse_many(timing, low, high, most)
    if until > now:
        _fail("until", f"{until.isoformat()} lies in the future.",
              "Schedules make the runs that are to come.", code="backfill.future")  # fmt: skip
    found: list[datetime] = []
    for instant in instants(timing, low):
        if instant > high:
            break
        found.append(clock.instant(instant))
    if not found:
        _fail("since", f"{describe(timing)}: nothing is due from {since.isoformat()} "
              f"until {until.isoformat()}.", code="backfill.empty")  # fmt: skip
    return found


def refuse_many(timing: Timing, low: int, high: int, most: int) -> None:
    """Refuse more instants than one request may ask for; says how many, without listing them."""
    total, at = 0, low
    while at < high and total <= most:
        until = min(at + _STRIDE, high)
        total += count(timing, at, until)
        at = until
    if total <= most:
        return
    said = f"{total:,}" if at >= high else f"about {total * (high - low) // (at - low):,}"
    _fail("until", f"{describe(timing)}: these are {said} instants; {most:,} is the most.",
          "Ask for a shorter time, one after the other.", code="backfill.too_many")  # fmt: skip


def _instant(name: str, value: Any) -> datetime:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        _fail(name, f"{name} is {names.shown(value)}, not a date and time with its offset.",
              "Write it as 2026-11-22T13:00:00+01:00 (or with Z for UTC).")  # fmt: skip
    return value


def _fail(
    name: str, message: str, hint: str | None = None, *, code: str = "field.invalid"
) -> NoReturn:
    raise InvalidInput(message, code=code, field=name, hint=hint)
