"""Schedules where clocks jump: golden cases, and a scan of every minute as the judge."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.exceptions import InvalidSchedule
from nbflow.model import wallclock
from nbflow.model.schedules import Cron, Interval, RRule, count_between, due_between

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
LORD_HOWE, APIA, ST_JOHNS = "Australia/Lord_Howe", "Pacific/Apia", "America/St_Johns"
DAY = timedelta(days=1)

# A zone, a timing, the local day to look at, and the local times it is due there.
GOLDEN = [
    # Berlin springs from 02:00 to 03:00, and falls from 03:00 back to 02:00.
    (BERLIN, Cron("30 2 * * *", BERLIN), "2026-03-29", ["03:00+02:00"]),
    (BERLIN, Cron("0,30 2 * * *", BERLIN), "2026-03-29", ["03:00+02:00"]),
    (BERLIN, Cron("0 2,3 * * *", BERLIN), "2026-03-29", ["03:00+02:00"]),
    (BERLIN, Cron("30 2,3 * * *", BERLIN), "2026-03-29", ["03:00+02:00", "03:30+02:00"]),
    (BERLIN, Cron("*/30 2 * * *", BERLIN), "2026-03-29", []),
    (BERLIN, Cron("30 1-3 * * *", BERLIN), "2026-03-29",
     ["01:30+01:00", "03:00+02:00", "03:30+02:00"]),
    (BERLIN, Cron("30 */2 * * *", BERLIN), "2026-03-29",
     ["00:30+01:00"] + [f"{hour:02}:30+02:00" for hour in range(4, 24, 2)]),
    (BERLIN, Cron("30 2 * * *", BERLIN), "2026-10-25", ["02:30+02:00"]),
    (BERLIN, Cron("0,30 2 * * *", BERLIN), "2026-10-25", ["02:00+02:00", "02:30+02:00"]),
    (BERLIN, Cron("*/30 2 * * *", BERLIN), "2026-10-25",
     ["02:00+02:00", "02:30+02:00", "02:00+01:00", "02:30+01:00"]),
    (BERLIN, Cron("0 2-3/1 * * *", BERLIN), "2026-10-25",
     ["02:00+02:00", "02:00+01:00", "03:00+01:00"]),
    (BERLIN, Cron("0 3 * * *", BERLIN), "2026-10-25", ["03:00+01:00"]),
    # New York does the same at 02:00, on other days.
    (NEW_YORK, Cron("15 2 * * *", NEW_YORK), "2026-03-08", ["03:00-04:00"]),
    (NEW_YORK, Cron("15 1 * * *", NEW_YORK), "2026-11-01", ["01:15-04:00"]),
    (NEW_YORK, Cron("15 0-2/1 * * *", NEW_YORK), "2026-11-01",
     ["00:15-04:00", "01:15-04:00", "01:15-05:00", "02:15-05:00"]),
    # Lord Howe jumps by half an hour, at 02:00 in October and April.
    (LORD_HOWE, Cron("15 2 * * *", LORD_HOWE), "2026-10-04", ["02:30+11:00"]),
    (LORD_HOWE, Cron("*/15 2 * * *", LORD_HOWE), "2026-10-04", ["02:30+11:00", "02:45+11:00"]),
    (LORD_HOWE, Cron("45 1 * * *", LORD_HOWE), "2026-04-05", ["01:45+11:00"]),
    (LORD_HOWE, Cron("*/15 1 * * *", LORD_HOWE), "2026-04-05",
     ["01:00+11:00", "01:15+11:00", "01:30+11:00", "01:45+11:00", "01:30+10:30", "01:45+10:30"]),
    # Apia had no 30 December 2011: what was due then is due as the 31st begins.
    (APIA, Cron("0 7 * * *", APIA), "2011-12-29", ["07:00-10:00"]),
    (APIA, Cron("0 7 * * *", APIA), "2011-12-31", ["00:00+14:00", "07:00+14:00"]),
    (APIA, Cron("0 7 30 12 *", APIA), "2011-12-31", ["00:00+14:00"]),
    (APIA, Cron("0 */12 * * *", APIA), "2011-12-31", ["00:00+14:00", "12:00+14:00"]),
    (APIA, Interval(DAY, timezone=APIA), "2011-12-31", ["00:00+14:00"]),
    # St. John's fell back over midnight until 2011: 00:01 was 23:01 of the day before.
    (ST_JOHNS, Cron("30 * * * *", ST_JOHNS), "2006-10-28",
     [f"{hour:02}:30-02:30" for hour in range(24)] + ["23:30-03:30"]),
    (ST_JOHNS, Cron("30 23 * * *", ST_JOHNS), "2006-10-28", ["23:30-02:30"]),
    (ST_JOHNS, Cron("0 0 * * *", ST_JOHNS), "2006-10-29", ["00:00-02:30"]),
    # Intervals: under a day by elapsed time, from a day on by the wall clock.
    (BERLIN, Interval(timedelta(hours=6), timezone=BERLIN), "2026-03-29",
     ["00:00+01:00", "07:00+02:00", "13:00+02:00", "19:00+02:00"]),
    (BERLIN, Interval(DAY, datetime(2026, 1, 1, 2, 30), BERLIN), "2026-03-29", ["03:00+02:00"]),
    (BERLIN, Interval(DAY, datetime(2026, 1, 1, 2, 30), BERLIN), "2026-10-25", ["02:30+02:00"]),
    (BERLIN, Interval(DAY, datetime(2026, 1, 1, 7), BERLIN), "2026-07-01", ["07:00+02:00"]),
    (BERLIN, Interval(1.5 * DAY, datetime(2026, 3, 28, 12), BERLIN), "2026-03-30", ["00:00+02:00"]),
    # Rules are by the wall clock; those that repeat within the day follow elapsed time.
    (BERLIN, RRule("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", BERLIN), "2026-03-29", ["03:00+02:00"]),
    (BERLIN, RRule("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", BERLIN), "2026-10-25", ["02:30+02:00"]),
    (BERLIN, RRule("FREQ=HOURLY;INTERVAL=2;BYMINUTE=30", BERLIN), "2026-03-29",
     ["00:30+01:00"] + [f"{hour:02}:30+02:00" for hour in range(4, 24, 2)]),
    (BERLIN, RRule("FREQ=MINUTELY;INTERVAL=30;BYHOUR=2", BERLIN), "2026-10-25",
     ["02:00+02:00", "02:30+02:00", "02:00+01:00", "02:30+01:00"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "timing", "day", "expected"),
    GOLDEN,
    ids=[f"{case[0].split('/')[1]}-{case[2]}-{index}" for index, case in enumerate(GOLDEN)],
)
def test_day_of_a_jump(zone, timing, day, expected):
    where = ZoneInfo(zone)
    start = datetime.fromisoformat(day).replace(tzinfo=where).astimezone(UTC)
    due = due_between(timing, start - timedelta(microseconds=1), start + timedelta(hours=30))
    local = [at.astimezone(where) for at in due]
    assert [f"{at:%H:%M}{at.isoformat()[-6:]}" for at in local if f"{at:%F}" == day] == expected


def test_anchor_in_a_gap_and_in_a_fold():
    gap = Interval(DAY, datetime(2026, 3, 29, 2, 30), BERLIN)
    fold = Interval(DAY, datetime(2026, 10, 25, 2, 30), BERLIN)
    assert gap.anchor_date.isoformat() == "2026-03-29T03:00:00+02:00"
    assert fold.anchor_date.isoformat() == "2026-10-25T02:30:00+02:00"


# -- the judge: every minute of the days around a jump ----------------------------------------

JUMPS = [
    (BERLIN, datetime(2026, 3, 29)),
    (BERLIN, datetime(2026, 10, 25)),
    (NEW_YORK, datetime(2026, 3, 8)),
    (NEW_YORK, datetime(2026, 11, 1)),
    (LORD_HOWE, datetime(2026, 10, 4)),
    (LORD_HOWE, datetime(2026, 4, 5)),
    (APIA, datetime(2011, 12, 30)),
    ("America/St_Johns", datetime(2006, 10, 29)),  # 00:01 back to 23:01 of the day before
    ("America/St_Johns", datetime(2006, 4, 2)),
    ("America/Havana", datetime(2025, 11, 2)),  # 01:00 back to 00:00
    ("Africa/Cairo", datetime(2024, 4, 26)),  # 00:00 to 01:00
    ("Africa/Casablanca", datetime(2026, 2, 15)),
    ("Antarctica/Troll", datetime(2026, 3, 29)),  # two hours
    ("UTC", datetime(2026, 3, 29)),
]


@dataclass(frozen=True)
class Field:
    """A cron field, as a text and as the set it means."""

    text: str
    values: frozenset[int]

    @property
    def repeats(self):
        return "*" in self.text or "/" in self.text


def fields(size):
    values = st.integers(0, size - 1)
    some = st.sets(values, min_size=1, max_size=3).map(
        lambda chosen: Field(",".join(map(str, sorted(chosen))), frozenset(chosen))
    )
    steps = st.integers(1, size).map(
        lambda step: Field(f"*/{step}", frozenset(range(0, size, step)))
    )
    pairs = st.tuples(values, values).map(sorted)
    ranges = pairs.map(lambda p: Field(f"{p[0]}-{p[1]}", frozenset(range(p[0], p[1] + 1))))
    every = st.just(Field("*", frozenset(range(size))))
    return every | steps | some | ranges


@lru_cache(maxsize=64)
def minutes_around(zone, jump):
    """Every UTC minute of six days, and what the zone's clock shows at each."""
    where = ZoneInfo(zone)
    start = jump.replace(tzinfo=UTC) - 3 * DAY
    utc = [start + timedelta(minutes=minute) for minute in range(6 * 1440)]
    return utc, [at.astimezone(where).replace(tzinfo=None) for at in utc]


def scan_cron(minute, hour, weekdays, zone, jump):
    utc, local = minutes_around(zone, jump)
    if minute.repeats or hour.repeats:
        return [
            at
            for at, shown in zip(utc, local, strict=True)
            if shown.minute in minute.values
            and shown.hour in hour.values
            and shown.isoweekday() % 7 in weekdays
        ]
    # A fixed time is due at the first minute whose clock shows it, or has jumped past it.
    latest = list(accumulate(local, max))
    days = sorted({shown.date() for shown in local} | {jump.date()})[1:]
    readings = [
        datetime(day.year, day.month, day.day, one, other)
        for day in days
        if day.isoweekday() % 7 in weekdays
        for one in hour.values
        for other in minute.values
    ]
    found = {bisect_left(latest, reading) for reading in readings}
    return [utc[at] for at in sorted(found) if at < len(utc)]


WEEKDAYS = st.just(frozenset(range(7))) | st.frozensets(st.integers(0, 6), min_size=1)


@pytest.mark.parametrize(("zone", "day"), JUMPS)
@settings(deadline=None, max_examples=25)
@given(minute=fields(60), hour=fields(24), weekdays=WEEKDAYS)
def test_cron_is_due_when_a_scan_of_every_minute_says_so(zone, day, minute, hour, weekdays):
    listed = "*" if len(weekdays) == 7 else ",".join(map(str, sorted(weekdays)))
    timing = Cron(f"{minute.text} {hour.text} * * {listed}", zone)
    # The scan knows nothing of what lies before it, nor the list of days of its ends.
    low, high = minutes_around(zone, day)[0][1440 * 3 // 2], minutes_around(zone, day)[0][-1440]
    expected = [at for at in scan_cron(minute, hour, weekdays, zone, day) if low < at <= high]
    assert due_between(timing, low, high) == expected
    assert count_between(timing, low, high) == len(expected)


@pytest.mark.parametrize(("zone", "day"), JUMPS)
@settings(deadline=None, max_examples=12)
@given(
    every=st.integers(1, 3 * 1440),
    shift=st.integers(-10_000, 10_000),
    offset=st.integers(0, 2 * 1440),
)
def test_interval_is_due_when_a_scan_of_every_minute_says_so(zone, day, every, shift, offset):
    anchor = day.replace(tzinfo=UTC) + timedelta(minutes=shift)
    timing = Interval(timedelta(minutes=every), anchor, zone)
    utc, local = minutes_around(zone, day)
    low, high = utc[1440 + offset], utc[-1440]
    if every < 1440:
        step = timedelta(minutes=every)
        expected = [at for at in utc if (at - anchor) % step == timedelta(0)]
    else:
        reading = anchor.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        latest = list(accumulate(local, max))
        first = (local[0] - reading) // timedelta(minutes=every)
        wanted = [reading + (first + n) * timedelta(minutes=every) for n in range(1, 10)]
        found = sorted({bisect_left(latest, one) for one in wanted})
        expected = [utc[at] for at in found if at < len(utc)]
    assert due_between(timing, low, high) == [at for at in expected if low < at <= high]
    assert count_between(timing, low, high) == len([at for at in expected if low < at <= high])


@pytest.mark.parametrize(("zone", "day"), JUMPS)
def test_each_next_is_the_same_from_every_second_between(zone, day):
    timing = Cron("*/30 * * * *", zone)
    start = day.replace(tzinfo=UTC) - timedelta(hours=14)
    due = due_between(timing, start, start + timedelta(hours=36))
    for before, following in pairwise(due):
        assert following - before >= timedelta(minutes=1)
        for second in (0, 1, 59, 60, 899, (following - before).seconds - 1):
            if before + timedelta(seconds=second) < following:
                assert timing.next(after=before + timedelta(seconds=second)) == [following]


# -- zones ------------------------------------------------------------------------------------

UNKNOWN = [
    ("Mars/Phobos", None),
    ("", None),
    ("europe/berlin", "Europe/Berlin"),
    ("utc", "UTC"),
    ("Europe/Berln", "Europe/Berlin"),
    ("Berlin", "Europe/Berlin"),
    ("New York", "America/New_York"),
    ("../../etc/passwd", None),
    ("/etc/localtime", None),
    ("UTC\x00", None),
    ("Europe", None),
    ("GMT+5", None),
    ("Etc/GMT+14", None),
    ("localtime", None),
    ("x" * 5000, None),
    (None, None),
    (5, None),
    (["UTC"], None),
]


@pytest.mark.parametrize(("name", "meant"), UNKNOWN, ids=lambda value: ascii(value)[:20])
def test_unknown_zone_is_refused_with_the_one_that_was_meant(name, meant):
    for make in (lambda: Cron("@daily", name), lambda: Interval(60, timezone=name)):
        with pytest.raises(InvalidSchedule) as caught:
            make()
        assert (caught.value.code, caught.value.field) == ("timezone.unknown", "timezone")
        assert (meant or "") in caught.value.hint
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "name", ["UTC", "EST", "Europe/Kiev", "America/Indiana/Knox", "Etc/GMT-14"]
)
def test_known_zone_is_kept_as_it_is_spelled(name):
    assert Cron("@daily", name).timezone == name


INSTANTS = [
    ("2026-02-30T00:00:00Z", "Day"),
    ("2026-13-01T00:00:00Z", "onth"),
    ("2026-01-01T24:00:00Z", "next day"),
    ("2026-01-01T23:59:60Z", "Leap seconds"),
    ("1760000000000", "2026-11-22T"),
    (1760000000, "2026-11-22T"),
    ("2026-01-01T00:00:00+15:00", "14:00"),
    ("2026-01-01T00:00:00+24:00", "14:00"),
    ("٢٠٢٦-01-01", "2026-11-22T"),
    (None, "2026-11-22T"),
]


@pytest.mark.parametrize(("text", "hint"), INSTANTS)
def test_wrong_instant_is_refused_with_the_way_to_write_it(text, hint):
    with pytest.raises(InvalidSchedule) as caught:
        wallclock.parse_instant(text, field="anchor_date")
    assert (caught.value.code, caught.value.field) == ("datetime.invalid", "anchor_date")
    assert hint.lower() in caught.value.hint.lower()


@pytest.mark.parametrize("text", ["2026-01-01", "2026-01-01T07:00", "2026-01-01T07:00:00.5-12:00"])
def test_instant_is_read(text):
    assert wallclock.parse_instant(text, field="x") == datetime.fromisoformat(text)
