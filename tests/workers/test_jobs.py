"""What a work pool says of a job reaches the run's process: real workers of both types."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes

from nbflow.model import clock, states
from nbflow.model.blocks import NewBlock
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.work_pools import NewWorkPool
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import journal

Wait = Callable[..., Any]


@contextmanager
def worker(pool: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "nbflow", "worker", "start", "--pool", pool, *words]
    process = subprocess.Popen(command, env={**os.environ, "NBFLOW_DRAIN_SECONDS": "1"})
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def due(orchestrator: Orchestrator, pool: str, **said: Any) -> FlowRun:
    new = NewFlowRun("job", state=states.Scheduled(), due_at=clock.now(), work_pool=pool, **said)
    return orchestrator.create_flow_run(new)


def notebook(path: Path, *cells: str) -> str:
    path.write_text(writes(new_notebook(cells=[new_code_cell(cell) for cell in cells])))
    return str(path)


def shown(orchestrator: Orchestrator, run: FlowRun) -> str:
    found = orchestrator.read_flow_run(run.id)
    told = journal.read(journal.folder(str(found.run_dir)), found.state)
    return str([cell.get("outputs") for cell in told["cells"]])


def ended(orchestrator: Orchestrator, run: FlowRun) -> Callable[[], FlowRun | None]:
    def look() -> FlowRun | None:
        found = orchestrator.read_flow_run(run.id)
        return found if found.state.is_final() else None

    return look


def test_a_job_sets_variables_and_the_folder_and_ends_what_takes_too_long(
    orchestrator: Orchestrator, tmp_path: Path, wait_for: Wait
) -> None:
    (tmp_path / "elsewhere").mkdir()
    look = (
        "import os\nprint(os.getcwd(), os.environ.get('COLOUR'), 'NBFLOW_API_TOKEN' in os.environ)"
    )
    asks = notebook(tmp_path / "asks.ipynb", look)
    hangs = notebook(tmp_path / "hangs.ipynb", "import threading\nthreading.Event().wait(60)")
    job = {"env": {"COLOUR": "blue"}, "working_dir": str(tmp_path / "elsewhere")}
    first = due(orchestrator, "jobs", kind="notebook", path=asks, kernel_name="python3",
                job_variables=job)  # fmt: skip
    second = due(orchestrator, "jobs", kind="notebook", path=hangs, kernel_name="python3",
                 job_variables={"timeout_seconds": 4, "interrupt_seconds": 1})  # fmt: skip
    with worker("jobs"):
        done = wait_for(ended(orchestrator, first), seconds=60)
        assert done.state.is_completed(), done.state.message
        assert f"{tmp_path / 'elsewhere'} blue False" in shown(orchestrator, first)
        late = wait_for(ended(orchestrator, second), seconds=60)
    assert (late.state.type.value, late.state.name) == ("FAILED", "TimedOut"), late.state.message
    assert "took longer than its job may" in late.state.message


def test_a_pool_of_kernels_runs_a_flow_of_a_script_in_a_kernel(
    orchestrator: Orchestrator, tmp_path: Path, wait_for: Wait
) -> None:
    orchestrator.create_work_pool(NewWorkPool("kernels", type="kernel"))
    (tmp_path / "shop.py").write_text(
        "from nbflow import flow\n\n\n@flow\ndef sales(n: int) -> int:\n"
        "    print('in a kernel:', type(get_ipython()).__name__)\n    return n * 2\n".replace(
            "from nbflow import flow", "from IPython import get_ipython\nfrom nbflow import flow"
        )
    )
    run = due(orchestrator, "kernels", kind="flow", path=str(tmp_path / "shop.py"),
              entrypoint="shop.py:sales", parameters={"n": 21})  # fmt: skip
    with worker("kernels", "--type", "kernel"):
        done = wait_for(ended(orchestrator, run), seconds=60)
    assert done.state.is_completed(), done.state.message
    assert "in a kernel: ZMQInteractiveShell" in shown(orchestrator, run)


def test_a_worker_of_another_type_is_refused(orchestrator: Orchestrator) -> None:
    orchestrator.create_work_pool(NewWorkPool("processes", type="process"))
    command = [sys.executable, "-m", "nbflow", "worker", "start", "--pool", "processes"]
    said = subprocess.run(
        [*command, "--type", "kernel"], capture_output=True, text=True, timeout=60
    )
    assert said.returncode != 0
    assert "has the type process" in said.stderr


def test_a_worker_that_runs_once_leaves_when_what_was_due_has_ended(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    path = notebook(tmp_path / "n.ipynb", "print(1)")
    run = due(orchestrator, "once", kind="notebook", path=path, kernel_name="python3")
    command = [sys.executable, "-m", "nbflow", "worker", "start", "--pool", "once", "--run-once"]
    assert subprocess.run(command, timeout=60).returncode == 0
    assert orchestrator.read_flow_run(run.id).state.is_completed()
    assert orchestrator.list_workers().rows == ()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBFLOW_TERMINATE_SECONDS", "1")


def test_a_job_gets_secrets_of_blocks_when_it_is_launched_and_nothing_keeps_them(
    orchestrator: Orchestrator, home: Path, tmp_path: Path, wait_for: Wait
) -> None:
    orchestrator.save_block(NewBlock("secret", "door", {"value": "opensesame"}))
    look = "import os\nprint(len(os.environ['DOOR']), os.environ['DOOR'], os.environ['HEAD'])"
    asks = notebook(tmp_path / "asks.ipynb", look)
    job = {
        "env": {
            "DOOR": "{{ nbflow.blocks.secret.door }}",
            "HEAD": "Bearer {{ nbflow.blocks.secret.door.value }}",
        }
    }
    run = due(orchestrator, "doors", kind="notebook", path=asks, kernel_name="python3",
              job_variables=job)  # fmt: skip
    lacking = {"env": {"X": "{{ nbflow.blocks.secret.gone }}"}}
    lost = due(orchestrator, "doors", kind="notebook", path=asks, kernel_name="python3",
               job_variables=lacking)  # fmt: skip
    with worker("doors"):
        found = wait_for(ended(orchestrator, run), seconds=60)
        crashed = wait_for(ended(orchestrator, lost), seconds=60)
    assert found.state.is_completed()
    assert "10 ******** Bearer ********" in shown(orchestrator, run)
    assert crashed.state.is_crashed()
    assert "secret/gone" in crashed.state.message
    kept = [path for path in home.rglob("*") if path.is_file()]
    assert [str(path) for path in kept if b"opensesame" in path.read_bytes()] == []
    kinds = [e.kind for e in orchestrator.changes(0).events if e.noun == "blocks"]
    assert kinds == ["block.created", "block.opened"]
