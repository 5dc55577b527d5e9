"""Listing, inspecting, reading and cancelling runs that lie in a real store."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nbflow import flow
from nbflow.model import clock, ids, states
from nbflow.model.artifacts import Artifact
from nbflow.model.runs import Batch, FlowRun, LogEntry, NewFlowRun, TaskRun
from nbflow.model.workers import NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

Call = Callable[..., Any]


@pytest.fixture
def failed(orchestrator: Orchestrator) -> FlowRun:
    """A run whose second cell failed, with a log and an artifact."""
    run = orchestrator.create_flow_run(
        NewFlowRun(
            "sales", kind="notebook", name="calm-otter", parameters={"rows": 3}, tags=("eu",)
        )
    )
    orchestrator.propose(run.id, states.Running(), attempt=1)
    cells = (
        cell(run, 0, "load", states.Completed()),
        cell(run, 1, "clean", states.Failed(message="KeyError: 'x'")),
    )
    logs = tuple(
        LogEntry(run.id, clock.now(), level, f"line {at}")
        for at, level in enumerate([logging.DEBUG, logging.INFO, logging.ERROR])
    )
    table = Artifact("table", {"columns": ["a"], "rows": [[1]]}, key="totals", flow_run_id=run.id)
    orchestrator.record(Batch(task_runs=cells, logs=logs, artifacts=(table,)))
    orchestrator.propose(run.id, states.Failed(message="Cell 2 of 2 failed."), attempt=1)
    return orchestrator.read_flow_run(run.id)


def cell(run: FlowRun, position: int, name: str, state: states.State) -> TaskRun:
    began = states.Running(at=state.at - timedelta(seconds=1.5))
    return TaskRun(
        id=ids.uuid7(), flow_run_id=run.id, key=name, name=name, kind="cell", state=state,
        created_at=began.at, position=position, attempt=1, history=(began, state),
    )  # fmt: skip


def test_runs_are_listed_newest_first(nbflow: Call, orchestrator: Orchestrator) -> None:
    made = [orchestrator.create_flow_run(NewFlowRun("sales")) for _ in range(3)]
    said = nbflow("flow-run", "ls", "--output", "json")
    assert [row["id"] for row in said.json()] == [run.id for run in reversed(made)]
    shown = nbflow("flow-run", "ls").out.splitlines()
    assert shown[0].split() == ["ID", "NAME", "FLOW", "STATE", "DUE", "TOOK"]
    assert [line.split()[0] for line in shown[1:]] == [run.id for run in reversed(made)]


def test_an_empty_list_says_so(nbflow: Call) -> None:
    assert nbflow("flow-run", "ls").out == "There are no such runs.\n"
    assert nbflow("flow-run", "ls", "--output", "json").json() == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--state", "failed"], 1),
        (["--state", "COMPLETED"], 0),
        (["--state", "completed", "--state", "failed"], 1),
        (["--tag", "eu"], 1),
        (["--tag", "us"], 0),
        (["--search", "otter"], 1),
        (["--flow-name", "sales"], 1),
        (["--since", "1h"], 1),
    ],
)
def test_a_list_is_narrowed(nbflow: Call, failed: FlowRun, words: list[str], found: int) -> None:
    assert len(nbflow("flow-run", "ls", *words, "--output", "json").json()) == found


def test_a_list_that_is_cut_says_so(nbflow: Call, orchestrator: Orchestrator) -> None:
    for _ in range(3):
        orchestrator.create_flow_run(NewFlowRun("sales"))
    assert "there are more" in nbflow("flow-run", "ls", "--limit", "2").out


def test_an_unknown_state_is_refused(nbflow: Call) -> None:
    said = nbflow("flow-run", "ls", "--state", "complet")
    assert said.code == 2
    assert "Did you mean 'completed'?" in said.err


def test_inspect_shows_states_cells_and_artifacts(nbflow: Call, failed: FlowRun) -> None:
    out = nbflow("flow-run", "inspect", "calm-otter").out
    for expected in (failed.id, "Failed: Cell 2 of 2 failed.", '{"rows": 3}', "Pending", "Running"):
        assert expected in out
    rows = [line.split() for line in out.splitlines()]
    assert ["0", "load", "Completed", "1.50", "s"] in rows
    assert ["1", "clean", "Failed", "1.50", "s", "KeyError:", "'x'"] in rows
    assert ["table", "totals"] in rows


def test_inspect_as_json_holds_the_whole_run(nbflow: Call, failed: FlowRun) -> None:
    whole = nbflow("flow-run", "inspect", failed.id[:13], "--output", "json").json()
    assert whole["id"] == failed.id
    assert [state["type"] for state in whole["states"]] == ["PENDING", "RUNNING", "FAILED"]
    assert [item["name"] for item in whole["task_runs"]] == ["load", "clean"]
    assert [item["key"] for item in whole["artifacts"]] == ["totals"]
    assert whole["waits_for"] is None


def test_inspect_says_what_a_waiting_run_waits_for(
    nbflow: Call, orchestrator: Orchestrator
) -> None:
    later = clock.now() + timedelta(hours=1)
    for name, due_at in (("soon", clock.now()), ("later", later)):
        orchestrator.create_flow_run(
            NewFlowRun("sales", name=name, state=states.Scheduled(due_at), due_at=due_at,
                       path="/x/sales.ipynb", work_pool="default")
        )  # fmt: skip
    soon = nbflow("flow-run", "inspect", "soon", "--output", "json").json()["waits_for"]
    assert "a worker of the pool 'default': none is online" in soon
    assert "Start `jupyter lab`" in soon
    assert "its time" in nbflow("flow-run", "inspect", "later").out


def test_inspect_says_which_limit_a_due_run_waits_under(
    nbflow: Call, orchestrator: Orchestrator, notebook: Callable[..., Path]
) -> None:
    nbflow("deploy", notebook("rows"), "--limit", 1)
    deployment = orchestrator.read_deployment("sales")
    worker = orchestrator.register_worker(
        NewWorker("tester", deployment.work_pool, owners.current(), 4)
    )
    for name in ("first", "second", "third"):
        nbflow("deployment", "run", "sales", "--run-name", name)
    assert len(orchestrator.claim_flow_runs(worker.id, 4)) == 1

    def waits_for(name: str) -> str:
        return nbflow("flow-run", "inspect", name, "--output", "json").json()["waits_for"]

    what = "the only place of the deployment 'sales', held by first"
    assert waits_for("second") == f"{what}; number 1 of 2 in line."
    assert waits_for("third") == f"{what}; number 2 of 2 in line."


def test_a_name_cannot_steer_the_terminal(nbflow: Call, orchestrator: Orchestrator) -> None:
    orchestrator.create_flow_run(NewFlowRun("sales", name="a\x1b[31mb"))
    assert "\x1b" not in nbflow("flow-run", "ls").out


def test_logs_are_shown_in_order_and_by_level(nbflow: Call, failed: FlowRun) -> None:
    def lines(*words: str) -> list[str]:
        said = nbflow("flow-run", "logs", failed.id, *words, "--output", "json")
        return [line["message"] for line in said.json()]

    assert lines() == ["line 0", "line 1", "line 2"]
    assert lines("--level", "info") == ["line 1", "line 2"]
    assert lines("--tail", "1") == ["line 2"]
    assert nbflow("flow-run", "logs", failed.id).out.splitlines()[2].endswith("line 2")


def test_all_pages_of_a_long_log_are_shown(nbflow: Call, orchestrator: Orchestrator) -> None:
    run = orchestrator.create_flow_run(NewFlowRun("sales"))
    logs = tuple(LogEntry(run.id, clock.now(), logging.INFO, str(at)) for at in range(2300))
    orchestrator.record(Batch(logs=logs))
    found = nbflow("flow-run", "logs", run.id, "--output", "json").json()
    assert [line["message"] for line in found] == [str(at) for at in range(2300)]


def test_an_unknown_level_is_refused(nbflow: Call, failed: FlowRun) -> None:
    assert nbflow("flow-run", "logs", failed.id, "--level", "loud").code == 2


def test_cancel_is_asked_of_a_live_run(nbflow: Call, orchestrator: Orchestrator) -> None:
    run = orchestrator.create_flow_run(NewFlowRun("sales", name="calm-otter"))
    orchestrator.propose(run.id, states.Running(), attempt=1)
    assert "Cancelling" in nbflow("flow-run", "cancel", "calm-otter").out
    assert orchestrator.read_flow_run(run.id).state.is_cancelling()
    assert nbflow("flow-run", "cancel", "calm-otter").code == 0


def test_an_ended_run_cannot_be_cancelled(nbflow: Call, failed: FlowRun) -> None:
    said = nbflow("flow-run", "cancel", failed.id)
    assert said.code == 1
    assert said.err == (
        "nbflow: A run that is Failed cannot become Cancelling: "
        "The run has already ended: Failed.\n"
    )


def test_inspect_shows_the_beginning_of_what_a_run_returned(
    nbflow: Call, orchestrator: Orchestrator
) -> None:
    def gives() -> dict[str, list[int]]:
        return {"rows": [1, 2]}

    flow(gives)()
    run = orchestrator.list_flow_runs().rows[0]
    assert "{'rows': [1, 2]}" in nbflow("flow-run", "inspect", run.id).out
    orchestrator.delete_result(run.id)
    assert "(no longer stored)" in nbflow("flow-run", "inspect", run.id).out
