"""Pausing, suspending, resuming and retrying runs that lie in a real store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nbflow.input import question
from nbflow.model import clock, states
from nbflow.model.runs import FlowRun, NewFlowRun, Owner
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

Call = Callable[..., Any]


def running(orchestrator: Orchestrator, **said: Any) -> FlowRun:
    run = orchestrator.create_flow_run(NewFlowRun("sales", owner=owners.current(), **said))
    orchestrator.propose(run.id, states.Running(), attempt=1, owner=owners.current())
    return orchestrator.read_flow_run(run.id)


def test_a_run_is_paused_and_resumed(nbflow: Call, orchestrator: Orchestrator) -> None:
    run = running(orchestrator)
    assert "Paused" in nbflow("flow-run", "pause", run.id, "--timeout", "10m").out
    assert "being resumed until" in nbflow("flow-run", "inspect", run.id).out
    said = nbflow("flow-run", "resume", run.name, "--output", "json").json()
    assert said["state"]["type"] == "RUNNING"


def test_what_is_asked_for_is_said_and_checked(nbflow: Call, orchestrator: Orchestrator) -> None:
    run = running(orchestrator)
    asking = states.Paused("1", details={"input": question(int)})
    orchestrator.propose(run.id, asking, attempt=1)
    assert "being resumed with value" in nbflow("flow-run", "inspect", run.id).out
    for wrong in ([], ["--input", "value=many"], ["--input-json", "[]"], ["--input", "value"]):
        refused = nbflow("flow-run", "resume", run.id, *wrong)
        assert refused.code == 2, refused
    assert orchestrator.read_flow_run(run.id).state.is_paused()
    assert nbflow("flow-run", "resume", run.id, "--input", "value=7").code == 0
    assert orchestrator.list_inputs(run.id)[0].value == {"value": 7}


def test_what_is_not_paused_is_not_resumed(nbflow: Call, orchestrator: Orchestrator) -> None:
    run = running(orchestrator)
    said = nbflow("flow-run", "resume", run.id)
    assert (said.code, "not paused" in said.err) == (1, True)


def test_a_run_is_suspended_when_its_process_next_looks(
    nbflow: Call, orchestrator: Orchestrator
) -> None:
    run = running(orchestrator)
    assert "Suspended" in nbflow("flow-run", "suspend", run.id).out
    assert orchestrator.read_flow_run(run.id).owner is not None
    child = running(orchestrator, parent_flow_run_id=run.id)
    refused = nbflow("flow-run", "suspend", child.id)
    assert (refused.code, "no other run called" in refused.err) == (1, True)


SCRIPT = """
from pathlib import Path
from nbflow import flow

@flow
def adds(a: int, b: int = 1):
    if not Path(__file__).with_name("repaired").exists():
        raise ValueError("broken")
    return a + b

@flow
async def waits(a: int):
    return a

if __name__ == "__main__":
    raise SystemExit("a script is imported, not run")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "adding.py"
    path.write_text(SCRIPT)
    return path


def ended(orchestrator: Orchestrator, end: states.State, **said: Any) -> FlowRun:
    run = orchestrator.create_flow_run(NewFlowRun(owner=owners.current(), **said))
    orchestrator.propose(run.id, states.Running(), attempt=1, owner=owners.current())
    orchestrator.propose(run.id, end, attempt=1)
    return orchestrator.read_flow_run(run.id)


def test_a_script_s_run_is_tried_again_here_and_now(
    nbflow: Call, orchestrator: Orchestrator, script: Path
) -> None:
    failed = ended(
        orchestrator, states.Failed(), flow_name="adds", path=str(script), function="adds",
        parameters={"a": 3},
    )  # fmt: skip
    said = nbflow("flow-run", "retry", failed.id)
    assert (said.code, "Failed: ValueError: broken" in said.out) == (1, True), said
    script.with_name("repaired").touch()
    said = nbflow("flow-run", "retry", failed.id)
    assert (said.code, "Completed" in said.out) == (0, True), said
    run = orchestrator.read_flow_run(failed.id)
    assert (run.attempt, run.parameters) == (3, {"a": 3})
    said = nbflow("flow-run", "retry", failed.id)
    assert (said.code, "its result stands" in said.err) == (1, True)


def test_an_async_flow_is_tried_again_too(
    nbflow: Call, orchestrator: Orchestrator, script: Path
) -> None:
    crashed = ended(
        orchestrator, states.Crashed(), flow_name="waits", path=str(script), function="waits",
        parameters={"a": 3},
    )  # fmt: skip
    assert nbflow("flow-run", "retry", crashed.id).code == 0
    assert orchestrator.read_flow_run(crashed.id).state.is_completed()


def test_a_run_of_a_pool_waits_for_its_worker(nbflow: Call, orchestrator: Orchestrator) -> None:
    failed = ended(
        orchestrator, states.Failed(), flow_name="nb", kind="notebook", path="/nb.ipynb",
        work_pool="default",
    )  # fmt: skip
    said = nbflow("flow-run", "retry", failed.id)
    assert (said.code, "AwaitingRetry" in said.out) == (0, True)
    assert "No worker of the pool 'default' is running" in said.out


@pytest.mark.parametrize(
    ("said_of_it", "hint"),
    [
        ({"kind": "flow"}, "FLOW.resume("),
    ],
)
def test_a_run_nobody_can_execute_again_is_left_as_it_is(
    nbflow: Call, orchestrator: Orchestrator, said_of_it: dict[str, Any], hint: str
) -> None:
    failed = ended(orchestrator, states.Failed(), flow_name="x", **said_of_it)
    said = nbflow("flow-run", "retry", failed.id)
    assert (said.code, hint in said.err) == (1, True), said
    assert orchestrator.read_flow_run(failed.id).state.is_failed()


def test_a_run_that_was_resumed_and_nobody_executed_is_executed(
    nbflow: Call, orchestrator: Orchestrator, script: Path
) -> None:
    script.with_name("repaired").touch()
    run = ended(
        orchestrator, states.Suspended("1"), flow_name="adds", path=str(script), function="adds",
        parameters={"a": 1},
    )  # fmt: skip
    orchestrator.resume_flow_run(run.id)
    assert "somebody to execute it" in nbflow("flow-run", "inspect", run.id).out
    assert nbflow("flow-run", "resume", run.id).code == 0
    assert orchestrator.read_flow_run(run.id).state.is_completed()


def test_a_run_nobody_holds_any_more_is_cancelled_at_once(
    nbflow: Call, orchestrator: Orchestrator
) -> None:
    elsewhere = Owner("elsewhere", "b", 1, 0.0)
    run = orchestrator.create_flow_run(NewFlowRun("sales", owner=elsewhere))
    orchestrator.propose(run.id, states.Running(), attempt=1, owner=elsewhere)
    with clock.frozen(clock.now() + timedelta(hours=1)):
        assert "Cancelled" in nbflow("flow-run", "cancel", run.id).out
