"""Whoever opens the store calls runs what they are: no server is needed for the truth."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from nbflow import connect
from nbflow.model import clock, states
from nbflow.model.runs import FlowRun, NewFlowRun, Owner
from nbflow.model.workers import NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.orchestration.reaping import end_dead
from nbflow.store import owners


def gone() -> Owner:
    return replace(owners.current(), boot="before-the-restart")


def running(orchestrator: Orchestrator, owner: Owner, **said: object) -> FlowRun:
    run = orchestrator.create_flow_run(NewFlowRun("x", owner=owner, **said))  # type: ignore[arg-type]
    orchestrator.propose(run.id, states.Running(), attempt=1, owner=owner)
    return run


def names(orchestrator: Orchestrator, *runs: FlowRun) -> list[str]:
    return [orchestrator.read_flow_run(run.id).state.name for run in runs]


def test_only_what_is_known_to_be_dead_is_ended(orchestrator: Orchestrator) -> None:
    dead = running(orchestrator, gone())
    living = running(orchestrator, owners.current())
    elsewhere = running(orchestrator, Owner("elsewhere", "b", 1, 0.0))
    with clock.frozen(clock.now() + timedelta(days=1)):
        assert end_dead(orchestrator) == 1
    assert names(orchestrator, dead, living, elsewhere) == ["Crashed", "Running", "Running"]


def test_the_message_names_the_process_and_its_last_heartbeat(orchestrator: Orchestrator) -> None:
    run, at = running(orchestrator, gone()), clock.now()
    end_dead(orchestrator)
    message = orchestrator.read_flow_run(run.id).state.message
    assert f"process {owners.current().pid} on {owners.current().host}" in message
    assert f"last heartbeat was at {at:%Y-%m-%d %H:%M}" in message


def test_opening_the_store_is_looking(orchestrator: Orchestrator) -> None:
    run = running(orchestrator, gone())
    connect.forget()
    opened = connect.connect()
    assert opened.read_flow_run(run.id).state.is_crashed()


def test_a_request_to_cancel_that_came_first_decides(orchestrator: Orchestrator) -> None:
    run = running(orchestrator, gone())
    orchestrator.propose(run.id, states.Cancelling())
    end_dead(orchestrator)
    assert names(orchestrator, run) == ["Cancelled"]


def test_a_paused_run_without_its_process_crashes_a_suspended_one_has_none(
    orchestrator: Orchestrator,
) -> None:
    paused, suspended = running(orchestrator, gone()), running(orchestrator, gone())
    orchestrator.propose(paused.id, states.Paused("1", timeout_seconds=60), attempt=1)
    orchestrator.propose(suspended.id, states.Suspended("1", timeout_seconds=60), attempt=1)
    end_dead(orchestrator)
    assert names(orchestrator, paused, suspended) == ["Crashed", "Suspended"]
    with clock.frozen(clock.now() + timedelta(seconds=61)):
        assert end_dead(orchestrator) == 1
    assert names(orchestrator, suspended) == ["Failed"]


def test_what_a_dead_worker_never_started_waits_again(orchestrator: Orchestrator) -> None:
    new = NewWorker("w", "default", gone(), 1)
    worker = orchestrator.register_worker(replace(new, owner=replace(gone(), worker_id=new.id)))
    run = orchestrator.create_flow_run(
        NewFlowRun(
            "n", kind="notebook", state=states.Scheduled(), path="/n.ipynb", work_pool="default"
        )
    )
    assert orchestrator.claim_flow_runs(worker.id, 1)
    end_dead(orchestrator)
    assert names(orchestrator, run) == ["Scheduled"]
