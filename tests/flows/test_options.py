"""Each option of `@flow`: what it may be, and what is said of what it may not be."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from nbflow import Flow, flow, settings
from nbflow.exceptions import InvalidInput
from nbflow.task_runners import ThreadPoolTaskRunner


def plain_flow(x=1):
    """Add nothing."""
    return x


BAD = [
    ("name", "a&b", "Leave out"),
    ("name", "n" * 10_000, "10000 characters"),
    ("name", "\udfff", "U.DFFF"),
    ("version", 1, "text"),
    ("flow_run_name", "{}", "not a parameter"),
    ("flow_run_name", "{day}", "not a parameter"),
    ("flow_run_name", ["x"], "text or a function"),
    ("retries", None.__class__, "whole number"),
    ("retries", -1, "0 or more"),
    ("retry_delay_seconds", "3", "0 or more"),
    ("retry_delay_seconds", [1] * 51, "50 is the most"),
    ("retry_jitter_factor", "x", "0 or more"),
    ("retry_condition_fn", "x", "a function"),
    ("timeout_seconds", -5, "more than 0"),
    ("task_runner", 3, "task runner"),
    ("task_runner", object, "task runner"),
    ("validate_parameters", None, "True or False"),
    ("fail_on_task_failure", 1, "True or False"),
    ("log_prints", 1, "True, False or None"),
    ("persist_result", "no", "True, False or None"),
    ("on_cancellation", [1], "cannot be called"),
    ("on_crashed", print, "list"),
    ("on_completion", 1, "list"),
    ("on_failure", 1, "list"),
    ("on_running", 1, "list"),
]


@pytest.mark.parametrize(("option", "value", "said"), BAD, ids=range(len(BAD)))
def test_a_bad_value_is_refused_when_the_decorator_runs(option, value, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        flow(**{option: value})(plain_flow)
    assert caught.value.field is not None
    assert caught.value.field.partition("[")[0] == option
    with pytest.raises(InvalidInput):
        Flow(plain_flow).with_options(**{option: value})


def test_an_async_function_names_no_run():
    async def name():
        return "x"

    with pytest.raises(InvalidInput, match="plain function"):
        flow(flow_run_name=name)(plain_flow)


def test_an_option_of_tasks_only_is_not_one_of_flows():
    with pytest.raises(InvalidInput, match="no option 'tags'"):
        flow(tags=["a"])


def test_options_have_the_functions_own_values_when_left_out():
    made = flow(plain_flow)
    assert (made.name, made.description) == ("plain-flow", "Add nothing.")
    assert repr(made) == "<Flow 'plain-flow'>"
    assert made.version == hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:32]
    namespace = {}
    exec("def typed_in():\n    pass", namespace)
    assert flow(namespace["typed_in"]).version is None
    assert flow(version="7")(plain_flow).version == "7"


GOOD = {
    "name": "other",
    "version": "2",
    "description": "*said*",
    "flow_run_name": "run-{x}",
    "retries": 3,
    "retry_delay_seconds": 2,
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": lambda flow, run, state: True,
    "timeout_seconds": 5,
    "validate_parameters": False,
    "task_runner": ThreadPoolTaskRunner,
    "fail_on_task_failure": True,
    "log_prints": True,
    "persist_result": True,
    "result_storage_key": "here",
    "cache_result_in_memory": False,
    "on_completion": [print],
    "on_failure": [print],
    "on_cancellation": [print],
    "on_crashed": [print],
    "on_running": [print],
}


@pytest.mark.parametrize("option", sorted(GOOD))
def test_with_options_changes_one_option_of_a_copy(option):
    before = flow(plain_flow)
    after = before.with_options(**{option: GOOD[option]})
    assert _seen(before) == _seen(flow(plain_flow))
    assert any(value != _seen(before)[name] for name, value in _seen(after).items())


def _seen(made: Flow) -> dict:
    hidden = {"_asked", "_made_of", "signature", "fn", "__wrapped__"}
    return {name: value for name, value in vars(made).items() if name not in hidden}


def test_settings_say_the_tries_of_flows_that_do_not():
    with settings.temporary(flows_default_retries=2, flows_default_retry_delay_seconds="3"):
        made = flow(plain_flow)
    assert (made.retry.retries, made.retry.delays, made.retry_delay_seconds) == (2, (3.0,), 3.0)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("x" * 10_000, "run-" + "x" * 196),
        ("\ud800", "run-\\ud800"),
        ("\0", "run-\\0"),
        (5, "run-5"),
        (float("nan"), "run-nan"),
    ],
    ids=range(5),
)
def test_a_run_name_made_of_any_value_can_be_stored(orchestrator, value, name):
    flow(flow_run_name="run-{x}")(plain_flow)(value)
    (run,) = orchestrator.list_flow_runs().rows
    assert (run.name, run.state.name) == (name, "Completed")


class Unformattable:
    def __format__(self, spec):
        raise RuntimeError("no text")


@pytest.mark.parametrize("value", [10**5000, Unformattable()], ids=range(2))
def test_a_run_name_that_cannot_be_made_fails_the_run_with_the_reason(orchestrator, value):
    with pytest.raises(InvalidInput, match="cannot be filled in") as caught:
        flow(flow_run_name="run-{x}")(plain_flow)(value)
    assert caught.value.field == "flow_run_name"
    (run,) = orchestrator.list_flow_runs().rows
    assert run.state.name == "Failed"


def test_a_function_may_name_runs_with_or_without_the_parameters(orchestrator):
    from nbflow import runtime

    flow(flow_run_name=lambda: f"a-{runtime.flow_run.parameters['x']}")(plain_flow)(3)
    flow(flow_run_name=lambda parameters: f"b-{parameters['x']}")(plain_flow)(4)

    def broken():
        raise RuntimeError("no name")

    with pytest.raises(InvalidInput, match="no name"):
        flow(flow_run_name=broken)(plain_flow)()
    names = {run.name for run in orchestrator.list_flow_runs().rows}
    assert {"a-3", "b-4"} <= names
