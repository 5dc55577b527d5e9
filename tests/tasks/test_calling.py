"""Calling a task: inside a flow, outside any, in a task; retried; named; logged."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap

import pytest

from nbflow import context, flow, get_run_logger, runtime, task
from nbflow.engine.hosting import HostedRun
from nbflow.exceptions import InvalidInput, MissingContextError, UpstreamError
from nbflow.model.runs import NewFlowRun
from nbflow.states import Completed, Failed


def tasks_of(orchestrator, flow_name):
    (run,) = [r for r in orchestrator.list_flow_runs().rows if r.flow_name == flow_name]
    return orchestrator.list_task_runs(run.id)


def states_of(orchestrator, task_run):
    from nbflow.store import task_runs

    with orchestrator.database.read() as connection:
        (found,) = task_runs.by_ids(connection, [task_run.id])
        return [s.name for s in found.history]


def test_each_call_is_a_task_run_with_every_state(orchestrator):
    @task
    def one(x):
        return x

    @flow
    def calls():
        return one(1), one(x=2)

    assert calls() == (1, 2)
    first, second = tasks_of(orchestrator, "calls")
    assert (first.name, second.name) == ("one-0", "one-1")
    assert (first.position, second.position, first.attempt) == (0, 1, 1)
    assert first.key == second.key
    assert first.key.endswith(".one")
    assert states_of(orchestrator, first) == ["Pending", "Running", "Completed"]


def test_a_task_is_tried_again_in_the_same_task_run(orchestrator):
    tries = []

    @task(retries=2, retry_delay_seconds=[0, 0.01])
    def flaky():
        tries.append(runtime.task_run.attempt)
        if len(tries) < 3:
            raise ValueError("again")
        return "ok"

    @flow
    def calls():
        return flaky()

    assert calls() == "ok"
    assert tries == [1, 2, 3]
    (run,) = tasks_of(orchestrator, "calls")
    assert (run.state.name, run.attempt) == ("Completed", 3)
    retry = ["AwaitingRetry", "Retrying"]
    assert states_of(orchestrator, run) == ["Pending", "Running", *retry, *retry, "Completed"]


def test_the_last_failure_is_raised(orchestrator):
    tries = []

    @task(retries=1)
    def broken():
        tries.append(1)
        raise ValueError(f"try {len(tries)}")

    @flow
    def calls():
        with pytest.raises(ValueError, match="try 2"):
            broken()

    calls()
    (run,) = tasks_of(orchestrator, "calls")
    assert (run.state.name, run.attempt) == ("Failed", 2)


def test_returning_failed_is_a_failure_that_is_retried(orchestrator):
    tries = []

    @task(retries=1)
    def says_so():
        tries.append(1)
        return Failed(message="no") if len(tries) == 1 else Completed(message="yes")

    assert flow(lambda: says_so(return_state=True).message)() == "yes"


def test_an_async_task_is_retried_on_the_loop(orchestrator):
    tries = []

    @task(retries=1, retry_delay_seconds=0.01)
    async def flaky():
        tries.append(1)
        await asyncio.sleep(0)
        if len(tries) == 1:
            raise ValueError
        return len(tries)

    @flow
    async def calls():
        return await flaky()

    assert asyncio.run(calls()) == 2


def test_a_task_in_a_task_belongs_to_the_same_flow_run(orchestrator):
    @task
    def inner(x):
        return x + 1

    @task
    def outer(x):
        return inner(x) * 10

    @flow
    def nested():
        return outer(1)

    assert nested() == 20
    assert [t.name for t in tasks_of(orchestrator, "nested")] == ["outer-0", "inner-0"]


def test_a_task_outside_any_flow_gets_a_small_flow_run(orchestrator):
    @task
    def alone(x):
        return x + 1

    assert alone(1) == 2
    assert asyncio.run(_call_async(alone)) == 2
    runs = orchestrator.list_flow_runs().rows
    assert [(r.flow_name, r.kind, r.state.name) for r in runs] == [
        ("alone", "flow", "Completed")
    ] * 2


async def _call_async(alone):
    return alone(1)


def test_an_async_task_outside_any_flow_too(orchestrator):
    @task
    async def alone(x):
        return x + 1

    assert asyncio.run(alone(1)) == 2
    assert [t.state.name for t in tasks_of(orchestrator, "alone")] == ["Completed"]


def test_a_task_that_fails_outside_any_flow_raises_its_own_exception(orchestrator):
    @task
    def alone():
        raise KeyError("k")

    with pytest.raises(KeyError, match="k"):
        alone()
    (run,) = orchestrator.list_flow_runs().rows
    assert run.state.message == "KeyError: 'k'"


def test_a_submitted_task_outside_any_flow_is_recorded_too(orchestrator, wait_for):
    @task
    def alone(x):
        return x + 1

    assert alone.submit(2).result() == 3
    wait_for(lambda: orchestrator.list_flow_runs().rows[0].state.is_completed())
    assert [t.state.name for t in tasks_of(orchestrator, "alone")] == ["Completed"]


def test_a_task_joins_the_session_that_hosts_it(orchestrator, monkeypatch):
    @task
    def joins():
        get_run_logger().info("inside")
        return runtime.flow_run.id

    session = HostedRun(NewFlowRun(flow_name="session", kind="session"))
    monkeypatch.setattr(context, "ambient", lambda: session.context)
    assert joins() == session.run.id
    assert joins.submit().result() == session.run.id
    session.finish()
    assert [t.state.name for t in orchestrator.list_task_runs(session.run.id)] == ["Completed"] * 2
    assert orchestrator.read_flow_run(session.run.id).state.is_completed()
    assert [line.message for line in orchestrator.list_logs(session.run.id).rows] == ["inside"] * 2


def test_a_child_process_joins_the_run_that_started_it(orchestrator, home):
    host = HostedRun(NewFlowRun(flow_name="notebook", kind="notebook"))
    script = textwrap.dedent("""
        from nbflow import flow, task
        @task
        def joins(): return 1
        @flow
        def child(): return joins()
        joins(); child()
    """)
    told = {"NBFLOW_FLOW_RUN_ID": host.run.id, "NBFLOW_ATTEMPT": "1"}
    subprocess.run([sys.executable, "-c", script], env={**os.environ, **told}, check=True)
    host.finish()
    assert [t.state.name for t in orchestrator.list_task_runs(host.run.id)] == ["Completed"]
    (child,) = [r for r in orchestrator.list_flow_runs().rows if r.flow_name == "child"]
    assert child.parent_flow_run_id == host.run.id
    assert child.state.is_completed()


def test_a_variable_that_outlived_its_run_is_not_followed(orchestrator, monkeypatch):
    monkeypatch.setenv("NBFLOW_FLOW_RUN_ID", "01a20387-2711-7575-8a93-a206dc111fcc")

    @task
    def alone():
        return runtime.flow_run.id

    assert alone() != "01a20387-2711-7575-8a93-a206dc111fcc"


def test_a_task_run_is_named_by_its_parameters(orchestrator):
    @task(task_run_name="clean-{day}")
    def clean(day, deep=False):
        return runtime.task_run.name

    @task(task_run_name=lambda: "-".join(runtime.task_run.parameters))
    def by_function(a, b=1):
        return None

    @flow
    def names():
        by_function(1)
        return clean("monday")

    assert names() == "clean-monday"
    assert [t.name for t in tasks_of(orchestrator, "names")] == ["a-b", "clean-monday"]


def test_wait_for_holds_back_a_task_whose_upstream_failed(orchestrator):
    called = []

    @task
    def bad():
        raise ValueError

    @task
    def after():
        called.append(1)

    @flow
    def ordered():
        with pytest.raises(UpstreamError):
            after(wait_for=[bad.submit()])
        return after(wait_for=[bad.submit()], return_state=True).name

    assert ordered() == "NotReady"
    assert called == []


def test_a_state_given_as_argument_becomes_its_value(orchestrator):
    @task
    def number():
        return 3

    @task
    def double(x):
        return 2 * x

    @flow
    def passes():
        return double(number(return_state=True))

    assert passes() == 6


def test_log_lines_and_prints_belong_to_the_run_they_come_from(orchestrator, capsys):
    @task
    def talks():
        get_run_logger().warning("from %s", "task")
        print("printed", 1, sep="-")

    @flow(log_prints=True)
    def logs():
        get_run_logger().debug("too fine")
        print("flow line")
        talks()

    logs()
    print("outside")
    (run,) = orchestrator.list_flow_runs().rows
    (task_run,) = orchestrator.list_task_runs(run.id)
    lines = orchestrator.list_logs(run.id).rows
    assert [(line.message, line.level, line.task_run_id) for line in lines] == [
        ("flow line", 20, None),
        ("from task", 30, task_run.id),
        ("printed-1", 20, task_run.id),
    ]
    assert capsys.readouterr().out == "outside\n"


def test_a_log_line_that_is_no_valid_text_is_kept_escaped(orchestrator):
    @flow
    def odd():
        get_run_logger().info("half \ud800 and \0 and é")

    odd()
    (run,) = orchestrator.list_flow_runs().rows
    (line,) = orchestrator.list_logs(run.id).rows
    assert line.message == "half \\ud800 and \\0 and é"


def test_there_is_no_logger_outside_a_run(orchestrator):
    with pytest.raises(MissingContextError):
        get_run_logger()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"name": "a%b"}, "name"),
        ({"tags": "abc"}, "tags"),
        ({"retries": True}, "retries"),
        ({"retry_delay_seconds": [1] * 51}, "retry_delay_seconds"),
        ({"retry_delay_seconds": [1, -1]}, "retry_delay_seconds"),
    ],
)
def test_bad_options_are_refused_when_the_decorator_runs(options, field):
    with pytest.raises(InvalidInput) as caught:
        task(**options)(lambda: 1)
    assert caught.value.field == field
