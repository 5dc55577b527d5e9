"""Another program locks the database: whoever works waits, nobody is told, nobody is given up.

The lock lasts 3 s and a write gives up after 1 s; with `NBFLOW_FAULTS_FULL=1` 60 s, and the 30 s of
the default setting.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nbflow import settings
from nbflow.exceptions import StoreBusy
from nbflow.model import clock, states
from nbflow.model.deployments import NewDeployment, NewSchedule
from nbflow.model.run_lists import RunFilter
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.schedules import Interval
from nbflow.model.workers import Held
from nbflow.orchestration import invariants
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.reaper import Reaper
from nbflow.store import owners
from tests.faults.crew import Crew

Wait = Callable[..., Any]
FULL = "NBFLOW_FAULTS_FULL" in os.environ
LOCKED = 60.0 if FULL else 3.0
SCALED = (
    {}
    if FULL
    else {
        "NBFLOW_BUSY_SECONDS": "1",
        "NBFLOW_LEASE_SECONDS": "1.5",
        "NBFLOW_HEARTBEAT_SECONDS": "0.3",
        "NBFLOW_REAPER_SECONDS": "0.2",
    }
)
HOLD = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(home: Path) -> Iterator[float]:
    """Have another program hold the write lock; gives when it began (monotonic)."""
    command = [sys.executable, "-c", HOLD, str(home / "nbflow.sqlite")]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **pipes) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield time.monotonic()
        holder.communicate()


@pytest.mark.timeout(600)
def test_writers_wait_for_a_foreign_lock_and_nobody_hears_of_it(
    orchestrator: Orchestrator, home: Path, tmp_path: Path, wait_for: Wait
) -> None:
    schedule = NewSchedule(Interval(timedelta(seconds=1)), catchup="all", overlap="allow")
    new = NewDeployment("d", "f", "/f.ipynb", "{}", "python3", schedules=(schedule,))
    crew = Crew(SCALED, tmp_path / "crew.log", worker=4, server=1)
    for _ in range(4):
        crew.add("flows")
    done = home / "flows"
    wait_for(lambda: len(list(done.glob("*"))) >= 8, seconds=60, what="flows at work")
    orchestrator.deploy(new)
    scheduled = RunFilter(deployment_id=orchestrator.read_deployment("d").id)
    wait_for(lambda: orchestrator.list_flow_runs(scheduled).rows, what="the schedule at work")
    pause = threading.Event()
    with locked(home) as since:
        reads = []
        while time.monotonic() - since < LOCKED:
            began = time.monotonic()
            assert orchestrator.list_flow_runs(limit=20).rows
            reads.append(time.monotonic() - began)
            pause.wait(0.1)
    finished = len(list(done.glob("*")))
    wait_for(lambda: len(list(done.glob("*"))) >= finished + 8, seconds=60, what="flows going on")

    def behind() -> timedelta:
        return clock.now() - orchestrator.read_deployment("d").schedules[0].done_until

    wait_for(lambda: behind() < timedelta(seconds=2), seconds=90, what="the schedule caught up")
    crew.close()
    runs = every(orchestrator)
    log = (tmp_path / "crew.log").read_text()
    due = sorted(run.due_at for run in runs if run.schedule_id and run.due_at)
    print(
        f"\n8 writers, locked for {LOCKED:g} s: {len(runs)} runs, {len(due)} of them scheduled, "
        f"slowest read meanwhile {max(reads):.2f} s, {sum(r.state.is_crashed() for r in runs)} "
        f"crashed, {sum(r.state.is_failed() for r in runs)} failed"
    )
    assert "database is locked" not in log
    assert "Traceback" not in log
    assert [r.state.message for r in runs if r.state.is_crashed() or r.state.is_failed()] == []
    assert due == [due[0] + timedelta(seconds=n) for n in range(len(due))]
    assert due[-1] - due[0] >= timedelta(seconds=LOCKED)
    assert min(reads) < LOCKED / 2  # none waits for the lock
    assert list(invariants.check(orchestrator.database, now=clock.now())) == []


def every(orchestrator: Orchestrator) -> list[FlowRun]:
    """Give all runs, once those at work have ended."""
    runs: list[FlowRun] = []
    cursor: str | None = None
    while True:
        page = orchestrator.list_flow_runs(limit=200, cursor=cursor)
        runs += page.rows
        cursor = page.cursor
        if cursor is None:
            return runs


def test_no_lease_is_judged_that_nobody_could_renew(
    orchestrator: Orchestrator, home: Path, wait_for: Wait
) -> None:
    """A worker on another machine, whose server could not write for longer than the lease."""
    with settings.temporary(lease_seconds=1.0, heartbeat_seconds=0.2, busy_seconds=30.0):
        owner = replace(owners.current(), host="elsewhere")
        run = orchestrator.create_flow_run(NewFlowRun("f", owner=owner))
        orchestrator.propose(run.id, states.Running(), attempt=1)
        reaper = Reaper(orchestrator)
        beat = threading.Thread(target=lambda: renew(orchestrator, run.id, over))
        over = threading.Event()
        beat.start()
        reaped: list[float] = []
        reaping = threading.Thread(target=lambda: reap(reaper, reaped, over))
        reaping.start()
        wait_for(lambda: len(reaped) > 15)
        with locked(home) as since:
            wait_for(lambda: time.monotonic() - since > 2.5)
        rounds = len(reaped)
        wait_for(lambda: len(reaped) > rounds + 15)
        over.set()
        beat.join()
        reaping.join()
        assert orchestrator.read_flow_run(run.id).state.is_running()
        reaper.run_once(clock.now() + timedelta(seconds=0.5))  # nobody renews any more
        wait_for(lambda: reaper.run_once(clock.now()) and ended(orchestrator, run.id))


def renew(orchestrator: Orchestrator, run_id: str, over: threading.Event) -> None:
    while not over.wait(0.2):
        orchestrator.heartbeat((Held(run_id, 1),))


def reap(reaper: Reaper, reaped: list[float], over: threading.Event) -> None:
    while not over.wait(0.1):
        reaped.append(reaper.run_once(clock.now()))


def ended(orchestrator: Orchestrator, run_id: str) -> bool:
    return orchestrator.read_flow_run(run_id).state.is_crashed()


def test_a_write_gives_up_after_the_time_it_was_given_with_an_error_that_says_what_to_do(
    orchestrator: Orchestrator, home: Path
) -> None:
    with settings.temporary(busy_seconds=0.3):
        short = Orchestrator(f"sqlite:///{home / 'nbflow.sqlite'}")
    with locked(home) as since:
        with pytest.raises(StoreBusy) as told:
            short.create_flow_run(NewFlowRun("f"))
        assert 0.2 < time.monotonic() - since < 60
        assert short.list_flow_runs().rows == ()
    assert told.value.status == 503
    assert "locked" not in str(told.value)
    short.create_flow_run(NewFlowRun("f"))
    short.close()
