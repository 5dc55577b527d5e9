"""What `Backfills` promises, asked of both authorities."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import clock, states
from nbflow.model.backend import Backend, RunFilter
from nbflow.model.backfills import NewBackfill
from nbflow.model.deployments import NewSchedule
from nbflow.model.schedules import Cron, Interval

DAILY = Cron("0 7 * * *", "Europe/Berlin")
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def daily(make: Any) -> Any:
    """A deployment that runs every day at seven in Berlin, with `n` = 5."""
    daily = NewSchedule(DAILY, slug="daily", parameters={"n": 5}, active=False)
    return make.deployment(schedules=(daily,), tags=("a",))


def week(name: str, **said: Any) -> NewBackfill:
    return NewBackfill(name, MARCH, MARCH + 7 * DAY, **said)


def test_each_instant_of_the_schedule_becomes_one_run(backend: Backend, daily: Any) -> None:
    planned = backend.plan_backfill(week(daily.name))
    assert planned.backfill is None
    assert planned.description == "At 07:00 every day (Europe/Berlin)"
    assert [at.isoformat() for at in planned.due_at[:2]] == [
        "2026-03-01T06:00:00+00:00", "2026-03-02T06:00:00+00:00",
    ]  # fmt: skip
    assert backend.list_flow_runs(RunFilter(deployment_id=daily.id)).rows == ()
    made = backend.create_backfill(week(daily.name, parameters={"n": 9}))
    assert made.due_at == planned.due_at
    assert made.backfill is not None
    runs = backend.list_flow_runs(RunFilter(deployment_id=daily.id)).rows
    assert sorted(run.due_at for run in runs if run.due_at) == list(made.due_at)
    for run in runs:
        assert (run.backfill_id, run.schedule_id) == (made.backfill.id, None)
        assert (run.tags, run.parameters) == (("a", "backfill"), {"n": 9})
        assert (run.work_queue, run.snapshot) == ("backfill", daily.snapshot)
    found = backend.read_backfill(made.backfill.id)
    assert (found.count, found.states) == (7, {"SCHEDULED": 7})
    assert found in backend.list_backfills(daily.name).rows


def test_an_instant_that_has_a_run_is_left_out_unless_asked(
    backend: Backend, make: Any, daily: Any
) -> None:
    (schedule,) = daily.schedules
    there = datetime(2026, 3, 3, 6, tzinfo=UTC)
    make.run_of(daily, schedule_id=schedule.id, due_at=there)
    first = backend.create_backfill(week(daily.name, limit=2))
    assert (len(first.due_at), first.left_out) == (2, (there,))
    second = backend.create_backfill(week(daily.name))
    assert len(second.due_at) == 4
    assert second.left_out == tuple(sorted((*first.due_at, there)))
    assert backend.plan_backfill(week(daily.name)).due_at == ()
    assert len(backend.plan_backfill(week(daily.name, again=True)).due_at) == 7


def test_other_instants_than_a_schedule_s_may_be_said(backend: Backend, make: Any) -> None:
    made = make.deployment()
    hours = week(made.name, timing=Interval(timedelta(hours=6)))
    assert len(backend.create_backfill(hours).due_at) == 28


def test_its_runs_are_claimed_after_all_others(backend: Backend, make: Any, daily: Any) -> None:
    backend.create_backfill(week(daily.name))
    later = make.run_of(daily)
    worker = make.worker(daily.work_pool)
    (first,) = backend.claim_flow_runs(worker.id, 1)
    assert first.run.id == later.id
    (second,) = backend.claim_flow_runs(worker.id, 1)
    assert second.run.backfill_id is not None


def test_a_cancelled_backfill_ends_its_runs(backend: Backend, make: Any, daily: Any) -> None:
    made = backend.create_backfill(week(daily.name)).backfill
    assert made is not None
    (claim,) = backend.claim_flow_runs(make.worker(daily.work_pool).id, 1)
    for state in (states.Running(), states.Completed()):
        backend.propose(claim.run.id, state, attempt=claim.attempt)
    before = clock.now() - timedelta(seconds=5)
    ended = backend.cancel_backfill(made.id)
    assert ended.states == {"CANCELLED": 6, "COMPLETED": 1}
    assert ended.cancelled_at is not None
    assert ended.cancelled_at > before
    assert backend.cancel_backfill(made.id).cancelled_at == ended.cancelled_at


TOO_MANY = [
    Cron("* * * * *"),
    Cron("* * * * *", "Europe/Berlin"),
    Cron("*/5 8-17 * * 1-5", "America/New_York"),
    Interval(1),
    Cron("0 0 * * *", "Europe/Berlin"),
]


@pytest.mark.parametrize("timing", TOO_MANY, ids=str)
def test_too_many_are_refused_at_once_with_their_number(
    backend: Backend, make: Any, timing: Any
) -> None:
    made = make.deployment()
    until = datetime(2100, 1, 1, tzinfo=UTC)
    asked = NewBackfill(made.name, datetime(1970, 1, 1, tzinfo=UTC), until, timing=timing)
    began = time.process_time()
    with pytest.raises(InvalidInput, match=r"about [\d,]+ instants; 1,000 is the most") as refused:
        backend.create_backfill(asked)
    assert time.process_time() - began < 5
    assert (refused.value.code, refused.value.field) == ("backfill.too_many", "until")
    assert backend.list_backfills(made.name).rows == ()


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"since": MARCH + 8 * DAY}, "field.invalid", "until"),
    ({"until": datetime(2090, 1, 1, tzinfo=UTC), "since": datetime(2089, 12, 1, tzinfo=UTC)},
     "backfill.future", "until"),
    ({"until": MARCH + timedelta(minutes=1)}, "backfill.empty", "since"),
    ({"limit": 0}, "field.invalid", "limit"),
    ({"limit": 1001}, "field.invalid", "limit"),
    ({"timing": DAILY, "schedule": "daily"}, "field.invalid", "timing"),
    ({"parameters": {"n": "x"}}, "parameter.type", "n"),
    ({"parameters": {"m": 1}}, "parameter.unknown", "m"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "code", "field"), WRONG, ids=lambda value: str(value)[:30])
def test_what_is_wrong_is_refused_whole(
    backend: Backend, daily: Any, said: dict[str, Any], code: str, field: str
) -> None:
    given = {"deployment": daily.name, "since": MARCH, "until": MARCH + 7 * DAY, **said}
    for ask in (backend.plan_backfill, backend.create_backfill):
        with pytest.raises(InvalidInput) as refused:
            ask(NewBackfill(**given))
        assert (refused.value.code, refused.value.field) == (code, field)
    assert backend.list_flow_runs(RunFilter(deployment_id=daily.id)).rows == ()


def test_which_schedule_must_be_clear(backend: Backend, make: Any) -> None:
    two = (NewSchedule(DAILY, slug="a"), NewSchedule(Interval(60), slug="b"))
    made = make.deployment(schedules=two)
    with pytest.raises(InvalidInput, match="a, b") as refused:
        backend.plan_backfill(week(made.name))
    assert (refused.value.code, refused.value.field) == ("backfill.which", "schedule")
    assert len(backend.plan_backfill(week(made.name, schedule="a")).due_at) == 7
    with pytest.raises(NotFound) as missing:
        backend.plan_backfill(week(made.name, schedule="c"))
    assert missing.value.field == "schedule"
    for ask in (backend.read_backfill, backend.cancel_backfill):
        with pytest.raises(NotFound):
            ask("no")
