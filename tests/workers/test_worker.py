"""A real worker process: it claims, launches, watches and reports; its death is survived."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes

from nbflow.model import clock, states
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.reaper import Reaper

Wait = Callable[..., object]


@pytest.fixture
def worker(orchestrator: Orchestrator, home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of the pool "default" that ends when its standard input closes."""
    command = [sys.executable, "-m", "nbflow.workers", "--pool", "default", "--limit", "2"]
    env = os.environ | {
        "NBFLOW_INTERRUPT_SECONDS": "2",
        "NBFLOW_TERMINATE_SECONDS": "1",
        "NBFLOW_DRAIN_SECONDS": "1",
    }
    process = subprocess.Popen([*command, "--watch-stdin"], stdin=subprocess.PIPE, env=env)
    yield process
    if process.stdin is not None:
        process.stdin.close()
    process.wait(60)


def a_run(orchestrator: Orchestrator, folder: Path, *cells: str, name: str = "nb") -> FlowRun:
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    path = folder / f"{name}.ipynb"
    path.write_text(writes(notebook), encoding="utf-8")
    return orchestrator.create_flow_run(
        NewFlowRun(
            name,
            kind="notebook",
            state=states.Scheduled(),
            path=str(path),
            kernel_name="python3",
            work_pool="default",
        )
    )


def ended(orchestrator: Orchestrator, run: FlowRun) -> Callable[[], FlowRun | None]:
    def look() -> FlowRun | None:
        found = orchestrator.read_flow_run(run.id)
        return found if found.state.is_final() else None

    return look


def running_cell(orchestrator: Orchestrator, run: FlowRun, position: int) -> Callable[[], bool]:
    def look() -> bool:
        cells = orchestrator.list_task_runs(run.id)
        return len(cells) > position and cells[position].state.is_running()

    return look


def marked(run: FlowRun) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("NBFLOW_ATTEMPT", "").startswith(run.id):
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


def test_a_waiting_notebook_is_run(
    orchestrator: Orchestrator, tmp_path: Path, worker: object, wait_for: Wait
) -> None:
    run = a_run(orchestrator, tmp_path, "x = 1", "print(x)")
    found = wait_for(ended(orchestrator, run), seconds=60)
    assert isinstance(found, FlowRun)
    assert found.state.is_completed(), found.state.message
    assert [t.state.name for t in orchestrator.list_task_runs(run.id)] == ["Completed"] * 2
    names = [s.name for s in orchestrator.list_states(run.id)]
    assert names == ["Scheduled", "Pending", "Running", "Completed"]


def test_a_cancel_ends_code_that_ignores_interrupts_and_its_detached_children(
    orchestrator: Orchestrator, tmp_path: Path, worker: object, wait_for: Wait
) -> None:
    run = a_run(
        orchestrator,
        tmp_path,
        "import signal, subprocess, threading\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "subprocess.Popen(['sleep', '600'], start_new_session=True)",
        "while True:\n    threading.Event().wait(1)",
    )
    wait_for(running_cell(orchestrator, run, 1), seconds=60)
    orchestrator.propose(run.id, states.Cancelling())
    found = wait_for(ended(orchestrator, run), seconds=60)
    assert isinstance(found, FlowRun)
    assert found.state.is_cancelled()
    wait_for(lambda: not marked(run), seconds=60)
    cells = [t.state.name for t in orchestrator.list_task_runs(run.id)]
    assert cells == ["Completed", "Cancelled"]


def test_an_executor_killed_with_9_is_a_crash_and_its_kernel_ends(
    orchestrator: Orchestrator, tmp_path: Path, home: Path, worker: object, wait_for: Wait
) -> None:
    run = a_run(
        orchestrator,
        tmp_path,
        "print('first')",
        "import os, threading\nprint('second', flush=True)\nthreading.Event().wait(600)",
        "3",
    )
    wait_for(running_cell(orchestrator, run, 1), seconds=60)
    (executor,) = [
        p
        for p in psutil.process_iter()
        if p.pid in marked(run) and "nbflow.notebook.execute" in " ".join(p.cmdline())
    ]
    executor.kill()
    found = wait_for(ended(orchestrator, run), seconds=60)
    assert isinstance(found, FlowRun)
    assert found.state.is_crashed()
    assert "signal 9" in found.state.message
    cells = [t.state.name for t in orchestrator.list_task_runs(run.id)]
    assert cells == ["Completed", "Crashed", "NotReady"]
    wait_for(lambda: not marked(run), seconds=60)
    notebook = home / str(found.run_dir) / "notebook.ipynb"
    wait_for(notebook.exists)
    first = json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]
    assert first["outputs"][0]["text"] in ("first\n", ["first\n"])


def test_a_worker_killed_with_9_leaves_no_process_and_its_run_is_a_crash(
    orchestrator: Orchestrator,
    tmp_path: Path,
    worker: subprocess.Popen[bytes],
    wait_for: Wait,
) -> None:
    run = a_run(orchestrator, tmp_path, "import threading\nthreading.Event().wait(600)")
    wait_for(running_cell(orchestrator, run, 0), seconds=60)
    worker.kill()
    worker.wait()
    wait_for(lambda: not marked(run), seconds=60, what="the executor ended itself")
    Reaper(orchestrator).run_once(clock.now())
    assert orchestrator.read_flow_run(run.id).state.is_crashed()
    assert orchestrator.list_workers().rows == ()


def test_a_draining_worker_lets_go_of_what_it_never_started_and_ends(
    orchestrator: Orchestrator,
    tmp_path: Path,
    worker: subprocess.Popen[bytes],
    wait_for: Wait,
) -> None:
    wait_for(lambda: orchestrator.list_workers().rows)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert orchestrator.list_workers().rows == ()
    run = a_run(orchestrator, tmp_path, "1")
    assert orchestrator.read_flow_run(run.id).state.is_scheduled()


def test_a_drain_that_runs_out_of_time_ends_the_run(
    orchestrator: Orchestrator,
    tmp_path: Path,
    worker: subprocess.Popen[bytes],
    wait_for: Wait,
) -> None:
    run = a_run(orchestrator, tmp_path, "import threading\nthreading.Event().wait(600)")
    wait_for(running_cell(orchestrator, run, 0), seconds=60)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    found = orchestrator.read_flow_run(run.id)
    assert found.state.is_crashed(), found.state
    assert "stopped" in found.state.message


def test_a_hook_is_let_finish_however_often_the_lease_is_renewed_meanwhile(
    orchestrator: Orchestrator,
    tmp_path: Path,
    wait_for: Wait,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setenv("NBFLOW_HEARTBEAT_SECONDS", "0.1")
    begun, go_on, done = (tmp_path / name for name in ("begun", "go-on", "done"))
    code = f"""
import pathlib, threading
from nbflow import flow
def hook(flow, run, state):
    pathlib.Path({str(begun)!r}).touch()
    while not pathlib.Path({str(go_on)!r}).exists():
        threading.Event().wait(0.05)
    pathlib.Path({str(done)!r}).touch()
@flow(on_completion=[hook])
def hooked():
    return 1
"""
    (tmp_path / "hooked.py").write_text(code)
    run = orchestrator.create_flow_run(
        NewFlowRun(
            "hooked",
            kind="flow",
            state=states.Scheduled(),
            path=str(tmp_path / "hooked.py"),
            entrypoint="hooked.py:hooked",
            work_pool="default",
        )
    )
    request.getfixturevalue("worker")
    wait_for(begun.exists, seconds=60)
    before = _heard(orchestrator)
    wait_for(lambda: _heard(orchestrator) > before, seconds=60)
    seen = _heard(orchestrator)
    wait_for(lambda: _heard(orchestrator) > seen, seconds=60)
    go_on.touch()
    wait_for(done.exists, seconds=60)
    assert orchestrator.read_flow_run(run.id).state.is_completed()


def _heard(orchestrator: Orchestrator) -> Any:
    return orchestrator.list_workers().rows[0].heartbeat_at
