"""Which runner a flow gets: an instance, a class, a name."""

from __future__ import annotations

import sys

import pytest

from nbflow import flow, task_runners
from nbflow.exceptions import InvalidInput
from nbflow.task_runners import (
    ConcurrentTaskRunner,
    ProcessPoolTaskRunner,
    SequentialTaskRunner,
    ThreadPoolTaskRunner,
    runner_of,
)


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("threads", ThreadPoolTaskRunner),
        ("processes", ProcessPoolTaskRunner),
        ("SequentialTaskRunner", SequentialTaskRunner),
        (ThreadPoolTaskRunner, ThreadPoolTaskRunner),
        (ThreadPoolTaskRunner(3), ThreadPoolTaskRunner),
        (ConcurrentTaskRunner(2), ThreadPoolTaskRunner),
        (None, type(None)),
    ],
)
def test_a_runner_is_given_in_any_form(given, made):
    assert type(runner_of(given)) is made


@pytest.mark.parametrize("wrong", ["nothing", 3, object, "get_dask_client"])
def test_anything_else_is_refused_when_the_decorator_runs(wrong):
    with pytest.raises(InvalidInput, match="task runner"):
        flow(task_runner=wrong)(lambda: None)


def test_a_duplicate_is_of_the_same_kind_and_size():
    for runner in (ThreadPoolTaskRunner(3), ProcessPoolTaskRunner(3), SequentialTaskRunner()):
        other = runner.duplicate()
        assert other is not runner
        assert repr(other) == repr(runner)


def test_every_public_runner_can_be_had_by_name():
    for name in task_runners.__all__:
        assert getattr(task_runners, name)


def test_without_distributed_the_way_out_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setattr("nbflow.task_runners.dask.find_spec", lambda name: None)
    with pytest.raises(InvalidInput, match=r"pip install 'nbflow\[dask\]'"):
        runner_of("dask")
