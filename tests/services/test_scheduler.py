"""The scheduler's loop: clocks that jump, machines that sleep, zones that are gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nbflow.model import clock
from nbflow.model.deployments import Deployment, NewDeployment, NewSchedule
from nbflow.model.schedules import Interval
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services import scheduler as service
from nbflow.services.clocks import Clocks
from nbflow.services.scheduler import Scheduler
from nbflow.store.tables import schedule as schedule_table

START = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
MINUTE, HOUR, YEAR = timedelta(minutes=1), timedelta(hours=1), timedelta(days=366)


class Hands:
    """The hands of the clocks: the test turns them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Goes on from the real one: threads of this process that wait by it must not wait for days.
        self.wall, self.steady, self.slept = START, clock.monotonic(), 0.0
        monkeypatch.setattr(clock, "now", lambda: self.wall)
        monkeypatch.setattr(clock, "monotonic", lambda: self.steady)
        monkeypatch.setattr(clock, "asleep", lambda: self.slept)

    def go(self, span: timedelta) -> None:
        """Let time pass."""
        self.wall += span
        self.steady += span.total_seconds()

    def sleep(self, span: timedelta) -> None:
        """Let the machine sleep."""
        self.wall += span
        self.slept += span.total_seconds()

    def set(self, by: timedelta) -> None:
        """Set the wall clock."""
        self.wall += by


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    return Hands(monkeypatch)


@pytest.fixture
def deploy(orchestrator: Orchestrator, hands: Hands) -> Callable[..., Deployment]:
    def make(**said: Any) -> Deployment:
        item = NewSchedule(**{"timing": Interval(MINUTE, anchor_date=START), **said})
        return orchestrator.deploy(
            NewDeployment("d", "d", "/w/d.ipynb", "{}", "python3", schedules=(item,))
        )

    return make


def look(scheduler: Scheduler) -> float:
    """One turn of the loop, now."""
    return scheduler.run_once(clock.now())


def due(orchestrator: Orchestrator) -> list[datetime]:
    rows = orchestrator.list_flow_runs(limit=200).rows
    return sorted(run.due_at for run in rows if run.due_at)


def skipped(orchestrator: Orchestrator, made: Deployment) -> int:
    return sum(skip.count for skip in orchestrator.list_skips(made.schedules[0].id).rows)


def test_a_clock_set_back_fires_nothing_twice(
    orchestrator: Orchestrator, hands: Hands, deploy: Callable[..., Deployment]
) -> None:
    deploy()
    scheduler = Scheduler(orchestrator)
    for _ in range(10):
        hands.go(MINUTE)
        look(scheduler)
    hands.set(-HOUR)
    for _ in range(60):
        look(scheduler)
        hands.go(MINUTE)
    look(scheduler)
    assert due(orchestrator) == [START + n * MINUTE for n in range(1, 11)]
    hands.go(MINUTE)
    look(scheduler)
    assert due(orchestrator)[-1] == START + 11 * MINUTE


@pytest.mark.parametrize("how", ["set", "sleep"])
def test_a_clock_set_forward_and_a_sleep_are_outages(
    orchestrator: Orchestrator, hands: Hands, deploy: Callable[..., Deployment], how: str
) -> None:
    made = deploy()
    scheduler = Scheduler(orchestrator)
    look(scheduler)
    getattr(hands, how)(8 * HOUR + timedelta(seconds=30))
    look(scheduler)
    assert due(orchestrator) == [START + 8 * HOUR]
    assert skipped(orchestrator, made) == 8 * 60 - 1
    assert scheduler.waits is None


@pytest.mark.parametrize("way", [10, -10])
def test_an_unbelievable_jump_makes_no_runs_until_it_lasts(
    orchestrator: Orchestrator, hands: Hands, deploy: Callable[..., Deployment], way: int
) -> None:
    made = deploy()
    scheduler = Scheduler(orchestrator)
    look(scheduler)
    hands.set(way * YEAR)
    for _ in range(4):
        assert look(scheduler) == 1.0
        hands.go(MINUTE)
    assert due(orchestrator) == []
    assert scheduler.waits is not None
    assert f"{way * 366:+d} days" in scheduler.waits
    hands.go(2 * MINUTE)
    look(scheduler)
    assert scheduler.waits is None
    # the latest that was missed, and the one that is due just now
    assert len(due(orchestrator)) == (2 if way > 0 else 0)
    assert orchestrator.read_schedule(made.schedules[0].id).next_at is not None


def test_a_clock_that_comes_back_is_believed_at_once(
    orchestrator: Orchestrator, hands: Hands, deploy: Callable[..., Deployment]
) -> None:
    deploy()
    scheduler = Scheduler(orchestrator)
    look(scheduler)
    hands.set(10 * YEAR)
    look(scheduler)
    assert scheduler.waits is not None
    hands.set(-10 * YEAR)
    hands.go(MINUTE)
    look(scheduler)
    assert scheduler.waits is None
    assert due(orchestrator) == [START + MINUTE]


def test_a_zone_that_is_gone_is_said_and_kept_and_fires_when_it_is_back(
    orchestrator: Orchestrator, hands: Hands, deploy: Callable[..., Deployment]
) -> None:
    made = deploy()
    (schedule,) = made.schedules
    other = orchestrator.create_schedule("d", NewSchedule(Interval(2 * MINUTE, START)))
    kept = '{"interval":60,"timezone":"Mars/Phobos"}'
    with orchestrator.database.write() as connection:
        connection.execute(
            sa.update(schedule_table).where(schedule_table.c.id == schedule.id).values(timing=kept)
        )
    scheduler = Scheduler(orchestrator)
    hands.go(2 * MINUTE)
    look(scheduler)
    assert [run.schedule_id for run in orchestrator.list_flow_runs().rows] == [other.id]
    found = orchestrator.read_schedule(schedule.id)
    assert found.problem is not None
    assert "Mars/Phobos" in found.problem
    assert found.done_until == schedule.done_until
    assert orchestrator.list_upcoming()[0].schedule_id == other.id
    with orchestrator.database.write() as connection:
        connection.execute(
            sa.update(schedule_table)
            .where(schedule_table.c.id == schedule.id)
            .values(timing=kept.replace("Mars/Phobos", "UTC"))
        )
    hands.go(2 * MINUTE)
    look(scheduler)
    assert orchestrator.read_schedule(schedule.id).problem is None
    runs = orchestrator.list_flow_runs().rows
    assert {run.schedule_id for run in runs} == {schedule.id, other.id}


def test_clocks_tell_a_stop_from_a_jump(hands: Hands) -> None:
    clocks = Clocks()
    assert not clocks.look(clock.now()).away(15.0)
    hands.go(timedelta(seconds=1))
    gap = clocks.look(clock.now())
    assert (gap.passed, gap.moved, gap.said()) == (1.0, 0.0, None)
    hands.go(timedelta(seconds=20))  # this process was stopped
    assert clocks.look(clock.now()).away(15.0)
    hands.sleep(HOUR)
    gap = clocks.look(clock.now())
    assert (gap.moved, gap.slept, gap.said()) == (3600.0, 3600.0, "The machine slept for 3600 s.")
    hands.set(-HOUR)
    gap = clocks.look(clock.now())
    assert not gap.away(15.0)
    assert gap.said() == "The system clock was set back by 3600 s."


def test_the_rest_is_until_the_next_instant_at_most_a_second(
    orchestrator: Orchestrator, hands: Hands, deploy: Callable[..., Deployment]
) -> None:
    deploy()
    scheduler = Scheduler(orchestrator)
    assert look(scheduler) == service._TICK
    hands.go(timedelta(seconds=59.75))
    assert look(scheduler) == 0.25


def test_the_store_is_asked_nothing_between_two_instants(
    orchestrator: Orchestrator,
    hands: Hands,
    deploy: Callable[..., Deployment],
    monkeypatch: pytest.MonkeyPatch,
    wait_for: Callable[..., object],
) -> None:
    deploy(timing=Interval(HOUR, anchor_date=START))
    scheduler = Scheduler(orchestrator)
    for _ in range(3):  # the second hears of what the first has written
        hands.go(timedelta(seconds=1))
        look(scheduler)
    asked: list[str] = []
    read = orchestrator.database.read
    monkeypatch.setattr(orchestrator.database, "read", lambda: (asked.append("read"), read())[1])
    for _ in range(5):
        hands.go(timedelta(seconds=1))
        look(scheduler)
    assert asked == []
    other = NewDeployment("e", "e", "/w/e.ipynb", "{}", "python3")
    Orchestrator(orchestrator.database.url).deploy(other)

    def heard() -> bool:
        look(scheduler)
        return bool(asked)

    wait_for(heard, what="a look at the store")
