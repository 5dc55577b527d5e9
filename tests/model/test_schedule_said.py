"""A schedule is read and checked the same, wherever it is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbflow.exceptions import Conflict, InvalidInput
from nbflow.model import clock, reading, wire
from nbflow.model.deployments import NewSchedule
from nbflow.model.schedule_said import checked, checked_all, new_schedule_of
from nbflow.model.schedules import Cron, Interval

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _at_noon():
    with clock.frozen(NOON):
        yield


def test_a_flat_entry_and_a_nested_one_mean_the_same():
    flat = {"cron": "0 7 * * 1-5", "timezone": "Europe/Paris", "parameters": {"n": 1}}
    nested = {"timing": {"cron": "0 7 * * 1-5", "timezone": "Europe/Paris"}, "parameters": {"n": 1}}
    made = NewSchedule(Cron("0 7 * * 1-5", "Europe/Paris"), parameters={"n": 1})
    assert new_schedule_of(flat) == new_schedule_of(nested) == made


def test_what_was_said_comes_back_through_the_wire():
    made = NewSchedule(
        Interval(timedelta(hours=6)),
        slug="six",
        jitter_seconds=30.0,
        starts_at=NOON,
        ends_at=NOON + timedelta(days=9),
        max_runs=5,
        catchup="all",
        catchup_window_seconds=60.0,
        catchup_max=3,
    )
    assert new_schedule_of(wire.jsonable(made)) == made
    assert reading.request(NewSchedule, '{"interval": "PT6H"}') == NewSchedule(Interval(21_600))


def test_naive_bounds_are_read_by_the_schedule_s_zone():
    made = new_schedule_of({"cron": "@daily", "timezone": "Asia/Tokyo", "starts_at": "2026-12-01"})
    assert made.starts_at is not None
    assert made.starts_at.isoformat() == "2026-12-01T00:00:00+09:00"


WRONG: list[tuple[Any, str, str | None]] = [
    ("0 7 * * *", "schedule.type", None),
    ({}, "timing.kind", "timing"),
    ({"cron": "@daily", "interval": 60}, "timing.kind", "timing"),
    ({"cron": "@daily", "timing": {"interval": 60}}, "timing.kind", "cron"),
    ({"timing": {"cron": "60 * * * *"}}, "cron.out_of_range", "timing.cron"),
    ({"cron": "60 * * * *"}, "cron.out_of_range", "cron"),
    ({"cron": "@daily", "over_lap": "allow"}, "field.unknown", "over_lap"),
    ({"cron": "@daily", "overlap": "maybe"}, "field.invalid", "overlap"),
    ({"cron": "@daily", "catchup": ["all"]}, "field.invalid", "catchup"),
    ({"cron": "@daily", "active": "yes"}, "field.invalid", "active"),
    ({"cron": "@daily", "parameters": []}, "field.invalid", "parameters"),
    ({"cron": "@daily", "slug": "a/b"}, "name.invalid", "slug"),
    ({"cron": "@daily", "slug": ""}, "name.invalid", "slug"),
    ({"cron": "@daily", "catchup_max": 10**9}, "field.invalid", "catchup_max"),
    ({"cron": "@daily", "catchup_window_seconds": -1}, "field.invalid", "catchup_window_seconds"),
    ({"cron": "@daily", "max_runs": 0}, "field.invalid", "max_runs"),
    ({"cron": "@daily", "jitter_seconds": -1}, "field.invalid", "jitter_seconds"),
    ({"cron": "@daily", "jitter_seconds": True}, "field.invalid", "jitter_seconds"),
    ({"cron": "@daily", "starts_at": "2026-02-30"}, "datetime.invalid", "starts_at"),
    ({"cron": "@daily", "starts_at": 1760000000}, "datetime.invalid", "starts_at"),
    ({"cron": "@daily", "starts_at": "2027-01-02", "ends_at": "2027-01-01"},
     "schedule.ends_before_start", "ends_at"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "code", "field"), WRONG, ids=lambda value: str(value)[-40:])
def test_what_is_wrong_is_refused_with_its_place(said: Any, code: str, field: str | None):
    with pytest.raises(InvalidInput) as caught:
        new_schedule_of(said)
    assert (caught.value.code, caught.value.field) == (code, field)
    with pytest.raises(InvalidInput) as caught:
        new_schedule_of(said, field="schedules.1")
    assert caught.value.field == ".".join(filter(None, ("schedules.1", field)))


def test_a_jitter_is_no_longer_than_the_time_between_instants():
    hourly = NewSchedule(Interval(3600), jitter_seconds=3600)
    assert checked(hourly, {}, {}, what="x") == hourly
    for timing in (Interval(3600), Cron("0 * * * *"), Cron("0 7,8 * * *")):
        with pytest.raises(InvalidInput) as caught:
            checked(NewSchedule(timing, jitter_seconds=3601), {}, {}, what="x")
        assert (caught.value.code, caught.value.field) == ("jitter.too_large", "jitter_seconds")


def test_one_that_would_never_be_due_within_its_bounds_is_refused():
    yearly = Cron("0 0 1 7 *")
    soon = NewSchedule(yearly, ends_at=NOON + timedelta(days=30))
    with pytest.raises(InvalidInput, match="passed") as caught:
        checked(soon, {}, {}, what="x")
    assert (caught.value.code, caught.value.field) == ("schedule.past", "ends_at")
    later = NewSchedule(yearly, starts_at=NOON + timedelta(days=300))
    assert checked(later, {}, {}, what="x") == later


def test_the_same_times_with_other_parameters_are_two_schedules():
    schema = {"properties": {"n": {"type": "integer"}}, "additionalProperties": False}
    one = NewSchedule(Cron("@daily"), parameters={"n": 1})
    two = NewSchedule(Cron("@daily"), parameters={"n": 2})
    assert checked_all([one, two], schema, {}, what="x") == (one, two)
    with pytest.raises(Conflict) as caught:
        checked_all([one, two, one], schema, {}, what="x")
    assert (caught.value.code, caught.value.field) == ("schedule.duplicate", "schedules.2")


def test_a_slug_names_one_schedule():
    named = [NewSchedule(Interval(60), slug="a"), NewSchedule(Interval(90), slug="a")]
    with pytest.raises(Conflict) as caught:
        checked_all(named, {}, {}, what="x")
    assert (caught.value.code, caught.value.field) == ("schedule.slug_taken", "schedules.1.slug")
