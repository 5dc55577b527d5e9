"""What an attempt left behind on this machine is ended by the worker that starts next."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nbflow.model import clock, ids, states
from nbflow.model.runs import NewFlowRun
from nbflow.model.workers import NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.reaper import Reaper
from nbflow.store import owners
from nbflow.workers.worker import Worker

Wait = Callable[..., Any]


def lasting(marker: str) -> subprocess.Popen[bytes]:
    """A process of an attempt that would stay for ever."""
    env = {**os.environ, owners.MARKER: marker}
    return subprocess.Popen(["sleep", "600"], env=env, start_new_session=True)


def test_marked_processes_of_ended_attempts_are_ended_and_those_of_live_ones_are_not(
    orchestrator: Orchestrator, wait_for: Wait
) -> None:
    ended, live = (orchestrator.create_flow_run(NewFlowRun("x", owner=owners.current()))
                   for _ in range(2))  # fmt: skip
    for state in (states.Running(), states.Completed()):
        orchestrator.propose(ended.id, state, attempt=ended.attempt)
    strange = ids.uuid7()  # of another store: no business of ours
    left, kept, other = (lasting(f"{run}-1") for run in (ended.id, live.id, strange))
    try:
        assert {f"{run}-1" for run in (ended.id, live.id, strange)} <= owners.markers()
        worker = Worker("swept", limit=1)
        worker._sweep_left()
        left.wait(60)
        assert kept.poll() is None
        assert other.poll() is None
    finally:
        for process in (left, kept, other):
            process.kill()
            process.wait()


def test_runs_of_a_host_that_was_started_anew_are_dead_at_once(orchestrator: Orchestrator) -> None:
    new_id = ids.uuid7()
    before = replace(owners.current(worker_id=new_id), boot="the-boot-before")
    orchestrator.register_worker(NewWorker("w", "rebooted", before, 1, new_id))
    run = orchestrator.create_flow_run(
        NewFlowRun("x", state=states.Scheduled(), due_at=clock.now(), work_pool="rebooted",
                   path="/x.ipynb", kind="notebook")
    )  # fmt: skip
    (claim,) = orchestrator.claim_flow_runs(new_id, 1)
    orchestrator.propose(run.id, states.Running(), attempt=claim.attempt)
    Reaper(orchestrator).run_once(clock.now())  # no lease is waited for
    assert orchestrator.read_flow_run(run.id).state.is_crashed()


def test_two_workers_of_one_name_share_the_work(orchestrator: Orchestrator) -> None:
    for n in range(20):
        orchestrator.create_flow_run(
            NewFlowRun(f"r{n}", state=states.Scheduled(), due_at=clock.now(), work_pool="twins",
                       path="/x.ipynb", kind="notebook")
        )  # fmt: skip
    twins = []
    for _ in range(2):
        new_id = ids.uuid7()
        owner = owners.current(worker_id=new_id)
        twins.append(orchestrator.register_worker(NewWorker("gpu-1", "twins", owner, 10, new_id)))
    given = [c.run.id for w in twins for c in orchestrator.claim_flow_runs(w.id, 10)]
    assert len(given) == len({*given}) == 20
    assert [w.name for w in orchestrator.list_workers().rows].count("gpu-1") == 2
