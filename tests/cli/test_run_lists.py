"""`nbflow flow …` and `nbflow flow-run ls | count | bulk | delete | set-state`, as typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow import connect, settings
from nbflow.cli.main import main
from nbflow.model import states
from nbflow.model.backend import Backend
from nbflow.model.runs import FlowRun, NewFlowRun


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Backend]:
    with settings.temporary(home=str(tmp_path), database_url="", api_url=""):
        yield connect.connect()
        connect.forget()


def _end(store: Backend, run: FlowRun) -> None:
    for state in (states.Running(), states.Failed(message="no")):
        store.propose(run.id, state)


def test_runs_are_filtered_sorted_counted_and_changed_together(
    store: Backend, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [
        store.create_flow_run(NewFlowRun("etl", name=f"run-{letter}", tags=("t",)))
        for letter in "abc"
    ]
    _end(store, runs[0])

    def said(*argv: str, code: int = 0) -> str:
        assert main(list(argv)) == code, capsys.readouterr()
        return capsys.readouterr().out

    names = [
        run["name"]
        for run in json.loads(said("flow-run", "ls", "--sort=-name", "--output", "json"))
    ]
    assert names == ["run-c", "run-b", "run-a"]
    assert said("flow-run", "count", "--state", "failed").strip() == "1"
    assert "2 runs would" in said("flow-run", "bulk", "cancel", "--tag", "t", "--dry-run")
    answer = json.loads(
        said("flow-run", "bulk", "cancel", "--tag", "t", "--yes", "--output", "json")
    )
    assert set(answer["done"]) == {runs[1].id, runs[2].id}
    said("flow-run", "set-state", "run-a", "completed", code=1)
    assert "Completed" in said("flow-run", "set-state", "run-a", "completed", "--force")
    assert "run-a" in said("flow-run", "delete", "run-a")
    assert said("flow", "ls").splitlines()[1].split()[:2] == ["etl", "2"]
    assert "run-b" in said("flow", "inspect", "etl")


def test_many_runs_are_not_changed_without_a_word(
    store: Backend, capsys: pytest.CaptureFixture[str]
) -> None:
    run = store.create_flow_run(NewFlowRun("etl"))
    assert main(["flow-run", "bulk", "cancel", "--flow-name", "etl"]) != 0
    assert "--yes" in capsys.readouterr().err
    assert main(["flow-run", "bulk", "cancel", "--yes"]) != 0
    assert store.read_flow_run(run.id).state.is_pending()
