"""The process of a notebook run is killed with -9 at any moment: its journal tells the truth.

`make test` kills 12 times, `make faults` 200 times (`NBFLOW_FAULT_SECONDS`).
"""

from __future__ import annotations

import os
import random
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nbflow.exceptions import NotFound
from nbflow.model import clock
from nbflow.model.runs import FlowRun, NewFlowRun, Owner
from nbflow.notebook.running import run_now
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.reaper import Reaper
from nbflow.store import journal, owners

KILLS = 200 if "NBFLOW_FAULT_SECONDS" in os.environ else 12
SEED = int(os.environ.get("NBFLOW_SEED", "20260314"))
SPEC = {"name": "python3", "language": "python", "display_name": "Python 3"}

PRINTS = "import time\nfor n in range(60): print('line', n, flush=True); time.sleep(0.002)"
UPDATES = (
    "import time\nfrom IPython.display import HTML, display\n"
    "handle = display(HTML('at 0'), display_id=True)\n"
    "for n in range(1, 40): handle.update(HTML(f'at {n}')); time.sleep(0.004)"
)
CLEARS = (
    "import time\nfrom IPython.display import clear_output\n"
    "for n in range(40): clear_output(wait=True); print('frame', n, flush=True); time.sleep(0.004)"
)
ERRS = "import sys\nfor n in range(300): print('err', n, file=sys.stderr)"
CELLS = (PRINTS, UPDATES, CLEARS, ERRS, PRINTS, "'the end'")
#: how often each shows something new, and how what it shows is counted
FULL = (60, 40, 40, 300, 60, 1)


def shown(cell: Any) -> int:
    """Say how much of what a cell shows one by one a reader has seen."""
    outputs = cell["outputs"]
    text = "".join(o.get("text", "") for o in outputs)
    if cell["source"] in (PRINTS, ERRS):
        word = "line" if cell["source"] == PRINTS else "err"
        assert f"{word} 0\n{word} 1\n{word} 2\n".startswith(text[:20]) or text[:20]
        numbers = [int(n) for n in re.findall(rf"{word} (\d+)\n", text)]
        assert numbers == list(range(len(numbers)))
        return len(numbers)
    assert len(outputs) <= 1
    said = text or "".join(str(o["data"]) for o in outputs)
    found = re.search(r"(?:at|frame) (\d+)", said)
    if found:
        return int(found[1]) + 1
    return len(outputs)


@dataclass
class Follower:
    """Reads a run's journal all the time, as somebody who watches it, and knows what it showed."""

    folder: Path
    at: dict[int, int] = field(default_factory=dict)

    def look(self) -> None:
        try:
            read = journal.replay(self.folder)
        except NotFound:
            return
        for number, cell in enumerate(_code(read)):
            self.at[number] = max(self.at.get(number, 0), shown(cell))


def _code(nb: Any) -> list[Any]:
    return [cell for cell in nb["cells"] if cell["cell_type"] == "code"]


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "nb.ipynb"
    cells = [new_markdown_cell("# title"), *map(new_code_cell, CELLS)]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": SPEC}), path)
    return path


def _create(orchestrator: Orchestrator, path: Path, owner: Owner | None = None) -> FlowRun:
    owner = owner or owners.current()
    new = NewFlowRun("nb", kind="notebook", path=str(path), kernel_name="python3", owner=owner)
    return orchestrator.create_flow_run(new)


#: forks an executor at each word; it says its id, and waits for that of its run
EXECUTORS = """
import os, sys
from nbflow.notebook import running
running.lighten()
import nbclient, papermill, nbflow.notebook.attempt, nbflow.orchestration.orchestrator
from nbflow.connect import connect
while os.read(0, 100):
    pid = os.fork()
    if pid == 0:
        os.write(1, f"{os.getpid()}\\n".encode())
        running.run_now(connect(), os.read(0, 100).decode().strip(), 1)
        os._exit(0)
    os.waitpid(pid, 0)
    os.write(1, b"ended\\n")
"""


@pytest.fixture
def executors(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", EXECUTORS], bufsize=0, **pipes) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def _killed_at(
    orchestrator: Orchestrator, path: Path, size: int, executors: Any
) -> tuple[FlowRun, Follower]:
    """Have a run executed by a process that is killed once its journal has so many bytes."""
    executors.stdin.write(b"one\n")
    pid = int(executors.stdout.readline())
    run = _create(orchestrator, path, owners.of(pid))
    follower = Follower(journal.folder(f"runs/{run.id}/1"))
    executors.stdin.write(f"{run.id}\n".encode())
    pause, file = threading.Event(), follower.folder / journal.JOURNAL
    while select.select([executors.stdout], [], [], 0)[0] == []:
        follower.look()
        if file.exists() and file.stat().st_size >= size:
            os.kill(pid, signal.SIGKILL)
            break
        pause.wait(0.02)
    assert executors.stdout.readline() == b"ended\n"
    Reaper(orchestrator).run_once(clock.now())
    return orchestrator.read_flow_run(run.id), follower


@pytest.mark.timeout(300 + 10 * KILLS)
def test_after_kill_9_of_the_executor_the_notebook_is_whole_and_true(
    orchestrator: Orchestrator, notebook: Path, executors: Any
) -> None:
    whole = _create(orchestrator, notebook)
    assert run_now(orchestrator, whole.id, 1).is_completed()
    folder = journal.folder(f"runs/{whole.id}/1")
    assert tuple(shown(cell) for cell in _code(journal.read(folder))) == FULL
    full_size = (folder / journal.JOURNAL).stat().st_size

    chance, seen = random.Random(SEED), {"COMPLETED": 0, "CRASHED": 0, "PENDING": 0}
    for _ in range(KILLS):
        size = int(chance.uniform(0, full_size))
        run, follower = _killed_at(orchestrator, notebook, size, executors)
        if run.state.is_completed():  # it was through before
            continue
        assert run.state.is_crashed(), run.state
        for state in _check(orchestrator, run, follower):
            seen[state] += 1
    assert all(seen.values()), seen
    print(f"{KILLS} kills: cells found {seen}")


def _check(orchestrator: Orchestrator, run: FlowRun, follower: Follower) -> list[str]:
    """Compare what is reassembled with what was seen, and with what happened; give the states."""
    assert run.run_dir is not None
    folder = journal.folder(run.run_dir)
    assembled = folder / journal.NOTEBOOK
    made = nbformat.read(assembled, as_version=4) if assembled.exists() else None
    made = made or nbformat.from_dict(journal.read(folder, run.state))
    nbformat.validate(made)
    code = _code(made)
    ended = {r["cell"] for r in journal.records(folder / journal.JOURNAL) if r["type"] == "end"}
    started = {r["cell"] for r in journal.records(folder / journal.JOURNAL) if r["type"] == "start"}
    told = {cell.cell_id: cell.state.name for cell in orchestrator.list_task_runs(run.id)}
    found = []
    for number, cell in enumerate(code):
        state, count = cell.metadata.nbflow.state, shown(cell)
        assert count >= follower.at.get(number, 0), (number, cell)
        if cell.id in ended:
            assert (state, count) == ("COMPLETED", FULL[number])
        elif cell.id in started:
            assert state == "CRASHED"
        else:
            assert (state, cell.metadata.nbflow.state_name, count) == ("PENDING", "NotReady", 0)
        if told.get(cell.id) == "Completed":
            assert state == "COMPLETED"
        assert cell.metadata.papermill.status != "running"
        found.append(state)
    # killed between its last word in the journal and its report: all cells had ended
    finished = any(r["type"] == "finish" for r in journal.records(folder / journal.JOURNAL))
    assert made.metadata.nbflow.state == ("COMPLETED" if finished else "CRASHED")
    assert not finished or len(ended) == len(CELLS)
    return found
