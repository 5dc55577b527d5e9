"""Workers and servers are killed with -9 all the time: every due instant is run to its end, once.

`make test`: 1,000 due runs and at least 10 kills; `make faults` (`NBFLOW_FAULTS_FULL=1`): 10,000
and at least 100. The workers' executors only say that a run completed, everything else is real.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nbflow.model import clock
from nbflow.model.deployments import NewDeployment, NewSchedule, Schedule
from nbflow.model.schedules import Interval
from nbflow.model.states import TERMINAL
from nbflow.orchestration import invariants
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import tables
from tests.faults.crew import Crew

FULL = "NBFLOW_FAULTS_FULL" in os.environ
SCHEDULES, INSTANTS = (125, 80) if FULL else (10, 50)
KILLS, MOST_KILLS = (100, 150) if FULL else (6, 10)
BETWEEN = (0.05, 0.15) if FULL else (0.2, 0.6)
#: the most that a machine busy with other things may take
SECONDS = 900 if FULL else 500
SEED = int(os.environ.get("NBFLOW_SEED", "20261122"))
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The PostgreSQL server the store is in; None: it is in SQLite."""
    if request.param == "sqlite":
        yield None
        return
    with request.getfixturevalue("postgresql_servers")(durable=True) as server:
        yield server


@pytest.fixture
def home(cluster: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, whose store is where this test wants it."""
    if cluster is not None:
        monkeypatch.setenv("NBFLOW_DATABASE_URL", cluster.create("killed"))
    return home


@pytest.fixture
def since(orchestrator: Orchestrator) -> datetime:
    """Since when the schedules are behind: each by so many instants, a minute apart."""
    for n in range(SCHEDULES):
        timing = Interval(MINUTE, anchor_date=clock.instant(n * 100_000))
        schedule = NewSchedule(timing, catchup="all", overlap="allow")
        orchestrator.deploy(
            NewDeployment(
                *(f"d{n}", "f", f"/f{n}.ipynb", "{}", "python3"),
                schedules=(schedule,),
                crash_retries=1000,
            )
        )
    since = clock.now() - INSTANTS * MINUTE
    mark = {"done_until": clock.micros(since), "next_at": clock.micros(since)}
    with orchestrator.database.write() as connection:
        connection.execute(tables.schedule.update().values(**mark))
    return since


@pytest.fixture
def crew(since: datetime, tmp_path: Path) -> Iterator[Crew]:
    quick = {"NBFLOW_REAPER_SECONDS": "0.2", "NBFLOW_HEARTBEAT_SECONDS": "0.5"}
    made = Crew(quick, tmp_path / "crew.log", worker=5, server=2)
    yield made
    made.close()


def unfinished(orchestrator: Orchestrator) -> tuple[int, int]:
    """Count the runs there are, and those that have not ended."""
    ended = sa.func.count(sa.case((tables.flow_run.c.state_type.in_(TERMINAL), 1)))
    with orchestrator.database.read() as connection:
        total, done = connection.execute(sa.select(sa.func.count(), ended)).one()
    return total, total - done


@pytest.mark.timeout(1000)
def test_every_due_instant_is_run_once_whoever_is_killed(
    orchestrator: Orchestrator, since: datetime, crew: Crew, cluster: Any
) -> None:
    chance, pause, kills, began = random.Random(SEED), threading.Event(), 0, time.monotonic()
    restarts = [SCHEDULES * INSTANTS * n // 4 for n in (3, 2, 1)] if cluster is not None else []
    while True:
        total, left = unfinished(orchestrator)
        if total >= SCHEDULES * INSTANTS and left == 0 and kills >= KILLS:
            break
        assert time.monotonic() - began < SECONDS, f"{total} runs, {left} left, {kills} kills"
        if kills < MOST_KILLS:
            crew.kill_one(chance)
            kills += 1
        if cluster is not None and restarts and total - left >= restarts[-1]:
            restarts.pop()
            cluster.stop()
            cluster.start()
        pause.wait(chance.uniform(*BETWEEN))
    took = time.monotonic() - began
    crew.close()
    counts = completions(orchestrator)
    print(
        f"\n{'PostgreSQL, 3 immediate restarts' if cluster else 'SQLite'}: {total} due runs, "
        f"5 workers and 2 servers, {kills} kills with -9 {crew.killed}: {counts['completed']} "
        f"completed, {counts['twice']} twice, {counts['lost']} lost, {left} stuck, "
        f"{counts['attempts']} attempts; {took:.1f} s"
    )
    assert not restarts
    assert (counts["lost"], counts["twice"], left) == (0, 0, 0)
    assert counts["completed"] == total
    schedules = [s for d in orchestrator.list_deployments().rows for s in d.schedules]
    assert instants(orchestrator) == {s.id: due(s, since) for s in schedules}
    assert list(invariants.check(orchestrator.database, now=clock.now())) == []


def completions(orchestrator: Orchestrator) -> Counter[str]:
    """Count what became of the runs by their histories."""
    history = tables.flow_run_state
    ended = sa.func.count(sa.case((history.c.type == "COMPLETED", 1)))
    query = sa.select(ended.label("ended")).group_by(history.c.flow_run_id)
    attempts = sa.select(sa.func.sum(tables.flow_run.c.attempt))
    with orchestrator.database.read() as connection:
        often = Counter(connection.execute(query).scalars())
        tries = connection.execute(attempts).scalar_one()
    twice = sum(count for times, count in often.items() if times > 1)
    return Counter(completed=often[1], lost=often[0], twice=twice, attempts=int(tries))


def instants(orchestrator: Orchestrator) -> dict[str, list[datetime]]:
    """List the instants of each schedule that became a run or a skip, twice where they are."""
    run, skip = tables.flow_run, tables.skip
    with orchestrator.database.read() as connection:
        rows = connection.execute(sa.select(run.c.schedule_id, run.c.due_at)).all()
        assert connection.execute(sa.select(sa.func.count()).select_from(skip)).scalar() == 0
    found: dict[str, list[datetime]] = {}
    for schedule_id, at in rows:
        found.setdefault(schedule_id, []).append(clock.instant(at))
    return {schedule_id: sorted(ats) for schedule_id, ats in found.items()}


def due(schedule: Schedule, since: datetime) -> list[datetime]:
    """List the instants there should be, by counting from the schedule's anchor."""
    assert isinstance(schedule.timing, Interval)
    assert schedule.timing.anchor_date is not None
    anchor = schedule.timing.anchor_date
    first = anchor + ((since - anchor) // MINUTE + 1) * MINUTE
    return [first + n * MINUTE for n in range((schedule.done_until - first) // MINUTE + 1)]
