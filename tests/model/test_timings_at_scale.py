"""Many timings against oracles that know nothing of the code: scans of every minute.

`make test` takes a part of each; `make faults` (`NBFLOW_FAULTS_FULL=1`) 20,000 expressions in three
windows each, every second of the four hours around 60 jumps, and 10,000 intervals and rules.
"""

from __future__ import annotations

import os
import random
import statistics
import time
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate, pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim, CronSimError

from nbflow.exceptions import InvalidSchedule
from nbflow.model.schedules import Cron, Interval, RRule, count_between, due_between

FULL = bool(os.environ.get("NBFLOW_FAULTS_FULL"))
EXPRESSIONS, STRIDE, EACH = (20_000, 1, 10_000) if FULL else (400, 240, 300)
pytestmark = pytest.mark.timeout(3600 if FULL else 300)

ZONES = """Europe/Berlin Europe/London America/New_York America/Sao_Paulo Australia/Lord_Howe
    Pacific/Apia Asia/Kathmandu Africa/Casablanca Africa/Cairo Asia/Tehran UTC Pacific/Chatham
""".split()
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
GOLDEN = Path(__file__).parent / "cron_golden.txt"


# -- the oracle: a field is a set, a day fits or does not, every minute is looked at -----------


@dataclass(frozen=True)
class Field:
    """A cron field, as a text and as the set it means."""

    text: str
    values: frozenset[int]

    @property
    def repeats(self) -> bool:
        return "*" in self.text or "/" in self.text


def a_field(draw: random.Random, low: int, high: int) -> Field:
    everything = range(low, high + 1)
    kind = draw.random()
    if kind < 0.35:
        return Field("*", frozenset(everything))
    if kind < 0.5:
        step = draw.randint(1, high - low + 1)
        return Field(f"*/{step}", frozenset(range(low, high + 1, step)))
    texts, values = [], set()
    for _ in range(draw.randint(1, 3)):
        first = draw.randint(low, high)
        last = draw.randint(first, high) if draw.random() < 0.3 else first
        step = draw.randint(1, last - first + 1) if last > first and draw.random() < 0.4 else 1
        span = f"{first}-{last}" if last > first else f"{first}"
        texts.append(f"{span}/{step}" if step > 1 else span)
        values |= set(range(first, last + 1, step))
    return Field(",".join(texts), frozenset(values))


@dataclass(frozen=True)
class Expression:
    """Five fields, and whether day and weekday must both match."""

    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field
    day_or: bool

    @property
    def text(self) -> str:
        parts = (self.minute, self.hour, self.day, self.month, self.weekday)
        return " ".join(part.text for part in parts)

    def on(self, day: date) -> bool:
        in_day = day.day in self.day.values
        in_weekday = day.isoweekday() % 7 in self.weekday.values
        either = self.day_or and len(self.day.values) < 31 and len(self.weekday.values) < 7
        fits = in_day or in_weekday if either else in_day and in_weekday
        return fits and day.month in self.month.values


def an_expression(draw: random.Random) -> Expression:
    month = Field("*", frozenset(range(1, 13)))
    if draw.random() < 0.2:
        month = a_field(draw, 1, 12)
    return Expression(
        a_field(draw, 0, 59), a_field(draw, 0, 23), a_field(draw, 1, 31), month,
        a_field(draw, 0, 6), draw.random() < 0.8,
    )  # fmt: skip


@lru_cache(maxsize=512)
def minutes(
    zone: str, first: datetime, days: int
) -> tuple[list[datetime], list[datetime], list[datetime]]:
    """Every UTC minute of some days, what the zone's clock shows, and the latest it has shown."""
    where = ZoneInfo(zone)
    utc = [first + n * MINUTE for n in range(days * 1440)]
    local = [at.astimezone(where).replace(tzinfo=None) for at in utc]
    return utc, local, list(accumulate(local, max))


def scan(one: Expression, zone: str, first: datetime, days: int) -> list[datetime]:
    """What the documentation says: fixed times by the clock, once; steps by elapsed time."""
    utc, local, latest = minutes(zone, first, days)
    fitting = {day: one.on(day) for day in {shown.date() for shown in local}}
    if one.minute.repeats or one.hour.repeats:
        wanted, hours = one.minute.values, one.hour.values
        return [
            at
            for at, shown in zip(utc, local, strict=True)
            if shown.minute in wanted and shown.hour in hours and fitting[shown.date()]
        ]
    # Due at the first minute whose clock shows it, or has jumped past it; skipped days, too.
    start, end = min(fitting), max(fitting)
    every = [start + n * DAY for n in range((end - start).days + 1)]
    readings = [
        datetime(day.year, day.month, day.day, hour, minute)
        for day in every
        if one.on(day)
        for hour in one.hour.values
        for minute in one.minute.values
    ]
    found = {bisect_left(latest, reading) for reading in readings}
    return [utc[at] for at in sorted(found) if at < len(utc)]


@lru_cache(maxsize=1)
def windows() -> list[tuple[str, datetime]]:
    """Of each zone some jumps of its clock between 2005 and 2037, and some plain days."""
    draw, found = random.Random(7), []
    for zone in ZONES:
        where = ZoneInfo(zone)
        days = [datetime(2005, 1, 1, tzinfo=UTC) + n * DAY for n in range(33 * 365)]
        offsets = [at.astimezone(where).utcoffset() for at in days]
        jumps = [a for (a, x), (_, y) in pairwise(zip(days, offsets, strict=True)) if x != y]
        chosen = draw.sample(jumps, min(8, len(jumps))) + draw.sample(days, 6)
        found += [(zone, at - 2 * DAY) for at in chosen]
    return found


def test_expressions_are_due_when_a_scan_of_every_minute_says_so() -> None:
    draw, differences, took, refused = random.Random(11), [], [], []
    for _ in range(EXPRESSIONS):
        one = an_expression(draw)
        try:
            Cron(one.text, day_or=one.day_or)
        except InvalidSchedule as error:
            refused.append(error.code)
            continue
        for zone, first in draw.choices(windows(), k=3):
            timing = Cron(one.text, zone, one.day_or)
            low, high = first + DAY + 43 * MINUTE, first + 4 * DAY
            expected = [at for at in scan(one, zone, first, 5) if low < at <= high]
            began = time.process_time()
            found = timing.next(1, after=low)
            took.append(time.process_time() - began)
            assert found == expected[:1] or not expected
            if due_between(timing, low, high) != expected:
                differences.append((one.text, one.day_or, zone, first))
            if count_between(timing, low, high) != len(expected):
                differences.append((one.text, one.day_or, zone, first, "count"))
    assert not differences
    assert set(refused) <= {"cron.never_fires"}
    assert len(refused) < EXPRESSIONS / 5
    median, worst = statistics.median(took) * 1e3, max(took) * 1e3
    rare = sorted(took)[len(took) * 999 // 1000] * 1e3
    print(f"{EXPRESSIONS} expressions x 3 windows: 0 differences; next fire: median "
          f"{median:.3f} ms, 99.9 % {rare:.1f} ms, worst {worst:.1f} ms")  # fmt: skip
    assert median < 5.0


def test_cronsim_is_of_the_same_opinion_where_both_read_alike() -> None:
    draw, compared = random.Random(13), 0
    for _ in range(EXPRESSIONS // 10):
        one = an_expression(draw)
        # cronsim takes `*/2` in a day field for no restriction, as Vixie's cron does, and `0-6`,
        # which names every day, for one.
        whole = len(one.weekday.values) == 7 or len(one.day.values) == 31
        if not one.day_or or "*/" in one.day.text + one.weekday.text or whole:
            continue
        try:
            timing, sim = Cron(one.text), CronSim(one.text, datetime(2024, 1, 1, tzinfo=UTC))
        except (InvalidSchedule, CronSimError):
            continue
        found = timing.next(5, after=datetime(2024, 1, 1, tzinfo=UTC))
        assert found == [next(sim) for _ in found], one.text
        compared += 1
    assert compared > EXPRESSIONS / 50


# -- every second around a jump ---------------------------------------------------------------

JUMPS = [
    ("Europe/Berlin", datetime(2026, 3, 29, 1)), ("Europe/Berlin", datetime(2026, 10, 25, 1)),
    ("America/New_York", datetime(2026, 3, 8, 7)), ("America/New_York", datetime(2026, 11, 1, 6)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10)), ("Africa/Cairo", datetime(2024, 4, 25, 22)),
    ("America/St_Johns", datetime(2006, 10, 29, 2, 31)),
    ("America/Havana", datetime(2025, 11, 2, 5)),
    ("Antarctica/Troll", datetime(2026, 3, 29, 1)), ("Pacific/Chatham", datetime(2026, 4, 4, 14)),
]  # fmt: skip
ALL_DAYS = tuple(
    Field("*", frozenset(range(low, high + 1))) for low, high in ((1, 31), (1, 12), (0, 6))
)
ROWS = [
    Expression(Field(minute, frozenset(a)), Field(hour, frozenset(b)), *ALL_DAYS, day_or=True)
    for minute, a, hour, b in (
        ("30", {30}, "2", {2}),
        ("*/30", {0, 30}, "*", range(24)),
        ("0,15,45", {0, 15, 45}, "0-3", range(4)),
        ("30", {30}, "*/2", range(0, 24, 2)),
        ("5-59/25", {5, 30, 55}, "1,2,3,23", {1, 2, 3, 23}),
    )
]


@pytest.mark.parametrize(("zone", "jump"), JUMPS, ids=str)
def test_every_second_around_a_jump_has_one_answer(zone: str, jump: datetime) -> None:
    start = jump.replace(tzinfo=UTC) - timedelta(hours=2)
    first = start.replace(hour=0, minute=0) - 2 * DAY
    for one in ROWS:
        timing, expected = Cron(one.text, zone), scan(one, zone, first, 6)
        for second in range(0, 4 * 3600, STRIDE):
            at = start + timedelta(seconds=second)
            assert timing.next(1, after=at) == [expected[bisect_right(expected, at)]], (
                one.text,
                at,
            )


# -- intervals and rules ----------------------------------------------------------------------


def a_timing(draw: random.Random) -> Interval | RRule:
    zone = draw.choice(ZONES)
    if draw.random() < 0.5:
        seconds = draw.choice([1, 60, 3600, 86_400]) * draw.randint(1, 40)
        anchor = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=draw.randint(0, 10**8))
        return Interval(seconds, anchor, zone)
    parts = [f"FREQ={draw.choice(['MINUTELY', 'HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY'])}"]
    parts += [f"INTERVAL={draw.randint(1, 9)}"] * (draw.random() < 0.5)
    parts += [f"BYDAY={draw.choice(['MO', 'TU,TH', 'SA,SU'])}"] * (draw.random() < 0.3)
    parts += [f"BYHOUR={draw.randint(0, 23)}"] * (draw.random() < 0.4)
    return RRule(f"DTSTART:2020{draw.randint(1, 12):02}15T0{draw.randint(0, 9)}3000\nRRULE:"
                 + ";".join(parts), zone)  # fmt: skip


def test_intervals_and_rules_ascend_and_windows_join() -> None:
    draw = random.Random(17)
    for _ in range(EACH):
        try:
            timing = a_timing(draw)
        except InvalidSchedule:  # an hour its steps never come to: rightly refused
            continue
        at = datetime(2021, 1, 1, tzinfo=UTC) + timedelta(seconds=draw.randint(0, 10**9))
        due = timing.next(12, after=at)
        assert all(one < other for one, other in pairwise((at, *due)))
        until = due[-1]
        middle = at + (until - at) * draw.random()
        assert due_between(timing, at, middle) + due_between(timing, middle, until) == due
        assert count_between(timing, at, middle) + count_between(timing, middle, until) == len(due)
        # To pause from one instant on and to resume at a later one is to leave those between out.
        low, high = sorted(draw.sample(range(12), 2))
        paused, resumed = due[low], due[high]
        left = due_between(timing, at, paused) + due_between(timing, resumed, until)
        assert left == [one for one in due if one <= paused or one > resumed]


# -- what was once accepted means the same for ever -------------------------------------------


def test_a_thousand_expressions_mean_what_they_meant() -> None:
    lines = GOLDEN.read_text().splitlines()
    assert len(lines) == 1000
    for line in lines:
        text, zone, base, said = line.split("|")
        due = Cron(text, zone).next(20, after=datetime.fromtimestamp(int(base) * 60, UTC))
        assert told(int(base), due) == said, line


def told(base: int, due: list[datetime]) -> str:
    """Instants as the minutes from each to the next; what repeats is counted."""
    found = [base, *(int(at.timestamp()) // 60 for at in due)]
    steps, words = [late - early for early, late in pairwise(found)], []
    while steps:
        same = next((n for n, step in enumerate(steps) if step != steps[0]), len(steps))
        words.append(f"{steps[0]}x{same}" if same > 1 else f"{steps[0]}")
        steps = steps[same:]
    return " ".join(words)
