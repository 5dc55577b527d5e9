"""Local time and the line of instants: zones, and what a wall clock's reading means there.

A schedule says on which days and at what times of day it is due, by the wall clock (`Days`); this
module gives the instants. All are integers: microseconds since 1970, in UTC (`clock.micros`).

Where the clock jumps, a fixed reading in the gap means the first valid instant after it, and a
repeated one its first pass; a reading that follows elapsed time (`elapsed`) is due in both passes
and never in a gap.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from nbflow.exceptions import InvalidSchedule
from nbflow.model import clock, names

MICRO = timedelta(microseconds=1)
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

FIRST_DAY = date(2, 1, 1).toordinal()
LAST_DAY = date(9998, 12, 31).toordinal()
_DAY_ZERO = date(1970, 1, 1).toordinal()

Days = Iterator[tuple[int, Sequence[int]]]
"""Ascending days (`date.toordinal()`), each with its ascending microseconds of the day."""

_ZONE_NAME = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,2}")
_MACHINES_OWN = frozenset({"localtime", "Factory", "posixrules"})
_ISO = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"(?:[T ](?P<h>\d\d):\d\d(?::(?P<s>\d\d)(?:\.\d{1,6})?)?(?P<z>Z|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)


def zone(name: object) -> ZoneInfo:
    """Give a time zone by its IANA name, exactly as IANA spells it.

    Raises InvalidSchedule (`timezone.unknown`), with the names that were probably meant.
    """
    if isinstance(name, str) and len(name) <= 64 and (found := _zone(name)):
        return found
    raise InvalidSchedule(
        f"There is no time zone {names.shown(name)}.",
        code="timezone.unknown",
        field="timezone",
        hint=_suggestion(name),
    )


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    if not _ZONE_NAME.fullmatch(name) or name in _MACHINES_OWN:
        return None
    # A file system that ignores case would find `utc` here and not there.
    if name not in _spellings() and name.casefold() in {known.casefold() for known in _spellings()}:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


@lru_cache(maxsize=1)
def _spellings() -> frozenset[str]:
    # `zoneinfo.available_timezones()` opens every file of the database: seconds on a slow disk.
    import tzdata  # pyright: ignore[reportMissingModuleSource]

    return frozenset(Path(str(tzdata.__file__)).with_name("zones").read_text("ascii").split())


def _suggestion(name: object) -> str:
    usual = "Use a name of the IANA list, such as UTC, Europe/Berlin or America/New_York."
    if not isinstance(name, str) or not name.strip() or len(name) > 64:
        return usual
    word = name.strip().replace(" ", "_").casefold()
    cities = sorted(n for n in _spellings() if n.casefold().rpartition("/")[2] == word)
    near = cities[0] if cities else names.nearest(word, sorted(_spellings()))
    return f"Did you mean {near}?" if near else usual


def parse_instant(text: object, *, field: str) -> datetime:
    """Give the date and time of an ISO 8601 text; naive when it has no offset.

    Raises InvalidSchedule (`datetime.invalid`).
    """
    match = _ISO.fullmatch(text) if isinstance(text, str) else None
    hint = "Write it as 2026-11-22T13:00:00+01:00 (or with Z for UTC)."
    if match and match["h"] == "24":
        match, hint = None, "Write midnight as 00:00 of the next day."
    elif match and match["s"] == "60":
        match, hint = None, "Leap seconds have no instant of their own; use 59."
    elif match and match["z"] and match["z"][1:] > "14:00":
        match, hint = None, "Offsets go from -14:00 to +14:00."
    if match:
        try:
            return datetime.fromisoformat(match.group())
        except ValueError as error:
            hint = f"{str(error)[:1].upper()}{str(error)[1:]}."
    raise InvalidSchedule(
        f"{field} {names.shown(text)} is not a date and time.",
        code="datetime.invalid",
        field=field,
        hint=hint,
    )


def aware(at: datetime, where: ZoneInfo) -> datetime:
    """Give an instant as it is, or a naive reading as the instant it means in a zone."""
    if at.utcoffset() is not None:
        return at
    return clock.instant(place(reading(at), where)[0]).astimezone(where)


def reading(at: datetime) -> int:
    """Give a clock's reading as microseconds, as if the clock showed UTC."""
    return clock.micros(at.replace(tzinfo=UTC))


def local_reading(instant: int, where: ZoneInfo) -> int:
    """Give what a zone's wall clock shows at an instant."""
    return reading(clock.instant(instant).astimezone(where))


def never_changes(where: ZoneInfo) -> bool:
    """Say whether a zone's clock stands still against UTC, all through this year and the next."""
    year = clock.now().year
    months = [datetime(year + at // 12, at % 12 + 1, 1, tzinfo=where) for at in range(24)]
    return len({_offset(at) for at in months}) == 1


def day_of(wall: int) -> int:
    """Give the ordinal of the day of a reading."""
    return wall // DAY + _DAY_ZERO


def midnight(day: int) -> int:
    """Give the reading at the start of a day."""
    return (day - _DAY_ZERO) * DAY


def place(wall: int, where: ZoneInfo, *, elapsed: bool = False) -> tuple[int, ...]:
    """Give the instants a reading means: one, or with `elapsed` none in a gap and two in a fold."""
    local = clock.instant(wall).replace(tzinfo=where)
    before, after = _offset(local), _offset(local.replace(fold=1))
    if before == after:
        return (wall - before,)
    if before > after:
        return (wall - before, wall - after) if elapsed else (wall - before,)
    return () if elapsed else (_jump(where, wall - after, wall - before),)


def _jump(where: ZoneInfo, low: int, high: int) -> int:
    """Give the first instant in (low, high] at which the zone has another offset than at `low`."""
    old = _offset(clock.instant(low).astimezone(where))
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(clock.instant(middle).astimezone(where)) == old:
            low = middle
        else:
            high = middle
    return high


def _offset(at: datetime) -> int:
    offset = at.utcoffset() or timedelta()
    return (offset.days * 86_400 + offset.seconds) * SECOND + offset.microseconds


@lru_cache(maxsize=16_384)
def _midnight_offset(where: ZoneInfo, day: int, fold: int) -> int:
    return _offset(datetime.fromordinal(day).replace(tzinfo=where, fold=fold))


def _blocks(days: Days, where: ZoneInfo, elapsed: bool) -> Iterator[tuple[int, Sequence[int]]]:
    """Give ascending instants in blocks: a base, and what to add to it.

    A day without a jump costs two cached look-ups however many times it has. The instants of a
    day with a jump are held back until a later day begins, because they may reach into it.
    """
    held: list[int] = []
    for day, times in days:
        base = midnight(day)
        start = base - _midnight_offset(where, day, 0)
        if held:
            cut = bisect_left(held, start)
            if cut:
                yield 0, held[:cut]
                held = held[cut:]
        if not held and base - _midnight_offset(where, day + 1, 1) == start:
            yield start, times
        else:
            placed = (at for t in times for at in place(base + t, where, elapsed=elapsed))
            held = sorted({*held, *placed})
    if held:
        yield 0, held


def after(
    days: Callable[[int], Days], where: ZoneInfo, instant: int, *, elapsed: bool
) -> Iterator[int]:
    """Give the instants after one, ascending; `days` lists a schedule's days from an ordinal on."""
    for base, times in _blocks(days(_start(instant, where)), where, elapsed):
        for index in range(bisect_right(times, instant - base), len(times)):
            yield base + times[index]


def count(
    days: Callable[[int], Days], where: ZoneInfo, low: int, high: int, *, elapsed: bool
) -> int:
    """Count the instants in (low, high], by whole days where the clock does not jump."""
    total = 0
    for base, times in _blocks(days(_start(low, where)), where, elapsed):
        if times and base + times[0] > high:
            break
        total += bisect_right(times, high - base) - bisect_right(times, low - base)
    return total


def _start(instant: int, where: ZoneInfo) -> int:
    # The day before as well: its readings may mean instants of this one.
    return max(day_of(local_reading(instant, where)) - 1, FIRST_DAY)
