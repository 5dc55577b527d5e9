"""What `Schedules` promises, asked of both authorities."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbflow.exceptions import Conflict, InvalidInput, NotFound, Stale
from nbflow.model import clock
from nbflow.model.backend import Backend, RunFilter
from nbflow.model.deployments import DeploymentChange, NewSchedule
from nbflow.model.schedules import Cron, Interval, RRule
from nbflow.model.scheduling import ScheduleChange, ScheduleFilter

HOUR = timedelta(hours=1)
HOURLY = Interval(HOUR)


def test_a_schedule_is_read_as_it_was_created(backend: Backend, make: Any) -> None:
    made = make.deployment()
    new = NewSchedule(
        Cron("0 7 * * 1-5", "Europe/Paris"),
        slug="weekdays",
        catchup="all",
        overlap="cancel_new",
        parameters={"n": 3},
        catchup_window_seconds=600.0,
        catchup_max=7,
        jitter_seconds=60.0,
        starts_at=datetime(2027, 1, 1, tzinfo=UTC),
        ends_at=datetime(2090, 1, 1, tzinfo=UTC),
        max_runs=9,
    )
    created = backend.create_schedule(made.name, new)
    assert {name: getattr(created, name) for name in vars(new)} == vars(new)
    assert created.next_at is not None
    assert created.next_at >= datetime(2027, 1, 1, tzinfo=UTC)
    assert backend.read_schedule(created.id) == created
    assert backend.read_deployment(made.name).schedules == (created,)
    assert backend.list_schedules(ScheduleFilter(made.id)).rows == (created,)
    assert created in backend.list_schedules(ScheduleFilter(active=True)).rows
    assert created not in backend.list_schedules(ScheduleFilter(active=False)).rows


def test_the_same_schedule_twice_is_refused(backend: Backend, make: Any) -> None:
    made = make.deployment()
    backend.create_schedule(made.name, NewSchedule(HOURLY, slug="a"))
    for new, field in (
        (NewSchedule(HOURLY), "timing"),
        (NewSchedule(Interval(60), slug="a"), "slug"),
    ):
        with pytest.raises(Conflict) as refused:
            backend.create_schedule(made.name, new)
        assert refused.value.field == field
    backend.create_schedule(made.name, NewSchedule(HOURLY, parameters={"n": 2}))
    assert len(backend.read_deployment(made.name).schedules) == 2


def test_the_fifty_first_schedule_is_refused(backend: Backend, make: Any) -> None:
    many = tuple(NewSchedule(Interval(60 + n)) for n in range(50))
    made = make.deployment(schedules=many)
    with pytest.raises(InvalidInput, match="50 is the most") as refused:
        backend.create_schedule(made.name, NewSchedule(HOURLY))
    assert refused.value.code == "schedule.too_many"


def test_its_parameters_are_the_deployment_s(backend: Backend, make: Any) -> None:
    made = make.deployment()
    for wrong in ({"n": "x"}, {"m": 1}):
        with pytest.raises(InvalidInput):
            backend.create_schedule(made.name, NewSchedule(HOURLY, parameters=wrong))
    assert backend.read_deployment(made.name).schedules == ()


def test_an_edit_of_its_times_counts_from_now(backend: Backend, make: Any) -> None:
    (first,) = make.deployment(schedules=(NewSchedule(HOURLY),)).schedules
    before = clock.now()
    edited = backend.update_schedule(first.id, ScheduleChange(timing=Interval(60)))
    assert (edited.id, edited.generation) == (first.id, first.generation + 1)
    assert edited.done_until >= before
    assert edited.next_at is not None
    assert edited.next_at - edited.done_until <= timedelta(minutes=1)
    renamed = backend.update_schedule(first.id, ScheduleChange(slug="minutely", catchup="none"))
    assert (renamed.generation, renamed.done_until) == (edited.generation, edited.done_until)
    assert backend.update_schedule(first.id, ScheduleChange(slug=None)).slug is None


def test_an_edit_takes_back_runs_nobody_has_claimed(backend: Backend, make: Any) -> None:
    deployment = make.deployment(schedules=(NewSchedule(HOURLY),))
    (schedule,) = deployment.schedules
    due = clock.now() - 2 * HOUR
    claimed = make.run_of(deployment, schedule_id=schedule.id, due_at=due)
    (claim,) = backend.claim_flow_runs(make.worker(deployment.work_pool).id, 1)
    assert claim.run.id == claimed.id
    waiting = make.run_of(deployment, schedule_id=schedule.id, due_at=due + HOUR)
    backend.update_schedule(schedule.id, ScheduleChange(parameters={"n": 5}))
    kept = backend.list_flow_runs(RunFilter(deployment_id=deployment.id)).rows
    assert [run.id for run in kept] == [claimed.id]
    (skip,) = backend.list_skips(schedule.id).rows
    assert (skip.first_at, skip.last_at, skip.count, skip.reason) == (
        waiting.due_at, waiting.due_at, 1, "replaced",
    )  # fmt: skip


def test_an_edit_from_a_stale_copy_is_refused(backend: Backend, make: Any) -> None:
    (seen,) = make.deployment(schedules=(NewSchedule(HOURLY),)).schedules
    change = ScheduleChange(catchup="all")
    after = backend.update_schedule(seen.id, change, expected=seen.updated_at)
    with pytest.raises(Stale):
        backend.update_schedule(seen.id, ScheduleChange(catchup="none"), expected=seen.updated_at)
    assert backend.read_schedule(seen.id) == after


def test_an_edit_is_checked_whole(backend: Backend, make: Any) -> None:
    one, two = make.deployment(
        schedules=(NewSchedule(HOURLY, slug="a"), NewSchedule(Interval(60), slug="b"))
    ).schedules
    for change in (
        ScheduleChange(timing=two.timing),
        ScheduleChange(slug="b"),
        ScheduleChange(jitter_seconds=3601.0),
        ScheduleChange(parameters={"m": 1}),
        ScheduleChange(ends_at=datetime(2020, 1, 1, tzinfo=UTC)),
        ScheduleChange(max_runs=0),
    ):
        with pytest.raises((InvalidInput, Conflict)):
            backend.update_schedule(one.id, change)
    assert backend.read_schedule(one.id) == one


def test_a_deleted_schedule_is_gone_with_its_waiting_runs(backend: Backend, make: Any) -> None:
    deployment = make.deployment(schedules=(NewSchedule(HOURLY),))
    (schedule,) = deployment.schedules
    make.run_of(deployment, schedule_id=schedule.id, due_at=clock.now() - HOUR)
    other = make.run_of(deployment)
    backend.delete_schedule(schedule.id)
    for ask in (backend.read_schedule, backend.delete_schedule, backend.list_skips):
        with pytest.raises(NotFound) as refused:
            ask(schedule.id)
        assert refused.value.field == "schedule_id"
    kept = backend.list_flow_runs(RunFilter(deployment_id=deployment.id)).rows
    assert [run.id for run in kept] == [other.id]


def test_what_is_upcoming_is_three_instants_and_an_hour_at_least(
    backend: Backend, make: Any
) -> None:
    made = make.deployment(schedules=(NewSchedule(Interval(60)), NewSchedule(Cron("0 0 * * *"))))
    now = clock.now()
    coming = backend.list_upcoming(made.name)
    minutely, daily = (
        next(s.id for s in made.schedules if isinstance(s.timing, kind))
        for kind in (Interval, Cron)
    )
    assert [one.due_at for one in coming] == sorted(one.due_at for one in coming)
    by_minute = [one.due_at for one in coming if one.schedule_id == minutely]
    assert 60 <= len(by_minute) <= 61
    assert by_minute[-1] <= now + HOUR + timedelta(minutes=1)
    assert sum(one.schedule_id == daily for one in coming) == 3
    assert {one.deployment_name for one in coming} == {made.name}


def test_nothing_is_upcoming_of_what_is_paused(backend: Backend, make: Any) -> None:
    made = make.deployment(schedules=(NewSchedule(HOURLY), NewSchedule(Interval(60), active=False)))
    assert {one.schedule_id for one in backend.list_upcoming(made.name)} == {made.schedules[0].id}
    backend.update_deployment(made.name, DeploymentChange(paused=True))
    assert backend.list_upcoming(made.name) == ()


def test_what_is_upcoming_ends_with_the_schedule(backend: Backend, make: Any) -> None:
    soon = NewSchedule(HOURLY, max_runs=2)
    rule = NewSchedule(RRule("FREQ=DAILY;BYHOUR=7"), ends_at=clock.now() + timedelta(hours=30))
    made = make.deployment(schedules=(soon, rule))
    counts = [
        sum(one.schedule_id == item.id for one in backend.list_upcoming(made.name))
        for item in made.schedules
    ]
    assert counts[0] == 2
    assert counts[1] in (1, 2)


def test_an_instant_to_come_is_left_out(backend: Backend, make: Any) -> None:
    made = make.deployment(schedules=(NewSchedule(HOURLY),))
    (schedule,) = made.schedules
    first, second, *_ = backend.list_upcoming(made.name)
    for _ in range(2):
        skip = backend.skip_instant(schedule.id, first.due_at)
        assert (skip.first_at, skip.count, skip.reason) == (first.due_at, 1, "asked")
    assert backend.list_skips(schedule.id).rows == (skip,)
    assert backend.read_schedule(schedule.id).next_at == second.due_at
    assert [one.skipped for one in backend.list_upcoming(made.name)][:2] == [True, False]
    for wrong in (first.due_at + timedelta(seconds=1), first.due_at - HOUR):
        with pytest.raises(InvalidInput, match="next one is") as refused:
            backend.skip_instant(schedule.id, wrong)
        assert (refused.value.code, refused.value.field) == ("skip.not_due", "due_at")


def test_a_start_later_by_jitter_is_always_the_same(backend: Backend, make: Any) -> None:
    made = make.deployment(schedules=(NewSchedule(HOURLY, jitter_seconds=3600.0),))
    coming = backend.list_upcoming(made.name)
    later = [one.start_at - one.due_at for one in coming]
    assert all(timedelta() <= one <= HOUR for one in later)
    assert len(set(later)) > 1
    assert [one.start_at for one in backend.list_upcoming(made.name)][:3] == [
        one.start_at for one in coming
    ][:3]


def test_each_change_is_an_event_with_the_row(backend: Backend, make: Any) -> None:
    made = make.deployment()
    seq = 0
    while (found := backend.changes(seq)).seq > seq:
        seq = found.seq
    schedule = backend.create_schedule(made.name, NewSchedule(HOURLY))
    backend.update_schedule(schedule.id, ScheduleChange(active=False))
    backend.delete_schedule(schedule.id)
    told = [e for e in backend.changes(seq).events if e.resource_id in (schedule.id, made.id)]
    assert [e.kind for e in told] == [
        kind
        for verb in ("created", "paused", "deleted")
        for kind in (f"schedule.{verb}", "deployment.updated")
    ]
    assert [len(e.row["schedules"]) for e in told if e.noun == "deployments"] == [1, 1, 0]
