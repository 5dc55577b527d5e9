"""What is said of a schedule, read and checked in one place: for Python, REST, commands and YAML.

`new_schedule_of` reads a mapping, `checked` is what every schedule passes before it is made. What
timings mean is `schedules`', what the authority does with a schedule `scheduling`'s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NoReturn, get_args

from nbflow.exceptions import Conflict, InvalidInput, InvalidSchedule
from nbflow.model import names, parameters, wallclock
from nbflow.model.deployments import NewSchedule, Schedule
from nbflow.model.schedules import (
    Catchup,
    Cron,
    Interval,
    Overlap,
    RRule,
    Timing,
    describe,
    timing_from_json,
)
from nbflow.model.shapes import is_mapping

MOST_SCHEDULES = 50
MOST_MADE_UP = 10_000
LONGEST_WINDOW = timedelta(days=3653).total_seconds()
#: what a timing is made of, which may be said beside the rest
TIMING_KEYS = ("cron", "interval", "rrule", "timezone", "day_or", "anchor_date")
_KEYS = tuple(field.name for field in fields(NewSchedule))
_INSTANTS = ("starts_at", "ends_at")
#: of an irregular timing so many gaps are looked at to know its shortest
_GAPS = 64

Given = Mapping[str, Any]


def new_schedule_of(said: object, *, field: str | None = None) -> NewSchedule:
    """Read what a request or a file says of a schedule.

    A mapping with `timing`, or with the timing's own keys beside the rest: `{cron: 0 7 * * *,
    timezone: Europe/Paris, parameters: {n: 1}}`. `field` names its place in messages.

    Raises InvalidInput. What needs the deployment is `checked`'s.
    """
    with _Within(field):
        if not is_mapping(said):
            _fail("schedule.type", None, f"A schedule is an object, not {names.shown(said)}.",
                  'Write one such as {"cron": "0 7 * * *"}.')  # fmt: skip
        given: dict[str, Any] = dict(said)
        timing = _timing(given)
        for key in given:
            if key not in _KEYS:
                hint = names.did_you_mean(str(key), (*_KEYS, *TIMING_KEYS), "Known are")
                _fail(
                    "field.unknown", str(key), f"A schedule has no field {names.shown(key)}.", hint
                )
        for name in _INSTANTS:
            if isinstance(given.get(name), str):
                given[name] = wallclock.parse_instant(given[name], field=name)
        return _plain(NewSchedule(timing, **given))


def checked_all(
    given: Sequence[Any], schema: Given, values: Given, *, what: str
) -> tuple[NewSchedule, ...]:
    """Check a deployment's schedules together; `values` are its own parameters.

    Raises InvalidInput (`schedules.3.…` names the fourth), Conflict (`schedule.duplicate`).
    """
    if len(given) > MOST_SCHEDULES:
        _too_many(len(given))
    made: list[NewSchedule] = []
    for at, one in enumerate(given):
        made.append(checked(one, schema, values, what=what, field=f"schedules.{at}"))
        refuse_twin(made[-1], made[:-1], field=f"schedules.{at}")
    return tuple(made)


def checked(
    one: Any, schema: Given, values: Given, *, what: str, field: str | None = None
) -> NewSchedule:
    """Give a schedule as it is kept: its parameters as the deployment takes them, instants aware.

    Raises InvalidInput, InvalidSchedule (`schedule.past`: it would never be due), ParameterError.
    """
    with _Within(field):
        if not isinstance(one, NewSchedule):
            _fail("schedule.invalid", None, f"{names.shown(one)} is not a schedule.")
        timing: Any = one.timing
        if not isinstance(timing, (Cron, Interval, RRule)):
            _fail("timing.type", "timing",
                  f"{names.shown(timing)} is none of Cron, Interval and RRule.")  # fmt: skip
        one = _plain(one)
        _check_due(one)
        _check_jitter(one)
    own = parameters.check(schema, one.parameters, what=what, partial=True)
    # Such runs start with nobody there to ask.
    parameters.check(schema, {**values, **own}, what=f"a schedule of {what}")
    return replace(one, parameters=own)


def refuse_twin(
    new: NewSchedule, others: Sequence[NewSchedule | Schedule], *, field: str | None = None
) -> None:
    """Refuse what is there already: the same times with the same parameters, or the same slug.

    Raises Conflict.
    """
    within = f"{field}." if field else ""
    for other in others:
        if new.timing == other.timing and dict(new.parameters) == dict(other.parameters):
            raise Conflict(
                f"The schedule {describe(new.timing)} is given twice.",
                code="schedule.duplicate",
                field=field or "timing",
                hint="Give one of them other parameters, or leave it out.",
            )
        if new.slug is not None and new.slug == other.slug:
            raise Conflict(
                f"The slug {new.slug!r} is taken.",
                code="schedule.slug_taken",
                field=f"{within}slug",
                hint="Choose another one.",
            )


def refuse_more(count: int) -> None:
    """Refuse a schedule beyond the most a deployment may have. Raises InvalidSchedule."""
    if count >= MOST_SCHEDULES:
        _too_many(count + 1)


def said_of(schedule: Schedule) -> NewSchedule:
    """Give what would have to be said to make a schedule as it is."""
    return NewSchedule(**{name: getattr(schedule, name) for name in _KEYS})


# -- one field after another ------------------------------------------------------------------


def _timing(given: dict[str, Any]) -> Timing:
    beside = {key: given.pop(key) for key in TIMING_KEYS if key in given}
    if "timing" not in given:
        return timing_from_json(beside)
    if beside:
        name = next(iter(beside))
        _fail("timing.kind", name, f"{name} is said beside timing.", "Say it inside of timing.")
    timing = given.pop("timing")
    if isinstance(timing, (Cron, Interval, RRule)):
        return timing
    with _Within("timing"):
        return timing_from_json(timing)


def _plain(one: NewSchedule) -> NewSchedule:
    """Check each field by itself; naive instants are read by the timing's zone."""
    zone = wallclock.zone(one.timing.timezone)
    made = replace(
        one,
        active=_flag(one.active),
        catchup=_one_of("catchup", one.catchup, get_args(Catchup)),
        overlap=_one_of("overlap", one.overlap, get_args(Overlap)),
        parameters=_mapping(one.parameters),
        slug=None if one.slug is None else names.check_name(one.slug, field="slug"),
        catchup_window_seconds=_optional(one.catchup_window_seconds, _window),
        catchup_max=_optional(
            one.catchup_max, lambda value: _whole("catchup_max", value, 0, MOST_MADE_UP)
        ),
        jitter_seconds=_number("jitter_seconds", one.jitter_seconds, LONGEST_WINDOW),
        starts_at=_optional(one.starts_at, lambda at: _instant("starts_at", at, zone)),
        ends_at=_optional(one.ends_at, lambda at: _instant("ends_at", at, zone)),
        max_runs=_optional(one.max_runs, lambda value: _whole("max_runs", value, 1, 2**31 - 1)),
    )
    if made.starts_at and made.ends_at and made.ends_at <= made.starts_at:
        _fail("schedule.ends_before_start", "ends_at",
              f"It ends ({made.ends_at.isoformat()}) before it starts "
              f"({made.starts_at.isoformat()}).")  # fmt: skip
    return made


def _check_due(one: NewSchedule) -> None:
    after = None if one.starts_at is None else one.starts_at - wallclock.MICRO
    upcoming = one.timing.next(1)
    if after is not None and (not upcoming or upcoming[0] < after):
        upcoming = one.timing.next(1, after=after)
    if not upcoming or (one.ends_at is not None and upcoming[0] >= one.ends_at):
        _fail("schedule.past", "timing" if one.ends_at is None else "ends_at",
              f"{describe(one.timing)}: the last of its times has passed.")  # fmt: skip


def _check_jitter(one: NewSchedule) -> None:
    if not one.jitter_seconds:
        return
    shortest = _shortest(one.timing)
    if timedelta(seconds=one.jitter_seconds) > shortest:
        _fail("jitter.too_large", "jitter_seconds",
              f"The jitter is {one.jitter_seconds:g} s; it is due every "
              f"{shortest.total_seconds():g} s.",
              "A jitter is at most as long as the time from one instant to the next.")  # fmt: skip


def _shortest(timing: Timing) -> timedelta:
    """Give the shortest time between two instants (of the next ones, where they vary)."""
    if isinstance(timing, Interval):
        return timing.interval
    upcoming = timing.next(_GAPS)
    return min((late - early for early, late in pairwise(upcoming)), default=timedelta.max)


def _optional(value: Any, read: Callable[[Any], Any]) -> Any:
    return None if value is None else read(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        _fail("field.invalid", "active", f"active is {names.shown(value)}, not true or false.")
    return value


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> Any:
    if value in known and isinstance(value, str):
        return value
    hint = names.did_you_mean(str(value)[:80], known, "Known are")
    _fail("field.invalid", name, f"{name} is {names.shown(value)}.", hint)


def _mapping(value: object) -> Mapping[str, Any]:
    if not is_mapping(value):
        _fail("field.invalid", "parameters", f"parameters is {names.shown(value)}, not an object.")
    return value


def _window(value: Any) -> float:
    return _number("catchup_window_seconds", value, LONGEST_WINDOW)


def _number(name: str, value: Any, most: float) -> float:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not 0 <= value <= most:
        _fail("field.invalid", name, f"{name} is {names.shown(value)}.",
              f"Give seconds from 0 to {most:.0f}.")  # fmt: skip
    return float(value)


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or not least <= value <= most:
        _fail("field.invalid", name, f"{name} is {names.shown(value)}.",
              f"Give a whole number from {least} to {most}.")  # fmt: skip
    return value


def _instant(name: str, value: Any, zone: Any) -> datetime:
    if not isinstance(value, datetime):
        _fail("datetime.invalid", name, f"{name} is {names.shown(value)}, not a date and time.",
              "Write it as 2026-11-22T13:00:00+01:00 (or with Z for UTC).")  # fmt: skip
    if not 2 <= value.year <= 9998:
        _fail("datetime.invalid", name, f"{name} lies outside the years 2 to 9998.")
    return wallclock.aware(value, zone)


# -- refusing ---------------------------------------------------------------------------------


class _Within:
    """Names the place of what is refused inside: `schedules.0` before `cron`."""

    def __init__(self, field: str | None) -> None:
        self.field = field

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: object, trace: Any) -> None:
        if self.field is not None and isinstance(error, InvalidInput):
            inside = error.field not in (None, "", self.field)
            error.field = f"{self.field}.{error.field}" if inside else self.field


def _too_many(count: int) -> NoReturn:
    _fail("schedule.too_many", "schedules",
          f"There are {count} schedules; {MOST_SCHEDULES} is the most.",
          "One schedule may have many times: 0,30 7-9 * * 1-5.")  # fmt: skip


def _fail(code: str, field: str | None, message: str, hint: str | None = None) -> NoReturn:
    raise InvalidSchedule(message, code=code, field=field, hint=hint)
