"""Schedules under edits, pauses, skips, clock jumps, restarts and two servers, against a model.

Every instant a model says is due is exactly one run or one recorded skip. `make test`: some dozen
examples; `make faults` (`NBFLOW_FAULTS_FULL=1`): 1,000 examples of 40 steps.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from nbflow import settings as configured
from nbflow.exceptions import NbflowError
from nbflow.model import clock
from nbflow.model.deployments import DeploymentChange, NewDeployment, NewSchedule
from nbflow.model.schedules import Cron, Interval, Timing
from nbflow.model.scheduling import ScheduleChange
from nbflow.orchestration.orchestrator import Orchestrator

FULL = bool(os.environ.get("NBFLOW_FAULTS_FULL"))
EXAMPLES, STEPS = (1000, 40) if FULL else (25, 30)
pytestmark = pytest.mark.timeout(3600 if FULL else 300)

START = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
GRACE = timedelta(seconds=15)
MICRO = timedelta(microseconds=1)


@dataclass
class Item:
    """A schedule as the model knows it: `every` minutes, counted from START."""

    every: int
    mark: datetime
    catchup: str = "latest"
    window: timedelta = timedelta(days=1)
    most: int = 100
    max_runs: int | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    active: bool = True
    made: int = 0
    asked: set[datetime] = field(default_factory=set)
    runs: set[datetime] = field(default_factory=set)
    skips: Counter[str] = field(default_factory=Counter)

    def instants(self, after: datetime, until: datetime) -> list[datetime]:
        """Instants in (after, until], one by one."""
        step = timedelta(minutes=self.every)
        at = START + ((after - START) // step + 1) * step
        found = []
        while at <= until:
            inside = (self.starts_at is None or at >= self.starts_at) and (
                self.ends_at is None or at < self.ends_at
            )
            if inside:
                found.append(at)
            at += step
        return found

    def tick(self, now: datetime) -> None:
        """What one tick makes of what is due."""
        if self.max_runs is not None and self.made >= self.max_runs:
            return
        due = [at for at in self.instants(self.mark, now) if at not in self.asked]
        if not due:
            return
        missed = [at for at in due if at < now - GRACE]
        allowed = {"all": self.most, "latest": min(1, self.most), "none": 0}[self.catchup]
        newest = missed[max(len(missed) - allowed, 0) :]
        late = [at for at in newest if at >= now - self.window]
        self.skips["missed"] += len(missed) - len(late)
        left = None if self.max_runs is None else self.max_runs - self.made
        runs = [*late, *due[len(missed) :]][:left]
        self.runs |= set(runs)
        self.made += len(runs)
        self.mark = now

    def begin(self, now: datetime) -> None:
        """Go on from now: a mark never goes back."""
        self.mark = max(self.mark, now)

    def timing(self) -> Timing:
        """What is said of it: an interval, or a cron that means the same."""
        if self.every in (1, 2, 5, 15, 30):
            return Cron(f"*/{self.every} * * * *")
        return Interval(timedelta(minutes=self.every), START)


@cache
def blank() -> Path:
    """An empty store, made once."""
    home = Path(tempfile.mkdtemp())
    with configured.temporary(home=str(home), database_url=""):
        Orchestrator().close()
    return home / "nbflow.sqlite"


EVERY = st.sampled_from([1, 2, 5, 7, 15, 30, 45, 60, 90])
SPANS = st.one_of(
    st.integers(0, 90).map(lambda s: timedelta(seconds=s)),
    st.integers(1, 300).map(lambda m: timedelta(minutes=m)),
    st.integers(1, 72).map(lambda h: timedelta(hours=h, seconds=7)),
)


class Schedules(RuleBasedStateMachine):
    """Two servers over one store, and what should come of it."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.file = self.folder / "nbflow.sqlite"
        shutil.copy(blank(), self.file)
        self.now = START
        self.items: dict[str, Item] = {}
        self.paused = False
        self._home = configured.temporary(home=str(self.folder), database_url="")
        self._home.__enter__()
        self.servers = [Orchestrator(), Orchestrator()]
        with clock.frozen(self.now):
            new = NewDeployment("d", "d", "/w/d.ipynb", "{}", "python3")
            self.deployment = self.servers[0].deploy(new)

    def teardown(self) -> None:
        self.check()
        for server in self.servers:
            server.close()
        self._home.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    # -- time ---------------------------------------------------------------------------------
    @rule(span=SPANS, which=st.integers(0, 1))
    def pass_time(self, span: timedelta, which: int) -> None:
        self.now += span
        self.tick(which)

    @rule(span=SPANS, way=st.sampled_from([-1, 1]))
    def jump(self, span: timedelta, way: int) -> None:
        self.now = max(self.now + way * span, START)

    @rule(which=st.integers(0, 1))
    def tick(self, which: int) -> None:
        with clock.frozen(self.now):
            for _ in range(20):
                due_at = self.servers[which].next_instant()
                if due_at is None or due_at > self.now:
                    break
                self.servers[which].tick(self.now)
        if not self.paused:
            for item in self.items.values():
                if item.active:
                    item.tick(self.now)
        self.check()

    @rule(which=st.integers(0, 1))
    def restart(self, which: int) -> None:
        self.servers[which].close()
        self.servers[which] = Orchestrator()

    # -- what people do -----------------------------------------------------------------------
    @rule(
        every=EVERY,
        catchup=st.sampled_from(["latest", "all", "none"]),
        window=st.integers(0, 200).map(lambda m: timedelta(minutes=m)),
        most=st.integers(0, 50),
        max_runs=st.none() | st.integers(1, 6),
        starts=st.none() | SPANS,
        lasts=st.none() | st.integers(90, 600).map(lambda m: timedelta(minutes=m)),
    )
    def create(self, every, catchup, window, most, max_runs, starts, lasts) -> None:
        starts_at = None if starts is None else self.now + starts
        ends_at = None if lasts is None else (starts_at or self.now) + lasts
        item = Item(every, self.now, catchup, window, most, max_runs, starts_at, ends_at)
        new = NewSchedule(
            item.timing(),
            catchup=catchup,
            catchup_window_seconds=window.total_seconds(),
            catchup_max=most,
            max_runs=max_runs,
            starts_at=starts_at,
            ends_at=ends_at,
        )
        made = self.ask(lambda server: server.create_schedule("d", new))
        if made is not None:
            self.items[made.id] = item

    @precondition(lambda self: self.items)
    @rule(data=st.data(), every=EVERY)
    def edit(self, data, every: int) -> None:
        schedule_id, item = self.one(data)
        wanted = Item(every, self.now).timing()
        if wanted == item.timing():
            return
        change = ScheduleChange(timing=wanted)
        if self.ask(lambda server: server.update_schedule(schedule_id, change)) is None:
            return
        item.every = every
        item.skips["replaced"] += len(item.runs)
        item.runs.clear()
        item.skips["asked"] -= sum(at > self.now for at in item.asked)
        item.asked = {at for at in item.asked if at <= self.now}
        item.begin(self.now)

    @precondition(lambda self: self.items)
    @rule(data=st.data(), active=st.booleans())
    def pause_or_resume(self, data, active: bool) -> None:
        schedule_id, item = self.one(data)
        change = ScheduleChange(active=active)
        self.ask(lambda server: server.update_schedule(schedule_id, change))
        if active and not item.active:
            item.begin(self.now)
        item.active = active

    @rule(paused=st.booleans())
    def pause_or_resume_all(self, paused: bool) -> None:
        change = DeploymentChange(paused=paused)
        self.ask(lambda server: server.update_deployment("d", change))
        if self.paused and not paused:
            for item in self.items.values():
                item.begin(self.now)
        self.paused = paused

    @precondition(lambda self: self.items)
    @rule(data=st.data())
    def delete(self, data) -> None:
        schedule_id, _ = self.one(data)
        self.ask(lambda server: server.delete_schedule(schedule_id))
        del self.items[schedule_id]

    @precondition(lambda self: self.items)
    @rule(data=st.data(), ahead=st.integers(0, 3))
    def skip(self, data, ahead: int) -> None:
        schedule_id, item = self.one(data)
        after = max(self.now, item.mark)
        coming = item.instants(after, after + timedelta(hours=8))
        if len(coming) <= ahead:
            return
        at = coming[ahead]
        assert self.ask(lambda server: server.skip_instant(schedule_id, at)) is not None
        if at not in item.asked:
            item.asked.add(at)
            item.skips["asked"] += 1

    # -- the two compared ---------------------------------------------------------------------
    def one(self, data) -> tuple[str, Item]:
        schedule_id = data.draw(st.sampled_from(sorted(self.items)))
        return schedule_id, self.items[schedule_id]

    def ask(self, call):
        """Ask a server; None: it refused, and changed nothing."""
        with clock.frozen(self.now):
            try:
                return call(self.servers[0]) or True
            except NbflowError:
                return None

    def check(self) -> None:
        database = sqlite3.connect(self.file)
        runs = database.execute("SELECT schedule_id, due_at FROM flow_run").fetchall()
        skips = database.execute('SELECT schedule_id, reason, sum("count") FROM skip GROUP BY 1, 2')
        found = {(schedule, reason): count for schedule, reason, count in skips}
        database.close()
        assert len(runs) == len(set(runs))
        made = {(schedule, clock.instant(at)) for schedule, at in runs}
        assert made == {(id, at) for id, item in self.items.items() for at in item.runs}
        assert found == {
            (id, reason): count
            for id, item in self.items.items()
            for reason, count in item.skips.items()
            if count
        }


Schedules.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestSchedules = Schedules.TestCase
