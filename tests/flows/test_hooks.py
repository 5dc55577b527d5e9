"""Hooks of flows: for every way a run can end, and while it is being cancelled."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from nbflow import flow, get_run_logger, settings
from nbflow.exceptions import CancelledRun, ParameterTypeError
from nbflow.states import Cancelling

ALL = ("on_running", "on_completion", "on_failure", "on_cancellation", "on_crashed")


@pytest.fixture
def seen():
    return []


@pytest.fixture
def all_hooks(seen):
    def recorded(name):
        return lambda flow, run, state: seen.append((name, state.name))

    return {name: [recorded(name)] for name in ALL}


def only_run(orchestrator):
    (run,) = orchestrator.list_flow_runs().rows
    return run


def test_a_completed_run(orchestrator, seen, all_hooks):
    flow(**all_hooks)(lambda: seen.append("body"))()
    assert seen == [("on_running", "Running"), "body", ("on_completion", "Completed")]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_failed_run_after_all_its_tries(orchestrator, seen, all_hooks, kind):
    def body():
        raise ValueError("no luck")

    async def abody():
        raise ValueError("no luck")

    made = flow(**all_hooks, retries=1)(body if kind == "sync" else abody)
    with pytest.raises(ValueError, match="no luck"):
        made() if kind == "sync" else asyncio.run(made())
    assert seen == [("on_running", "Running"), ("on_running", "Retrying"), ("on_failure", "Failed")]


def test_wrong_parameters_are_a_failure_without_a_beginning(orchestrator, seen, all_hooks):
    @flow(**all_hooks)
    def typed(x: int):
        return x

    with pytest.raises(ParameterTypeError):
        typed("five")
    assert seen == [("on_failure", "Failed")]


def test_an_exit_is_a_crash(orchestrator, seen, all_hooks):
    with pytest.raises(SystemExit):
        flow(**all_hooks)(lambda: sys.exit(3))()
    assert seen == [("on_running", "Running"), ("on_crashed", "Crashed")]
    assert only_run(orchestrator).state.message == "sys.exit(3) was called."


def test_ctrl_c_is_a_cancellation(orchestrator, seen, all_hooks):
    @flow(**all_hooks)
    def sleeps():
        threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        time.sleep(30)

    with pytest.raises(KeyboardInterrupt):
        sleeps()
    assert seen == [("on_running", "Running"), ("on_cancellation", "Cancelling")]
    assert only_run(orchestrator).state.name == "Cancelled"


def test_a_request_to_cancel_calls_the_hook_before_the_run_has_ended(
    orchestrator, seen, all_hooks, wait_for
):
    states = []
    all_hooks["on_cancellation"].append(
        lambda flow, run, state: states.append(only_run(orchestrator).state.name)
    )

    @flow(**all_hooks)
    def sleeps():
        orchestrator.propose(only_run(orchestrator).id, Cancelling(message="enough"))
        time.sleep(60)

    with settings.temporary(heartbeat_seconds=0.05), pytest.raises(CancelledRun):
        sleeps()
    assert seen == [("on_running", "Running"), ("on_cancellation", "Cancelling")]
    assert states == ["Cancelling"]
    assert only_run(orchestrator).state.name == "Cancelled"


SCRIPT = textwrap.dedent("""
    import asyncio, sys, time
    from nbflow import flow

    def crashed(flow, run, state):
        print(state.name, state.message, flush=True)

    @flow(on_crashed=[crashed])
    def sleeps():
        print("begun", flush=True)
        time.sleep(60)

    @flow(on_crashed=[crashed])
    async def asleeps():
        print("begun", flush=True)
        await asyncio.sleep(60)

    sleeps() if sys.argv[1] == "sync" else asyncio.run(asleeps())
""")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_sigterm_is_a_crash_with_its_cause(orchestrator, kind):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, kind],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.terminate()
    said, errors = process.communicate(timeout=60)
    assert said == "Crashed The process was told to terminate (SIGTERM).\n", errors
    assert process.returncode == (143 if kind == "sync" else -signal.SIGTERM)
    run = only_run(orchestrator)
    assert (run.state.name, run.state.message) == (
        "Crashed", "The process was told to terminate (SIGTERM).",
    )  # fmt: skip
    assert "Traceback" not in errors


def test_a_hook_logs_into_its_run_and_its_own_error_changes_nothing(orchestrator):
    def says(flow, run, state):
        get_run_logger().info("hook of %s", run.name)
        raise RuntimeError("broken hook")

    assert flow(on_completion=[says], flow_run_name="mine")(lambda: 5)() == 5
    run = only_run(orchestrator)
    assert run.state.name == "Completed"
    lines = [line.message for line in orchestrator.list_logs(run.id).rows]
    assert "hook of mine" in lines
    assert any("broken hook" in line for line in lines)
