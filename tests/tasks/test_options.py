"""Each option of `@task`: what it may be, and what is said of what it may not be."""

from __future__ import annotations

import functools
from datetime import timedelta

import pytest

from nbflow import Task, settings, task
from nbflow.exceptions import InvalidInput
from nbflow.tasks import exponential_backoff


def plain(x=1):
    """Add nothing."""
    return x


BAD = [
    ("name", "a/b", "Leave out"),
    ("name", "n" * 10_000, "10000 characters"),
    ("name", "\ud800", "U.D800"),
    ("name", "", "empty"),
    ("name", 3, "text"),
    ("version", 3, "text"),
    ("description", 3, "text"),
    ("description", "\ud800", "no database"),
    ("tags", "abc", "list"),
    ("tags", ["a", "a"], "twice"),
    ("task_run_name", "{y}", "not a parameter"),
    ("task_run_name", "{x", "expected"),
    ("task_run_name", 3, "text or a function"),
    ("retries", -1, "0 or more"),
    ("retries", 1.5, "whole number"),
    ("retries", True, "whole number"),
    ("retries", 10**5000, "whole number"),
    ("retry_delay_seconds", -1, "0 or more"),
    ("retry_delay_seconds", float("nan"), "0 or more"),
    ("retry_delay_seconds", float("inf"), "0 or more"),
    ("retry_delay_seconds", 10**400, "0 or more"),
    ("retry_delay_seconds", [1, "2"], "0 or more"),
    ("retry_delay_seconds", [0] * 51, "50 is the most"),
    ("retry_delay_seconds", lambda retries: 3, "a list"),
    ("retry_jitter_factor", -0.1, "0 or more"),
    ("retry_jitter_factor", float("nan"), "0 or more"),
    ("retry_condition_fn", 3, "a function"),
    ("timeout_seconds", 0, "more than 0"),
    ("timeout_seconds", float("nan"), "more than 0"),
    ("timeout_seconds", "1", "more than 0"),
    ("log_prints", "yes", "True, False or None"),
    ("persist_result", 1, "True, False or None"),
    ("cache_result_in_memory", None, "True or False"),
    ("cache_key_fn", 3, "a function"),
    ("cache_expiration", 3, "timedelta"),
    ("cache_expiration", timedelta(0), "above 0"),
    ("refresh_cache", 0, "True, False or None"),
    ("result_storage_key", 3, "text"),
    ("on_failure", print, "list"),
    ("on_failure", [3], "cannot be called"),
    ("on_completion", 3, "list"),
    ("on_running", "ab", "list"),
    ("on_commit", [None], "cannot be called"),
    ("on_rollback", {1}, "list"),
]


@pytest.mark.parametrize(("option", "value", "said"), BAD, ids=range(len(BAD)))
def test_a_bad_value_is_refused_when_the_decorator_runs(option, value, said):
    with pytest.raises(InvalidInput, match=said) as caught:
        task(**{option: value})(plain)
    assert caught.value.field is not None
    assert caught.value.field.partition("[")[0] == option
    assert len(str(caught.value)) < 500
    with pytest.raises(InvalidInput):
        Task(plain).with_options(**{option: value})


def test_an_option_that_does_not_exist_is_told_with_the_one_that_was_meant():
    with pytest.raises(InvalidInput, match="Did you mean 'retries'") as caught:
        task(retrys=1)
    assert (caught.value.code, caught.value.field) == ("option.unknown", "retrys")


@pytest.mark.parametrize("thing", [int, 3, None, "text"])
def test_only_a_function_can_be_a_task(thing):
    with pytest.raises(InvalidInput, match="goes on a function"):
        Task(thing)


def test_a_parameter_the_call_takes_itself_is_refused():
    with pytest.raises(InvalidInput, match="return_state"):
        task(lambda return_state: 1)


def test_options_have_the_functions_own_values_when_left_out():
    made = task(plain)
    assert (made.name, made.description, made.version) == ("plain", "Add nothing.", None)
    assert (made.retries, made.timeout_seconds, made.hooks) == (0, None, None)
    assert repr(made) == "<Task 'plain'>"
    assert made.fn(5) == 5


GOOD = {
    "name": "other",
    "version": "2",
    "description": "*said*",
    "tags": {"b", "a"},
    "task_run_name": "run-{x}",
    "retries": 3,
    "retry_delay_seconds": [1, 2],
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": lambda task, run, state: True,
    "timeout_seconds": 5,
    "log_prints": True,
    "persist_result": True,
    "result_storage_key": "here",
    "cache_result_in_memory": False,
    "cache_key_fn": lambda context, parameters: "k",
    "cache_expiration": timedelta(hours=1),
    "refresh_cache": True,
    "on_completion": [print],
    "on_failure": [print, repr],
    "on_running": [print],
    "on_commit": [print],
    "on_rollback": [print],
    "viz_return_value": 3,
}


@pytest.mark.parametrize("option", sorted(GOOD))
def test_with_options_changes_one_option_of_a_copy(option):
    before = task(plain)
    after = before.with_options(**{option: GOOD[option]})
    assert after is not before
    assert type(after) is Task
    assert _seen(before) == _seen(task(plain))
    changed = {name for name, value in _seen(after).items() if value != _seen(before)[name]}
    assert changed
    again = after.with_options(viz_return_value=None) if option != "viz_return_value" else after
    assert _seen(again) == _seen(after)


def _seen(made: Task) -> dict:
    hidden = {"_asked", "_made_of", "signature", "fn", "__wrapped__"}
    return {name: value for name, value in vars(made).items() if name not in hidden}


def test_hooks_added_later_go_with_the_copy_and_not_back():
    made = task(plain)

    @made.on_failure
    def first(task, run, state):
        return None

    copy = made.with_options(name="copy")

    @copy.on_failure
    def second(task, run, state):
        return None

    assert made.hooks == {"on_failure": [first]}
    assert copy.hooks == {"on_failure": [first, second]}
    with pytest.raises(InvalidInput, match="cannot be called"):
        made.on_failure(3)


def test_settings_say_the_tries_of_tasks_that_do_not(monkeypatch):
    with settings.temporary(tasks_default_retries=2, tasks_default_retry_delay_seconds="1,5"):
        made = task(plain)
        own = task(retries=0)(plain)
    assert (made.retry.retries, made.retry.delays) == (2, (1.0, 5.0))
    assert own.retry.retries == 0
    monkeypatch.setenv("NBFLOW_TASKS_DEFAULT_RETRIES", "many")
    with pytest.raises(InvalidInput, match="NBFLOW_TASKS_DEFAULT_RETRIES"):
        task(plain)
    with (
        settings.temporary(tasks_default_retries=0, tasks_default_retry_delay_seconds="soon"),
        pytest.raises(InvalidInput, match="seconds"),
    ):
        task(plain)


def test_delays_may_be_made_of_the_number_of_retries():
    made = task(retries=4, retry_delay_seconds=exponential_backoff(10))(plain)
    assert made.retry.delays == (10, 20, 40, 80)
    assert [made.retry.delay(attempt) for attempt in (1, 2, 4, 9)] == [10, 20, 80, 80]
    many = task(retries=1000, retry_delay_seconds=lambda retries: [1] * retries)(plain)
    assert len(many.retry.delays) == 50
    with pytest.raises(InvalidInput, match="backoff_factor"):
        exponential_backoff(0)


def test_jitter_draws_delays_around_their_value():
    policy = task(retries=1, retry_delay_seconds=100, retry_jitter_factor=0.5)(plain).retry
    drawn = {policy.delay(1) for _ in range(200)}
    assert len(drawn) > 100
    assert 50 <= min(drawn) < 75
    assert 125 < max(drawn) <= 150
    wide = task(retries=1, retry_delay_seconds=10, retry_jitter_factor=5)(plain).retry
    assert all(0 <= wide.delay(1) <= 60 for _ in range(200))


def test_a_partial_and_a_callable_object_are_functions():
    class Doubles:
        def __call__(self, x):
            return 2 * x

    assert task(functools.partial(plain, 3)).fn() == 3
    made = task(Doubles())
    assert (made.name, made.fn(4)) == ("Doubles", 8)


def test_every_option_is_in_the_documentation():
    from nbflow.engine.options import _NAMES, FlowOptions, TaskOptions
    from nbflow.flows import flow

    for decorator, kind in ((task, TaskOptions), (flow, FlowOptions)):
        said = decorator.__doc__
        assert [name for name in _NAMES[kind] if name not in said] == []
