"""When things are due: `Cron`, `Interval`, `RRule`; their next instants, in words and as JSON.

What expressions mean is `cron`'s and `rrules`', what a wall clock means `wallclock`'s, the words
`wording`'s; what becomes of the instants is `scheduling`'s. Nothing here loops longer than what it
gives back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Literal, NoReturn

from nbflow.exceptions import InvalidInput, InvalidSchedule
from nbflow.model import clock, names, wallclock
from nbflow.model.shapes import is_mapping

Catchup = Literal["latest", "all", "none"]
Overlap = Literal["enqueue", "allow", "cancel_new", "cancel_previous"]

_YEARS = re.compile(r"P(\d{1,9})Y", re.ASCII)
_SHORTEST = timedelta(seconds=1)
_LONGEST = timedelta(days=3653)
_FIRST = wallclock.midnight(wallclock.FIRST_DAY)
_LAST = wallclock.midnight(wallclock.LAST_DAY)
# A Monday, so that weeks begin on one; by the zone's clock, so that hours are full hours.
_ANCHOR = wallclock.reading(datetime(2001, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Cron:
    """Five fields, in a time zone.

    Attributes:
        cron: minute, hour, day, month, weekday; `@daily` and its like are kept expanded.
        day_or: where both day and weekday are restricted, either (True) or both must match.
    """

    cron: str
    timezone: str = "UTC"
    day_or: bool = True

    def __post_init__(self) -> None:
        _check_type("cron", self.cron, str, "a cron expression, such as '0 7 * * 1-5'")
        _check_type("day_or", self.day_or, bool, "True or False")
        from nbflow.model import cron  # here and below: a run of no schedule needs none of it

        object.__setattr__(self, "cron", cron.parse(self.cron, self.day_or).text)
        wallclock.zone(self.timezone)

    def next(self, n: int = 1, after: datetime | None = None) -> list[datetime]:
        """Give the next `n` instants after one (now when left out): aware, in UTC.

        Fewer when the timing ends. A naive `after` is read by the timing's own time zone.
        """
        return _next(self, n, after)


@dataclass(frozen=True)
class Interval:
    """Every so often, counted both ways from an anchor.

    Under 24 hours in elapsed time, from 24 hours on by the zone's wall clock.

    Attributes:
        interval: a timedelta, seconds, or ISO 8601 text (`PT6H`); from one second to ten years.
        anchor_date: an instant of the series; a naive one is read by the zone. None: midnight of
            Monday, 1 January 2001, so that hours are full hours and weeks begin on Monday.
    """

    interval: timedelta
    anchor_date: datetime | None = None
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        zone = wallclock.zone(self.timezone)
        object.__setattr__(self, "interval", _duration(self.interval))
        if self.anchor_date is None:
            return
        _check_type("anchor_date", self.anchor_date, datetime, "a datetime")
        if not 2 <= self.anchor_date.year <= 9998:
            _fail("datetime.invalid", "anchor_date", "The anchor lies outside the years 2 to 9998.")
        object.__setattr__(self, "anchor_date", wallclock.aware(self.anchor_date, zone))

    def next(self, n: int = 1, after: datetime | None = None) -> list[datetime]:
        """Give the next `n` instants after one (now when left out): aware, in UTC.

        A naive `after` is read by the timing's own time zone.
        """
        return _next(self, n, after)


@dataclass(frozen=True)
class RRule:
    """An iCalendar recurrence rule, by the zone's wall clock.

    Attributes:
        rrule: `FREQ=…`, or an RRULE line with DTSTART, RDATE and EXDATE lines. Without DTSTART the
            rule begins at midnight of 1 January 2020.
    """

    rrule: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        _check_type("rrule", self.rrule, str, "a rule, such as 'FREQ=WEEKLY;BYDAY=MO'")
        wallclock.zone(self.timezone)
        object.__setattr__(self, "rrule", self.rrule.strip())
        from nbflow.model import rrules

        rrules.parse(self.rrule, self.timezone)

    def next(self, n: int = 1, after: datetime | None = None) -> list[datetime]:
        """Give the next `n` instants after one (now when left out): aware, in UTC.

        Fewer when the rule ends. A naive `after` is read by the timing's own time zone.
        """
        return _next(self, n, after)


Timing = Cron | Interval | RRule


# -- instants ---------------------------------------------------------------------------------


def due_between(
    timing: Timing, after: datetime, until: datetime, *, limit: int | None = None
) -> list[datetime]:
    """Give the instants in (after, until], ascending, at most `limit` of them."""
    last = clock.micros(until)
    due: list[datetime] = []
    for instant in islice(instants(timing, clock.micros(after)), limit):
        if instant > last:
            break
        due.append(clock.instant(instant))
    return due


def count_between(timing: Timing, after: datetime, until: datetime) -> int:
    """Count the instants in (after, until] without listing them."""
    return count(timing, clock.micros(after), clock.micros(until))


def _next(timing: Timing, n: int, after: datetime | None) -> list[datetime]:
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput(f"n is {names.shown(n)}, not a count.", field="n")
    at = clock.now() if after is None else wallclock.aware(after, wallclock.zone(timing.timezone))
    return [clock.instant(due) for due in islice(instants(timing, clock.micros(at)), n)]


def instants(timing: Timing, after: int) -> Iterator[int]:
    """Give every instant after one, ascending, all as microseconds (`clock.micros`)."""
    after = max(after, _FIRST)
    if after >= _LAST:
        return iter(())
    if isinstance(timing, Interval):
        return _local(timing, after) if timing.interval.days else _elapsed(timing, after)
    days, elapsed = _days(timing)
    return wallclock.after(days, wallclock.zone(timing.timezone), after, elapsed=elapsed)


def count(timing: Timing, low: int, high: int) -> int:
    """Count the instants in (low, high], microseconds, without listing them."""
    low, high = max(low, _FIRST), min(high, _LAST)
    if high <= low:
        return 0
    if isinstance(timing, Interval):
        if timing.interval.days:
            return sum(1 for _ in _up_to(_local(timing, low), high))
        step, anchor = timing.interval // wallclock.MICRO, _anchor(timing)
        return (high - anchor) // step - (low - anchor) // step
    days, elapsed = _days(timing)
    return wallclock.count(days, wallclock.zone(timing.timezone), low, high, elapsed=elapsed)


def _days(timing: Cron | RRule) -> tuple[Callable[[int], wallclock.Days], bool]:
    if isinstance(timing, Cron):
        from nbflow.model import cron

        fields = cron.parse(timing.cron, timing.day_or)
        return partial(cron.days, fields), fields.elapsed
    from nbflow.model import rrules

    recurrence = rrules.parse(timing.rrule, timing.timezone)
    return partial(rrules.days, recurrence), recurrence.elapsed


def _anchor(timing: Interval) -> int:
    if timing.anchor_date is not None:
        return clock.micros(timing.anchor_date)
    return wallclock.place(_ANCHOR, wallclock.zone(timing.timezone))[0]


def _elapsed(timing: Interval, after: int) -> Iterator[int]:
    step, anchor = timing.interval // wallclock.MICRO, _anchor(timing)
    first = anchor + ((after - anchor) // step + 1) * step
    return iter(range(first, _LAST, step))


def _local(timing: Interval, after: int) -> Iterator[int]:
    zone = wallclock.zone(timing.timezone)
    step = timing.interval // wallclock.MICRO
    anchor = wallclock.local_reading(_anchor(timing), zone)
    low = wallclock.local_reading(after, zone)
    for wall in range(anchor + (low - anchor) // step * step, _LAST, step):
        instant = wallclock.place(wall, zone)[0]
        if instant > after:
            after = instant
            yield instant


def _up_to(instants: Iterator[int], high: int) -> Iterator[int]:
    for instant in instants:
        if instant > high:
            return
        yield instant


# -- words and JSON ---------------------------------------------------------------------------


def describe(timing: Timing) -> str:
    """Say in plain words when a timing is due, such as "At 07:00 on weekdays (Europe/Paris)"."""
    from nbflow.model import cron, rrules, wording

    if isinstance(timing, Cron):
        return wording.cron(cron.parse(timing.cron, timing.day_or), timing.timezone)
    if isinstance(timing, RRule):
        return wording.rrule(
            rrules.parse(timing.rrule, timing.timezone), timing.rrule, timing.timezone
        )
    anchor = wallclock.local_reading(_anchor(timing), wallclock.zone(timing.timezone))
    return wording.interval(timing.interval, anchor, timing.timezone)


def notes(timing: Timing, upcoming: Sequence[datetime]) -> tuple[str, ...]:
    """Say what may surprise about a timing: rare days, two rules for days, clocks that jump."""
    from nbflow.model import cron, wording

    said: list[str] = []
    if isinstance(timing, Cron):
        said += wording.surprises(cron.parse(timing.cron, timing.day_or), upcoming)
    where = wallclock.zone(timing.timezone)
    if len({at.astimezone(where).utcoffset() for at in upcoming}) > 1:
        said.append(f"The clock of {timing.timezone} changes between these.")
    elif wallclock.never_changes(where) and timing.timezone not in ("UTC", "Etc/UTC"):
        said.append(f"{timing.timezone} has no daylight saving time.")
    return tuple(said)


def timing_to_json(timing: Timing) -> dict[str, Any]:
    """Give a timing as the API's `Timing` object."""
    if isinstance(timing, Cron):
        return {"cron": timing.cron, "timezone": timing.timezone, "day_or": timing.day_or}
    if isinstance(timing, RRule):
        return {"rrule": timing.rrule, "timezone": timing.timezone}
    seconds = timing.interval.total_seconds()
    value: dict[str, Any] = {"interval": int(seconds) if seconds.is_integer() else seconds}
    if timing.anchor_date is not None:
        value["anchor_date"] = timing.anchor_date.isoformat()
    return {**value, "timezone": timing.timezone}


_KEYS = {
    "cron": ("cron", "timezone", "day_or"),
    "interval": ("interval", "anchor_date", "timezone"),
    "rrule": ("rrule", "timezone"),
}


def timing_from_json(value: Any) -> Timing:
    """Read the API's `Timing` object. Raises InvalidSchedule."""
    if not is_mapping(value):
        _fail("timing.type", "timing", f"A timing is an object, not {names.shown(value)}.",
              'Write one such as {"cron": "0 7 * * *"}.')  # fmt: skip
    given = dict(value)
    kinds = [kind for kind in _KEYS if kind in given]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none of them"
        _fail(
            "timing.kind", "timing", f"A timing has one of cron, interval and rrule, not {found}."
        )
    known = _KEYS[kinds[0]]
    for key in given:
        if key not in known:
            hint = names.did_you_mean(str(key), known, "Known are")
            _fail("timing.unknown", str(key), f"A timing has no field {names.shown(key)}.", hint)
    anchor = given.get("anchor_date")
    if anchor is not None:
        given["anchor_date"] = wallclock.parse_instant(anchor, field="anchor_date")
    return {"cron": Cron, "interval": Interval, "rrule": RRule}[kinds[0]](**given)


def timing_kept(value: Mapping[str, Any]) -> tuple[Timing, str | None]:
    """Give a timing the store holds, and why it cannot be evaluated on this host (None: it can).

    Zones come and go with the time zone database: what was accepted elsewhere, or before, is kept
    as it is.
    """
    try:
        return timing_from_json(value), None
    except InvalidSchedule as error:
        return _unread(value), str(error)


def _unread(value: Mapping[str, Any]) -> Timing:
    kind = next(kind for kind in _KEYS if kind in value)
    shape: type[Timing] = {"cron": Cron, "interval": Interval, "rrule": RRule}[kind]
    given = dict(value)
    if kind == "interval":
        given["interval"] = timedelta(seconds=given["interval"])
        anchor = given.get("anchor_date")
        given["anchor_date"] = None if anchor is None else datetime.fromisoformat(anchor)
    made = object.__new__(shape)
    for name, said in given.items():
        object.__setattr__(made, name, said)
    return made


def _check_type(field: str, value: object, expected: type, said: str) -> None:
    if not isinstance(value, expected):
        _fail(f"{field}.type", field, f"{field} is {names.shown(value)}, not {said}.")


def _duration(value: object) -> timedelta:
    if isinstance(value, str):
        value = _written(value)
    if type(value) is int or (isinstance(value, float) and math.isfinite(value)):
        value = timedelta(seconds=min(max(value, -1e9), 1e9))
    if not isinstance(value, timedelta):
        hint = "Give seconds as a number, or text such as PT6H or P1D; months need cron or rrule."
        _fail("interval.type", "interval", f"The interval is {names.shown(value)}.", hint)
    if value <= timedelta(0):
        _fail("interval.not_positive", "interval", f"The interval is {value.total_seconds():g} s.")
    if value < _SHORTEST:
        _fail("interval.too_small", "interval", f"The interval is {value.total_seconds():g} s.",
              "One second is the least.")  # fmt: skip
    if value > _LONGEST:
        _fail("interval.too_large", "interval", f"The interval is {value.days} days.",
              "Ten years is the most.")  # fmt: skip
    return value


def _written(text: str) -> timedelta | str:
    """Give the time that ISO 8601 text says; what is none, as it is."""
    from nbflow.model import iso_durations

    try:
        return iso_durations.read(text[:64])
    except ValueError:
        years = _YEARS.match(text)
        return timedelta.max if years and int(years[1]) > 10 else text


def _fail(code: str, field: str, message: str, hint: str | None = None) -> NoReturn:
    raise InvalidSchedule(message, code=code, field=field, hint=hint)
