"""`nbflow.runtime`: facts of the run around the code, nothing outside, no guesses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nbflow import context, deploy, flow, runtime, settings, task
from nbflow.context import FlowRunContext, TaskRunContext, get_run_context
from nbflow.exceptions import InvalidInput, MissingContextError
from nbflow.model import states
from nbflow.model.runs import NewFlowRun


def test_a_run_reads_its_own_facts(orchestrator):
    @task(name="look")
    def looks(x):
        facts = runtime.task_run
        assert isinstance(get_run_context(), TaskRunContext)
        return facts.name, facts.task_name, facts.parameters, facts.attempt, facts.run_count

    @flow
    def outer(n: int):
        assert isinstance(get_run_context(), FlowRunContext)
        run = orchestrator.read_flow_run(runtime.flow_run.id)
        assert run.name == runtime.flow_run.name
        assert runtime.flow_run.scheduled_start_time == run.due_at
        assert runtime.task_run.id is None
        return runtime.flow_run.flow_name, runtime.flow_run.parameters, looks(x=n)

    look = ("look-0", "look", {"x": 4}, 1, 1)
    assert outer("4") == ("outer", {"n": 4}, look)


def test_outside_a_run_there_is_nothing(home):
    assert runtime.flow_run.id is None
    assert runtime.flow_run.parameters == {}
    assert runtime.task_run.tags == []
    assert context.here() is None
    with pytest.raises(MissingContextError, match="Call this inside one"):
        get_run_context()


def test_an_unknown_fact_is_an_error():
    with pytest.raises(AttributeError, match="colour"):
        getattr(runtime.flow_run, "colour")  # noqa: B009
    assert "parameters" in dir(runtime.flow_run)


def test_a_child_knows_its_parent_and_its_root(orchestrator):
    @flow
    def leaf():
        return runtime.flow_run.parent_flow_run_id, runtime.flow_run.root_flow_run_id

    @flow
    def middle():
        return runtime.flow_run.id, leaf()

    @flow
    def root():
        return runtime.flow_run.id, runtime.flow_run.root_flow_run_id, middle()

    here, of_root, (inside, (parent, of_leaf)) = root()
    assert here == of_root == of_leaf
    assert parent == inside


def test_a_flow_reads_its_version_and_where_it_is_served(orchestrator):
    @flow(version="1.2")
    def outer():
        return runtime.flow_run.flow_version, runtime.flow_run.api_url, runtime.flow_run.ui_url

    assert outer() == ("1.2", None, None)

    @flow
    def served():
        with settings.temporary(api_url="http://127.0.0.1:8888/base/"):
            return runtime.flow_run.api_url, runtime.flow_run.id, runtime.flow_run.ui_url

    api_url, run_id, ui_url = served()
    assert api_url == f"http://127.0.0.1:8888/base/nbflow/api/flow-runs/{run_id}"
    assert ui_url == "http://127.0.0.1:8888/base/lab"


def test_a_run_of_a_deployment_reads_its_deployment(orchestrator, tmp_path, monkeypatch):
    import json

    cell = {"cell_type": "code", "id": "p", "source": "n = 1", "metadata": {"tags": ["parameters"]}}
    cell |= {"outputs": [], "execution_count": None}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    path = tmp_path / "deployed.ipynb"
    path.write_text(json.dumps(notebook))
    made = deploy(path, name="nightly", kernel_name="python3", parameters={"n": 3})
    new = NewFlowRun("deployed", deployment_id=made.id)
    run = orchestrator.create_flow_run(new)
    orchestrator.propose(run.id, states.Running(), attempt=1)
    monkeypatch.setenv("NBFLOW_FLOW_RUN_ID", run.id)
    facts = runtime.deployment
    assert (facts.id, facts.name, facts.flow_run_id) == (made.id, "nightly", run.id)
    assert facts.version == made.snapshot
    assert facts.parameters == {"n": 3}
    assert runtime.flow_run.deployment_id == made.id


def test_outside_a_deployment_there_is_none(home):
    facts = runtime.deployment
    assert (facts.id, facts.name, facts.flow_run_id, facts.parameters) == (None, None, None, {})


@pytest.mark.parametrize(
    ("what", "text", "value"),
    [
        ("flow_run.name", "made-up", "made-up"),
        ("flow_run.run_count", "3", 3),
        ("flow_run.tags", "a, b,", ["a", "b"]),
        ("flow_run.parameters", '{"x": [1]}', {"x": [1]}),
        (
            "flow_run.scheduled_start_time",
            "2026-01-02T03:04:05",
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        ),
        ("task_run.task_name", "clean", "clean"),
        ("deployment.name", "nightly", "nightly"),
        ("flow_run.colour", "red", "red"),
    ],
)
def test_a_variable_stands_in_for_a_fact(monkeypatch, home, what, text, value):
    noun, _, name = what.partition(".")
    monkeypatch.setenv(f"NBFLOW__RUNTIME__{noun.upper()}__{name.upper()}", text)
    assert getattr(getattr(runtime, noun), name) == value


def test_a_variable_that_cannot_be_read_is_named(monkeypatch, home):
    monkeypatch.setenv("NBFLOW__RUNTIME__FLOW_RUN__RUN_COUNT", "many")
    with pytest.raises(InvalidInput, match="RUN_COUNT='many'") as caught:
        _ = runtime.flow_run.run_count
    assert caught.value.field == "NBFLOW__RUNTIME__FLOW_RUN__RUN_COUNT"
