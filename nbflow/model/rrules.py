"""iCalendar recurrence rules (RFC 5545 §3.3.10): reading them strictly, and their days and times.

Taken: one RRULE with DTSTART, RDATE and EXDATE beside it, from MINUTELY to YEARLY. Refused: what
would fire every second, never, or for ever at one instant. Listing the days from any day on jumps
there by arithmetic, so it costs the same however long ago the rule began. Reading is by the wall
clock of the schedule's zone; what instants that means is `wallclock`'s.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from heapq import merge
from itertools import groupby
from operator import itemgetter

from nbflow.model.rrule_text import Rule, fail, read
from nbflow.model.wallclock import DAY, HOUR, LAST_DAY, MINUTE, SECOND, Days, day_of, midnight

_YEARS_WITHOUT = 30  # every weekday, leap day and month length comes within 28 years
_COUNTED_TO = date(2200, 1, 1).toordinal()


@dataclass(frozen=True, eq=False)
class Recurrence:
    """A rule made ready to list days.

    Attributes:
        until: the last reading, which COUNT sets as well.
        times: microseconds of the day, for rules that repeat by days or longer.
        keeps: a day belongs to the rule when all of these say so.
    """

    rule: Rule
    until: int | None
    times: tuple[int, ...]
    keeps: tuple[Callable[[int], bool], ...]

    @property
    def elapsed(self) -> bool:
        """Say whether the rule follows elapsed time: it repeats within the day."""
        return self.rule.freq in ("HOURLY", "MINUTELY")


@lru_cache(maxsize=1024)
def parse(text: str, timezone: str) -> Recurrence:
    """Read a rule. Raises InvalidSchedule (`rrule.…`)."""
    rule = _with_defaults(read(text, timezone))
    recurrence = Recurrence(rule, rule.until, _times(rule), _keeps(rule))
    if rule.count:
        recurrence = replace(recurrence, until=_last(recurrence))
    if next(days(recurrence, day_of(rule.start)), None) is None:
        fail("never_fires", f"The rule {text.strip()[:80]!r} is never due.")
    return recurrence


def days(recurrence: Recurrence, start: int) -> Days:
    """Give the days a rule names, from an ordinal on; it ends where none can follow."""
    listed = _bounded(recurrence, start)
    if recurrence.rule.rdates:
        listed = _merged(
            listed, _grouped(at for at in recurrence.rule.rdates if day_of(at) >= start)
        )
    for day, times in listed:
        if recurrence.rule.exdates:
            times = [t for t in times if midnight(day) + t not in recurrence.rule.exdates]
        if times:
            yield day, times


def _bounded(recurrence: Recurrence, start: int) -> Days:
    first = recurrence.rule.start
    for day, times in _recurring(recurrence, max(start, day_of(first))):
        base = midnight(day)
        if recurrence.until is not None and base > recurrence.until:
            return
        low = bisect_left(times, first - base)
        high = (
            len(times) if recurrence.until is None else bisect_right(times, recurrence.until - base)
        )
        if low < high:
            yield day, times[low:high]


def _merged(one: Days, other: Days) -> Days:
    for day, group in groupby(merge(one, other, key=itemgetter(0)), key=itemgetter(0)):
        yield day, sorted({t for _, times in group for t in times})


def _grouped(readings: Iterator[int]) -> Days:
    for day, group in groupby(sorted(readings), key=day_of):
        yield day, [at - midnight(day) for at in group]


def _last(recurrence: Recurrence) -> int | None:
    """Give the reading of the COUNT-th occurrence, or None when it lies beyond 2200."""
    left = recurrence.rule.count or 0
    a_day = DAY // SECOND if recurrence.elapsed else len(recurrence.times)
    if left > a_day * (_COUNTED_TO - day_of(recurrence.rule.start)):
        return recurrence.until
    for day, times in _bounded(recurrence, day_of(recurrence.rule.start)):
        if left <= len(times):
            last = midnight(day) + times[left - 1]
            return last if recurrence.until is None else min(last, recurrence.until)
        if day >= _COUNTED_TO:
            break
        left -= len(times)
    return recurrence.until


# -- periods ----------------------------------------------------------------------------------


def _recurring(recurrence: Recurrence, start: int) -> Days:
    """Give the rule's days by its frequency alone: neither DTSTART nor UNTIL cuts them."""
    if recurrence.elapsed:
        yield from _within_days(recurrence, start)
        return
    barren_until = start + 366 * _YEARS_WITHOUT
    for members in _periods(recurrence.rule, start):
        if not members or members[0] > min(barren_until, LAST_DAY):
            return
        kept = [day for day in members if all(keep(day) for keep in recurrence.keeps)]
        for day, times in _positioned(recurrence, kept):
            if day >= start:
                barren_until = day + 366 * _YEARS_WITHOUT
                yield day, times


def _positioned(recurrence: Recurrence, kept: list[int]) -> Iterator[tuple[int, Sequence[int]]]:
    if not recurrence.rule.positions:
        return ((day, recurrence.times) for day in kept)
    every = [midnight(day) + t for day in kept for t in recurrence.times]
    indices = (p - 1 if p > 0 else len(every) + p for p in recurrence.rule.positions)
    return iter(_grouped(iter({every[i] for i in indices if 0 <= i < len(every)})))


def _periods(rule: Rule, start: int) -> Iterator[range]:
    """Give the days of each period the rule takes part in, from the one that holds `start` on."""
    origin = date.fromordinal(day_of(rule.start))
    if rule.freq in ("DAILY", "WEEKLY"):
        size = 1 if rule.freq == "DAILY" else 7
        first = origin.toordinal()
        if size == 7:
            first -= (origin.weekday() - rule.week_start) % 7
        stride = size * rule.interval
        low = first + (start - first) // stride * stride
        yield from (range(day, day + size) for day in range(low, LAST_DAY, stride))
        return
    at = date.fromordinal(start)
    months = 12 * rule.interval if rule.freq == "YEARLY" else rule.interval
    zero = origin.year * 12 + (0 if rule.freq == "YEARLY" else origin.month - 1)
    low = zero + (at.year * 12 + at.month - 1 - zero) // months * months
    for month in range(low, 9998 * 12, months):
        first = date(month // 12, month % 12 + 1, 1)
        length = monthrange(first.year, first.month)[1]
        if rule.freq == "YEARLY":
            length = date(first.year + 1, 1, 1).toordinal() - first.toordinal()
        yield range(first.toordinal(), first.toordinal() + length)


def _within_days(recurrence: Recurrence, start: int) -> Days:
    rule = recurrence.rule
    barren = 0
    for day in range(start, LAST_DAY):
        barren += 1
        if barren > 366 * _YEARS_WITHOUT:
            return
        if all(keep(day) for keep in recurrence.keeps):
            times = _steps(recurrence, _phase(rule, day))
            if times:
                barren = 0
                yield day, times


def _phase(rule: Rule, day: int) -> int:
    """Give the first step of the day: its hour or minute, counted from DTSTART by the interval."""
    unit = HOUR if rule.freq == "HOURLY" else MINUTE
    return (rule.start // unit - midnight(day) // unit) % rule.interval


@lru_cache(maxsize=4096)
def _steps(recurrence: Recurrence, phase: int) -> Sequence[int]:
    """Give the times of a day whose first step is `phase`."""
    rule = recurrence.rule
    if rule.freq == "MINUTELY" and not rule.hours and not rule.minutes and len(rule.seconds) == 1:
        return range(phase * MINUTE + rule.seconds[0] * SECOND, DAY, rule.interval * MINUTE)
    if rule.freq == "HOURLY":
        steps = [(h, m) for h in range(phase, 24, rule.interval) for m in rule.minutes]
    else:
        steps = [divmod(m, 60) for m in range(phase, 1440, rule.interval)]
        steps = [(h, m) for h, m in steps if not rule.minutes or m in rule.minutes]
    return [
        h * HOUR + m * MINUTE + s * SECOND
        for h, m in steps
        if not rule.hours or h in rule.hours
        for s in rule.seconds
    ]


def _times(rule: Rule) -> tuple[int, ...]:
    return tuple(
        sorted(
            h * HOUR + m * MINUTE + s * SECOND
            for h in rule.hours
            for m in rule.minutes
            for s in rule.seconds
        )
    )


# -- what a rule leaves out comes from DTSTART ------------------------------------------------


def _with_defaults(rule: Rule) -> Rule:
    of_day = rule.start % DAY
    hour, minute, second = of_day // HOUR, of_day // MINUTE % 60, of_day // SECOND % 60
    rule = replace(rule, seconds=rule.seconds or (second,))
    if rule.freq == "MINUTELY":
        return rule
    rule = replace(rule, minutes=rule.minutes or (minute,))
    if rule.freq == "HOURLY":
        return rule
    return _with_default_day(replace(rule, hours=rule.hours or (hour,)))


def _with_default_day(rule: Rule) -> Rule:
    origin = date.fromordinal(day_of(rule.start))
    if rule.month_days or rule.year_days or rule.weekdays:
        return rule
    if rule.freq == "WEEKLY" or rule.weeks:
        return replace(rule, weekdays=((0, origin.weekday()),))
    if rule.freq == "MONTHLY":
        return replace(rule, month_days=(origin.day,))
    if rule.freq == "YEARLY":
        return replace(rule, month_days=(origin.day,), months=rule.months or (origin.month,))
    return rule


# -- which days a rule keeps ------------------------------------------------------------------


def _keeps(rule: Rule) -> tuple[Callable[[int], bool], ...]:
    keeps: list[Callable[[int], bool]] = []
    if rule.months:
        keeps.append(lambda day: date.fromordinal(day).month in rule.months)
    if rule.month_days:
        keeps.append(lambda day: _of_month(rule, day))
    if rule.year_days:
        keeps.append(lambda day: _of_year(rule, day))
    if rule.weeks:
        keeps.append(lambda day: _of_weeks(rule, day))
    if rule.weekdays:
        keeps.append(lambda day: _of_weekdays(rule, day))
    return tuple(keeps)


def _of_month(rule: Rule, day: int) -> bool:
    at = date.fromordinal(day)
    length = monthrange(at.year, at.month)[1]
    return at.day in rule.month_days or at.day - length - 1 in rule.month_days


def _of_year(rule: Rule, day: int) -> bool:
    first, size = _year(day)
    return day - first + 1 in rule.year_days or day - first - size in rule.year_days


def _of_weeks(rule: Rule, day: int) -> bool:
    """Say whether the day is in a week the rule names; week 1 is the first with four days.

    Days at either end of a year may be in a week of the other one.
    """
    year = date.fromordinal(day).year
    starts = [_first_week(year + offset, rule.week_start) for offset in (-1, 0, 1, 2)]
    at = bisect_right(starts, day) - 1
    week, weeks = (day - starts[at]) // 7 + 1, (starts[at + 1] - starts[at]) // 7
    return week in rule.weeks or week - weeks - 1 in rule.weeks


def _first_week(year: int, week_start: int) -> int:
    first = date(year, 1, 1)
    lead = (first.weekday() - week_start) % 7
    return first.toordinal() - lead + (0 if lead <= 3 else 7)


def _of_weekdays(rule: Rule, day: int) -> bool:
    weekday = (day + 6) % 7  # 0 is Monday
    for n, wanted in rule.weekdays:
        if wanted == weekday and (n == 0 or n in _places(rule, day)):
            return True
    return False


def _places(rule: Rule, day: int) -> tuple[int, int]:
    """Give which of its weekday a day is in its month (or year), from the start and the end."""
    if rule.freq == "YEARLY" and not rule.months:
        first, size = _year(day)
        place = day - first
    else:
        at = date.fromordinal(day)
        size, place = monthrange(at.year, at.month)[1], at.day - 1
    return place // 7 + 1, -((size - 1 - place) // 7 + 1)


def _year(day: int) -> tuple[int, int]:
    at = date.fromordinal(day)
    first = date(at.year, 1, 1).toordinal()
    return first, date(at.year + 1, 1, 1).toordinal() - first
