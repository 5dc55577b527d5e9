"""Hooks of tasks: called in order after the state is set, and never able to change it."""

from __future__ import annotations

import asyncio
import functools

import pytest

from nbflow import flow, get_run_logger, runtime, task
from nbflow.context import TaskRunContext


def recorded(seen, name):
    def hook(task, run, state):
        seen.append((name, task.name, run.state.name, state.name))

    return hook


def logs(orchestrator):
    (run,) = orchestrator.list_flow_runs().rows
    return orchestrator.list_logs(run.id).rows


def test_hooks_are_called_in_the_order_of_their_lists(orchestrator):
    seen = []

    @task(
        on_running=[recorded(seen, "r1"), recorded(seen, "r2")],
        on_completion=[recorded(seen, "c1"), recorded(seen, "c2")],
        on_failure=[recorded(seen, "f")],
    )
    def works():
        seen.append("body")

    flow(lambda: works())()
    assert seen == [
        ("r1", "works", "Running", "Running"),
        ("r2", "works", "Running", "Running"),
        "body",
        ("c1", "works", "Completed", "Completed"),
        ("c2", "works", "Completed", "Completed"),
    ]


def test_on_running_is_called_for_each_try_and_on_failure_only_for_the_last(orchestrator):
    seen = []

    @task(retries=1, on_running=[recorded(seen, "r")], on_failure=[recorded(seen, "f")])
    def fails():
        raise ValueError

    flow(lambda: fails(return_state=True).name)()
    assert [(name, state) for name, _, _, state in seen] == [
        ("r", "Running"), ("r", "Retrying"), ("f", "Failed"),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_hook_may_be_async_wherever_the_task_runs(orchestrator, kind):
    seen = []

    async def hook(task, run, state):
        await asyncio.sleep(0)
        seen.append(runtime.task_run.name)

    if kind == "sync":
        works = task(on_completion=[hook])(lambda: 1)
        flow(lambda: works())()
    else:

        @task(on_completion=[hook])
        async def aworks():
            return 1

        @flow
        async def outer():
            await aworks()
            task(on_completion=[hook], name="sync-on-a-loop")(lambda: 1)()

        asyncio.run(outer())
    assert seen == (["lambda-0"] if kind == "sync" else ["aworks-0", "sync-on-a-loop-0"])


def test_what_a_hook_raises_is_logged_and_changes_nothing(orchestrator):
    seen = []

    def broken(task, run, state):
        raise RuntimeError("in the hook")

    def exits(task, run, state):
        raise SystemExit(3)

    @task(on_completion=[broken, exits, recorded(seen, "next")], on_running=[broken])
    def works():
        return 5

    assert flow(lambda: works())() == 5
    assert len(seen) == 1
    lines = [line for line in logs(orchestrator) if "broken" in line.message]
    assert len(lines) == 2
    assert all("in the hook" in line.message and line.task_run_id for line in lines)


def test_a_hook_logs_into_its_own_run(orchestrator):
    def says(task, run, state):
        assert TaskRunContext.get() is not None
        get_run_logger().info("from the hook of %s", runtime.task_run.name)

    flow(lambda: task(on_completion=[says], name="t")(lambda: 1)())()
    (line,) = [line for line in logs(orchestrator) if "from the hook" in line.message]
    assert line.message == "from the hook of t-0"
    assert line.task_run_id is not None


def test_hooks_are_added_like_decorators_and_may_be_partials(orchestrator):
    seen = []

    @task
    def works():
        return 1

    @works.on_completion
    def first(task, run, state):
        seen.append("first")

    def told(word, task, run, state):
        seen.append(word)

    works.on_completion(functools.partial(told, "second"))
    flow(lambda: works())()
    assert seen == ["first", "second"]
    assert callable(first)


def test_a_cached_value_is_a_completion(orchestrator):
    from nbflow.cache_policies import INPUTS

    seen = []
    works = task(cache_policy=INPUTS, on_completion=[recorded(seen, "c")], name="w")(lambda x: x)
    flow(lambda: [works(1), works(1)])()
    assert [state for *_, state in seen] == ["Completed", "Cached"]


def test_hooks_of_submitted_tasks_are_called_before_their_result_is_there(orchestrator):
    seen = []
    works = task(on_completion=[recorded(seen, "c")])(lambda: 1)

    @flow
    def outer():
        works.submit().result()
        return len(seen)

    assert outer() == 1
