"""Real kernels, executors and workers that die, hang and leave processes behind, beside a server.

How soon each death was noticed is printed; nothing that carries an attempt's mark outlives it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes

from nbflow.client.http import HttpBackend
from nbflow.model import clock, ids, states
from nbflow.model.runs import FlowRun, NewFlowRun, Owner
from nbflow.model.workers import NewWorker
from nbflow.notebook import attempt
from nbflow.store import memory
from tests.promises import promised

Wait = Callable[..., Any]

FULL = bool(os.environ.get("NBFLOW_FAULTS_FULL"))
LEASE = 30.0 if FULL else 6.0
SETTINGS = {
    "NBFLOW_HEARTBEAT_SECONDS": str(LEASE / 6),
    "NBFLOW_LEASE_SECONDS": str(LEASE),
    "NBFLOW_INTERRUPT_SECONDS": "10" if FULL else "1.5",
    "NBFLOW_TERMINATE_SECONDS": "5" if FULL else "1",
    "NBFLOW_DRAIN_SECONDS": "3",
    "NBFLOW_OUTPUT_CELL_BYTES": "1000000",
}
LADDER = 20.0 if FULL else 8.0
FOREVER = "import threading\nprint('on')\nthreading.Event().wait(600)"
DETACHED = (
    "import subprocess\nsubprocess.Popen(['sleep', '600'], start_new_session=True)\n"
    "subprocess.Popen('nohup sleep 601 >/dev/null 2>&1 & disown', shell=True,"
    " executable='/bin/bash')"
)

#: what a cell may do to its own process, and how its run may end then
HOSTILE = {
    "stdout replaced": (
        "import io, sys\nsys.stdout = sys.stderr = io.StringIO()\nprint('unheard')",
        {"Completed"},
    ),
    "stdout gone": ("import sys\nsys.stdout = sys.stderr = None", {"Completed", "Failed"}),
    "descriptors closed": ("import os\nos.close(1)\nos.close(2)", {"Completed"}),
    "folder gone": (
        "import os, tempfile\nfolder = tempfile.mkdtemp()\nos.chdir(folder)\nos.rmdir(folder)",
        {"Completed"},
    ),
    "descriptors used up": (
        "import os, resource\nmost = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, most))\nheld = []\n"
        "while True:\n    held.append(os.dup(0))",
        {"Failed", "Crashed"},
    ),
    "parent killed": (
        "import os, signal, threading\nos.kill(os.getppid(), signal.SIGKILL)\n"
        "threading.Event().wait(3)",
        {"Completed", "Crashed"},
    ),
    "200 children": (
        "import subprocess\n"
        "for _ in range(200):\n    subprocess.Popen(['sleep', '600'], start_new_session=True)",
        {"Completed"},
    ),
}


@pytest.fixture(scope="module")
def server(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server and the worker it keeps."""
    with serving(tmp_path_factory.mktemp("served"), **SETTINGS) as found:
        yield found
    assert not _marked(""), "the suite leaves no process"


@pytest.fixture(scope="module")
def backend(server: Any, wait_for: Wait) -> Iterator[HttpBackend]:
    client = HttpBackend(server.url, server.token)
    wait_for(lambda: client.list_workers().rows, seconds=60, what="the worker")
    yield client
    client.close()


@pytest.fixture
def start(backend: HttpBackend, tmp_path: Path) -> Callable[..., FlowRun]:
    """Let a notebook of some cells be run by a worker of a pool."""

    def started(*cells: str, pool: str = "default", kernel: str = "python3") -> FlowRun:
        path = tmp_path / f"{ids.uuid7()[-6:]}.ipynb"
        notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
        path.write_text(writes(notebook), encoding="utf-8")
        return backend.create_flow_run(
            NewFlowRun(path.stem, kind="notebook", state=states.Scheduled(), due_at=clock.now(),
                       path=str(path), kernel_name=kernel, work_pool=pool)
        )  # fmt: skip

    return started


def _marked(marker: str) -> list[psutil.Process]:
    """The processes of an attempt, or of a run; of any of this suite's when nothing is said."""
    found = []
    for process in psutil.process_iter():
        try:
            value = process.environ().get("NBFLOW_ATTEMPT")
            ours = process.environ().get("NBFLOW_OUTPUT_CELL_BYTES") == "1000000"
        except (psutil.Error, OSError):
            continue
        if value and ours and value.startswith(marker):
            found.append(process)
    return found


def _running(backend: HttpBackend, run: FlowRun, position: int) -> Callable[[], bool]:
    def look() -> bool:
        cells = backend.list_task_runs(run.id)
        return len(cells) > position and cells[position].state.is_running()

    return look


def _ended(backend: HttpBackend, run: FlowRun) -> Callable[[], FlowRun | None]:
    def look() -> FlowRun | None:
        found = backend.read_flow_run(run.id)
        return found if found.state.is_final() else None

    return look


def _executor(run: FlowRun) -> psutil.Process:
    """The process that executes a run: it writes to the attempt's log, its kernel does not."""
    return next(process for process in _marked(run.id) if _writes_log(process))


def _kernel(run: FlowRun) -> psutil.Process:
    return next(process for process in _marked(run.id) if not _writes_log(process))


def _writes_log(process: psutil.Process) -> bool:
    return os.readlink(f"/proc/{process.pid}/fd/1").endswith("process.log")


def _took(what: str, since: datetime, run: FlowRun, at_most: float) -> None:
    seconds = (run.state.at - since).total_seconds()
    print(f"{what}: noticed after {seconds:.2f} s (at most {at_most:g} s)")
    assert seconds <= promised(at_most)


def test_a_kernel_killed_with_9(backend: HttpBackend, start: Any, wait_for: Wait) -> None:
    run = start("print(1)", FOREVER, "print(3)")
    wait_for(_running(backend, run, 1), seconds=60)
    since = clock.now()
    _kernel(run).kill()
    done = wait_for(_ended(backend, run))
    _took("kernel", since, done, 5)
    assert done.state.is_crashed()
    assert "Kernel died in cell 2 of 3 (killed by signal 9, possibly out of memory)" in (
        done.state.message
    )
    names = [task.state.name for task in backend.list_task_runs(run.id)]
    assert names == ["Completed", "Crashed", "Skipped"] or names[:2] == ["Completed", "Crashed"]
    wait_for(lambda: not _marked(run.id))


@pytest.mark.parametrize(
    ("code", "said"),
    [("import os\nos._exit(0)", "exited with code 0"),
     ("import ctypes\nctypes.string_at(0)", "killed by signal 11")],
)  # fmt: skip
def test_a_kernel_that_ends_by_itself(
    backend: HttpBackend, start: Any, wait_for: Wait, code: str, said: str
) -> None:
    done = wait_for(_ended(backend, start("print(1)", code, "print(3)")), seconds=60)
    assert done.state.is_crashed()
    assert said in done.state.message


def test_an_executor_killed_with_9_takes_all_it_started_with_it(
    backend: HttpBackend, start: Any, wait_for: Wait
) -> None:
    run = start(DETACHED, FOREVER)
    wait_for(_running(backend, run, 1), seconds=60)
    since = clock.now()
    _executor(run).kill()
    done = wait_for(_ended(backend, run))
    _took("execution process", since, done, 3)
    assert "killed by signal 9 (SIGKILL" in done.state.message
    assert "leftover process" in done.state.message
    wait_for(lambda: not _marked(run.id))


def test_an_executor_killed_with_its_kernel_behind_a_shell(
    server: Any, backend: HttpBackend, start: Any, wait_for: Wait
) -> None:
    # Its parent is the shell: the kernel's own watch for its parent never fires.
    spec = Path(sys.prefix) / "share/jupyter/kernels/behind-a-shell"
    spec.mkdir(parents=True, exist_ok=True)
    command = f"{sys.executable} -m ipykernel_launcher -f $0; true"
    said = {"argv": ["sh", "-c", command, "{connection_file}"], "display_name": "Behind a shell",
            "language": "python"}  # fmt: skip
    (spec / "kernel.json").write_text(json.dumps(said))
    try:
        run = start("print(1)", FOREVER, kernel="behind-a-shell")
        wait_for(_running(backend, run, 1), seconds=60)
        since = clock.now()
        _executor(run).kill()
        done = wait_for(_ended(backend, run))
        _took("execution process, wrapped kernel", since, done, 3)
        wait_for(lambda: not _marked(run.id))
    finally:
        (spec / "kernel.json").unlink()
        spec.rmdir()


def test_an_executor_killed_after_its_last_word_has_ended_as_it_said(
    serving: Any, tmp_path: Path, wait_for: Wait
) -> None:
    # Killed between what its journal says and its report.
    plan = json.dumps({"exec.before_result_write": {"do": "kill9"}})
    with serving(tmp_path, NBFLOW_TESTING="1", NBFLOW_FAULTS=plan, **SETTINGS) as found:
        client = HttpBackend(found.url, found.token)
        path = tmp_path / "n.ipynb"
        path.write_text(writes(new_notebook(cells=[new_code_cell("print(1)")])))
        run = client.create_flow_run(
            NewFlowRun("n", kind="notebook", state=states.Scheduled(), due_at=clock.now(),
                       path=str(path), kernel_name="python3", work_pool="default")
        )  # fmt: skip
        done = wait_for(_ended(client, run), seconds=60)
        assert done.state.is_completed(), done.state.message
        client.close()


def test_a_worker_killed_with_9_is_replaced_and_the_next_run_goes_on(
    backend: HttpBackend, start: Any, wait_for: Wait
) -> None:
    run = start("print(1)", FOREVER)
    wait_for(_running(backend, run, 1), seconds=60)
    worker = next(w for w in backend.list_workers().rows if w.work_pool == "default")
    since = clock.now()
    os.kill(worker.owner.pid, signal.SIGKILL)
    done = wait_for(_ended(backend, run))
    _took("worker on a live host", since, done, 5)
    assert done.state.is_crashed()
    wait_for(lambda: not _marked(run.id))
    after = wait_for(_ended(backend, start("print('next')")), seconds=60)
    assert after.state.is_completed(), after.state.message


def test_a_host_that_vanished(backend: HttpBackend, start: Any, wait_for: Wait) -> None:
    pool, new_id = f"far-{ids.uuid7()[-6:]}", ids.uuid7()
    far = Owner("a-host-that-vanished", "its-boot", 4711, 1.0, new_id)
    backend.register_worker(NewWorker("gone", pool, far, 1, new_id))
    run = start("print(1)", pool=pool)
    claims = backend.claim_flow_runs(new_id, 1)
    since = clock.now()
    backend.propose(run.id, states.Running(), attempt=claims[0].attempt)
    done = wait_for(_ended(backend, run), seconds=LEASE + 10)
    _took(f"vanished host (lease {LEASE:g} s)", since, done, LEASE + 5)
    assert done.state.is_crashed()


def test_a_worker_told_to_end_drains_and_leaves_well(
    server: Any, backend: HttpBackend, start: Any, wait_for: Wait, tmp_path: Path
) -> None:
    pool = f"drained-{ids.uuid7()[-6:]}"
    env = {**os.environ, **SETTINGS, "NBFLOW_HOME": str(server.home)}
    command = [sys.executable, "-m", "nbflow", "worker", "start", "--pool", pool, "--limit", "2"]
    process = subprocess.Popen(command, env=env)
    quick = start("import threading\nthreading.Event().wait(1)", pool=pool)
    slow = start(FOREVER, pool=pool)
    for run in (quick, slow):
        wait_for(_running(backend, run, 0), seconds=60)
    process.terminate()
    late = start("print('never')", pool=pool)
    assert process.wait(float(SETTINGS["NBFLOW_DRAIN_SECONDS"]) + 20) == 0
    assert backend.read_flow_run(quick.id).state.is_completed()
    ended = backend.read_flow_run(slow.id).state
    assert ended.is_crashed()
    assert "worker was shut down" in ended.message
    assert backend.read_flow_run(late.id).state.is_scheduled()
    assert not [w for w in backend.list_workers().rows if w.work_pool == pool]
    wait_for(lambda: not _marked(slow.id))


def test_a_cell_that_hears_no_signal_is_cancelled(
    backend: HttpBackend, start: Any, wait_for: Wait
) -> None:
    run = start(
        "import signal\nfor n in (signal.SIGINT, signal.SIGTERM):\n    signal.signal(n, 1)\n"
        + DETACHED,
        "import ctypes\nctypes.PyDLL(None).sleep(600)",  # in C, holding the GIL
    )
    wait_for(_running(backend, run, 1), seconds=60)
    since = clock.now()
    backend.propose(run.id, states.Cancelling())
    done = wait_for(_ended(backend, run), seconds=LADDER + 5)
    _took("cancel of a cell that hears no signal", since, done, LADDER)
    assert done.state.is_cancelled()
    wait_for(lambda: not _marked(run.id))


@pytest.mark.parametrize("code", ["input('name? ')", "import getpass\ngetpass.getpass()"])
def test_a_cell_that_asks_fails_at_once(
    backend: HttpBackend, start: Any, wait_for: Wait, code: str
) -> None:
    done = wait_for(_ended(backend, start("print(1)", code)), seconds=60)
    assert done.state.is_failed()
    assert "It asked for input" in done.state.message


def test_what_a_completed_run_left_behind_is_ended(
    backend: HttpBackend, start: Any, wait_for: Wait
) -> None:
    run = start(DETACHED, "print(2)")
    done = wait_for(_ended(backend, run), seconds=60)
    assert done.state.is_completed()
    assert not _marked(run.id)
    lines = [line.message for line in backend.list_logs(run.id).rows]
    assert any("leftover process" in line for line in lines), lines


def test_a_flood_of_output_is_cut(backend: HttpBackend, start: Any, wait_for: Wait) -> None:
    megabytes = 1000 if FULL else 60
    run = start(f"for _ in range({megabytes}):\n    print('x' * 1_000_000)", "print('after')")
    most = 0
    while (done := _ended(backend, run)()) is None:
        sizes = [p.memory_info().rss for p in _marked(run.id) if p.is_running()]
        most = max([most, *sizes])
    print(f"{megabytes} MB printed: the largest process had {most / 1e6:.0f} MB")
    assert done.state.is_completed(), done.state.message
    assert most < 300e6


def test_memory_that_ran_out_is_said_when_the_system_counted_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = tmp_path / "memory.events"
    events.write_text("low 0\noom 0\noom_kill 2\n")
    group = tmp_path / "group"
    group.write_text("0::/\n")
    monkeypatch.setattr(memory, "ROOT", tmp_path)
    monkeypatch.setattr(memory, "_CGROUP", group)
    watched = attempt.Memory()
    assert watched.why_killed(-9) == "possibly out of memory"
    events.write_text("low 0\noom 1\noom_kill 3\n")
    assert watched.why_killed(-9) == "out of memory"
    assert watched.why_killed(-11) == ""


def test_a_cell_that_turns_on_its_own_process_ends_its_own_run_at_most(
    server: Any, backend: HttpBackend, start: Callable[..., FlowRun], wait_for: Wait
) -> None:
    (worker,) = backend.list_workers().rows
    begun = {what: start(cell, "1 + 1") for what, (cell, _) in HOSTILE.items()}
    for what, run in begun.items():
        found = wait_for(_ended(backend, run), seconds=90, what=f"the end: {what}")
        print(f"\n{what}: {found.state.name}. {found.state.message}", end="")
        assert found.state.name in HOSTILE[what][1], (what, found.state.message)
        assert found.state.message or found.state.is_completed(), what
        wait_for(lambda run=run: not _marked(run.id), seconds=60, what=f"nothing left: {what}")
    healthy = wait_for(_ended(backend, start("print('well')")), seconds=60)
    assert healthy.state.is_completed(), healthy.state.message
    assert [one.id for one in backend.list_workers().rows] == [worker.id]
