"""A cancelled run always ends, and ends everything it started, whatever its code does.

Real scripts, without a server; the ladder's seconds are scaled down, its rungs are not.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from nbflow.model import states
from nbflow.model.runs import FlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

Wait = Callable[..., object]

HEARTBEAT, INTERRUPT, TERMINATE = 0.2, 1.5, 1.0
#: what may pass on a busy machine beside the rungs themselves
SLACK = 30.0

BODIES = """
import asyncio, hashlib, os, signal, subprocess, sys, time
from nbflow import flow, task
from nbflow.task_runners import ProcessPoolTaskRunner

@task
def waits():
    time.sleep(600)

@task
def computes_in_c():
    hashlib.pbkdf2_hmac("sha256", b"a", b"b", 10**9)

@task
def computes():
    while True:
        sum(range(1000))

@task
def ignores():
    while True:
        try:
            time.sleep(0.05)
        except:
            pass

@task
async def awaits():
    await asyncio.sleep(600)

def ready():
    print("ready", flush=True)
"""

SCRIPTS = {
    "main thread waits": "@flow\ndef f():\n    ready()\n    waits()\nf()",
    "main thread in C": "@flow\ndef f():\n    ready()\n    computes_in_c()\nf()",
    "main thread ignores": "@flow\ndef f():\n    ready()\n    ignores()\nf()",
    "thread waits": "@flow\ndef f():\n    ready()\n    waits.submit().result()\nf()",
    "thread computes": "@flow\ndef f():\n    ready()\n    computes.submit().result()\nf()",
    "thread ignores": "@flow\ndef f():\n    ready()\n    ignores.submit().result()\nf()",
    "async": "@flow\nasync def f():\n    ready()\n    await awaits()\nasyncio.run(f())",
    "async task submitted": "@flow\ndef f():\n    ready()\n    awaits.submit().result()\nf()",
    "process ignores": (
        "@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))\n"
        "def f():\n    future = ignores.submit()\n    ready()\n    future.result()\n"
        "if __name__ == '__main__':\n    f()"
    ),
}


@pytest.fixture
def script(tmp_path: Path, home: Path) -> Callable[..., object]:
    """`with script(code) as process`: a script that has said it is ready."""
    quick = {
        "NBFLOW_HEARTBEAT_SECONDS": str(HEARTBEAT),
        "NBFLOW_INTERRUPT_SECONDS": str(INTERRUPT),
        "NBFLOW_TERMINATE_SECONDS": str(TERMINATE),
    }

    @contextmanager
    def run(code: str) -> Iterator[subprocess.Popen[str]]:
        path = tmp_path / "script.py"
        path.write_text(BODIES + textwrap.dedent(code))
        env = os.environ | quick | {"NBFLOW_HOME": str(home)}
        process = subprocess.Popen(
            [sys.executable, str(path)],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()
            process.wait()

    return run


def the_run(orchestrator: Orchestrator) -> FlowRun:
    return next(r for r in orchestrator.list_flow_runs().rows if r.parent_flow_run_id is None)


def cancel(orchestrator: Orchestrator) -> FlowRun:
    run = the_run(orchestrator)
    orchestrator.propose(run.id, states.Cancelling(message="enough"))
    return run


def carrying(marker: str) -> list[int]:
    """List the processes that carry an attempt's mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(owners.MARKER) == marker:
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.mark.parametrize("kind", SCRIPTS)
def test_whatever_the_code_does_the_run_ends_cancelled_and_its_process_ends(
    orchestrator: Orchestrator, script: Callable[..., object], wait_for: Wait, kind: str
) -> None:
    with script(SCRIPTS[kind]) as process:
        run, asked = cancel(orchestrator), time.monotonic()
        wait_for(lambda: orchestrator.read_flow_run(run.id).state.is_cancelled(), seconds=60)
        assert time.monotonic() - asked < HEARTBEAT + INTERRUPT + TERMINATE + SLACK
        process.wait(SLACK + TERMINATE)
    names = {task.state.name for task in orchestrator.list_task_runs(run.id)}
    assert names == {"Cancelled"}


def test_code_that_heeds_an_interrupt_ends_long_before_the_next_rung(
    orchestrator: Orchestrator, script: Callable[..., object], wait_for: Wait
) -> None:
    with script(SCRIPTS["main thread waits"]) as process:
        run = cancel(orchestrator)
        process.wait(60)
    assert orchestrator.read_flow_run(run.id).state.message == "It was asked to stop."
    assert process.returncode == 1


def test_code_that_heeds_nothing_is_killed_and_that_is_said(
    orchestrator: Orchestrator, script: Callable[..., object]
) -> None:
    with script(SCRIPTS["main thread ignores"]) as process:
        run = cancel(orchestrator)
        process.wait(60)
    found = orchestrator.read_flow_run(run.id).state
    assert process.returncode == -signal.SIGKILL
    assert str(process.pid) in found.message
    assert [s.name for s in orchestrator.list_states(run.id)][-2:] == ["Cancelling", "Cancelled"]


def test_its_hooks_are_called_also_when_its_code_is_killed(
    orchestrator: Orchestrator, script: Callable[..., object], tmp_path: Path
) -> None:
    code = f"""
    def told(flow, flow_run, state):
        open({str(tmp_path / "told")!r}, "a").write(f"{{flow.name}} {{state.name}} ")
    @flow(on_cancellation=[told])
    def f():
        ready()
        ignores()
    f()
    """
    with script(code) as process:
        cancel(orchestrator)
        process.wait(60)
    assert (tmp_path / "told").read_text() == "f Cancelling "


@pytest.mark.parametrize("stubborn", [False, True])
def test_what_left_the_session_of_its_process_ends_with_the_run(
    orchestrator: Orchestrator, script: Callable[..., object], wait_for: Wait, stubborn: bool
) -> None:
    ignoring = "signal.signal(signal.SIGTERM, signal.SIG_IGN); " if stubborn else ""
    code = f"""
    @flow
    def f():
        code = "import signal, time; {ignoring}print(flush=True); time.sleep(600)"
        away = subprocess.Popen([sys.executable, "-c", code], start_new_session=True,
                                stdout=subprocess.PIPE)
        away.stdout.readline()
        ready()
        waits()
    f()
    """
    with script(code) as process:
        run = the_run(orchestrator)
        marker = f"{run.id}-1"
        assert len(carrying(marker)) == 1
        cancel(orchestrator)
        wait_for(lambda: orchestrator.read_flow_run(run.id).state.is_cancelled())
        assert carrying(marker) == []
        process.wait(60)


def test_the_runs_it_called_end_with_it(
    orchestrator: Orchestrator, script: Callable[..., object], wait_for: Wait
) -> None:
    code = """
    @flow
    def inner():
        ready()
        waits()
    @flow
    def outer():
        inner()
    outer()
    """
    with script(code) as process:
        cancel(orchestrator)
        process.wait(60)
    ended = {r.flow_name: r.state.name for r in orchestrator.list_flow_runs().rows}
    assert ended == {"inner": "Cancelled", "outer": "Cancelled"}


def test_a_run_whose_process_was_killed_after_the_request_is_cancelled(
    orchestrator: Orchestrator, script: Callable[..., object]
) -> None:
    with script(SCRIPTS["main thread ignores"]) as process:
        run = cancel(orchestrator)
        process.kill()
        process.wait()
    assert orchestrator.read_flow_run(run.id).state.is_cancelling()
    assert nbflow("flow-run", "cancel", run.id).endswith("Cancelled.\n")
    assert orchestrator.read_flow_run(run.id).state.is_cancelled()


def nbflow(*words: str) -> str:
    """Run the command in a process of its own, as a person does: it opens the store anew."""
    command = [sys.executable, "-m", "nbflow", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_script_killed_with_9_is_called_crashed_by_the_next_command(
    orchestrator: Orchestrator, script: Callable[..., object], wait_for: Wait
) -> None:
    code = """
    @flow
    def f():
        subprocess.Popen(["sleep", "600"], start_new_session=True)
        ready()
        waits()
    f()
    """
    with script(code) as process:
        run = the_run(orchestrator)
        assert len(carrying(f"{run.id}-1")) == 1
        wait_for(lambda: orchestrator.list_task_runs(run.id))
        process.kill()
        process.wait()
    assert "Crashed" in nbflow("flow-run", "ls")
    found = orchestrator.read_flow_run(run.id)
    assert f"process {process.pid} on {owners.current().host}" in found.state.message
    assert "last heartbeat was at 20" in found.state.message
    assert [task.state.name for task in orchestrator.list_task_runs(run.id)] == ["Crashed"]
    assert carrying(f"{run.id}-1") == []


def test_and_by_the_next_run(orchestrator: Orchestrator, script: Callable[..., object]) -> None:
    with script(SCRIPTS["main thread waits"]) as process:
        process.kill()
        process.wait()
    dead = the_run(orchestrator)
    with script("@flow\ndef g():\n    ready()\n    waits()\ng()"):
        assert orchestrator.read_flow_run(dead.id).state.is_crashed()


def test_a_process_that_does_other_things_as_well_is_left_alive(
    orchestrator: Orchestrator, script: Callable[..., object], wait_for: Wait
) -> None:
    code = """
    import threading
    @flow
    def f():
        ready()
        ignores()
    threading.Thread(target=f, daemon=True).start()
    time.sleep(600)
    """
    with script(code) as process:
        run = cancel(orchestrator)
        wait_for(lambda: orchestrator.read_flow_run(run.id).state.is_cancelled())
        assert "may still be running" in orchestrator.read_flow_run(run.id).state.message
        assert process.poll() is None
