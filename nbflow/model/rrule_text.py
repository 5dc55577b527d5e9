"""The text of an iCalendar recurrence rule, read strictly into a `Rule`; `rrules` evaluates it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from nbflow.exceptions import InvalidSchedule
from nbflow.model import clock, names
from nbflow.model.wallclock import DAY, local_reading, reading, zone

LONGEST = 6500
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DEFAULT_START = reading(datetime(2020, 1, 1, tzinfo=UTC))

# The widest interval of each frequency: ten years.
_WIDEST = {
    "YEARLY": 10,
    "MONTHLY": 120,
    "WEEKLY": 522,
    "DAILY": 3660,
    "HOURLY": 87_840,
    "MINUTELY": 5_270_400,
}
_NUMBERS = {
    "BYMONTH": ("months", 1, 12, False),
    "BYMONTHDAY": ("month_days", 1, 31, True),
    "BYYEARDAY": ("year_days", 1, 366, True),
    "BYWEEKNO": ("weeks", 1, 53, True),
    "BYHOUR": ("hours", 0, 23, False),
    "BYMINUTE": ("minutes", 0, 59, False),
    "BYSECOND": ("seconds", 0, 59, False),
    "BYSETPOS": ("positions", 1, 366, True),
}
_KNOWN = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", *_NUMBERS)
_LINE = re.compile(r"(?P<name>[A-Z]+)(?P<options>(?:;[A-Z]+=[^:;]+)*):(?P<value>.+)", re.ASCII)
_STAMP = re.compile(r"(\d{8})(?:T(\d{6})(Z)?)?", re.ASCII)
_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)


@dataclass(frozen=True)
class Rule:
    """A rule as it is written. Readings are microseconds by the zone's wall clock.

    Attributes:
        weekdays: (n, weekday), 0 is Monday; n is 0 for every one.
        week_start: the weekday a week begins with.
    """

    freq: str
    start: int = _DEFAULT_START
    interval: int = 1
    count: int | None = None
    until: int | None = None
    week_start: int = 0
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    year_days: tuple[int, ...] = ()
    weeks: tuple[int, ...] = ()
    weekdays: tuple[tuple[int, int], ...] = ()
    hours: tuple[int, ...] = ()
    minutes: tuple[int, ...] = ()
    seconds: tuple[int, ...] = ()
    positions: tuple[int, ...] = ()
    rdates: frozenset[int] = field(default=frozenset())
    exdates: frozenset[int] = field(default=frozenset())


def read(text: str, timezone: str) -> Rule:
    """Read a rule, with or without `RRULE:`, and the DTSTART, RDATE and EXDATE lines beside it."""
    if len(text) > LONGEST:
        fail("too_long", f"The rule has {len(text)} characters; {LONGEST} is the most.")
    found: dict[str, list[tuple[str, str]]] = {}
    for line in text.strip().upper().splitlines():
        name, options, value = _line(line.strip())
        found.setdefault(name, []).append((options, value))
    for name in ("RRULE", "DTSTART"):
        if len(found.get(name, ())) > 1:
            fail("syntax", f"There are {len(found[name])} {name} lines; one is the most.")
    if "RRULE" not in found:
        fail("syntax", "There is no rule.", "Write one such as FREQ=WEEKLY;BYDAY=MO,TH;BYHOUR=9.")
    start, fixed = _DEFAULT_START, False
    for options, value in found.get("DTSTART", ()):
        start, fixed, _ = _stamp("DTSTART", options, value, timezone)
    parts = _parts(found["RRULE"][0][1])
    fields = _fields(parts)
    if "UNTIL" in parts:
        fields["until"] = _until(parts["UNTIL"], start, fixed, timezone)
    for name in ("RDATE", "EXDATE"):
        fields[f"{name.lower()}s"] = _dates(name, found.get(name, []), timezone)
    rule = Rule(start=start, **fields)
    _check(rule)
    return rule


def fail(code: str, message: str, hint: str | None = None) -> NoReturn:
    """Refuse a rule."""
    raise InvalidSchedule(message, code=f"rrule.{code}", field="rrule", hint=hint)


def _line(line: str) -> tuple[str, str, str]:
    if line.startswith("FREQ=") or ":" not in line:
        return "RRULE", "", line
    match = _LINE.fullmatch(line)
    if not match:
        fail("syntax", f"{names.shown(line)} is not a line of a rule.")
    if match["name"] not in ("DTSTART", "RRULE", "RDATE", "EXDATE"):
        fail("syntax", f"{names.shown(match['name'])} is not supported.",
             "Known are DTSTART, RRULE, RDATE and EXDATE.")  # fmt: skip
    return match["name"], match["options"], match["value"]


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.strip(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals or not value:
            fail("syntax", f"{names.shown(part)} is not NAME=VALUE.")
        if name not in _KNOWN:
            hint = names.did_you_mean(name, _KNOWN, "Known are")
            fail("syntax", f"The rule has an unknown part {names.shown(name)}.", hint)
        if name in parts:
            fail("syntax", f"{name} is given twice.")
        parts[name] = value
    return parts


def _fields(parts: dict[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"freq": (freq := _freq(parts))}
    fields["interval"] = _interval(parts.get("INTERVAL", "1"), freq)
    if "COUNT" in parts:
        fields["count"] = _whole("COUNT", parts["COUNT"], 1, 10**12, signed=False)
    if "WKST" in parts:
        if parts["WKST"] not in WEEKDAYS:
            fail("syntax", f"WKST={names.shown(parts['WKST'])} is none of {' '.join(WEEKDAYS)}.")
        fields["week_start"] = WEEKDAYS.index(parts["WKST"])
    if "BYDAY" in parts:
        fields["weekdays"] = tuple(_weekday(item) for item in parts["BYDAY"].split(","))
    for name, (attribute, low, high, signed) in _NUMBERS.items():
        if name in parts:
            items = parts[name].split(",")
            values = {_whole(name, item, low, high, signed=signed) for item in items}
            fields[attribute] = tuple(sorted(values))
    return fields


def _freq(parts: dict[str, str]) -> str:
    freq = parts.get("FREQ", "")
    if freq == "SECONDLY":
        fail("out_of_range", "FREQ=SECONDLY is not supported.", "Use an interval schedule.")
    if freq not in _WIDEST:
        fail("syntax", f"FREQ is {names.shown(freq)}.", f"Known are {', '.join(_WIDEST)}.")
    return freq


def _interval(text: str, freq: str) -> int:
    interval = _whole("INTERVAL", text, 1, 10**12, signed=False)
    if interval > _WIDEST[freq]:
        fail("out_of_range", f"INTERVAL={text} is more than ten years of FREQ={freq}.")
    return interval


def _whole(name: str, text: str, low: int, high: int, *, signed: bool) -> int:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not digits.isascii() or not digits.isdigit() or len(digits) > 15:
        fail("syntax", f"{name}={names.shown(text)} is not a whole number.")
    value = int(text)
    if not low <= (abs(value) if signed else value) <= high:
        bounds = f"±{low}–{high}" if signed else f"{low}–{high}"
        fail("out_of_range", f"{name}={text} ({bounds}).")
    return value


def _weekday(text: str) -> tuple[int, int]:
    match = _DAY.fullmatch(text)
    if not match:
        fail("syntax", f"BYDAY={names.shown(text)} is not a weekday.", "Write MO, or 2MO, or -1FR.")
    n = int(match[1]) if match[1] else 0
    if match[1] and not 1 <= abs(n) <= 53:
        fail("out_of_range", f"BYDAY={text} (±1–53).")
    return n, WEEKDAYS.index(match[2])


def _stamp(name: str, options: str, text: str, timezone: str) -> tuple[int, bool, bool]:
    """Give a date's reading, whether it names its zone, and whether it is a whole day."""
    match = _STAMP.fullmatch(text)
    try:
        at = datetime.strptime(
            f"{text[:15]}{'' if 'T' in text else 'T000000'}+0000", "%Y%m%dT%H%M%S%z"
        )
    except ValueError:
        match, at = None, clock.instant(0)
    if not match:
        fail("syntax", f"{name} {names.shown(text)} is not a date.", "Write 20261122T130000.")
    zoned = [o.partition("=")[2] for o in options.split(";") if o.startswith("TZID=")]
    if zoned and zoned[0] != timezone.upper():
        fail("timezone", f"{name} names the zone {names.shown(zoned[0])}, the schedule {timezone}.",
             "Give the schedule that time zone.")  # fmt: skip
    if match[3]:
        return local_reading(clock.micros(at), zone(timezone)), True, False
    return reading(at), bool(zoned), match[2] is None


def _until(text: str, start: int, fixed: bool, timezone: str) -> int:
    until, zoned, whole_day = _stamp("UNTIL", "", text, timezone)
    if whole_day:
        until += DAY - 1
    elif fixed and not zoned:
        fail("timezone", f"DTSTART names its zone and UNTIL={text} does not.",
             "Write UNTIL in UTC, with a Z at its end.")  # fmt: skip
    if until < start:
        fail("never_fires", f"UNTIL ({_said(until)}) lies before DTSTART ({_said(start)}).")
    return until


def _said(wall: int) -> str:
    return clock.instant(wall).strftime("%Y-%m-%d %H:%M:%S")


def _dates(name: str, lines: list[tuple[str, str]], timezone: str) -> frozenset[int]:
    texts = [(options, text) for options, value in lines for text in value.split(",")]
    return frozenset(_stamp(name, options, text, timezone)[0] for options, text in texts)


def _check(rule: Rule) -> None:
    if rule.count is not None and rule.until is not None:
        fail("syntax", "COUNT and UNTIL exclude each other.")
    if rule.weeks and rule.freq != "YEARLY":
        fail("syntax", "BYWEEKNO needs FREQ=YEARLY.")
    if any(n for n, _ in rule.weekdays) and (rule.freq not in ("MONTHLY", "YEARLY") or rule.weeks):
        fail("syntax", "A numbered BYDAY needs FREQ=MONTHLY or YEARLY, without BYWEEKNO.")
    if rule.positions and rule.freq in ("HOURLY", "MINUTELY"):
        fail("syntax", "BYSETPOS needs FREQ=DAILY or longer.")
