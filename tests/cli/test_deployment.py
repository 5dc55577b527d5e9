"""Listing, inspecting, running, pausing and deleting deployments in a real store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbflow.model import states
from nbflow.orchestration.orchestrator import Orchestrator

Call = Callable[..., Any]


@pytest.fixture
def deployed(nbflow: Call, notebook: Callable[..., Path]) -> str:
    """The name of a deployment with a parameter and a schedule."""
    path = notebook("rows", parameters="rows: int = 3")
    said = nbflow("deploy", path, "--every", "1h", "--timezone", "UTC", "-p", "rows=4")
    assert said.code == 0
    return "sales"


def test_deployments_are_listed(nbflow: Call, deployed: str) -> None:
    out = nbflow("deployment", "ls").out
    assert out.splitlines()[0].split() == ["NAME", "NOTEBOOK", "SCHEDULE", "NEXT", "POOL"]
    assert "Every hour" in out
    (row,) = nbflow("deployment", "ls", "--output", "json").json()
    assert row["name"] == deployed


def test_without_deployments_the_way_to_one_is_shown(nbflow: Call) -> None:
    assert "nbflow deploy NOTEBOOK" in nbflow("deployment", "ls").out


def test_inspect_shows_parameters_and_schedules(nbflow: Call, deployed: str) -> None:
    out = nbflow("deployment", "inspect", deployed).out
    assert ["rows", "integer", "4"] in [line.split() for line in out.splitlines()]
    assert out.count("  next  ") == 5
    whole = nbflow("deployment", "inspect", deployed, "--output", "json").json()
    assert whole["schedules"][0]["timing"]["interval"] == 3600
    assert nbflow("deployment", "inspect", whole["id"]).out == out


def test_an_unknown_deployment_is_answered_with_the_nearest(nbflow: Call, deployed: str) -> None:
    for verb in ("inspect", "run", "pause", "resume", "delete"):
        said = nbflow("deployment", verb, "sale")
        assert said.code == 1
        assert said.err == "nbflow: There is no deployment 'sale'. Did you mean 'sales'?\n"


def test_a_run_waits_for_a_worker_with_its_parameters(
    nbflow: Call, deployed: str, orchestrator: Orchestrator
) -> None:
    said = nbflow("deployment", "run", deployed, "-p", "rows=9", "--run-name", "now", "--tag", "x")
    assert "waits for a worker" in said.out
    assert "No worker of the pool 'default' is running." in said.err
    (run,) = orchestrator.list_flow_runs().rows
    assert (run.name, run.state.type, run.parameters) == ("now", "SCHEDULED", {"rows": 9})
    assert run.tags == ("x",)


@pytest.mark.parametrize("words", [["-p", "rows=x"], ["-p", "rws=1"], ["--run-name", "a/b"]])
def test_a_run_of_wrong_input_is_not_made(
    nbflow: Call, deployed: str, orchestrator: Orchestrator, words: list[str]
) -> None:
    assert nbflow("deployment", "run", deployed, *words).code == 2
    assert orchestrator.list_flow_runs().rows == ()


def test_watching_gives_the_runs_outcome(
    nbflow: Call, deployed: str, orchestrator: Orchestrator
) -> None:
    def cancel_what_is_new() -> None:
        for run in orchestrator.list_flow_runs().rows:
            if not run.state.is_final():
                orchestrator.propose(run.id, states.Cancelling(message="Enough."))

    orchestrator.listeners.append(cancel_what_is_new)
    said = nbflow("deployment", "run", deployed, "--watch")
    assert said.code == 130
    assert said.out.splitlines()[-1].endswith("Cancelled: Enough.")


def test_pause_and_resume(nbflow: Call, deployed: str, orchestrator: Orchestrator) -> None:
    nbflow("deployment", "pause", deployed)
    assert orchestrator.read_deployment(deployed).paused
    assert "paused" in nbflow("deployment", "ls").out
    nbflow("deployment", "resume", deployed)
    assert not orchestrator.read_deployment(deployed).paused


def test_delete_leaves_past_runs(nbflow: Call, deployed: str, orchestrator: Orchestrator) -> None:
    nbflow("deployment", "run", deployed, "--run-name", "past")
    nbflow("flow-run", "cancel", "past")
    nbflow("deployment", "run", deployed, "--run-name", "waiting")
    assert nbflow("deployment", "delete", deployed).out == "sales: deleted.\n"
    assert [run.name for run in orchestrator.list_flow_runs().rows] == ["past"]
    assert "(deleted)" in nbflow("flow-run", "inspect", "past").out
