"""Cron expressions: what is accepted, what is refused and why, and a scan of every minute."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.exceptions import InvalidSchedule
from nbflow.model.schedules import Cron, due_between

REFUSED = [
    ("60 * * * *", "cron.out_of_range", "minute 60 (0–59)"),
    ("0 24 * * *", "cron.out_of_range", "hour 24 (0–23)"),
    ("0 0 0 * *", "cron.out_of_range", "day 0 (1–31)"),
    ("0 0 32 * *", "cron.out_of_range", "day 32 (1–31)"),
    ("0 0 * 13 *", "cron.out_of_range", "month 13 (1–12)"),
    ("0 0 * 0 *", "cron.out_of_range", "month 0 (1–12)"),
    ("0 0 * * 8", "cron.out_of_range", "weekday 8 (0–7)"),
    ("0 0 * * mon#6", "cron.out_of_range", "(1–5)"),
    ("0 0 * * 1#0", "cron.out_of_range", "(1–5)"),
    ("0 0 31 2 *", "cron.never_fires", "names no day"),
    ("0 0 30 2 *", "cron.never_fires", "names no day"),
    ("0 0 31 4,6,9,11 *", "cron.never_fires", "names no day"),
    ("* * * * * *", "cron.fields", "5 fields expected, got 6; seconds"),
    ("* * * * * * *", "cron.fields", "got 7"),
    ("0 0 1 1 * 0 2099", "cron.fields", "got 7"),
    ("* * * *", "cron.fields", "got 4"),
    ("", "cron.fields", "got 0"),
    ("   ", "cron.fields", "got 0"),
    ("* *\t* * *", "cron.fields", "position 4"),
    ("* *\n* * *", "cron.fields", "position 4"),
    ("@reboot", "cron.unsupported_alias", "@reboot"),
    ("@every 5m", "cron.unsupported_alias", "interval"),
    ("*/0 * * * *", "cron.step", "at least 1"),
    ("*/-1 * * * *", "cron.step", "at least 1"),
    ("*/1.5 * * * *", "cron.step", "at least 1"),
    ("*/ * * * *", "cron.step", "at least 1"),
    ("*/61 * * * *", "cron.step", "wider"),
    ("*/90 * * * *", "cron.step", "wider"),
    ("0 */25 * * *", "cron.step", "wider"),
    ("10-20/15 * * * *", "cron.step", "wider"),
    ("59/15 * * * *", "cron.step", "Write 59."),
    ("5/15 * * * *", "cron.step", "Write 5-59/15."),
    ("59-0 * * * *", "cron.syntax", "backwards"),
    ("0 0 * * fri-mon", "cron.syntax", "backwards"),
    ("1,2,,3 * * * *", "cron.syntax", "position 5"),
    (", * * * *", "cron.syntax", "position 1"),
    ("- * * * *", "cron.syntax", "position 1"),
    ("1- * * * *", "cron.syntax", "position 3"),
    ("-1 * * * *", "cron.syntax", "position 1"),
    ("0 x * * *", "cron.syntax", "hour field (position 3)"),
    ("a b c d e", "cron.syntax", "minute field"),
    ("mon * * * *", "cron.syntax", "only for the month and weekday"),
    ("0 0 15W * *", "cron.syntax", "nearest weekday"),
    ("0 0 ? * *", "cron.syntax", "'?'"),
    ("0 0 * * L", "cron.syntax", "weekday field"),
    ("0 0 L-3 * *", "cron.syntax", "day field"),
    ("0 0 * * 5#", "cron.syntax", "after the #"),
    ("R * * * *", "cron.syntax", "not supported"),
    ("H * * * *", "cron.syntax", "not supported"),
    ("٠ * * * *", "cron.syntax", "U+0660"),
    ("０ * * * *", "cron.syntax", "U+FF10"),
    ("0\u00a0* * * *", "cron.syntax", "U+00A0"),
    ("0 0 * * *; rm -rf /", "cron.syntax", "';'"),
    ("$(id) * * * *", "cron.syntax", "'$'"),
    ("0 0 * * '1'", "cron.syntax", "position 9"),
    ("9" * 5000 + " * * * *", "cron.too_long", "256"),
    (",".join(["1"] * 20_000) + " * * * *", "cron.too_long", "256"),
    ("* " * 500_000, "cron.too_long", "256"),
    ("9" * 200 + " * * * *", "cron.out_of_range", "(0–59)"),
]


@pytest.mark.parametrize(("text", "code", "said"), REFUSED, ids=lambda value: str(value)[:20])
def test_wrong_expression_is_refused_with_its_place(text, code, said):
    began = time.thread_time()  # other threads of this process may be at work
    with pytest.raises(InvalidSchedule) as caught:
        Cron(text)
    assert time.thread_time() - began < 2
    assert (caught.value.code, caught.value.field) == (code, "cron")
    assert said in str(caught.value)
    assert len(str(caught.value)) < 400


ACCEPTED = [
    ("@daily", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@midnight", "0 0 * * *"),
    (" 0  7 * * 1-5 \r\n", "0 7 * * 1-5"),
    ("0 0 * JAN mon-fri", "0 0 * JAN mon-fri"),
    ("0 0 * * sat-sun", "0 0 * * sat-sun"),
    ("0 0 * * 7", "0 0 * * 7"),
    ("0 0 L * *", "0 0 L * *"),
    ("0 0 * * L5", "0 0 * * L5"),
    ("0 0 * * mon#1", "0 0 * * mon#1"),
    ("05 00 * * *", "05 00 * * *"),
    ("*/60 * * * *", "*/60 * * * *"),
    ("0 0 29 2 *", "0 0 29 2 *"),
    ("0 0 31 2 0", "0 0 31 2 0"),
]


@pytest.mark.parametrize(("text", "kept"), ACCEPTED)
def test_accepted_expression_is_kept_expanded_and_stays_acceptable(text, kept):
    cron = Cron(text)
    assert cron.cron == kept
    assert Cron(cron.cron) == cron
    assert cron.next()


@pytest.mark.parametrize("value", [None, 5, True, ["* * * * *"], b"* * * * *"])
def test_expression_of_another_type_is_refused(value):
    with pytest.raises(InvalidSchedule) as caught:
        Cron(value)
    assert (caught.value.code, caught.value.field) == ("cron.type", "cron")


def test_leap_day_is_found_across_the_century_without_one():
    due = Cron("0 0 29 2 *").next(3, after=datetime(2092, 3, 1, tzinfo=UTC))
    assert [at.year for at in due] == [2096, 2104, 2108]


def test_day_or_weekday_and_day_and_weekday():
    october = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    either = due_between(Cron("0 0 13 * 5"), *october)
    both = due_between(Cron("0 0 13 * 5", day_or=False), *october)
    assert all(at.day == 13 or at.isoweekday() == 5 for at in either)
    assert len(either) == 9 + 1
    assert [(at.month, at.day) for at in both] == [(11, 13)]


def test_leap_day_on_a_given_weekday_is_too_rare():
    with pytest.raises(InvalidSchedule, match="8 years"):
        Cron("0 0 29 2 4", day_or=False)


def items(low, high):
    values = st.integers(low, high)
    pairs = st.lists(values, min_size=2, max_size=2).map(sorted)
    ranges = pairs.map(lambda pair: f"{pair[0]}-{pair[1]}")
    steps = st.integers(1, high - low + 1).map(lambda step: f"*/{step}")
    some = st.lists(values.map(str) | ranges, min_size=1, max_size=3).map(",".join)
    return st.just("*") | steps | some


DAYS = st.tuples(
    items(1, 31) | st.just("L") | st.just("15,L"),
    items(1, 12),
    items(0, 6) | st.just("7"),
) | st.tuples(st.just("*"), items(1, 12), st.sampled_from(["L5", "2#3", "1#1,4#2", "0#5"]))
EXPRESSIONS = st.tuples(items(0, 59), items(0, 23), DAYS.map(" ".join)).map(" ".join)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)).map(
    lambda at: at.replace(tzinfo=UTC, microsecond=0)
)


@settings(deadline=None)
@given(EXPRESSIONS, st.booleans(), MOMENTS)
def test_agrees_with_a_scan_of_every_minute_where_no_clock_jumps(text, day_or, after):
    if refusal(text, day_or):
        assert refusal(text, day_or) == "cron.never_fires"
        return
    until = after + timedelta(days=40)
    found = due_between(Cron(text, day_or=day_or), after, until, limit=5)
    assert found == list(islice(scan(text, day_or, after, until), 5))


def scan(text, day_or, after, until):
    """Give the instants by asking of every day, then of its every minute, whether it fits."""
    minutes, hours, days, months, weekdays = text.split()
    midnight = after.replace(hour=0, minute=0, second=0)
    while midnight <= until:
        if fits_day(midnight, days, months, weekdays, day_or):
            for hour in range(24):
                for minute in range(60):
                    at = midnight.replace(hour=hour, minute=minute)
                    fits = among(minute, minutes, 0, 59) and among(hour, hours, 0, 23)
                    if fits and after < at <= until:
                        yield at
        midnight += timedelta(days=1)


def fits_day(day, days, months, weekdays, day_or):
    weekday = day.isoweekday() % 7
    last = (day + timedelta(days=1)).day == 1
    in_days = among(day.day, days, 1, 31) or ("L" in days and last)
    in_weekdays = among(weekday, weekdays, 0, 6) or numbered(day, weekday, weekdays)
    all_days = all(among(n, days, 1, 31) for n in range(1, 32))
    all_weekdays = all(among(n, weekdays, 0, 6) for n in range(7))
    either = day_or and not all_days and not all_weekdays
    fits = in_days or in_weekdays if either else in_days and in_weekdays
    return fits and among(day.month, months, 1, 12)


def numbered(day, weekday, field):
    """Say whether a day is the nth, or the month's last, of its weekday that a field names."""
    last = (day + timedelta(days=7)).month != day.month
    return f"{weekday}#{(day.day + 6) // 7}" in field.split(",") or (
        last and f"L{weekday}" in field.split(",")
    )


def among(value, field, low, high):
    """Say whether a field of plain values, ranges and steps names a value."""
    for item in field.split(","):
        base, _, step = item.partition("/")
        first, _, last = base.partition("-")
        if base == "*":
            first, last = low, high
        if "L" in base or "#" in base:
            continue
        named = range(int(first), int(last or first) + 1, int(step or 1))
        if value in [n % 7 if high == 6 else n for n in named]:
            return True
    return False


@pytest.mark.parametrize("text", ["0 0 * * 1,5#2", "0 0 * * L5,mon", "0 0 13 * 5#2"])
def test_what_croniter_cannot_combine_is_refused_with_the_way_out(text):
    with pytest.raises(InvalidSchedule, match="two schedules") as caught:
        Cron(text)
    assert caught.value.code == "cron.syntax"


@given(st.text(max_size=40) | st.text("0123456789*,-/#lLwWmonjan ?@.", max_size=30))
def test_any_text_is_a_schedule_or_a_clear_refusal(text):
    refused = refusal(text)
    if refused:
        assert refused.startswith("cron.")
    else:
        assert Cron(text).next(after=datetime(2026, 1, 1, tzinfo=UTC))[0].year <= 2034


def refusal(text, day_or=True):
    try:
        Cron(text, day_or=day_or)
    except InvalidSchedule as error:
        return error.code
    return None
