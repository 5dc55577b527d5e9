"""`nbflow.runtime`: facts of the run around the code, nothing outside, no guesses."""

from __future__ import annotations

import pytest

from nbflow import context, flow, runtime, task
from nbflow.context import FlowRunContext, TaskRunContext, get_run_context
from nbflow.exceptions import MissingContextError


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
