"""Five-field cron expressions: reading them strictly, and the days and times they name.

    minute 0-59 · hour 0-23 · day 1-31, L · month 1-12, JAN-DEC · weekday 0-7, SUN-SAT, 5#2, L5

Each field takes `*`, values, ranges `a-b`, steps `*/n` and `a-b/n`, and lists of these. What cron
programs disagree on (`59/15`, reversed ranges, steps wider than their field, `W`, `?`, `H`,
seconds, years) is refused with the way to say it. Which days that names is croniter's answer; what
instants they mean where a clock jumps is `wallclock`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn

from nbflow.exceptions import InvalidSchedule
from nbflow.model import names
from nbflow.model.wallclock import MINUTE, Days

if TYPE_CHECKING:
    from croniter import croniter

LONGEST = 256
ALIASES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_ALLOWED = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*,/#-. ")
_LAST = -1


@dataclass(frozen=True)
class _Part:
    """One of the five fields: its bounds, and the words it takes for values."""

    name: str
    low: int
    high: int
    words: dict[str, int]

    @property
    def size(self) -> int:
        return 7 if self.name == "weekday" else self.high - self.low + 1


_PARTS = (
    _Part("minute", 0, 59, {}),
    _Part("hour", 0, 23, {}),
    _Part("day", 1, 31, {}),
    _Part("month", 1, 12, {word: at + 1 for at, word in enumerate(_MONTHS)}),
    _Part("weekday", 0, 7, {word: at for at, word in enumerate(_WEEKDAYS)}),
)


@dataclass(frozen=True, eq=False)
class Fields:
    """A parsed expression.

    Attributes:
        text: the expression, aliases expanded, fields separated by one space.
        dates: its day, month and weekday spelled out as lists, which croniter reads without
            its surprises (it takes `0-0` for `*`, and `*/1` for a restriction).
        weekdays: 0 is Sunday.
        nth: (n, weekday) from `5#2`; n is -1 for the month's last, from `L5`.
        any_day: the day field restricts nothing (likewise `any_weekday`).
        elapsed: the minute or hour is a wildcard or a step, so it follows elapsed time.
        times: microseconds of the day, ascending.
    """

    text: str
    dates: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    last_day: bool
    months: frozenset[int]
    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]]
    any_day: bool
    any_weekday: bool
    day_or: bool
    elapsed: bool
    times: tuple[int, ...]


@lru_cache(maxsize=4096)
def parse(text: str, day_or: bool = True) -> Fields:
    """Read a cron expression. Raises InvalidSchedule (`cron.…`), naming the place."""
    normal = _normal(text)
    parts = normal.split(" ")
    starts = [sum(len(part) + 1 for part in parts[:index]) for index in range(5)]
    minutes, hours, days, months, weekdays = (
        _field(*three) for three in zip(_PARTS, parts, starts, strict=True)
    )
    fields = Fields(
        text=normal,
        dates=_spelled_out(days, months, weekdays),
        minutes=tuple(sorted(minutes.values)),
        hours=tuple(sorted(hours.values)),
        days=frozenset(days.values),
        last_day=days.last,
        months=frozenset(months.values),
        weekdays=frozenset(day % 7 for day in weekdays.values),
        nth=frozenset(weekdays.nth),
        any_day=len(days.values) == 31,
        any_weekday=len({day % 7 for day in weekdays.values}) == 7,
        day_or=day_or,
        elapsed=any(mark in field for field in parts[:2] for mark in "*/"),
        times=tuple(
            (hour * 60 + minute) * MINUTE
            for hour in sorted(hours.values)
            for minute in sorted(minutes.values)
        ),
    )
    _check_fires(fields)
    return fields


def days(fields: Fields, start: int) -> Days:
    """Give the days an expression names, from an ordinal on; it ends where none can follow."""
    if fields.dates == "* * *":
        for day in range(start, date.max.toordinal()):
            yield day, fields.times
        return
    first = _first_day(fields.dates, fields.day_or, start)
    if first is None:
        return
    yield first, fields.times
    following = _croniter(fields.dates, fields.day_or, first + 1)
    while (day := _next_day(following)) is not None:
        yield day, fields.times


@lru_cache(maxsize=65_536)
def _first_day(dates: str, day_or: bool, start: int) -> int | None:
    """Give the first day from an ordinal on: many schedules ask for the same one."""
    return _next_day(_croniter(dates, day_or, start))


def _croniter(dates: str, day_or: bool, start: int) -> croniter:
    from croniter import croniter

    before = datetime.fromordinal(start) - timedelta(minutes=1)
    return croniter(f"0 0 {dates}", before, day_or=day_or, max_years_between_matches=9)


def _next_day(following: croniter) -> int | None:
    from croniter import CroniterBadDateError

    try:
        found = following.get_next(datetime)
    except (CroniterBadDateError, OverflowError):
        return None
    return found.toordinal()


def _spelled_out(days: _Found, months: _Found, weekdays: _Found) -> str:
    by_day = _list(days.values, 31) + (",L" if days.last and len(days.values) < 31 else "")
    plain = {day % 7 for day in weekdays.values}
    nth = [f"L{day}" if n == _LAST else f"{day}#{n}" for n, day in sorted(weekdays.nth)]
    if nth and plain and len(plain) < 7:
        _fail(
            "syntax",
            "The weekday field mixes plain weekdays with numbered ones.",
            "Make two schedules of it.",
        )
    if nth and len(plain) < 7 and by_day != "*":
        _fail(
            "syntax",
            "A numbered weekday cannot stand beside days of the month.",
            "Make two schedules of it.",
        )
    by_weekday = ",".join(nth) if nth and len(plain) < 7 else _list(plain, 7)
    return f"{by_day.lstrip(',')} {_list(months.values, 12)} {by_weekday}"


def _list(values: set[int], all_of_them: int) -> str:
    return "*" if len(values) == all_of_them else ",".join(map(str, sorted(values)))


def _check_fires(fields: Fields) -> None:
    # Three fixed spans, so that an expression once accepted stays acceptable for ever.
    for year in (2001, 2009, 2017):
        found = next(days(fields, date(year, 1, 1).toordinal()), None)
        if found is None or found[0] >= date(year + 8, 1, 1).toordinal():
            _fail(
                "never_fires",
                f"{fields.text!r} names no day within 8 years.",
                "Check the day against the month: no month but February lacks a 30th.",
            )


# -- reading ----------------------------------------------------------------------------------


def _normal(text: str) -> str:
    if len(text) > LONGEST:
        _fail("too_long", f"The expression has {len(text)} characters; {LONGEST} is the most.")
    text = text.strip(" \t\r\n")
    if text.startswith("@"):
        return _alias(text)
    _check_characters(text)
    parts = text.split()
    if len(parts) != 5:
        more = "; seconds and years are not supported" if len(parts) > 5 else ""
        _fail(
            "fields",
            f"5 fields expected, got {len(parts)}{more}.",
            "Write minute, hour, day, month and weekday, such as 0 7 * * 1-5.",
        )
    return " ".join(parts)


def _alias(text: str) -> str:
    word = text.split()[0].lower()
    if text.lower() in ALIASES:
        return ALIASES[text.lower()]
    hint = f"Known are {' '.join(ALIASES)}."
    if word == "@every":
        hint = "Use an interval schedule, such as Interval(timedelta(minutes=5))."
    _fail("unsupported_alias", f"{names.shown(text)} is not supported.", hint)


def _check_characters(text: str) -> None:
    for at, char in enumerate(text):
        if ord(char) > 127:
            _fail("syntax", f"Non-ASCII character U+{ord(char):04X} at position {at + 1}.")
        if char in "\t\r\n\v\f":
            _fail("fields", f"A tab or line break at position {at + 1}; use single spaces.")
        if char == "?":
            _fail("syntax", f"'?' at position {at + 1} is not supported.", "Use *.")
        if char not in _ALLOWED:
            _fail("syntax", f"Unexpected character {char!r} at position {at + 1}.")


@dataclass
class _Found:
    values: set[int]
    nth: set[tuple[int, int]]
    last: bool = False


def _field(part: _Part, text: str, start: int) -> _Found:
    found = _Found(set(), set())
    at = start + 1
    for item in text.split(","):
        if not item:
            _fail("syntax", f"The {part.name} field has an empty item at position {at}.")
        _item(part, item.lower(), at, found)
        at += len(item) + 1
    return found


def _item(part: _Part, item: str, at: int, found: _Found) -> None:
    if part.name == "day" and item == "l":
        found.last = True
    elif part.name == "weekday" and item[0] == "l" and item[1:].isdigit():
        found.nth.add((_LAST, _value(part, item[1:], at + 1) % 7))
    elif part.name == "weekday" and "#" in item:
        found.nth.add(_nth(part, item, at))
    else:
        found.values.update(_range(part, item, at))


def _nth(part: _Part, item: str, at: int) -> tuple[int, int]:
    day, _, n = item.partition("#")
    weekday = _value(part, day, at) % 7
    if not n.isdigit():
        _fail("syntax", f"{item!r} at position {at} needs a number from 1 to 5 after the #.")
    if not 1 <= int(n) <= 5:
        _fail("out_of_range", f"A month has no weekday number {n[:20]} (1–5).")
    return int(n), weekday


def _range(part: _Part, item: str, at: int) -> Iterator[int]:
    base, slash, step_text = item.partition("/")
    step = _step(part, item, step_text) if slash else 1
    if base == "*":
        low, high = part.low, part.low + part.size - 1
    elif "-" in base:
        low_text, _, high_text = base.partition("-")
        low = _value(part, low_text, at)
        high = _value(part, high_text, at + len(low_text) + 1)
        if part.name == "weekday" and high_text == "sun":
            high = 7
        if low > high:
            two = f"{low_text}-{part.low + part.size - 1},{part.low}-{high_text}"
            _fail("syntax", f"The range {base!r} at position {at} runs backwards.", f"Write {two}.")
    else:
        low = high = _value(part, base, at)
        if slash:
            said = base if low + step > part.high else f"{base}-{part.high}/{step}"
            _fail("step", f"{item!r} is read differently by different programs.", f"Write {said}.")
    if step > high - low + 1:
        _fail("step", f"The step {step} is wider than the {part.name} field's {low}–{high}.")
    yield from range(low, high + 1, step)


def _step(part: _Part, item: str, text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        _fail("step", f"{item!r} in the {part.name} field needs a whole step of at least 1.")
    return int(text)


def _value(part: _Part, text: str, at: int) -> int:
    bounds = f"({part.low}–{part.high})"
    if text.isdigit():
        if part.low <= int(text) <= part.high:
            return int(text)
        midnight = part.name == "hour" and text == "24"
        hint = "Write midnight as hour 0: 0 0 * * *." if midnight else None
        _fail("out_of_range", f"{part.name} {text[:20]} {bounds}.", hint)
    if text in part.words:
        return part.words[text]
    hint = f"The {part.name} field takes numbers {bounds}."
    if part.words:
        hint = f"The {part.name} field takes numbers {bounds} and {' '.join(part.words)}."
    elif text in _MONTHS or text in _WEEKDAYS:
        hint = "Names are only for the month and weekday fields."
    elif text[:1] in ("h", "r"):
        hint = "Random and hashed fields are not supported; write the number."
    elif text.endswith("w"):
        hint = "W (nearest weekday) is not supported."
    _fail("syntax", f"{text!r} in the {part.name} field (position {at}) is not a value.", hint)


def _fail(code: str, message: str, hint: str | None = None) -> NoReturn:
    raise InvalidSchedule(message, code=f"cron.{code}", field="cron", hint=hint)
