"""Executors forked from a warm process: quicker than others, and in nothing else different."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes

from nbflow import settings
from nbflow.kernels import forking
from nbflow.kernels.forking import NotForked
from nbflow.model import clock, states
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.reaper import Reaper
from nbflow.workers import executors
from nbflow.workers.executors import Executors

Wait = Callable[..., object]

pytestmark = pytest.mark.skipif(not forking.available(), reason="forks are for Linux")

WAITS = "import threading\nprint('here', flush=True)\nthreading.Event().wait(600)"


@contextmanager
def worker(pool: str = "default", **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that ends when its standard input closes."""
    command = [sys.executable, "-m", "nbflow.workers", "--pool", pool, "--watch-stdin"]
    quick = {"NBFLOW_INTERRUPT_SECONDS": "2", "NBFLOW_TERMINATE_SECONDS": "1"}
    env = os.environ | quick | {"NBFLOW_DRAIN_SECONDS": "1"} | environment
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=env)
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)


@pytest.fixture
def warm(orchestrator: Orchestrator, wait_for: Wait) -> Iterator[subprocess.Popen[bytes]]:
    """A worker whose executors are ready to be forked."""
    with worker(NBFLOW_OUTPUT_CELL_BYTES="1000") as process:
        wait_for(can_fork, seconds=60, what="the warm process")
        yield process


def can_fork() -> bool:
    """Have a child forked that does nothing, as somebody from outside."""
    for talk in executors.find():
        try:
            child = forking.ask(talk, ["nothing", "builtins:len"], env=os.environ)
        except NotForked:
            talk.close()
            continue
        return child.wait(60) == 0
    return False


def a_run(orchestrator: Orchestrator, folder: Path, *cells: str, pool: str = "default") -> FlowRun:
    path = folder / "nb.ipynb"
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    path.write_text(writes(notebook), encoding="utf-8")
    new = NewFlowRun("nb", kind="notebook", state=states.Scheduled(), path=str(path))
    new = NewFlowRun(**{**vars(new), "kernel_name": "python3", "work_pool": pool})
    return orchestrator.create_flow_run(new)


def ended(orchestrator: Orchestrator, run: FlowRun) -> Callable[[], FlowRun | None]:
    def look() -> FlowRun | None:
        found = orchestrator.read_flow_run(run.id)
        return found if found.state.is_final() else None

    return look


def runs_cell(orchestrator: Orchestrator, run: FlowRun) -> Callable[[], bool]:
    return lambda: any(cell.state.is_running() for cell in orchestrator.list_task_runs(run.id))


def executor_of(run: FlowRun) -> psutil.Process:
    """Give the process that executes a run, found as `sweep` finds it: by the marker it shows."""
    (found,) = [p for p in marked(run) if "nbflow.notebook.execute" in " ".join(p.cmdline())]
    return found


def marked(run: FlowRun) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("NBFLOW_ATTEMPT", "").startswith(run.id):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def outputs(home: Path, run: FlowRun) -> list[str]:
    path = home / f"runs/{run.id}/1/notebook.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join("".join(out.get("text", "")) for out in cell["outputs"]) for cell in cells]


def test_a_run_is_executed_by_a_fork_that_the_worker_s_settings_reach(
    orchestrator: Orchestrator, home: Path, tmp_path: Path, warm: object, wait_for: Wait
) -> None:
    run = a_run(orchestrator, tmp_path, WAITS.replace("600", "1"), "print('x' * 5000)")
    wait_for(runs_cell(orchestrator, run), seconds=60)
    above = executor_of(run).parent()
    assert above is not None
    assert "zygote.py" in " ".join(above.cmdline())
    found = wait_for(ended(orchestrator, run), seconds=60)
    assert isinstance(found, FlowRun)
    assert found.state.is_completed(), found.state.message
    assert [len(text) < 1500 for text in outputs(home, run)] == [True, True]
    assert "Output limited to 0.001 MB per cell" in outputs(home, run)[1]


def test_forks_share_no_random_numbers_no_ids_and_no_open_files(
    orchestrator: Orchestrator, home: Path, tmp_path: Path, warm: object, wait_for: Wait
) -> None:
    source = "import os, random\nprint(random.random(), sorted(os.listdir('/proc/self/fd')) != [])"
    runs = [a_run(orchestrator, tmp_path, source, source) for _ in range(3)]
    for run in runs:
        found = wait_for(ended(orchestrator, run), seconds=60)
        assert isinstance(found, FlowRun)
        assert found.state.is_completed(), found.state.message
    assert len({text for run in runs for text in outputs(home, run)}) == 6
    cells = [cell.id for run in runs for cell in orchestrator.list_task_runs(run.id)]
    assert len(set(cells)) == 6


def test_a_fork_killed_with_9_is_a_crash_that_names_the_signal(
    orchestrator: Orchestrator, tmp_path: Path, warm: object, wait_for: Wait
) -> None:
    run = a_run(orchestrator, tmp_path, WAITS, "2")
    wait_for(runs_cell(orchestrator, run), seconds=60)
    executor_of(run).kill()
    found = wait_for(ended(orchestrator, run), seconds=60)
    assert isinstance(found, FlowRun)
    assert found.state.is_crashed()
    assert "signal 9" in found.state.message
    wait_for(lambda: not marked(run), what="the end of its kernel")
    cells = [cell.state.name for cell in orchestrator.list_task_runs(run.id)]
    assert cells == ["Crashed", "NotReady"]


def test_runs_outlive_the_warm_process_and_the_next_ones_start_without_it(
    orchestrator: Orchestrator, home: Path, tmp_path: Path, warm: object, wait_for: Wait
) -> None:
    go = tmp_path / "go"
    waits = f"import pathlib, threading\nwhile not pathlib.Path({str(go)!r}).exists():\n"
    run = a_run(orchestrator, tmp_path, waits + "    threading.Event().wait(0.05)", "print('end')")
    wait_for(runs_cell(orchestrator, run), seconds=60)
    above = executor_of(run).parent()
    assert above is not None
    above.kill()
    next_run = a_run(orchestrator, tmp_path, "print('next')")
    found = wait_for(ended(orchestrator, next_run), seconds=60)
    assert isinstance(found, FlowRun)
    assert found.state.is_completed(), found.state.message
    go.touch()
    found = wait_for(ended(orchestrator, run), seconds=60)
    assert isinstance(found, FlowRun)
    assert found.state.is_completed(), found.state.message
    assert outputs(home, run) == ["", "end\n"]


def test_a_fork_that_dies_after_the_warm_process_is_still_a_crash(
    orchestrator: Orchestrator, tmp_path: Path, warm: object, wait_for: Wait
) -> None:
    run = a_run(orchestrator, tmp_path, WAITS)
    wait_for(runs_cell(orchestrator, run), seconds=60)
    executor = executor_of(run)
    above = executor.parent()
    assert above is not None
    above.kill()
    executor.kill()
    found = wait_for(ended(orchestrator, run), seconds=60)
    assert isinstance(found, FlowRun)
    assert found.state.is_crashed()
    assert "nobody knows how" in found.state.message
    wait_for(lambda: not marked(run), what="the end of its kernel")


def test_a_cancel_climbs_the_ladder_to_a_fork_that_does_not_heed_it(
    orchestrator: Orchestrator, tmp_path: Path, warm: object, wait_for: Wait
) -> None:
    deaf = "import signal, threading\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    deaf += "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    run = a_run(orchestrator, tmp_path, deaf + "while True:\n    threading.Event().wait(1)")
    wait_for(runs_cell(orchestrator, run), seconds=60)
    orchestrator.propose(run.id, states.Cancelling())
    found = wait_for(ended(orchestrator, run), seconds=60)
    assert isinstance(found, FlowRun)
    assert found.state.is_cancelled()
    wait_for(lambda: not marked(run), what="the end of its processes")


def test_a_worker_killed_with_9_leaves_no_fork_and_no_kernel(
    orchestrator: Orchestrator,
    tmp_path: Path,
    warm: subprocess.Popen[bytes],
    wait_for: Wait,
) -> None:
    run = a_run(orchestrator, tmp_path, WAITS)
    wait_for(runs_cell(orchestrator, run), seconds=60)
    above = executor_of(run).parent()
    warm.kill()
    warm.wait()
    wait_for(lambda: not marked(run), seconds=60, what="the end of its processes")
    assert above is not None
    wait_for(lambda: not above.is_running(), seconds=60, what="the end of the warm process")
    Reaper(orchestrator).run_once(clock.now())
    assert orchestrator.read_flow_run(run.id).state.is_crashed()


def test_a_drain_that_runs_out_of_time_ends_a_fork(
    orchestrator: Orchestrator,
    tmp_path: Path,
    warm: subprocess.Popen[bytes],
    wait_for: Wait,
) -> None:
    run = a_run(orchestrator, tmp_path, WAITS)
    wait_for(runs_cell(orchestrator, run), seconds=60)
    warm.send_signal(signal.SIGTERM)
    assert warm.wait(60) == 0
    found = orchestrator.read_flow_run(run.id)
    assert found.state.is_crashed(), found.state
    assert "stopped" in found.state.message
    assert not list(executors.find())


def test_two_workers_fork_each_their_own(
    orchestrator: Orchestrator, tmp_path: Path, warm: object, wait_for: Wait
) -> None:
    with worker("other"):
        wait_for(lambda: len(list(executors.find())) == 2, seconds=60)
        runs = [a_run(orchestrator, tmp_path, "1", pool=pool) for pool in ("default", "other")]
        for run in runs:
            found = wait_for(ended(orchestrator, run), seconds=60)
            assert isinstance(found, FlowRun)
            assert found.state.is_completed(), found.state.message


def test_a_worker_told_to_keep_none_keeps_none(
    orchestrator: Orchestrator, tmp_path: Path, wait_for: Wait
) -> None:
    with worker(NBFLOW_EXECUTOR_IDLE_SECONDS="0") as process:
        wait_for(lambda: orchestrator.list_workers().rows)
        run = a_run(orchestrator, tmp_path, "1")
        found = wait_for(ended(orchestrator, run), seconds=60)
        assert isinstance(found, FlowRun)
        assert found.state.is_completed()
        left = psutil.Process(process.pid).children(recursive=True)
        assert not [p for p in left if "warm" in " ".join(p.cmdline())]
    assert not list(executors.find())


def test_changed_code_is_imported_anew_before_anything_is_forked(
    home: Path, monkeypatch: pytest.MonkeyPatch, wait_for: Wait
) -> None:
    kept = Executors()
    kept.start()
    try:
        first = kept._server
        monkeypatch.setattr(executors, "_code", lambda: (("nbflow/new.py", 1),))
        with pytest.raises(NotForked, match="changed"):
            kept.fork(["x", "builtins:len"], env=os.environ, cwd="/", fds=(0, 1, 2))
        assert kept._server is not first
        wait_for(can_fork, seconds=60)
    finally:
        kept.close()
    assert not list(executors.find())


def test_a_home_whose_path_is_long_has_a_socket_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait_for: Wait
) -> None:
    deep = tmp_path / ("d" * 120) / "home"
    monkeypatch.setenv("NBFLOW_HOME", str(deep))
    kept = Executors()
    kept.start()
    try:
        wait_for(can_fork, seconds=60)
        mode = (settings.home() / f"executors/{os.getpid()}.sock").stat().st_mode
        assert mode & 0o077 == 0
    finally:
        kept.close()


def test_another_python_gets_no_fork(
    home: Path, monkeypatch: pytest.MonkeyPatch, wait_for: Wait
) -> None:
    kept = Executors()
    kept.start()
    try:
        wait_for(can_fork, seconds=60)
        monkeypatch.setenv("PYTHONOPTIMIZE", "1")
        (talk,) = executors.find()
        with pytest.raises(NotForked, match="another Python"):
            forking.ask(talk, ["x", "builtins:len"], env=os.environ)
    finally:
        kept.close()
