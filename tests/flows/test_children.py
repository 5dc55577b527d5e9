"""Child runs: full runs of their own, tracked in their parent, and not run again on its retry."""

from __future__ import annotations

import asyncio
import threading

import pytest

from nbflow import flow, runtime, settings, task
from nbflow.exceptions import NestedTooDeep
from nbflow.task_runners import ThreadPoolTaskRunner


def runs(orchestrator, flow_name):
    rows = orchestrator.list_flow_runs().rows
    return sorted((r for r in rows if r.flow_name == flow_name), key=lambda r: r.id)


def only(orchestrator, flow_name):
    (run,) = runs(orchestrator, flow_name)
    return run


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_completed_child_is_taken_over_by_the_parents_next_try(orchestrator, kind):
    ran = []

    @flow
    def child(x):
        ran.append(x)
        return {"made": x}

    @flow
    async def achild(x):
        ran.append(x)
        return {"made": x}

    @flow(retries=1)
    def parent():
        values = [child(1), child(2)]
        if runtime.flow_run.run_count == 1:
            raise ValueError
        return values

    @flow(retries=1, name="parent")
    async def aparent():
        values = [await achild(1), await achild(2)]
        if runtime.flow_run.run_count == 1:
            raise ValueError
        return values

    found = parent() if kind == "sync" else asyncio.run(aparent())
    assert found == [{"made": 1}, {"made": 2}]
    assert ran == [1, 2]
    children = runs(orchestrator, "child" if kind == "sync" else "achild")
    assert [c.state.name for c in children] == ["Completed"] * 2
    tracking = orchestrator.list_task_runs(only(orchestrator, "parent").id)
    assert [t.state.name for t in tracking] == ["Cached"] * 2
    assert [t.state.details["child_flow_run_id"] for t in tracking] == [c.id for c in children]


def test_a_child_that_did_not_complete_gets_a_fresh_run(orchestrator):
    @flow
    def child():
        if runtime.flow_run.id == only_first[0]:
            raise ValueError
        return "second run"

    only_first = []

    @child.on_running
    def note(flow, run, state):
        only_first.append(run.id)

    @flow(retries=1)
    def parent():
        return child()

    assert parent() == "second run"
    assert [c.state.name for c in runs(orchestrator, "child")] == ["Failed", "Completed"]
    (tracking,) = orchestrator.list_task_runs(only(orchestrator, "parent").id)
    assert tracking.state.details["child_flow_run_id"] == runs(orchestrator, "child")[1].id


def test_with_other_parameters_or_no_result_a_child_runs_again(orchestrator):
    @flow
    def child(x):
        return x

    @flow(persist_result=False)
    def forgets(x):
        return x

    @flow(retries=1)
    def parent():
        attempt = runtime.flow_run.run_count
        values = child(attempt), forgets(0)
        if attempt == 1:
            raise ValueError
        return values

    assert parent() == (2, 0)
    assert [c.parameters["x"] for c in runs(orchestrator, "child")] == [1, 2]
    assert len(runs(orchestrator, "forgets")) == 2


def test_the_tracking_run_mirrors_each_state_of_the_child(orchestrator):
    @flow(retries=1)
    def child():
        raise ValueError("no luck")

    @flow
    def parent():
        return child(return_state=True).name

    assert parent() == "Failed"
    (tracking,) = orchestrator.list_task_runs(only(orchestrator, "parent").id)
    names = ["Pending", "Running", "AwaitingRetry", "Retrying", "Failed"]
    assert [s.name for s in tracking.history] == names
    assert (tracking.kind, tracking.name) == ("flow", "child-0")
    assert tracking.state.message == "ValueError: no luck"
    child_run = only(orchestrator, "child")
    assert child_run.parent_task_run_id == tracking.id
    assert child_run.parent_flow_run_id == tracking.flow_run_id


def test_futures_given_to_a_child_are_its_upstream(orchestrator):
    @task
    def number():
        return 4

    @flow
    def child(x):
        return x

    assert flow(lambda: child(number.submit()), name="parent")() == 4
    first, tracking = orchestrator.list_task_runs(only(orchestrator, "parent").id)
    assert tracking.upstream == (first.id,)


def test_a_child_in_a_submitted_task_is_tracked_by_the_same_run(orchestrator):
    @flow
    def child(x):
        return x + 1

    @task
    def calls(x):
        return child(x)

    @flow
    def parent():
        return [f.result() for f in [calls.submit(n) for n in range(3)]]

    assert parent() == [1, 2, 3]
    kinds = [t.kind for t in orchestrator.list_task_runs(only(orchestrator, "parent").id)]
    assert sorted(kinds) == ["flow"] * 3 + ["task"] * 3


def test_each_run_has_its_own_task_runner(orchestrator):
    @task
    def where():
        return threading.current_thread().name

    seen = []

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=1))
    def child():
        from nbflow.context import FlowRunContext

        here = FlowRunContext.get()
        assert here is not None
        seen.append(here.task_runner)
        return where.submit().result()

    @flow
    def parent():
        return child(), child(), where.submit().result()

    parent()
    assert len({id(each) for each in seen}) == 2
    assert {each.max_workers for each in seen} == {1}


@pytest.mark.parametrize("kind", ["sync", "async", "through tasks"])
def test_a_flow_that_calls_itself_without_end_is_refused_with_a_clear_error(orchestrator, kind):
    @flow
    def again(n=0):
        again(n + 1)

    @flow
    async def aagain(n=0):
        await aagain(n + 1)

    @task
    def through(n):
        return detour(n)

    @flow
    def detour(n=0):
        return through.submit(n + 1).result()

    start = {"sync": again, "async": lambda: asyncio.run(aagain()), "through tasks": detour}[kind]
    with settings.temporary(nesting_limit=5), pytest.raises(NestedTooDeep) as caught:
        start()
    assert caught.value.code == "flow.too_deep"
    assert "nesting_limit" in str(caught.value)
    assert len(orchestrator.list_flow_runs().rows) == 5
    assert {r.state.name for r in orchestrator.list_flow_runs().rows} == {"Failed"}


def test_twenty_flows_in_one_another_are_no_trouble(orchestrator):
    @flow
    def deeper(n):
        return n if n == 20 else deeper(n + 1)

    assert deeper(1) == 20
    assert len(orchestrator.list_flow_runs().rows) == 20
