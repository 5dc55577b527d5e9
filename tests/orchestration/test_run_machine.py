"""The life of a run, at random, against a model of it written from the documentation.

`make test`: 80 examples on each database; `make faults` (`NBFLOW_FAULTS_FULL=1`): 2,000
of 50 steps. Time stands still but for the steps that move it.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from nbflow import settings as our_settings
from nbflow.exceptions import Conflict
from nbflow.model import clock, ids, pauses, states
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.states import State
from nbflow.model.verdicts import Abort, Accept, Verdict, Wait
from nbflow.model.workers import Held, NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

FULL = bool(os.environ.get("NBFLOW_FAULTS_FULL"))
EXAMPLES, STEPS = (2000, 50) if FULL else (80, 50)
LEAST = 20 if FULL else 1
DELAY = 10.0
SECOND = timedelta(seconds=1)
FINAL = {"COMPLETED", "FAILED", "CANCELLED", "CRASHED"}

#: the published diagram: from → to; what is missing never happens
DIAGRAM: dict[str | None, set[str]] = {
    None: {"SCHEDULED", "PENDING"},
    "SCHEDULED": {"SCHEDULED", "PENDING", "RUNNING", "CANCELLED", "CRASHED"},
    "PENDING": {"SCHEDULED", "RUNNING", "CANCELLING", *FINAL},
    "RUNNING": {"SCHEDULED", "PAUSED", "CANCELLING", *FINAL},
    "PAUSED": {"SCHEDULED", "RUNNING", "CANCELLING", *FINAL},
    "CANCELLING": {"CANCELLED"},
    "FAILED": {"SCHEDULED"},
    "CANCELLED": {"SCHEDULED"},
    "CRASHED": {"SCHEDULED"},
    "COMPLETED": set(),
}
EDGES = {(a, b) for a, reached in DIAGRAM.items() for b in reached}
counted: Counter[tuple[str | None, str]] = Counter()


@dataclass
class Model:
    """A run as the documentation tells of it.

    `pool`: workers execute it; else the process that made it. `asleep`: no process waits while it
    is paused; `asked`: somebody else wants that, and the process has not heard of it yet.
    """

    pool: bool
    retries: int
    crash_retries: int
    due: datetime
    state: str = ""
    name: str = ""
    attempt: int = 0
    until: datetime | None = None
    asleep: bool = False
    asked: bool = False
    lease: datetime | None = None

    def answer(self, to: State, attempt: int | None, now: datetime) -> str:
        """Say what becomes of a proposal: the state it leads to, `abort`, `wait`, or `same`."""
        wanted = to.type.value
        if attempt is not None and attempt != self.attempt:
            return "abort"  # an old attempt is fenced
        if attempt is not None and self.pool and self.state == "SCHEDULED":
            return "abort" if wanted != "CANCELLING" else "CANCELLED"  # its claim was given back
        if wanted == "CANCELLING" and self.state in ("CANCELLING", "CANCELLED"):
            return "same"
        if self.state in FINAL:
            return "abort"
        sleeps = self.state == "PAUSED" and self.asleep and not self.asked
        if wanted == "CANCELLING" and (self.state == "SCHEDULED" or sleeps):
            return "CANCELLED"  # no process has to be told
        if self.state == "CANCELLING" and wanted in FINAL:
            return "CANCELLED"
        if wanted == "PAUSED":
            return "PAUSED" if self.state == "RUNNING" else "abort"
        late = self.state == "PAUSED" and self.until is not None and self.until <= now
        if late and wanted in ("RUNNING", "SCHEDULED"):
            return "FAILED"
        if self.state == "SCHEDULED" and wanted == "RUNNING" and self.due > now:
            return "wait"
        failed = wanted == "FAILED" and (
            self.state == "RUNNING" or (self.state == "PAUSED" and not late)
        )
        if failed and self.attempt <= self.retries:
            return "SCHEDULED"
        began = self.state in ("PENDING", "RUNNING", "PAUSED")
        if wanted == "CRASHED" and self.pool and self.crash_retries and began:
            return "SCHEDULED"
        return wanted if self.state in FINAL or wanted in DIAGRAM[self.state] else "abort"

    def enter(self, to: State, now: datetime) -> None:
        """Take the run to a state that was accepted."""
        wanted, before = to.type.value, self.state
        counted[before or None, wanted] += 1
        if before == "SCHEDULED" and wanted in ("PENDING", "RUNNING"):
            self.attempt += 1
        if wanted == "SCHEDULED":
            crash = to.name == "AwaitingRetry" and to.details.get("cause") == "crash"
            if before in FINAL:
                self.retries = max(self.retries, self.attempt)
            elif crash or to.name == "Resuming":
                self.retries += 1
            self.crash_retries -= crash
            self.due = datetime.fromisoformat(to.details["due_at"])
        self.state, self.name = wanted, to.name
        self.until = pauses.end_of(to)
        self.asleep, self.asked = to.leaves(), bool(to.details.get("requested"))
        own_retry = wanted == "SCHEDULED" and not self.pool and self.lease is not None
        at_work = wanted in ("PENDING", "RUNNING", "PAUSED", "CANCELLING") and not (
            self.asleep and not self.asked
        )
        lease = now + timedelta(seconds=our_settings.lease_seconds)
        self.lease = lease if own_retry or at_work else None


class Life:
    """One run after the other, and everybody who may do something with one.

    A step is two bytes: which of the things that can be done now, and how.
    """

    def __init__(self, orchestrator: Orchestrator, how: int) -> None:
        self.orchestrator = orchestrator
        self.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
        self.stack = ExitStack()
        self._turn()
        self.pool = f"pool-{ids.uuid7()}"
        self._register()
        self.steps = 0
        self.create(how)

    def step(self, which: int, how: int) -> None:
        """Do one thing that can be done now."""
        can = _CAN[self.model.state]
        can[which % len(can)](self, how)
        self.steps += 1
        if self.steps % 4 == 0:
            self.check()

    def end_of_life(self) -> None:
        """Look at the whole, and leave nothing to the next life."""
        self.check_history()
        self.orchestrator.propose(self.id, states.Cancelling())
        self.orchestrator.propose(self.id, states.Cancelled(), attempt=self._run().attempt)
        self.orchestrator.stop_worker(self.worker.id)
        self.stack.close()

    def create(self, how: int) -> None:
        pool, retries, crash_retries, later = how & 1, how % 3, how // 3 % 3, how // 9 % 3 == 0
        due = self.now + 15 * SECOND if pool and later else self.now
        self.last: tuple[State, int | None] | None = None
        self.model = Model(bool(pool), retries, crash_retries, due)
        new = NewFlowRun(
            "f", kind="notebook", path="/n.ipynb", owner=None if pool else owners.current(),
            state=states.Scheduled(due) if pool else states.Pending(), due_at=due, retries=retries,
            crash_retries=crash_retries, retry_delay_seconds=DELAY,
            work_pool=self.pool if pool else None,
        )  # fmt: skip
        run = self.orchestrator.create_flow_run(new)
        if how % 10 == 0:
            assert self.orchestrator.create_flow_run(new) == run  # the answer was lost
        self.id = run.id
        self.model.enter(run.state, self.now)
        self.model.attempt = run.attempt
        assert run.attempt == (0 if pool else 1)

    def create_another(self, how: int) -> None:
        self.check_history()
        self.create(how)

    def _register(self) -> None:
        made = ids.uuid7()
        new = NewWorker("w", self.pool, owners.current(worker_id=made), 5, made)
        self.worker = self.orchestrator.register_worker(new)

    def _turn(self) -> None:
        """Stop the clock at the model's time."""
        self.stack.close()
        self.stack.enter_context(clock.frozen(self.now))

    def _propose(self, to: State, attempt: int | None) -> None:
        expected = self.model.answer(to, attempt, self.now)
        before = replace(self.model)
        verdict: Verdict = self.orchestrator.propose(self.id, to, attempt=attempt)
        match expected:
            case "abort":
                assert isinstance(verdict, Abort), (before, to, verdict)
            case "wait":
                assert isinstance(verdict, Wait), (before, to, verdict)
            case "same":
                assert isinstance(verdict, Accept), (before, to, verdict)
                assert verdict.state.type.value == before.state
            case _:
                assert isinstance(verdict, Accept), (before, to, verdict)
                assert verdict.state.type.value == expected, (before, to, verdict)
                self.model.enter(verdict.state, self.now)
                assert verdict.attempt == self.model.attempt
                self.last = (verdict.state, attempt)

    # -- the process that has the run ---------------------------------------------------------
    def claim(self, how: int) -> None:
        due = self.model.pool and self.model.state == "SCHEDULED" and self.model.due <= self.now
        claims = self.orchestrator.claim_flow_runs(self.worker.id, 1 + how % 5)
        assert [claim.run.id for claim in claims] == ([self.id] if due else [])
        for claim in claims:
            self.model.enter(claim.run.state, self.now)
            assert claim.attempt == self.model.attempt

    def start(self, _how: int) -> None:
        self._propose(states.Running(at=self.now), self.model.attempt)

    def end(self, how: int) -> None:
        makes = (states.Completed, states.Failed, states.Failed, states.Crashed, states.Cancelled)
        self._propose(makes[how % 5](message="end", at=self.now), self.model.attempt)

    def write_stale(self, how: int) -> None:
        makes: Any = (states.Running, states.Completed, states.Failed, states.Paused)
        older = 1 + how % 2
        if self.model.attempt >= older:
            self._propose(makes[how // 2 % 4](at=self.now), self.model.attempt - older)

    def heartbeat(self, how: int) -> None:
        older = how % 2
        beat = self.orchestrator.heartbeat((Held(self.id, self.model.attempt - older),))
        holds = self.model.lease is not None and older == 0
        assert beat.lost == (() if holds else (self.id,))
        assert (self.id in beat.cancel) == (holds and self.model.state == "CANCELLING")
        if holds:
            self.model.lease = self.now + timedelta(seconds=our_settings.lease_seconds)

    def pause(self, how: int) -> None:
        make = states.Suspended if how & 1 else states.Paused
        attempt = None if how & 2 else self.model.attempt
        self._propose(make(timeout_seconds=20.0 if how & 4 else None, at=self.now), attempt)

    # -- people -------------------------------------------------------------------------------
    def cancel(self, _how: int) -> None:
        self._propose(states.Cancelling(at=self.now), None)

    def resume(self, _how: int) -> None:
        late = self.model.until is not None and self.model.until <= self.now
        sleeps = self.model.asleep and not self.model.asked
        try:
            run = self.orchestrator.resume_flow_run(self.id)
        except Conflict:
            assert late
            run = self.orchestrator.read_flow_run(self.id)
        assert run.state.type.value == ("FAILED" if late else "SCHEDULED" if sleeps else "RUNNING")
        self.model.enter(run.state, self.now)

    def retry(self, _how: int) -> None:
        may = self.model.state in FINAL - {"COMPLETED"}
        try:
            run = self.orchestrator.retry_flow_run(self.id)
        except Conflict:
            assert not may
            return
        assert may or self.model.state == "SCHEDULED"
        if may:
            self.model.enter(run.state, self.now)

    # -- the services -------------------------------------------------------------------------
    def reap(self, _how: int) -> None:
        if self.model.lease is None:
            return
        run = self.orchestrator.read_flow_run(self.id)
        lost = states.Crashed(message="gone", at=self.now)
        expected = self.model.answer(lost, run.attempt, self.now)
        self.orchestrator.end_lost(run, lost)
        after = self.orchestrator.read_flow_run(self.id)
        assert after.state.type.value == expected
        self.model.enter(after.state, self.now)

    def give_back(self, how: int) -> None:
        """A claim that never began: its worker does not renew it, leaves, or is lost."""
        ends, lease = (self.model.pool and self.model.state == "PENDING"), self.model.lease
        if how % 3:
            self.orchestrator.give_back(self.now)
            ends = ends and lease is not None and lease < self.now
        else:
            self.orchestrator.lose_worker(self.worker.id)
            self._register()
        if ends:
            self._see()
            assert self.model.state == "SCHEDULED"

    def call_late(self, _how: int) -> None:
        late = self.model.name == "Scheduled" and self.model.due < self.now
        self.orchestrator.mark_late(self.now)
        if late:
            self._see()
            assert self.model.name == "Late"

    def expire(self, _how: int) -> None:
        late = self.model.until is not None and self.model.until <= self.now
        assert self.orchestrator.expire_pauses() == int(late)
        if late:
            self._see()
            assert self.model.state == "FAILED"

    def _see(self) -> None:
        self.model.enter(self.orchestrator.read_flow_run(self.id).state, self.now)

    def step_clock(self, how: int) -> None:
        self.now += (1, 5, 15, 40, -3)[how % 5] * SECOND
        self._turn()

    def deliver_twice(self, _how: int) -> None:
        if self.last is None or self.last[0].id != self._run().state.id:
            return
        to, attempt = self.last
        verdict = self.orchestrator.propose(self.id, to, attempt=attempt)
        assert isinstance(verdict, Accept)
        assert (verdict.state, verdict.attempt) == (to, self.model.attempt)

    # -- what always holds --------------------------------------------------------------------
    def _run(self) -> FlowRun:
        return self.orchestrator.read_flow_run(self.id)

    def check(self) -> None:
        """The store is as the model."""
        run = self._run()
        assert (run.state.type.value, run.state.name) == (self.model.state, self.model.name)
        assert (run.attempt, run.retries) == (self.model.attempt, self.model.retries)
        assert run.crash_retries == self.model.crash_retries
        assert run.lease_until == self.model.lease

    def check_history(self) -> None:
        """What it went through is a path in the diagram, and time did not go back."""
        self.check()
        history = self.orchestrator.list_states(self.id)
        kinds = [state.type.value for state in history]
        for before, after in zip([None, *kinds], kinds, strict=False):
            assert after in DIAGRAM[before], kinds
        instants = [state.at for state in history]
        assert instants == sorted(instants)


_ALWAYS = (Life.step_clock, Life.heartbeat, Life.write_stale, Life.deliver_twice)
_WORKED_ON = (Life.end, Life.end, Life.cancel, Life.reap, Life.give_back, Life.retry, *_ALWAYS)
#: what is tried in a state; mostly what leads on, and always what must be refused
_CAN: dict[str, tuple[Any, ...]] = {
    "SCHEDULED": (
        *[Life.claim, Life.start, Life.step_clock] * 4, Life.cancel, Life.end, Life.reap,
        Life.call_late, Life.pause, Life.retry, *_ALWAYS,
    ),
    "PENDING": (*[Life.start] * 10, Life.claim, Life.pause, *_WORKED_ON),
    "RUNNING": (*[Life.pause] * 5, Life.start, Life.claim, *_WORKED_ON),
    "PAUSED": (*[Life.resume] * 3, Life.expire, Life.start, Life.pause, Life.claim, *_WORKED_ON),
    "CANCELLING": (Life.start, Life.pause, *_WORKED_ON),
    **dict.fromkeys(
        FINAL, (*[Life.create_another, Life.retry] * 4, Life.claim, Life.start, *_WORKED_ON)
    ),
}  # fmt: skip


@pytest.mark.timeout(3600)
def test_a_run_lives_as_the_documentation_says(
    orchestrator: Orchestrator, capsys: pytest.CaptureFixture[str]
) -> None:
    counted.clear()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.binary(min_size=2 * STEPS + 1, max_size=2 * STEPS + 1))
    def live(steps: bytes) -> None:
        life = Life(orchestrator, steps[-1])
        try:
            for which, how in zip(steps[:-1:2], steps[1::2], strict=True):
                life.step(which, how)
            life.end_of_life()
        finally:
            life.stack.close()

    with our_settings.temporary(lease_seconds=30.0):
        live()
    with capsys.disabled():
        print(f"\n{EXAMPLES} lives of {STEPS} steps; edges of the diagram:")
        for (before, after), times in sorted(counted.items(), key=str):
            print(f"  {before or 'new'} → {after}: {times}")
    assert {edge: counted[edge] for edge in EDGES if counted[edge] < LEAST} == {}
    assert set(counted) <= EDGES
