"""What users take to the extreme: a clear answer, never a hang, never a bare traceback."""

from __future__ import annotations

import asyncio
import sys

import pytest

from nbflow import flow, task
from nbflow.exceptions import NestedTooDeep, UpstreamError


@task
def same(x):
    return x


@flow
def passes(x):
    return same(x)


def only_run(orchestrator):
    rows = orchestrator.list_flow_runs().rows
    return rows[-1]


def cyclic():
    inside: list = []
    inside.append(inside)
    return inside


def nested(depth):
    made: list = []
    for _ in range(depth):
        made = [made]
    return made


VALUES = {
    "nan": float("nan"),
    "negative zero": -0.0,
    "infinity": float("-inf"),
    "a huge int": 10**5000,
    "a large int": 10**40,
    "lone surrogate": "a\ud800b",
    "NUL": "a\0b",
    "right to left": "\u202eabc",
    "a long text": "x" * 1_000_000,
    "int keys": {1: 2},
    "bytes": b"\xff",
    "a set": {1, 2},
    "a lambda": lambda: 1,
    "a module": sys,
    "a class": int,
    "a cyclic list": cyclic(),
    "a deep list": nested(100_000),
    "a million items": list(range(1_000_000)),
    "a coroutine function": asyncio.sleep,
}


@pytest.mark.parametrize("name", VALUES)
def test_any_value_passes_through_flows_and_tasks_and_is_recorded(orchestrator, name):
    value = VALUES[name]
    assert passes(value) is value
    assert passes(x=value) is value
    runs = orchestrator.list_flow_runs().rows
    assert [r.state.name for r in runs] == ["Completed"] * 2
    for run in runs:
        assert "x" in run.parameters
        (task_run,) = orchestrator.list_task_runs(run.id)
        assert task_run.state.name == "Completed"


class Rude:
    def _no(self, *_):
        raise RuntimeError("rude")

    __repr__ = __str__ = __eq__ = __reduce__ = __len__ = __iter__ = __bool__ = _no  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


def test_an_object_whose_every_method_raises_passes_through(orchestrator):
    rude = Rude()
    assert passes(rude) is rude
    run = only_run(orchestrator)
    assert run.parameters == {"x": "<Rude>"}
    assert run.state.name == "Completed"


def test_an_error_whose_text_cannot_be_made_is_still_recorded(orchestrator):
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    @task
    def raises():
        raise Mute

    with pytest.raises(Mute):
        raises()
    assert only_run(orchestrator).state.message == "Mute: (its text cannot be made)"


@pytest.mark.parametrize("text", ["\ud800", "\0", "x" * 10_000_000, "\u2028"], ids=range(4))
def test_an_error_with_any_text_is_recorded(orchestrator, text):
    @flow
    def raises():
        raise ValueError(text)

    with pytest.raises(ValueError):
        raises()
    assert len(only_run(orchestrator).state.message) < 300_000


@pytest.mark.parametrize("how", ["call", "submit"])
def test_a_task_that_calls_itself_without_end_fails_and_the_engine_goes_on(orchestrator, how):
    @task
    def again(n):
        return again(n + 1) if how == "call" else again.submit(n + 1).result()

    @flow
    def outer():
        with pytest.raises(NestedTooDeep, match="task_nesting_limit"):
            again(0)
        return same(1)

    assert outer() == 1
    run = only_run(orchestrator)
    assert run.state.name == "Completed"
    states = {t.state.name for t in orchestrator.list_task_runs(run.id)}
    assert states <= {"Failed", "Completed"}


def test_wait_for_takes_futures_and_states_only_of_what_completed(orchestrator):
    @task
    def bad():
        raise ValueError

    @flow
    def outer():
        with pytest.raises(UpstreamError):
            same(1, wait_for=[bad.submit()])
        return same(2, wait_for=[same.submit(1)])

    assert outer() == 2
