"""A day of sleeps and of clocks that jump: no healthy run is given up, no instant lost or doubled.

The day is simulated on the hands of `model.clock` (24 h with `NBFLOW_FAULTS_FULL=1`, 1 h else); a
machine that really stops is a process that gets SIGSTOP.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nbflow import settings
from nbflow.model import clock, states
from nbflow.model.deployments import NewDeployment, NewSchedule
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.schedules import Interval
from nbflow.model.workers import Held
from nbflow.orchestration import invariants
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.reaper import Reaper
from nbflow.services.scheduler import Scheduler
from nbflow.store import owners, tables
from tests.faults.crew import Crew

Wait = Callable[..., Any]
FULL = "NBFLOW_FAULTS_FULL" in os.environ
HOURS, STEP = (24, 10.0) if FULL else (1, 5.0)
SEED = int(os.environ.get("NBFLOW_SEED", "20261122"))
MINUTE = timedelta(minutes=1)


@dataclass
class Hands:
    """The hands of all clocks: `wall` may be set, `steady` never goes back."""

    wall: datetime
    # Goes on from the real one: threads of this process that wait by it must not wait for days.
    steady: float = field(default_factory=clock.monotonic)
    slept: float = 0.0

    def pass_(self, seconds: float) -> None:
        self.steady += seconds
        self.wall += timedelta(seconds=seconds)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.wall += timedelta(seconds=seconds)

    def jump(self, by: timedelta) -> None:
        self.wall += by


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    made = Hands(clock.now())
    monkeypatch.setattr(clock, "now", lambda: made.wall)
    monkeypatch.setattr(clock, "now_micros", lambda: clock.micros(made.wall))
    monkeypatch.setattr(clock, "monotonic", lambda: made.steady)
    monkeypatch.setattr(clock, "asleep", lambda: made.slept)
    return made


def running(orchestrator: Orchestrator, host: str) -> FlowRun:
    owner = owners.current() if host == "here" else replace(owners.current(), host=host)
    run = orchestrator.create_flow_run(NewFlowRun("f", owner=owner))
    orchestrator.propose(run.id, states.Running(), attempt=1)
    return run


def mischief(hands: Hands, chance: random.Random) -> str:
    """Do something to the clocks; say what."""
    hour = timedelta(hours=1)
    kind = chance.choice(["sleep", "nap", "forward", "back", "years", "slew", "stop"])
    match kind:
        case "sleep":
            hands.sleep(chance.uniform(3600, 8 * 3600))
        case "nap":
            hands.sleep(chance.uniform(5, 90))
        case "stop":  # the process stood still, the machine did not
            hands.pass_(chance.uniform(20, 300))
        case "forward":
            hands.jump(hour)
        case "back":
            hands.jump(-hour)
        case "years":
            hands.jump(3653 * timedelta(days=1))
            hands.pass_(1.0)
        case _:
            hands.jump(timedelta(seconds=chance.uniform(-0.5, 0.5)))
    return kind


@pytest.mark.timeout(600)
def test_no_healthy_run_is_given_up_in_a_day_of_sleeps_and_jumps(
    orchestrator: Orchestrator, hands: Hands
) -> None:
    schedule = NewSchedule(Interval(MINUTE), catchup="latest", overlap="allow")
    new = NewDeployment("d", "f", "/f.ipynb", "{}", "python3", schedules=(schedule,))
    orchestrator.deploy(new)
    began_at = orchestrator.read_deployment("d").schedules[0].done_until
    healthy = [running(orchestrator, host) for host in ("here", "far-1", "far-2")]
    reaper, scheduler = Reaper(orchestrator), Scheduler(orchestrator)
    chance, done = random.Random(SEED), dict[str, int]()
    until, next_at = hands.steady + HOURS * 3600, hands.steady + 300
    while hands.steady < until:
        if hands.steady >= next_at:
            kind = mischief(hands, chance)
            done[kind] = done.get(kind, 0) + 1
            next_at = hands.steady + chance.uniform(120, 900)
            back = timedelta(days=-3653) if kind == "years" else None
            reaper.run_once(clock.now())  # before anybody can renew
            scheduler.run_once(clock.now())
            if back is not None:
                hands.jump(back)
        orchestrator.heartbeat(tuple(Held(run.id, 1) for run in healthy))
        scheduler.run_once(clock.now())
        reaper.run_once(clock.now())
        hands.pass_(STEP)
    found = [orchestrator.read_flow_run(run.id).state.name for run in healthy]
    runs, skipped = instants(orchestrator, began_at)
    print(
        f"\n{HOURS} h with {done}: {found.count('Crashed')} of {len(found)} healthy runs crashed; "
        f"{runs} instants run, {skipped} skipped, 0 twice, 0 lost"
    )
    assert set(found) == {"Running"}
    assert [b for b in checked(orchestrator) if b.invariant != "I9"] == []
    dead_at = hands.steady
    while not orchestrator.read_flow_run(healthy[1].id).state.is_crashed():
        orchestrator.heartbeat((Held(healthy[2].id, 1),))
        reaper.run_once(clock.now())
        hands.pass_(1.0)
        assert hands.steady - dead_at < settings.lease_seconds + 10
    assert orchestrator.read_flow_run(healthy[2].id).state.is_running()


def checked(orchestrator: Orchestrator) -> list[invariants.Broken]:
    return list(invariants.check(orchestrator.database, now=clock.now(), files=False))


def instants(orchestrator: Orchestrator, since: datetime) -> tuple[int, int]:
    """Count the instants that are runs, and those skipped: each minute is one of them, once."""
    (found,) = orchestrator.read_deployment("d").schedules
    assert isinstance(found.timing, Interval)
    first = found.timing.next(1, after=since)[0]
    minutes = (found.done_until - first) // MINUTE + 1
    run, skip = tables.flow_run, tables.skip
    with orchestrator.database.read() as connection:
        due = connection.execute(sa.select(run.c.due_at).where(run.c.schedule_id == found.id))
        at = [(clock.instant(one) - first) // MINUTE for one in due.scalars()]
        ranges = connection.execute(sa.select(skip.c.first_at, skip.c.last_at, skip.c.count)).all()
    skipped = 0
    for begin, end, count in ranges:
        numbers = [(clock.instant(one) - first) // MINUTE for one in (begin, end)]
        assert numbers[1] - numbers[0] + 1 == count
        at += range(numbers[0], numbers[1] + 1)
        skipped += count
    assert sorted(at) == list(range(minutes))
    return minutes - skipped, skipped


@pytest.mark.parametrize("who", ["both", "worker"])
def test_a_machine_that_stood_still_goes_on_and_a_worker_that_did_alone_is_too_late(
    orchestrator: Orchestrator, home: Path, tmp_path: Path, wait_for: Wait, who: str
) -> None:
    quick = {"LEASE_SECONDS": "2", "HEARTBEAT_SECONDS": "0.2", "REAPER_SECONDS": "0.2"}
    crew = Crew({f"NBFLOW_{k}": v for k, v in quick.items()}, tmp_path / "crew.log")
    pipe = tmp_path / "until"
    os.mkfifo(pipe)
    word = json.dumps({"host": "far", "until": str(pipe)})
    stopped = [crew.add("server"), crew.add("worker", word)]
    waits = states.Scheduled(clock.now())
    run = orchestrator.create_flow_run(
        NewFlowRun("f", kind="notebook", path="/f.ipynb", state=waits, work_pool="default")
    )
    wait_for(lambda: orchestrator.read_flow_run(run.id).state.is_running())
    began = time.monotonic()
    wait_for(lambda: time.monotonic() - began > 2.5, what="the server's grace")
    for pid in stopped if who == "both" else stopped[1:]:
        os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    wait_for(lambda: time.monotonic() - began > 5)
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    pipe.write_text("")
    assert pipe.read_text() == ("Accept" if who == "both" else "Abort")
    found = orchestrator.read_flow_run(run.id).state
    assert found.is_completed() if who == "both" else found.is_crashed()
    crew.close()
    assert checked(orchestrator) == []
