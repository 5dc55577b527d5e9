"""What becomes of a schedule's instants: `plan` for those that have come, `upcoming` for the next.

Also what may be asked of schedules (`Schedules`, a part of the Backend). When timings are due is
`schedules`', what may be said of one `schedule_said`'s. Nothing here knows of a database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from typing import Any, Literal, Protocol

from nbflow.model import clock
from nbflow.model.deployments import NewSchedule, Schedule, Skip
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.schedules import Catchup, Overlap, Timing, count, instants
from nbflow.model.wallclock import SECOND
from nbflow.model.work_pools import Kept

#: how far ahead is looked: until at least so many instants and so long, at most so many and so long
LEAST_AHEAD, MOST_AHEAD = 3, 100
LEAST_AHEAD_FOR, MOST_AHEAD_FOR = timedelta(hours=1), timedelta(days=100)

SkipRange = tuple[datetime, datetime, int, Literal["missed"]]
"""Due instants that are not run: the first, the last, how many, and why."""


@dataclass(frozen=True)
class ScheduleFilter:
    """Which schedules to list. Everything left out matches.

    Attributes:
        deployment: a deployment's name or id.
    """

    deployment: str | None = None
    active: bool | None = None
    problem: bool | None = None


@dataclass(frozen=True)
class ScheduleChange:
    """An edit of a schedule; what is left out stays. Of those that may be `kept`, null is none."""

    timing: Timing | None = None
    active: bool | None = None
    catchup: Catchup | None = None
    overlap: Overlap | None = None
    parameters: Mapping[str, Any] | None = None
    jitter_seconds: float | None = None
    slug: str | None = "kept"
    catchup_window_seconds: float | Kept | None = "kept"
    catchup_max: int | Kept | None = "kept"
    starts_at: datetime | Kept | None = "kept"
    ends_at: datetime | Kept | None = "kept"
    max_runs: int | Kept | None = "kept"


@dataclass(frozen=True)
class Upcoming:
    """An instant to come.

    Attributes:
        due_at: what the schedule says. start_at: when its run may start: jitter is added.
        skipped: it was asked to be left out.
    """

    schedule_id: str
    deployment_id: str
    deployment_name: str
    due_at: datetime
    start_at: datetime
    skipped: bool = False
    slug: str | None = None


class Schedules(Protocol):
    """The part of the Backend that knows when deployments run."""

    def list_schedules(
        self,
        where: ScheduleFilter | None = None,
        *,
        limit: int = MOST_ROWS,
        cursor: str | None = None,
    ) -> Page[Schedule]:
        """List schedules, the next due first. Raises NotFound (the deployment)."""
        ...

    def read_schedule(self, schedule_id: str) -> Schedule:
        """Read a schedule. Raises NotFound."""
        ...

    def create_schedule(self, deployment: str, new: NewSchedule) -> Schedule:
        """Give a deployment a schedule; it begins now, nothing is made up.

        Raises NotFound, InvalidInput, Conflict (`schedule.duplicate`, `schedule.slug_taken`).
        """
        ...

    def update_schedule(
        self, schedule_id: str, change: ScheduleChange, *, expected: datetime | None = None
    ) -> Schedule:
        """Edit, pause or resume a schedule.

        Other times or parameters count from now: its runs nobody has claimed are taken back (each
        is a recorded skip, `replaced`), nothing is fired for the past. A resumed one goes on from
        now, too. Raises NotFound, InvalidInput, Conflict; Stale when it is not as of `expected`.
        """
        ...

    def delete_schedule(self, schedule_id: str) -> None:
        """Delete a schedule and its runs nobody has claimed. Raises NotFound."""
        ...

    def skip_instant(self, schedule_id: str, due_at: datetime) -> Skip:
        """Leave out one instant to come; asking twice is asking once.

        Raises NotFound, InvalidInput (`skip.not_due`: it is none of its next instants).
        """
        ...

    def list_skips(
        self, schedule_id: str, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Skip]:
        """List a schedule's recorded skips, newest first. Raises NotFound."""
        ...

    def list_upcoming(
        self, deployment: str | None = None, *, limit: int = 100
    ) -> tuple[Upcoming, ...]:
        """List what active schedules of unpaused deployments will do, soonest first.

        Of each at least 3 instants and 1 hour ahead, at most 100 and 100 days. Raises NotFound.
        """
        ...


# -- what to do about instants that have come -------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What becomes of the instants up to now.

    Attributes:
        run: instants to make a run of, ascending.
        skips: every other due instant is in exactly one of these.
        done_until: everything up to here is now accounted for.
        next_at: the first instant after `done_until`; None: there is none.
    """

    run: tuple[datetime, ...]
    skips: tuple[SkipRange, ...]
    done_until: datetime
    next_at: datetime | None


@dataclass(frozen=True)
class Policy:
    """What a scheduler does about instants that have passed.

    Attributes:
        grace_seconds: an instant no older is on time.
        window_seconds: an older one was missed, and is made up if it is no older than this.
        maximum: at most so many missed ones are made up.
    """

    catchup: Catchup
    grace_seconds: float
    window_seconds: float
    maximum: int


def plan(
    *,
    done_until: datetime,
    timing: Timing,
    now: datetime,
    policy: Policy,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
    without: Collection[int] = (),
    next_at: datetime | None = None,
) -> Plan:
    """Say which instants in (done_until, now] are run and which are skipped.

    Those not older than the grace are run. Older ones were missed: of these, `all` runs the newest
    `maximum` within the window, `latest` the newest one within the window, `none` none. A `now`
    before `done_until` (the clock went back) accounts for nothing. Instants before `starts_at` or
    not before `ends_at` are none; those `without` (microseconds) are accounted for already.
    `next_at`: the first instant after `done_until`, where it is known.
    """
    mark = clock.micros(done_until)
    high = max(mark, clock.micros(now))
    low = mark if starts_at is None else max(mark, clock.micros(starts_at) - 1)
    end = high if ends_at is None else min(high, clock.micros(ends_at) - 1)
    # The first instant young enough to be on time; the grace cannot reach back before `low`.
    missed_until = max(low, min(end, high - round(policy.grace_seconds * SECOND) - 1))
    run: list[int] = []
    skips: tuple[SkipRange, ...] = ()
    if next_at is None or clock.micros(next_at) <= missed_until:
        oldest = high - round(policy.window_seconds * SECOND)
        made_up, skips = _missed(
            timing, low, missed_until, _allowed(policy), oldest, frozenset(without)
        )
        run += made_up
    on_time, following = _between(timing, missed_until, max(high, missed_until))
    run += [instant for instant in on_time if instant <= end and instant not in without]
    if following in without:
        following = next(_but(instants(timing, high), without), None)
    if following is None or (ends_at is not None and following >= clock.micros(ends_at)):
        next_at = None
    else:
        next_at = clock.instant(following)
    return Plan(tuple(map(clock.instant, run)), skips, clock.instant(high), next_at)


def _allowed(policy: Policy) -> int:
    most = {"all": policy.maximum, "latest": min(1, policy.maximum), "none": 0}
    return max(most[policy.catchup], 0)


@lru_cache(maxsize=4096)
def _between(timing: Timing, low: int, high: int) -> tuple[tuple[int, ...], int | None]:
    """Give the instants in (low, high] and the one after: many schedules ask for the same."""
    found: list[int] = []
    for instant in instants(timing, low):
        if instant > high:
            return tuple(found), instant
        found.append(instant)
    return tuple(found), None


@lru_cache(maxsize=4096)
def _missed(
    timing: Timing, low: int, high: int, allowed: int, oldest: int, without: frozenset[int]
) -> tuple[tuple[int, ...], tuple[SkipRange, ...]]:
    """Give the missed instants to run, and the ranges of those before them."""
    inside = sorted(instant for instant in without if low < instant <= high)
    total = count(timing, low, high) - len(inside)
    if total <= 0:
        return (), ()
    newest = [*_but(iter(_newest(timing, low, high, allowed + 1 + len(inside))), without)]
    run = [instant for instant in newest[-allowed:] if instant >= oldest] if allowed else []
    if total == len(run):
        return tuple(run), ()
    last = newest[-len(run) - 1]
    edges = [low, *(instant for instant in inside if instant < last), last + 1]
    ranges = (_range(timing, edge, until - 1) for edge, until in pairwise(edges))
    return tuple(run), tuple(found for found in ranges if found is not None)


def _range(timing: Timing, low: int, high: int) -> SkipRange | None:
    """Give all instants in (low, high] as one range; None: there are none."""
    total = count(timing, low, high)
    if not total:
        return None
    first = next(instants(timing, low))
    last = first if total == 1 else _newest(timing, low, high, 1)[-1]
    return clock.instant(first), clock.instant(last), total, "missed"


def _but(found: Iterator[int], without: Collection[int]) -> Iterator[int]:
    return (instant for instant in found if instant not in without)


def _newest(timing: Timing, low: int, high: int, n: int) -> list[int]:
    """Give the last `n` instants in (low, high], looking back no further than needed."""
    span = SECOND
    while high - span > low and count(timing, high - span, high) < n:
        span *= 4
    found: list[int] = []
    for instant in instants(timing, max(low, high - span)):
        if instant > high:
            break
        found.append(instant)
    return found[-n:]


# -- what is to come --------------------------------------------------------------------------


def following(
    schedule: Schedule, after: datetime, without: Collection[int] = ()
) -> Iterator[datetime]:
    """Give a schedule's instants after one, within its bounds."""
    low = clock.micros(after)
    if schedule.starts_at is not None:
        low = max(low, clock.micros(schedule.starts_at) - 1)
    end = None if schedule.ends_at is None else clock.micros(schedule.ends_at)
    for instant in _but(instants(schedule.timing, low), without):
        if end is not None and instant >= end:
            return
        yield clock.instant(instant)


def ahead(schedule: Schedule, now: datetime, without: Collection[int] = ()) -> Iterator[datetime]:
    """Give the instants a schedule is looked ahead at, those `without` among them."""
    left = None if schedule.max_runs is None else schedule.max_runs - schedule.runs_made
    for at, due_at in enumerate(following(schedule, max(now, schedule.done_until))):
        enough = at >= LEAST_AHEAD and due_at > now + LEAST_AHEAD_FOR
        if enough or at >= MOST_AHEAD or due_at > now + MOST_AHEAD_FOR or left == 0:
            return
        if left is not None and clock.micros(due_at) not in without:
            left -= 1
        yield due_at


def start_at(schedule: Schedule, due_at: datetime) -> datetime:
    """Give when the run of an instant may start: jitter is added, for one instant always the same.

    It follows from the schedule's id and the instant, so that servers, restarts and a look ahead
    agree.
    """
    if not schedule.jitter_seconds:
        return due_at
    text = f"{schedule.id}:{clock.micros(due_at)}"
    drawn = int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) / 2**64
    return due_at + timedelta(seconds=drawn * schedule.jitter_seconds)
