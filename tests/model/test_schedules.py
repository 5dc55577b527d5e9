"""Timings as values: bounds, JSON, words; and what a scheduler does about missed instants."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow import schedules as public
from nbflow.exceptions import InvalidInput, InvalidSchedule
from nbflow.model import clock
from nbflow.model.schedules import (
    Cron,
    Interval,
    RRule,
    count_between,
    describe,
    due_between,
    timing_from_json,
    timing_to_json,
)
from nbflow.model.scheduling import Policy, plan

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


def test_public_names_are_the_models_own():
    assert (public.Cron, public.Interval, public.RRule) == (Cron, Interval, RRule)


# -- intervals --------------------------------------------------------------------------------

REFUSED = [
    (timedelta(0), "interval.not_positive"),
    (-5, "interval.not_positive"),
    (timedelta(hours=-1), "interval.not_positive"),
    (0.001, "interval.too_small"),
    (timedelta(milliseconds=999), "interval.too_small"),
    (1e12, "interval.too_large"),
    (10**400, "interval.too_large"),
    (timedelta(days=99_999), "interval.too_large"),
    (timedelta.max, "interval.too_large"),
    (float("nan"), "interval.type"),
    (float("inf"), "interval.type"),
    ("1 hour", "interval.type"),
    ("P1M", "interval.type"),
    (True, "interval.type"),
    (None, "interval.type"),
    ([], "interval.type"),
]


@pytest.mark.parametrize(("interval", "code"), REFUSED, ids=lambda value: str(value)[:20])
def test_wrong_interval_is_refused(interval, code):
    with pytest.raises(InvalidSchedule) as caught:
        Interval(interval)
    assert (caught.value.code, caught.value.field) == (code, "interval")


def test_interval_is_a_timedelta_or_seconds():
    assert Interval(90) == Interval(timedelta(seconds=90))
    assert Interval(1).next(after=NOON) == [NOON + SECOND]
    assert Interval(timedelta(days=3653)).next()


def test_interval_without_anchor_is_on_the_full_hour_and_on_monday_there():
    kolkata = "Asia/Kolkata"
    assert Interval(HOUR, timezone=kolkata).next(after=NOON)[0].minute == 30
    weekly = Interval(7 * DAY, timezone="Europe/Paris").next(after=NOON)[0]
    assert weekly.isoformat() == "2026-11-22T23:00:00+00:00"


@pytest.mark.parametrize("year", [2, 1800, 9998])
def test_far_anchor_is_reached_by_arithmetic(year):
    began = time.process_time()
    for every in (SECOND, DAY):
        due = Interval(every, datetime(year, 6, 1, 7, tzinfo=UTC)).next(3, after=NOON)
        assert NOON < due[0] <= NOON + every
    assert time.process_time() - began < 2


@pytest.mark.parametrize("anchor", [datetime.min, datetime.max, "2026-01-01", 5])
def test_wrong_anchor_is_refused(anchor):
    with pytest.raises(InvalidSchedule) as caught:
        Interval(60, anchor)
    assert caught.value.field == "anchor_date"


def test_naive_anchor_is_read_by_the_zone_and_told_with_its_offset():
    timing = Interval(DAY, datetime(2026, 1, 1, 7), "Europe/Paris")
    assert timing.anchor_date.isoformat() == "2026-01-01T07:00:00+01:00"
    assert timing.next(after=NOON)[0].isoformat() == "2026-11-23T06:00:00+00:00"


# -- next -------------------------------------------------------------------------------------


def test_next_begins_after_now_and_gives_utc():
    with clock.frozen(NOON):
        assert Cron("0 12 * * *", "Europe/Paris").next(2) == [
            datetime(2026, 11, 23, 11, tzinfo=UTC),
            datetime(2026, 11, 24, 11, tzinfo=UTC),
        ]
        assert all(at.tzinfo is UTC for at in Interval(60).next(3))


def test_naive_after_is_read_by_the_timings_zone():
    timing = Cron("0 12 * * *", "Europe/Paris")
    assert timing.next(after=datetime(2026, 11, 22, 11, 59)) == [NOON - HOUR]
    assert timing.next(0) == []


@pytest.mark.parametrize("n", [-1, 1.5, True, "3", None])
def test_wrong_count_is_refused(n):
    with pytest.raises(InvalidInput, match="not a count"):
        Cron("@daily").next(n)


ONE_OF_EACH = [Cron("@daily"), Interval(60), Interval(DAY), RRule("FREQ=DAILY")]


@pytest.mark.parametrize("timing", ONE_OF_EACH)
def test_ends_of_the_calendar_are_no_error(timing):
    assert timing.next(after=datetime(9998, 12, 31, tzinfo=UTC)) == []
    assert timing.next(after=datetime.max.replace(tzinfo=UTC)) == []
    assert timing.next(after=datetime.min.replace(tzinfo=UTC))


def test_due_between_takes_the_end_and_not_the_start():
    hourly = Cron("@hourly")
    assert due_between(hourly, NOON, NOON + 2 * HOUR) == [NOON + HOUR, NOON + 2 * HOUR]
    assert due_between(hourly, NOON, NOON + 2 * HOUR, limit=1) == [NOON + HOUR]
    assert due_between(hourly, NOON + HOUR, NOON) == []
    assert count_between(hourly, NOON + HOUR, NOON) == 0


# -- JSON -------------------------------------------------------------------------------------

AS_JSON = [
    (Cron("@daily", "Europe/Paris"),
     {"cron": "0 0 * * *", "timezone": "Europe/Paris", "day_or": True}),
    (Interval(90), {"interval": 90, "timezone": "UTC"}),
    (Interval(1.5), {"interval": 1.5, "timezone": "UTC"}),
    (Interval(60, datetime(2026, 1, 1, 7), "Europe/Paris"),
     {"interval": 60, "anchor_date": "2026-01-01T07:00:00+01:00", "timezone": "Europe/Paris"}),
    (RRule("FREQ=DAILY"), {"rrule": "FREQ=DAILY", "timezone": "UTC"}),
]  # fmt: skip


@pytest.mark.parametrize(("timing", "value"), AS_JSON)
def test_timing_goes_to_json_and_back(timing, value):
    assert timing_to_json(timing) == value
    back = timing_from_json(value)
    assert back == timing
    assert timing_to_json(back) == value


REFUSED_JSON = [
    (None, "timing.type", "timing"),
    ([], "timing.type", "timing"),
    ("0 7 * * *", "timing.type", "timing"),
    ({}, "timing.kind", "timing"),
    ({"cron": "@daily", "interval": 5}, "timing.kind", "timing"),
    ({"cron": "@daily", "timezon": "UTC"}, "timing.unknown", "timezon"),
    ({"interval": 60, "day_or": True}, "timing.unknown", "day_or"),
    ({"cron": "@daily", 5: 5}, "timing.unknown", "5"),
    ({"cron": None}, "cron.type", "cron"),
    ({"cron": "@daily", "day_or": "yes"}, "day_or.type", "day_or"),
    ({"cron": "@daily", "timezone": None}, "timezone.unknown", "timezone"),
    ({"interval": "60"}, "interval.type", "interval"),
    ({"interval": True}, "interval.type", "interval"),
    ({"interval": 60, "anchor_date": 1760000000}, "datetime.invalid", "anchor_date"),
    ({"interval": 60, "anchor_date": "0001-01-01"}, "datetime.invalid", "anchor_date"),
    ({"rrule": 5}, "rrule.type", "rrule"),
]


@pytest.mark.parametrize(
    ("value", "code", "field"), REFUSED_JSON, ids=lambda value: str(value)[:40]
)
def test_wrong_json_is_refused_naming_the_field(value, code, field):
    with pytest.raises(InvalidSchedule) as caught:
        timing_from_json(value)
    assert (caught.value.code, caught.value.field) == (code, field)


def test_misspelt_key_is_answered_with_the_right_one():
    with pytest.raises(InvalidSchedule, match="'timezone'"):
        timing_from_json({"cron": "@daily", "timezon": "UTC"})


# -- words ------------------------------------------------------------------------------------

WORDS = [
    (Cron("0 7 * * 1-5", "Europe/Paris"), "At 07:00 on weekdays (Europe/Paris)"),
    (Cron("0 7 * * *"), "At 07:00 every day (UTC)"),
    (Cron("0 7,19 * * *"), "At 07:00 and 19:00 every day (UTC)"),
    (Cron("30 6 * * mon,wed,fri"), "At 06:30 on Monday, Wednesday and Friday (UTC)"),
    (Cron("0 9 * * 0,6"), "At 09:00 on weekends (UTC)"),
    (Cron("0 0 1 * *"), "At 00:00 on day 1 of the month (UTC)"),
    (Cron("0 0 L * *"), "At 00:00 on the last day of the month (UTC)"),
    (Cron("0 0 15,L * *"), "At 00:00 on day 15 and the last day of the month (UTC)"),
    (Cron("0 0 25 12 *"), "At 00:00 on 25 December (UTC)"),
    (Cron("0 0 29 2 *"), "At 00:00 on 29 February (leap years only) (UTC)"),
    (Cron("0 0 31 2 0"), "At 00:00 on day 31 of the month or on Sunday in February (UTC)"),
    (Cron("0 0 13 * 5", day_or=False),
     "At 00:00 on day 13 of the month when also on Friday (UTC)"),
    (Cron("0 0 * * fri#2"), "At 00:00 on the second Friday of the month (UTC)"),
    (Cron("* * * * *"), "Every minute (UTC)"),
    (Cron("*/15 * * * *"), "Every 15 minutes (UTC)"),
    (Cron("@hourly"), "Every hour (UTC)"),
    (Cron("15 * * * *"), "Every hour at :15 (UTC)"),
    (Cron("0 */2 * * *"), "Every 2 hours (UTC)"),
    (Cron("*/7 * * * *"),
     "At :00, :07, :14, :21, :28, :35, :42, :49 and :56 of every hour (UTC)"),
    (Cron("*/10 9-17 * * 1-5"), "Every 10 minutes from 09:00 to 17:50 on weekdays (UTC)"),
    (Cron("0 9-17 * * *"), "Every hour from 09:00 to 17:00 (UTC)"),
    (Cron("0,5,9 1,4,7 * 1,7 *"),
     "At minutes 0, 5 and 9 of hours 1, 4 and 7 in January and July (UTC)"),
    (Interval(1), "Every second"),
    (Interval(10), "Every 10 seconds"),
    (Interval(300), "Every 5 minutes"),
    (Interval(5400), "Every 1 hour 30 minutes"),
    (Interval(DAY, timezone="Europe/Paris"), "Every day at 00:00 (Europe/Paris)"),
    (Interval(3 * DAY, datetime(2026, 1, 1, 7)), "Every 3 days at 07:00 (UTC)"),
    (Interval(7 * DAY), "Every Monday at 00:00 (UTC)"),
    (Interval(14 * DAY), "Every 2 weeks on Monday at 00:00 (UTC)"),
    (Interval(1.5 * DAY), "Every 36 hours, by the clock of UTC"),
    (RRule("FREQ=WEEKLY;BYDAY=MO,FR;BYHOUR=9", "Europe/Paris"),
     "Every week on Monday and Friday at 09:00 (Europe/Paris)"),
    (RRule("FREQ=MONTHLY;BYDAY=-1FR;INTERVAL=2"),
     "Every 2 months on the last Friday of the month at 00:00 (UTC)"),
    (RRule("FREQ=DAILY;COUNT=3"), "Every day at 00:00 (UTC), 3 times"),
    (RRule("FREQ=DAILY;UNTIL=20301231"), "Every day at 00:00 (UTC), until 31 December 2030"),
    (RRule("FREQ=HOURLY;INTERVAL=4"), "Every 4 hours (UTC)"),
    (RRule("FREQ=YEARLY;BYYEARDAY=100"), "By the rule FREQ=YEARLY;BYYEARDAY=100 (UTC)"),
]  # fmt: skip


@pytest.mark.parametrize(("timing", "words"), WORDS)
def test_timing_is_said_in_plain_words(timing, words):
    assert describe(timing) == words


# -- plan -------------------------------------------------------------------------------------


def planned(timing, done_until, now, **changed):
    options = {"catchup": "latest", "grace_seconds": 15, "window_seconds": 86_400, "maximum": 100}
    policy = Policy(**{name: changed.pop(name, value) for name, value in options.items()})
    return plan(done_until=done_until, timing=timing, now=now, policy=policy, **changed)


def test_instant_on_time_is_run_and_the_mark_moves_to_now():
    made = planned(Cron("@hourly"), NOON - HOUR, NOON + 3 * SECOND)
    assert (made.run, made.skips) == ((NOON,), ())
    assert (made.done_until, made.next_at) == (NOON + 3 * SECOND, NOON + HOUR)


def test_nothing_due_moves_the_mark_alone():
    made = planned(Cron("@hourly"), NOON, NOON + 60 * SECOND)
    assert (made.run, made.skips, made.next_at) == ((), (), NOON + HOUR)


def test_grace_includes_its_end():
    late = NOON + 15 * SECOND
    assert planned(Cron("@hourly"), NOON - SECOND, late, catchup="none").run == (NOON,)
    later = late + timedelta(microseconds=1)
    assert planned(Cron("@hourly"), NOON - SECOND, later, catchup="none").run == ()


OUTAGE = {
    "none": ([], [(1, 5, 5)]),
    "latest": ([5], [(1, 4, 4)]),
    "all": ([1, 2, 3, 4, 5], []),
}


@pytest.mark.parametrize("catchup", OUTAGE)
def test_missed_instants_by_policy(catchup):
    run, skips = OUTAGE[catchup]
    made = planned(Cron("@hourly"), NOON, NOON + 5 * HOUR + 60 * SECOND, catchup=catchup)
    assert made.run == tuple(NOON + n * HOUR for n in run)
    assert made.skips == tuple(
        (NOON + first * HOUR, NOON + last * HOUR, count, "missed") for first, last, count in skips
    )


def test_only_the_newest_missed_within_window_and_maximum_are_run():
    now = NOON + 100 * HOUR + 60 * SECOND
    capped = planned(Cron("@hourly"), NOON, now, catchup="all", maximum=3)
    assert capped.run == tuple(NOON + n * HOUR for n in (98, 99, 100))
    assert capped.skips == ((NOON + HOUR, NOON + 97 * HOUR, 97, "missed"),)
    windowed = planned(Cron("@hourly"), NOON, now, catchup="all", window_seconds=7260)
    assert windowed.run == tuple(NOON + n * HOUR for n in (98, 99, 100))
    assert planned(Cron("@hourly"), NOON, now, maximum=0).run == ()


def test_weekly_run_missed_longer_ago_than_the_window_is_skipped():
    made = planned(Cron("@weekly"), NOON - 30 * DAY, NOON + 3 * DAY)
    assert made.run == ()
    assert made.skips[0][2] == 5


def test_clock_that_goes_back_changes_nothing():
    made = planned(Cron("@hourly"), NOON, NOON - 5 * HOUR)
    assert (made.run, made.skips, made.done_until) == ((), (), NOON)
    assert made.next_at == NOON + HOUR


def test_timing_that_ended_has_no_next():
    made = planned(RRule("DTSTART:20260101T070000\nFREQ=DAILY;COUNT=1"), NOON, NOON + DAY)
    assert (made.run, made.skips, made.next_at) == ((), (), None)


@pytest.mark.parametrize(
    "timing",
    [Interval(1), Cron("* * * * *", "Europe/Paris"), Interval(DAY), RRule("FREQ=MINUTELY")],
    ids=["second", "minute", "day", "rule"],
)
def test_a_year_of_missed_instants_is_planned_at_once(timing):
    began = time.process_time()
    made = planned(timing, NOON - 365 * DAY, NOON, catchup="all")
    assert time.process_time() - began < 4
    every = timing.next(2, after=NOON)[1] - timing.next(1, after=NOON)[0]
    assert len(made.run) + made.skips[0][2] == 365 * DAY // every
    assert len(made.run) < 200


CRONS = ["@hourly", "*/7 * * * *", "30 2 * * *", "0 */6 * * 1-5", "15 1,2,3 * * *"]
ZONES = ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"]
TIMINGS = st.one_of(
    st.builds(Cron, st.sampled_from(CRONS), st.sampled_from(ZONES)),
    st.builds(
        Interval, st.integers(40, 200_000), st.just(NOON - 3.3 * DAY), st.sampled_from(ZONES)
    ),
    st.builds(
        RRule, st.sampled_from(["FREQ=DAILY;BYHOUR=2", "FREQ=HOURLY"]), st.sampled_from(ZONES)
    ),
)
# Around the autumn jumps of Europe and New York and the spring one of Lord Howe.
NOWS = st.datetimes(datetime(2026, 10, 1), datetime(2026, 11, 10)).map(
    lambda at: at.replace(tzinfo=UTC)
)


@settings(deadline=None, max_examples=200)
@given(
    timing=TIMINGS,
    now=NOWS,
    backlog=st.floats(-3600, 12 * 86_400),
    catchup=st.sampled_from(["all", "latest", "none"]),
    grace=st.sampled_from([0, 15, 7200]),
    window=st.sampled_from([0, 3600, 86_400, 10**7]),
    maximum=st.integers(0, 50),
)
def test_every_due_instant_is_run_or_in_exactly_one_skip(
    timing, now, backlog, catchup, grace, window, maximum
):
    done_until = now - timedelta(seconds=backlog)
    made = planned(
        timing,
        done_until,
        now,
        catchup=catchup,
        grace_seconds=grace,
        window_seconds=window,
        maximum=maximum,
    )
    due = due_between(timing, done_until, now)
    skipped = [at for at in due for first, last, _, _ in made.skips if first <= at <= last]
    assert sorted([*made.run, *skipped]) == due
    assert sum(skip[2] for skip in made.skips) == len(skipped)
    for first, last, _, reason in made.skips:
        assert first in due
        assert last in due
        assert reason == "missed"
    on_time = [at for at in due if at >= now - timedelta(seconds=grace)]
    assert set(on_time) <= set(made.run)
    made_up = [at for at in made.run if at not in on_time]
    assert len(made_up) <= {"all": maximum, "latest": 1, "none": 0}[catchup]
    assert all(at >= now - timedelta(seconds=window) for at in made_up)
    assert made.done_until == max(now, done_until)
    assert [made.next_at] == timing.next(after=made.done_until)


@settings(deadline=None, max_examples=50)
@given(timing=TIMINGS, ticks=st.lists(st.floats(-5000, 90_000), min_size=1, max_size=8))
def test_many_ticks_account_for_every_instant_once(timing, ticks):
    done_until = now = NOON - 40 * DAY
    start, accounted = done_until, 0
    for tick in ticks:
        now += timedelta(seconds=tick)
        made = planned(timing, done_until, now, catchup="all")
        assert made.done_until >= done_until
        done_until = made.done_until
        accounted += len(made.run) + sum(skip[2] for skip in made.skips)
    assert accounted == count_between(timing, start, done_until)
