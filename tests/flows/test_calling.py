"""Calling a flow: its value, its run, its parameters, its children."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from nbflow import flow, runtime, tags, task
from nbflow.exceptions import InvalidInput, ParameterBindError, ParameterTypeError, UpstreamError
from nbflow.model.runs import FlowRun
from nbflow.orchestration.orchestrator import Orchestrator


@dataclass
class Window:
    days: int


def only(orchestrator: Orchestrator) -> FlowRun:
    (run,) = orchestrator.list_flow_runs().rows
    return run


def test_a_call_gives_the_value_and_leaves_a_completed_run(orchestrator):
    @flow
    def add_up(numbers: list[int]) -> int:
        return sum(numbers)

    assert add_up([1, 2]) == 3
    run = only(orchestrator)
    assert (run.flow_name, run.state.name, run.attempt) == ("add-up", "Completed", 1)
    assert run.parameters == {"numbers": [1, 2]}
    assert run.path == __file__
    went = [state.name for state in orchestrator.list_states(run.id)]
    assert went == ["Pending", "Running", "Completed"]
    assert None not in (run.started_at, run.ended_at, run.owner)
    assert run.lease_until is None


def test_an_exception_reaches_the_caller_and_the_run_failed(orchestrator):
    @flow
    def broken():
        raise ZeroDivisionError("no zero")

    with pytest.raises(ZeroDivisionError, match="no zero"):
        broken()
    run = only(orchestrator)
    assert (run.state.name, run.state.message) == ("Failed", "ZeroDivisionError: no zero")
    (line,) = orchestrator.list_logs(run.id).rows
    assert "ZeroDivisionError: no zero" in line.message
    assert "broken" in line.message


def test_return_state_gives_the_state_instead(orchestrator):
    @flow
    def broken():
        raise ValueError("bad")

    state = broken(return_state=True)
    assert state.is_failed()
    assert isinstance(state.result(raise_on_failure=False), ValueError)
    with pytest.raises(ValueError, match="bad"):
        state.result()


def test_an_async_flow_is_awaited(orchestrator):
    @task
    async def double(x):
        await asyncio.sleep(0)
        return 2 * x

    @flow
    async def doubled(x: int):
        return sum(await asyncio.gather(double(x), double(x + 1)))

    assert asyncio.run(doubled("3")) == 14
    run = only(orchestrator)
    assert run.state.is_completed()
    assert [t.state.name for t in orchestrator.list_task_runs(run.id)] == ["Completed"] * 2


def test_a_sync_flow_runs_inside_a_running_loop(orchestrator):
    @flow
    def plain():
        return 7

    async def cell():
        return plain()

    assert asyncio.run(cell()) == 7
    assert only(orchestrator).state.is_completed()


def test_arguments_are_coerced_to_the_annotations(orchestrator):
    @flow
    def report(day: date, at: Path, window: Window, *rest: float, **more: int):
        return day, at, window.days, rest, more

    given = report("2026-01-02", "x/y", {"days": "3"}, "1.5", extra="2")
    assert given == (date(2026, 1, 2), Path("x/y"), 3, (1.5,), {"extra": 2})
    assert only(orchestrator).parameters == {
        "day": "2026-01-02",
        "at": "x/y",
        "window": {"days": 3},
        "rest": [1.5],
        "more": {"extra": 2},
    }


def test_a_default_is_taken_as_it_is_and_recorded(orchestrator):
    @flow
    def quiet(level: int = None, name: str = "x"):  # noqa: RUF013
        return level, name

    assert quiet() == (None, "x")
    assert only(orchestrator).parameters == {"level": None, "name": "x"}


def test_a_wrong_parameter_fails_the_run_before_it_begins(orchestrator):
    called = []

    @flow(retries=3)
    def strict(count: int):
        called.append(count)

    with pytest.raises(ParameterTypeError) as caught:
        strict("many")
    assert (caught.value.field, caught.value.code) == ("count", "parameter.type")
    assert "Give count as int." in str(caught.value)
    run = only(orchestrator)
    assert run.state.name == "Failed"
    assert [s.name for s in orchestrator.list_states(run.id)] == ["Pending", "Failed"]
    assert called == []


def test_arguments_that_do_not_fit_name_the_one_at_fault(orchestrator):
    @flow
    def one(count: int):
        return count

    with pytest.raises(ParameterBindError) as caught:
        one(1, size=3)
    assert caught.value.field == "size"
    with pytest.raises(ParameterBindError) as caught:
        one()
    assert caught.value.field == "count"
    assert {r.state.name for r in orchestrator.list_flow_runs().rows} == {"Failed"}


def test_validation_can_be_left_out(orchestrator):
    @flow(validate_parameters=False)
    def loose(count: int):
        return count

    assert loose("many") == "many"


def test_what_json_cannot_hold_is_recorded_by_its_type(orchestrator):
    class Odd:
        pass

    @flow
    def takes(thing, text, numbers, itself):
        return 1

    loop: list = []
    loop.append(loop)
    takes(Odd(), "x" * 20_000, float("nan"), loop)
    recorded = only(orchestrator).parameters
    assert recorded["thing"].endswith("Odd>")
    assert recorded["text"] == "<str of 20000 characters>"
    assert recorded["numbers"] == "nan"


def test_a_run_is_named_by_template_or_function(orchestrator):
    @flow(flow_run_name="report-{day}")
    def by_template(day: str):
        return runtime.flow_run.name

    @flow(flow_run_name=lambda: f"n{runtime.flow_run.parameters['n'] + 1}")
    def by_function(n: int):
        return runtime.flow_run.name

    assert by_template("monday") == "report-monday"
    assert by_function("4") == "n5"
    assert {r.name for r in orchestrator.list_flow_runs().rows} == {"report-monday", "n5"}


def test_a_name_template_that_cannot_be_filled_in_is_told(orchestrator):
    @flow(flow_run_name="{day.weekday}")
    def named(day: str):
        return day

    with pytest.raises(InvalidInput, match="weekday") as caught:
        named("monday")
    assert caught.value.field == "flow_run_name"


def test_a_flow_in_a_flow_and_in_a_task_is_a_child_run(orchestrator):
    @flow
    def child(x):
        return x + 1

    @task
    def calls_a_flow(x):
        return child(x)

    @flow
    def parent():
        return child(1) + calls_a_flow(2)

    assert parent() == 5
    runs = {r.id: r for r in orchestrator.list_flow_runs().rows}
    (root,) = [r for r in runs.values() if r.flow_name == "parent"]
    children = [r for r in runs.values() if r.flow_name == "child"]
    assert [c.parent_flow_run_id for c in children] == [root.id, root.id]
    tracking = {t.id: t for t in orchestrator.list_task_runs(root.id) if t.kind == "flow"}
    assert {c.parent_task_run_id for c in children} == set(tracking)
    for child_run in children:
        stands_for_it = tracking[child_run.parent_task_run_id]
        assert stands_for_it.state.details["child_flow_run_id"] == child_run.id
        assert [s.name for s in stands_for_it.history] == ["Pending", "Running", "Completed"]


def test_a_child_that_fails_does_not_fail_a_parent_that_goes_on(orchestrator):
    @flow
    def child():
        raise ValueError

    @flow
    def parent():
        return child(return_state=True).name

    assert parent() == "Failed"
    states = {r.flow_name: r.state.name for r in orchestrator.list_flow_runs().rows}
    assert states == {"child": "Failed", "parent": "Completed"}


def test_futures_become_a_child_flows_parameters(orchestrator):
    @task
    def number():
        return 4

    @flow
    def child(x: int, more: list):
        return x + sum(more)

    @flow
    def parent():
        return child(number.submit(), [number.submit(), 1])

    assert parent() == 9


def test_a_flow_does_not_start_after_a_failed_future(orchestrator):
    @task
    def bad():
        raise ValueError

    @flow
    def child():
        return 1

    @flow
    def parent():
        with pytest.raises(UpstreamError, match="bad-0 is Failed"):
            child(wait_for=[bad.submit()])

    parent()
    assert [r.flow_name for r in orchestrator.list_flow_runs().rows] == ["parent"]


def test_tags_around_a_flow_are_its_runs(orchestrator):
    @task(tags=["t"])
    def tagged():
        return runtime.task_run.tags

    @flow
    def labelled():
        return runtime.flow_run.tags, tagged()

    with tags("b", "a"):
        assert labelled() == (["a", "b"], ["a", "b", "t"])
    assert only(orchestrator).tags == ("a", "b")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"name": "a/b"}, "name"),
        ({"name": ""}, "name"),
        ({"retries": -1}, "retries"),
        ({"retries": 1.5}, "retries"),
        ({"retry_delay_seconds": -2}, "retry_delay_seconds"),
        ({"retry_delay_seconds": float("nan")}, "retry_delay_seconds"),
        ({"retry_delay_seconds": "1"}, "retry_delay_seconds"),
    ],
)
def test_bad_options_are_refused_when_the_decorator_runs(options, field):
    with pytest.raises(InvalidInput) as caught:
        flow(**options)(lambda: 1)
    assert caught.value.field == field


def test_a_flow_goes_on_a_function_without_reserved_parameters():
    with pytest.raises(InvalidInput):
        flow(3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="wait_for"):
        flow(lambda wait_for: 1)


def test_with_options_leaves_the_original_as_it_was(orchestrator):
    @flow
    def base():
        """Says something."""
        return 1

    other = base.with_options(name="other", retries=2)
    assert (other.name, other.retries, other.description) == ("other", 2, "Says something.")
    assert (base.name, base.retries) == ("base", 0)
    assert base.fn() == 1
    assert orchestrator.list_flow_runs().rows == ()
