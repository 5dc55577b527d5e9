"""Timings in plain words. What has no plain words is quoted, never guessed at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from nbflow.model import clock
from nbflow.model.cron import Fields
from nbflow.model.rrules import Recurrence
from nbflow.model.wallclock import DAY, HOUR, MINUTE, SECOND

_WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
_MONTHS = ["January", "February", "March", "April", "May", "June", "July",
           "August", "September", "October", "November", "December"]  # fmt: skip
_PLACES = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
_UNITS = {"YEARLY": "year", "MONTHLY": "month", "WEEKLY": "week", "DAILY": "day",
          "HOURLY": "hour", "MINUTELY": "minute"}  # fmt: skip
_MOST = 6


def cron(fields: Fields, timezone: str) -> str:
    """Say when a cron expression is due."""
    repeating = _repeating(fields.minutes, fields.hours)
    if repeating is None and len(fields.times) <= _MOST:
        said = f"At {_list(_time(t) for t in fields.times)} {_days(fields) or 'every day'}"
    elif repeating is None:
        minutes, hours = _list(map(str, fields.minutes)), _list(map(str, fields.hours))
        said = f"At minutes {minutes} of hours {hours} {_days(fields)}".rstrip()
    else:
        said = f"{repeating} {_days(fields)}".rstrip()
    return f"{said} ({timezone})"


def interval(every: timedelta, anchor: int, timezone: str) -> str:
    """Say when an interval is due; `anchor` is a reading of the zone's wall clock."""
    if every < timedelta(days=1):
        return f"Every {_duration(every)}"
    at = f"at {_time(anchor % DAY)} ({timezone})"
    if every % timedelta(days=1):
        return f"Every {_duration(every)}, by the clock of {timezone}"
    days = every.days
    weekday = _WEEKDAYS[(clock.instant(anchor).weekday() + 1) % 7]
    if days % 7 == 0:
        return (
            f"Every {weekday} {at}" if days == 7 else f"Every {days // 7} weeks on {weekday} {at}"
        )
    return f"Every day {at}" if days == 1 else f"Every {days} days {at}"


def rrule(recurrence: Recurrence, text: str, timezone: str) -> str:
    """Say when a recurrence rule is due."""
    rule = recurrence.rule
    plain = not (rule.year_days or rule.weeks or rule.positions or rule.rdates or rule.exdates)
    numbered = any(n and n not in _PLACES for n, _ in rule.weekdays)
    if not plain or numbered or (rule.hours and recurrence.elapsed):
        return f"By the rule {' '.join(text.split())} ({timezone})"
    unit = _UNITS[rule.freq]
    said = [f"Every {unit}" if rule.interval == 1 else f"Every {rule.interval} {unit}s"]
    said += _rule_days(recurrence)
    if not recurrence.elapsed:
        said.append(f"at {_list(_time(t) for t in recurrence.times)}")
    ends = ""
    if rule.count:
        ends = f", {rule.count} times" if rule.count > 1 else ", once"
    elif recurrence.until is not None:
        ends = f", until {_date(clock.instant(recurrence.until).date())}"
    return f"{' '.join(said)} ({timezone}){ends}"


def _rule_days(recurrence: Recurrence) -> list[str]:
    rule = recurrence.rule
    said: list[str] = []
    if rule.weekdays:
        every = frozenset((day + 1) % 7 for n, day in rule.weekdays if n == 0)
        nth = frozenset((n, (day + 1) % 7) for n, day in rule.weekdays if n)
        said.append(_weekday_words(every, nth))
    if rule.month_days:
        said.append(_day_words([day for day in rule.month_days if day > 0], -1 in rule.month_days))
        if any(day < -1 for day in rule.month_days):
            said[-1] += f" (counted from its end: {_list(map(str, rule.month_days))})"
    if rule.months:
        said.append(f"in {_list(_MONTHS[month - 1] for month in rule.months)}")
    return said


def surprises(fields: Fields, upcoming: Sequence[datetime]) -> list[str]:
    """Say what may surprise about a cron expression."""
    said: list[str] = []
    leap_day = ((*fields.days,), (*fields.months,)) == ((29,), (2,)) and not fields.last_day
    if leap_day and fields.any_weekday:
        following = f"; the next is {_date(upcoming[0].date())}" if upcoming else ""
        said.append(f"It is due only in leap years{following}.")
    if not fields.any_day and not fields.any_weekday and fields.day_or:
        said.append("Both day and weekday are given: it is due on days that match either.")
    return said


# -- times of day -----------------------------------------------------------------------------


def _repeating(minutes: Sequence[int], hours: Sequence[int]) -> str | None:
    """Say what repeats within the day, or None when it is a few fixed times."""
    every_hour = len(hours) == 24
    step = _step(minutes, 60)
    if every_hour and step:
        return f"Every {_count(step, 'minute')}"
    if every_hour and len(minutes) == 1:
        return f"Every hour{_past(minutes[0])}"
    if every_hour:
        return f"At {_list(f':{m:02}' for m in minutes)} of every hour"
    hour_step = _step(hours, 24)
    if hour_step and len(minutes) == 1:
        return f"Every {_count(hour_step, 'hour')}{_past(minutes[0])}"
    contiguous = len(hours) == hours[-1] - hours[0] + 1
    span = f"from {hours[0]:02}:{minutes[0]:02} to {hours[-1]:02}:{minutes[-1]:02}"
    if contiguous and step:
        return f"Every {_count(step, 'minute')} {span}"
    if contiguous and len(minutes) == 1 and len(hours) > _MOST:
        return f"Every hour {span}"
    return None


def _past(minute: int) -> str:
    return f" at :{minute:02}" if minute else ""


def _step(values: Sequence[int], size: int) -> int | None:
    """Give the step of values spread evenly over the whole field, from 0."""
    step = size // len(values)
    even = len(values) > 1 and list(values) == list(range(0, size, step)) and size % step == 0
    return step if even else None


def _time(of_day: int) -> str:
    text = f"{of_day // HOUR:02}:{of_day // MINUTE % 60:02}"
    return text if of_day % MINUTE == 0 else f"{text}:{of_day // SECOND % 60:02}"


# -- days -------------------------------------------------------------------------------------


def _days(fields: Fields) -> str:
    by_day = "" if fields.any_day else _day_words(sorted(fields.days), fields.last_day)
    by_weekday = "" if fields.any_weekday else _weekday_words(fields.weekdays, fields.nth)
    if by_day and not by_weekday and len(fields.months) == 1 and len(fields.days) == 1:
        return _one_date(next(iter(fields.days)), next(iter(fields.months)))
    joined = " or " if fields.day_or else " when also "
    days = joined.join(part for part in (by_day, by_weekday) if part)
    if len(fields.months) == 12:
        return days
    return f"{days} in {_list(_MONTHS[month - 1] for month in sorted(fields.months))}".strip()


def _one_date(day: int, month: int) -> str:
    leap = " (leap years only)" if (day, month) == (29, 2) else ""
    return f"on {day} {_MONTHS[month - 1]}{leap}"


def _day_words(days: Sequence[int], last: bool) -> str:
    said: list[str] = []
    if days:
        said.append(f"day{'s' if len(days) > 1 else ''} {_list(map(str, days))}")
    if last:
        said.append("the last day")
    return f"on {' and '.join(said)} of the month"


def _weekday_words(days: frozenset[int], nth: frozenset[tuple[int, int]]) -> str:
    said: list[str] = []
    if days == frozenset({1, 2, 3, 4, 5}):
        said.append("weekdays")
    elif days == frozenset({0, 6}):
        said.append("weekends")
    elif days:
        said.append(_list(_WEEKDAYS[day] for day in sorted(days, key=lambda day: (day - 1) % 7)))
    for n, day in sorted(nth):
        said.append(f"the {_PLACES[n]} {_WEEKDAYS[day]} of the month")
    return f"on {' and '.join(said)}"


# -- words ------------------------------------------------------------------------------------


def _duration(every: timedelta) -> str:
    minutes, seconds = divmod(every.total_seconds(), 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours and not minutes and not seconds:
        return _count(hours, "hour")
    if minutes and not hours and not seconds:
        return _count(minutes, "minute")
    if seconds and not hours and not minutes:
        return _count(seconds, "second")
    parts = ((hours, "hour"), (minutes, "minute"), (seconds, "second"))
    return " ".join(f"{n:g} {unit}{'' if n == 1 else 's'}" for n, unit in parts if n)


def _count(n: float, unit: str) -> str:
    return unit if n == 1 else f"{n:g} {unit}s"


def _date(at: date) -> str:
    return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


def _list(items: Iterable[str]) -> str:
    words = list(items)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
