"""What users of the field expect of schedules first, by the numbers these behaviours go by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from nbflow.model import clock, states
from nbflow.model.deployments import Deployment, DeploymentChange, NewDeployment, NewSchedule
from nbflow.model.runs import FlowRun
from nbflow.model.schedules import Cron, Interval, RRule, Timing
from nbflow.model.verdicts import Accept
from nbflow.model.workers import NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

START = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

Deploy = Callable[..., Deployment]

#: a zone, the day its clocks spring, the day they fall back, and what a daily 02:15 becomes there
ZONES = [
    ("Europe/Berlin", "2026-03-29", "2026-10-25", "03:00"),
    ("America/New_York", "2026-03-08", "2026-11-01", "03:00"),
    ("Australia/Lord_Howe", "2026-10-04", "2026-04-05", "02:30"),
]
KINDS: dict[str, Callable[[str], Timing]] = {
    "cron": lambda zone: Cron("15 2 * * *", zone),
    "interval": lambda zone: Interval(DAY, datetime(2026, 1, 1, 2, 15), zone),
    "rrule": lambda zone: RRule("FREQ=DAILY;BYHOUR=2;BYMINUTE=15", zone),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("zone", "springs", "falls", "first_valid"), ZONES)
def test_behaviour_16_a_daily_time_is_due_once_a_day_whatever_the_clocks_do(
    kind: str, zone: str, springs: str, falls: str, first_valid: str
) -> None:
    timing, where = KINDS[kind](zone), ZoneInfo(zone)
    for day, expected in ((springs, first_valid), (falls, "02:15")):
        midnight = datetime.fromisoformat(day).replace(tzinfo=where)
        due = [at.astimezone(where) for at in timing.next(3, after=midnight.astimezone(UTC))]
        days = [midnight.date() + n * DAY for n in range(3)]
        assert [at.date() for at in due] == days
        assert [f"{at:%H:%M}" for at in due] == [expected, "02:15", "02:15"]


def test_behaviour_16_day_and_weekday_instead_of_day_or_weekday() -> None:
    either = Cron("0 9 13 * fri").next(3, after=START)
    both = Cron("0 9 13 * fri", day_or=False).next(3, after=START)
    assert [f"{at:%F}" for at in either] == ["2026-03-06", "2026-03-13", "2026-03-20"]
    assert [f"{at:%F}" for at in both] == ["2026-03-13", "2026-11-13", "2027-08-13"]


@pytest.fixture
def deploy(orchestrator: Orchestrator) -> Deploy:
    def make(**schedule: Any) -> Deployment:
        given = {"timing": Interval(MINUTE, anchor_date=START), **schedule}
        new = NewDeployment(
            "d", "d", "/d.ipynb", "{}", kernel_name="python3", schedules=(NewSchedule(**given),),
            replace=True,
        )  # fmt: skip
        with clock.frozen(START):
            return orchestrator.deploy(new)

    return make


def tick(orchestrator: Orchestrator, minutes: float) -> None:
    at = START + minutes * MINUTE
    with clock.frozen(at):
        orchestrator.tick(at)


def due(orchestrator: Orchestrator) -> list[float]:
    """The minutes after the start at which the runs that were made are due, in order."""
    found: tuple[FlowRun, ...] = orchestrator.list_flow_runs(limit=200).rows
    return sorted((run.due_at - START) / MINUTE for run in found if run.due_at)


def test_behaviour_17_ticking_twice_an_edit_and_a_pause(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    """An edit takes the runs that wait for the old instants, and the next are the new ones."""
    made = deploy()
    tick(orchestrator, 1)
    tick(orchestrator, 1)
    assert due(orchestrator) == [1]
    deploy(timing=Interval(10 * MINUTE, anchor_date=START))
    tick(orchestrator, 9)
    assert due(orchestrator) == []
    with clock.frozen(START + 9 * MINUTE):
        ahead = [(one.due_at - START) / MINUTE for one in orchestrator.list_upcoming(limit=3)]
    assert ahead == [10, 20, 30]  # a view: nothing is written ahead
    tick(orchestrator, 10)
    assert due(orchestrator) == [10]
    orchestrator.update_deployment(made.id, DeploymentChange(paused=True))
    tick(orchestrator, 20)
    assert due(orchestrator) == [10]


@pytest.mark.parametrize(
    ("catchup", "made_up"), [("latest", [60]), ("all", [*range(1, 61)]), ("none", [])]
)
def test_behaviour_18_missed_runs_by_policy(
    orchestrator: Orchestrator, deploy: Deploy, catchup: str, made_up: list[int]
) -> None:
    deploy(catchup=catchup)
    tick(orchestrator, 60.9)  # an outage of an hour, and on time for none
    assert due(orchestrator) == made_up


def test_behaviour_18_late_after_the_threshold_and_then_executed(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    deploy()
    tick(orchestrator, 1)
    for seconds, name in ((74.0, "Scheduled"), (76.0, "Late")):
        with clock.frozen(START + timedelta(seconds=seconds)):
            orchestrator.mark_late(clock.now() - timedelta(seconds=15))
        assert orchestrator.list_flow_runs().rows[0].state.name == name
    worker = orchestrator.register_worker(NewWorker("w", "default", owners.current(), 1))
    (claim,) = orchestrator.claim_flow_runs(worker.id, 1)
    for state in (states.Running(), states.Completed()):
        assert isinstance(orchestrator.propose(claim.run.id, state, attempt=1), Accept)
    assert orchestrator.read_flow_run(claim.run.id).state.is_completed()
