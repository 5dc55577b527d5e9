"""Recurrence rules: what is refused, agreement with dateutil, and that none takes long."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.exceptions import InvalidSchedule
from nbflow.model.schedules import RRule, count_between, due_between

REFUSED = [
    ("", "rrule.syntax"),
    ("FREQ=FOO", "rrule.syntax"),
    ("FREQ", "rrule.syntax"),
    ("INTERVAL=2", "rrule.syntax"),
    ("FREQ=DAILY;FREQ=DAILY", "rrule.syntax"),
    ("FREQ=DAILY;BYFOO=1", "rrule.syntax"),
    ("FREQ=DAILY;BYEASTER=1", "rrule.syntax"),
    ("FREQ=DAILY;BYHOUR=x", "rrule.syntax"),
    ("FREQ=DAILY;BYHOUR=٣", "rrule.syntax"),
    ("FREQ=WEEKLY;BYDAY=2MO", "rrule.syntax"),
    ("FREQ=WEEKLY;BYDAY=MON", "rrule.syntax"),
    ("FREQ=MONTHLY;BYWEEKNO=3", "rrule.syntax"),
    ("FREQ=HOURLY;BYSETPOS=1", "rrule.syntax"),
    ("FREQ=DAILY;WKST=XX", "rrule.syntax"),
    ("FREQ=DAILY;COUNT=1;UNTIL=20300101", "rrule.syntax"),
    ("FREQ=DAILY;UNTIL=20300230", "rrule.syntax"),
    ("RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY", "rrule.syntax"),
    ("DTSTART:20260101T000000", "rrule.syntax"),
    ("DTSTART:2026-01-01\nFREQ=DAILY", "rrule.syntax"),
    ("EXRULE:FREQ=DAILY\nFREQ=DAILY", "rrule.syntax"),
    ("FREQ=SECONDLY", "rrule.out_of_range"),
    ("FREQ=DAILY;INTERVAL=0", "rrule.out_of_range"),
    ("FREQ=DAILY;INTERVAL=-1", "rrule.out_of_range"),
    ("FREQ=DAILY;INTERVAL=999999999999", "rrule.out_of_range"),
    ("FREQ=DAILY;COUNT=0", "rrule.out_of_range"),
    ("FREQ=DAILY;COUNT=-5", "rrule.out_of_range"),
    ("FREQ=YEARLY;BYMONTH=13", "rrule.out_of_range"),
    ("FREQ=DAILY;BYHOUR=25", "rrule.out_of_range"),
    ("FREQ=DAILY;BYSECOND=61", "rrule.out_of_range"),
    ("FREQ=MONTHLY;BYDAY=99MO", "rrule.out_of_range"),
    ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "rrule.never_fires"),
    ("FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", "rrule.never_fires"),
    ("FREQ=DAILY;BYMONTH=4;BYMONTHDAY=31", "rrule.never_fires"),
    ("FREQ=HOURLY;INTERVAL=24;BYHOUR=5", "rrule.never_fires"),
    ("DTSTART:20260102T000000\nRRULE:FREQ=DAILY;UNTIL=20260101", "rrule.never_fires"),
    ("DTSTART:20260101T070000\nFREQ=DAILY;COUNT=1\nEXDATE:20260101T070000", "rrule.never_fires"),
    ("DTSTART:20260101T070000Z\nFREQ=DAILY;UNTIL=20260201T070000", "rrule.timezone"),
    ("DTSTART;TZID=Europe/Paris:20260101T070000\nFREQ=DAILY", "rrule.timezone"),
    ("RDATE:" + ",".join(["20260101"] * 1001) + "\nFREQ=DAILY", "rrule.too_long"),
    ("FREQ=DAILY;" * 1000, "rrule.too_long"),
]


@pytest.mark.parametrize(("text", "code"), REFUSED, ids=lambda value: ascii(value)[:50])
def test_wrong_rule_is_refused_quickly(text, code):
    began = time.process_time()
    with pytest.raises(InvalidSchedule) as caught:
        RRule(text)
    assert time.process_time() - began < 4
    assert (caught.value.code, caught.value.field) == (code, "rrule")
    assert len(str(caught.value)) < 300


LONG = [
    "FREQ=DAILY;COUNT=100000000000",
    "FREQ=MINUTELY",
    "DTSTART:19700101T000000\nRRULE:FREQ=MINUTELY;INTERVAL=7",
    "DTSTART:19700101T000000\nRRULE:FREQ=MINUTELY;INTERVAL=5270400",
    "DTSTART:19700101T000030\nRRULE:FREQ=HOURLY;INTERVAL=5;BYMONTH=2;BYMONTHDAY=29",
    "DTSTART:19000101T000000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
]


@pytest.mark.parametrize("text", LONG, ids=lambda text: text[-40:])
def test_rule_that_began_long_ago_is_due_soon_and_found_quickly(text):
    began = time.process_time()
    rule = RRule(text)
    assert len(rule.next(5, after=datetime(2026, 11, 22, tzinfo=UTC))) == 5
    assert time.process_time() - began < 4


def test_rule_ends():
    rule = RRule("DTSTART:20260101T070000\nRRULE:FREQ=DAILY;COUNT=3", "Europe/Paris")
    due = rule.next(9, after=datetime(2025, 1, 1, tzinfo=UTC))
    assert [at.isoformat() for at in due] == [
        "2026-01-01T06:00:00+00:00",
        "2026-01-02T06:00:00+00:00",
        "2026-01-03T06:00:00+00:00",
    ]
    assert rule.next(after=due[-1]) == []


def test_last_day_of_a_rule_is_included():
    rule = RRule("DTSTART:20260101T070000\nRRULE:FREQ=DAILY;UNTIL=20260103")
    assert len(rule.next(9, after=datetime(2025, 1, 1, tzinfo=UTC))) == 3


def test_dates_are_added_and_taken_away():
    text = (
        "DTSTART:20260105T070000\nRRULE:FREQ=WEEKLY;COUNT=3\n"
        "RDATE:20260106T090000,20260112T080000\nEXDATE:20260112T070000"
    )
    due = RRule(text).next(9, after=datetime(2026, 1, 1, tzinfo=UTC))
    assert [f"{at:%m-%d %H}" for at in due] == ["01-05 07", "01-06 09", "01-12 08", "01-19 07"]


def test_without_a_start_the_rule_begins_at_a_midnight():
    assert RRule("FREQ=DAILY").next(after=datetime(2026, 1, 1, 5, tzinfo=UTC)) == [
        datetime(2026, 1, 2, tzinfo=UTC)
    ]


def some(low, high, *, signed=False):
    values = st.integers(low, high)
    if signed:
        values |= st.integers(-high, -low)
    return st.lists(values, min_size=1, max_size=3, unique=True).map(
        lambda chosen: ",".join(map(str, chosen))
    )


WEEKDAYS = st.lists(
    st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=3, unique=True
).map(",".join)
# With a numbered and a plain weekday together, dateutil wants a day to be both.
NUMBERED = st.lists(
    st.sampled_from(["1MO", "-1FR", "2WE", "5SU"]), min_size=1, max_size=2, unique=True
).map(",".join)


@st.composite
def rules(draw):
    freq = draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"]))
    within_day = freq in ("HOURLY", "MINUTELY")
    parts = {"FREQ": freq, "INTERVAL": draw(st.integers(1, 4))}
    optional = {
        "BYMONTH": some(1, 12),
        "BYDAY": NUMBERED if freq in ("YEARLY", "MONTHLY") else WEEKDAYS,
        "BYHOUR": some(0, 23),
        "BYMINUTE": some(0, 59),
        "WKST": st.sampled_from(["MO", "SU"]),
    }
    if freq != "WEEKLY":
        optional["BYMONTHDAY"] = some(1, 31, signed=True)
    if freq == "YEARLY":
        optional["BYYEARDAY"] = some(1, 366, signed=True)
    for name in draw(st.lists(st.sampled_from(sorted(optional)), max_size=3, unique=True)):
        parts[name] = draw(optional[name])
    if freq == "YEARLY" and "BYDAY" not in parts and draw(st.booleans()):
        # Without BYDAY, dateutil takes every day of the week and RFC 5545 DTSTART's weekday.
        parts |= {"BYWEEKNO": draw(some(1, 53, signed=True)), "BYDAY": draw(WEEKDAYS)}
    by = [name for name in parts if name.startswith("BY")]
    if not within_day and by and draw(st.booleans()):
        parts["BYSETPOS"] = draw(some(1, 3, signed=True))
    # dateutil walks every minute up to a far UNTIL.
    ends = draw(st.sampled_from([None, "COUNT"] if within_day else [None, "COUNT", "UNTIL"]))
    if ends == "COUNT":
        parts["COUNT"] = draw(st.integers(1, 30))
    if ends == "UNTIL":
        parts["UNTIL"] = draw(st.sampled_from(["20280101T000000", "20260115T123000"]))
    return ";".join(f"{name}={value}" for name, value in parts.items())


STARTS = st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1)).map(
    lambda at: at.replace(microsecond=0)
)


@pytest.mark.filterwarnings("ignore:Using both:DeprecationWarning")
@settings(deadline=None, max_examples=150)
@given(rules(), STARTS, st.integers(0, 400))
def test_agrees_with_dateutil(text, start, days):
    whole = f"DTSTART:{start:%Y%m%dT%H%M%S}\nRRULE:{text}"
    try:
        rule = RRule(whole)
    except InvalidSchedule as error:
        refused = error.code
    else:
        refused = None
    # dateutil would search for a day that never comes until the year 9999.
    if refused == "rrule.never_fires":
        return
    assert refused is None
    within_day = text.startswith(("FREQ=HOURLY", "FREQ=MINUTELY"))
    low = start + timedelta(days=days % 10 if within_day else days)
    high = low + timedelta(days=2 if within_day else 1500)
    if "UNTIL" not in text:
        whole += f";UNTIL={high:%Y%m%dT%H%M%S}"
    expected = [at.replace(tzinfo=UTC) for at in rrulestr(whole) if low < at <= high]
    low, high = low.replace(tzinfo=UTC), high.replace(tzinfo=UTC)
    assert due_between(rule, low, high) == expected
    assert count_between(rule, low, high) == len(expected)


def test_months_without_the_day_are_passed_over():
    due = RRule("DTSTART:20260131T000000\nRRULE:FREQ=MONTHLY").next(
        4, after=datetime(2026, 1, 30, tzinfo=UTC)
    )
    assert [at.month for at in due] == [1, 3, 5, 7]
    assert list(islice((at.day for at in due), 4)) == [31] * 4
