"""Runs whose process is gone are noticed without any set-up; the living are left alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from nbflow import settings
from nbflow.model import clock, states
from nbflow.model.limits import NewLimit, SlotRequest
from nbflow.model.runs import Batch, FlowRun, NewFlowRun, Owner, TaskRun
from nbflow.model.verdicts import Abort
from nbflow.model.workers import NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.reaper import Reaper
from nbflow.store import owners


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A real process that waits until it is told to end."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield child
    child.kill()
    child.wait()


def owner_of(process: subprocess.Popen[bytes]) -> Owner:
    return replace(owners.current(), pid=process.pid, started=owners._started(process.pid) or 0.0)


def a_running(orchestrator: Orchestrator, owner: Owner, **kw: object) -> FlowRun:
    given: dict = {"flow_name": "f", "owner": owner, **kw}
    run = orchestrator.create_flow_run(NewFlowRun(**given))
    orchestrator.propose(run.id, states.Running(), attempt=1)
    return orchestrator.read_flow_run(run.id)


def reap(orchestrator: Orchestrator, after: float = 0.0) -> None:
    reaper = Reaper(orchestrator)
    reaper._up_since -= 10_000 if after else 0
    reaper.run_once(clock.now() + timedelta(seconds=after))


def test_a_living_process_is_left_alone(
    orchestrator: Orchestrator, process: subprocess.Popen[bytes]
) -> None:
    run = a_running(orchestrator, owner_of(process))
    reap(orchestrator, after=10_000)
    assert orchestrator.read_flow_run(run.id).state.is_running()


def test_a_dead_process_is_noticed_at_once(
    orchestrator: Orchestrator, process: subprocess.Popen[bytes]
) -> None:
    run = a_running(orchestrator, owner_of(process))
    process.kill()
    process.wait()
    reap(orchestrator)
    found = orchestrator.read_flow_run(run.id)
    assert found.state.is_crashed()
    assert str(process.pid) in found.state.message
    assert found.ended_at is not None


def test_a_zombie_counts_as_dead(
    orchestrator: Orchestrator,
    process: subprocess.Popen[bytes],
    wait_for: Callable[..., object],
) -> None:
    owner = owner_of(process)
    process.kill()
    wait_for(lambda: owners.alive(owner) is False)


def test_another_boot_means_dead(orchestrator: Orchestrator) -> None:
    run = a_running(orchestrator, replace(owners.current(), boot="before-the-restart"))
    reap(orchestrator)
    assert orchestrator.read_flow_run(run.id).state.is_crashed()


def test_a_reused_pid_is_not_taken_for_the_owner(orchestrator: Orchestrator) -> None:
    run = a_running(orchestrator, replace(owners.current(), started=1.0))
    reap(orchestrator)
    assert orchestrator.read_flow_run(run.id).state.is_crashed()


def test_another_host_is_trusted_until_its_lease_ends(orchestrator: Orchestrator) -> None:
    run = a_running(orchestrator, Owner("elsewhere", "b", 1, 0.0))
    reap(orchestrator, after=settings.lease_seconds - 1)
    assert orchestrator.read_flow_run(run.id).state.is_running()
    reap(orchestrator, after=settings.lease_seconds + 1)
    assert orchestrator.read_flow_run(run.id).state.is_crashed()


def test_no_lease_is_judged_right_after_a_start(orchestrator: Orchestrator) -> None:
    run = a_running(orchestrator, Owner("elsewhere", "b", 1, 0.0))
    Reaper(orchestrator).run_once(clock.now() + timedelta(days=1))
    assert orchestrator.read_flow_run(run.id).state.is_running()


def test_a_lost_run_that_was_asked_to_stop_is_cancelled(orchestrator: Orchestrator) -> None:
    run = a_running(orchestrator, replace(owners.current(), boot="before"))
    orchestrator.propose(run.id, states.Cancelling())
    reap(orchestrator)
    assert orchestrator.read_flow_run(run.id).state.is_cancelled()


def test_a_session_whose_kernel_is_gone_is_completed(orchestrator: Orchestrator) -> None:
    run = a_running(orchestrator, replace(owners.current(), boot="before"), kind="session")
    reap(orchestrator)
    assert orchestrator.read_flow_run(run.id).state.is_completed()


def test_task_runs_of_a_lost_run_are_closed_truthfully(orchestrator: Orchestrator) -> None:
    run = a_running(orchestrator, replace(owners.current(), boot="before"))
    now = clock.now()
    done = TaskRun("t1", run.id, "k", "done", "cell", states.Completed(), now, position=0)
    going = TaskRun("t2", run.id, "k", "going", "cell", states.Running(), now, position=1)
    later = TaskRun("t3", run.id, "k", "later", "cell", states.Pending(), now, position=2)
    orchestrator.record(Batch(task_runs=(done, going, later)))
    reap(orchestrator)
    names = [task.state.name for task in orchestrator.list_task_runs(run.id)]
    assert names == ["Completed", "Crashed", "NotReady"]


def test_a_task_s_own_word_that_arrives_late_outranks_the_assumption(
    orchestrator: Orchestrator,
) -> None:
    run = a_running(orchestrator, replace(owners.current(), boot="before"))
    now = clock.now()
    going = TaskRun("t2", run.id, "k", "going", "task", states.Running(), now, attempt=1)
    orchestrator.record(Batch(task_runs=(going,)))
    ended = replace(going, state=states.Completed())
    reap(orchestrator)
    assert orchestrator.list_task_runs(run.id)[0].state.is_crashed()
    orchestrator.record(Batch(task_runs=(ended,)))
    (told,) = orchestrator.list_task_runs(run.id)
    assert [state.name for state in told.history] == ["Running", "Completed"]


def test_a_lost_worker_s_unstarted_claims_wait_again(orchestrator: Orchestrator) -> None:
    gone = replace(owners.current(), boot="before")
    new = NewWorker("w", "default", gone, 1)
    worker = orchestrator.register_worker(
        replace(new, owner=replace(gone, worker_id=new.id)),
    )
    run = orchestrator.create_flow_run(
        NewFlowRun(
            "n", kind="notebook", state=states.Scheduled(), path="/n.ipynb", work_pool="default"
        )
    )
    assert orchestrator.claim_flow_runs(worker.id, 1)
    reap(orchestrator)
    assert orchestrator.read_flow_run(run.id).state.is_scheduled()
    assert orchestrator.list_workers().rows == ()


def test_a_run_nobody_takes_is_called_late(orchestrator: Orchestrator) -> None:
    run = orchestrator.create_flow_run(
        NewFlowRun(
            "n", kind="notebook", state=states.Scheduled(), path="/n.ipynb", work_pool="default"
        )
    )
    reap(orchestrator, after=settings.late_seconds + 1)
    found = orchestrator.read_flow_run(run.id)
    assert found.state.name == "Late"
    worker = orchestrator.register_worker(NewWorker("w", "default", owners.current(), 1))
    assert len(orchestrator.claim_flow_runs(worker.id, 1)) == 1


def test_a_script_killed_between_two_tries_is_a_crash(orchestrator: Orchestrator) -> None:
    run = a_running(orchestrator, owners.current(), retries=3, retry_delay_seconds=60.0)
    orchestrator.propose(run.id, states.Failed(message="boom"), attempt=1)
    reap(orchestrator)
    assert orchestrator.read_flow_run(run.id).state.name == "AwaitingRetry"
    gone = a_running(orchestrator, replace(owners.current(), boot="before"), retries=3)
    orchestrator.propose(gone.id, states.Failed(message="boom"), attempt=1)
    reap(orchestrator)
    assert orchestrator.read_flow_run(gone.id).state.is_crashed()


def test_what_a_killed_process_spooled_counts_before_what_is_assumed(
    orchestrator: Orchestrator, home: Path, wait_for: Callable[..., object]
) -> None:
    script = (
        "import sys, threading\n"
        "from nbflow import flow, task, settings\n"
        "settings.override(record_seconds=600.0)\n"
        "@task\n"
        "def step(x): return x\n"
        "@flow\n"
        "def main():\n"
        "    [step(i) for i in range(5)]\n"
        "    print('done', flush=True)\n"
        "    threading.Event().wait()\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "done\n"
        child.kill()
    (run,) = orchestrator.list_flow_runs().rows
    reap(orchestrator)
    assert orchestrator.read_flow_run(run.id).state.is_crashed()
    assert [task.state.name for task in orchestrator.list_task_runs(run.id)] == ["Completed"] * 5


def test_the_slots_of_a_dead_process_come_back_though_nobody_waits(
    orchestrator: Orchestrator, process: subprocess.Popen[bytes]
) -> None:
    orchestrator.create_limit(NewLimit("db", 1))
    orchestrator.acquire_slots(SlotRequest(("db",), owner=owner_of(process)))
    reap(orchestrator)
    assert orchestrator.read_limit("db").active_slots == 1
    process.kill()
    process.wait()
    reap(orchestrator)
    with orchestrator.database.read() as connection:
        assert connection.exec_driver_sql("select count(*) from slot").scalar() == 0


def a_claimed(orchestrator: Orchestrator, owner: Owner, **said: object) -> FlowRun:
    given: dict = {"kind": "notebook", "path": "/n.ipynb", "work_pool": "default", **said}
    run = orchestrator.create_flow_run(NewFlowRun("n", state=states.Scheduled(), **given))
    new = NewWorker("w", "default", owner, 1)
    worker = orchestrator.register_worker(replace(new, owner=replace(owner, worker_id=new.id)))
    assert orchestrator.claim_flow_runs(worker.id, 1)
    return orchestrator.read_flow_run(run.id)


def test_a_claim_that_nobody_renews_waits_again_though_its_worker_lives(
    orchestrator: Orchestrator,
) -> None:
    run = a_claimed(orchestrator, owners.current())
    reap(orchestrator, after=settings.lease_seconds - 1)
    assert orchestrator.read_flow_run(run.id).state.is_pending()
    reap(orchestrator, after=settings.lease_seconds + 1)
    assert orchestrator.read_flow_run(run.id).state.is_scheduled()
    late = orchestrator.propose(run.id, states.Running(), attempt=1)
    assert isinstance(late, Abort)
    assert "given back" in late.reason


def test_a_crash_is_tried_again_where_the_run_says_so(orchestrator: Orchestrator) -> None:
    gone = replace(owners.current(), boot="before")
    run = a_claimed(orchestrator, gone, crash_retries=1, retries=0)
    orchestrator.propose(run.id, states.Running(), attempt=1)
    now = clock.now()
    going = TaskRun("t", run.id, "k", "going", "cell", states.Running(), now, position=0)
    orchestrator.record(Batch(task_runs=(going,)))
    reap(orchestrator)
    found = orchestrator.read_flow_run(run.id)
    assert (found.state.name, found.crash_retries, found.retries) == ("AwaitingRetry", 0, 1)
    assert orchestrator.list_task_runs(run.id)[0].state.is_crashed()
    zombie = orchestrator.propose(run.id, states.Completed(), attempt=1)
    assert isinstance(zombie, Abort)
    new = NewWorker("w2", "default", gone, 1)
    worker = orchestrator.register_worker(replace(new, owner=replace(gone, worker_id=new.id)))
    (claim,) = orchestrator.claim_flow_runs(worker.id, 1)
    assert claim.attempt == 2
    orchestrator.propose(run.id, states.Running(), attempt=2)
    reap(orchestrator)
    assert orchestrator.read_flow_run(run.id).state.is_crashed()


def test_a_clock_set_forward_or_a_sleep_begins_the_grace_anew(orchestrator: Orchestrator) -> None:
    run = a_running(orchestrator, Owner("elsewhere", "b", 1, 0.0))
    reaper = Reaper(orchestrator)
    now = clock.now()
    reaper.run_once(now)
    reaper._up_since -= 10_000
    reaper.run_once(now + timedelta(hours=8))
    assert orchestrator.read_flow_run(run.id).state.is_running()
    reaper._up_since -= settings.lease_seconds + 1
    reaper.run_once(now + timedelta(hours=8, seconds=1))
    assert orchestrator.read_flow_run(run.id).state.is_crashed()


def test_a_lost_run_is_noticed_though_the_clock_was_set_back(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_running(orchestrator, Owner("elsewhere", "b", 1, 0.0))
    passed = 0.0
    real = clock.monotonic
    monkeypatch.setattr(clock, "monotonic", lambda: real() + passed)
    reaper = Reaper(orchestrator)
    back = clock.now() - timedelta(hours=5)
    for _ in range(8):
        reaper.run_once(back + timedelta(seconds=passed))
        passed += 5.0
    assert orchestrator.read_flow_run(run.id).state.is_running()
    for _ in range(8):
        reaper.run_once(back + timedelta(seconds=passed))
        passed += 5.0
    assert orchestrator.read_flow_run(run.id).state.is_crashed()


def test_children_of_a_cancelled_run_are_cancelled_though_they_came_later(
    orchestrator: Orchestrator,
) -> None:
    parent = a_running(orchestrator, owners.current())
    orchestrator.propose(parent.id, states.Cancelling())
    orchestrator.propose(parent.id, states.Cancelled(), attempt=1)
    child = orchestrator.create_flow_run(
        NewFlowRun("n", kind="notebook", state=states.Scheduled(), path="/n.ipynb",
                   work_pool="default", parent_flow_run_id=parent.id)
    )  # fmt: skip
    reap(orchestrator)
    assert orchestrator.read_flow_run(child.id).state.is_cancelled()


def test_one_server_at_a_time_does_what_one_is_enough_for(
    orchestrator: Orchestrator, process: subprocess.Popen[bytes]
) -> None:
    other = owner_of(process)
    assert orchestrator.hold_duty("reaper", other, clock.now())
    assert not orchestrator.hold_duty("reaper", owners.current(), clock.now())
    process.kill()
    process.wait()
    assert orchestrator.hold_duty("reaper", owners.current(), clock.now())


def test_a_process_that_dies_is_noticed_though_nothing_was_written_since(
    orchestrator: Orchestrator, process: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_running(orchestrator, owner_of(process))
    reaper = Reaper(orchestrator)
    for _ in range(3):  # the second hears of what the first has written
        reaper.run_once(clock.now())
    asked: list[str] = []
    read = orchestrator.database.read
    monkeypatch.setattr(orchestrator.database, "read", lambda: (asked.append("read"), read())[1])
    reaper.run_once(clock.now())
    assert asked == [], "its process is looked at, not the store"
    process.kill()
    process.wait()
    reaper.run_once(clock.now())
    assert orchestrator.read_flow_run(run.id).state.is_crashed()


def test_a_lease_that_ends_is_noticed_though_nothing_was_written_since(
    orchestrator: Orchestrator,
) -> None:
    run = a_running(orchestrator, replace(owners.current(), host="elsewhere"))
    reaper = Reaper(orchestrator)
    reaper._up_since -= 10_000
    now = clock.now()
    for second in range(int(settings.lease_seconds) + 2):
        reaper._up_since -= 1  # as if a second had passed
        reaper.run_once(now + timedelta(seconds=second))
        ended = orchestrator.read_flow_run(run.id).state.is_crashed()
        assert ended == (second >= settings.lease_seconds), second
