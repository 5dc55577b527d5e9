"""Notebooks made on the spot, and runs of them in this process or in a worker's child."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from nbflow.model.runs import FlowRun, NewFlowRun, Owner, TaskRun
from nbflow.model.states import State
from nbflow.notebook.running import run_now
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import journal, owners

PYTHON = {"name": "python3", "language": "python", "display_name": "Python 3"}


def code(source: str, *tags: str) -> Any:
    return new_code_cell(source, metadata={"tags": list(tags)} if tags else {})


@dataclass
class Ran:
    """A run that ended, and everything that was kept of it."""

    orchestrator: Orchestrator
    run: FlowRun
    state: State

    @property
    def cells(self) -> list[TaskRun]:
        return list(self.orchestrator.list_task_runs(self.run.id))

    @property
    def states(self) -> list[str]:
        return [cell.state.name for cell in self.cells]

    @property
    def folder(self) -> Path:
        return journal.folder(f"runs/{self.run.id}/{self.run.attempt}")

    @property
    def notebook(self) -> Any:
        made = nbformat.read(self.folder / journal.NOTEBOOK, as_version=4)
        nbformat.validate(made)
        return made

    @property
    def log(self) -> list[tuple[str, str]]:
        page = self.orchestrator.list_logs(self.run.id)
        rows = list(page.rows)
        while page.cursor:
            page = self.orchestrator.list_logs(self.run.id, after=page.cursor)
            rows += page.rows
        return [(entry.logger, entry.message) for entry in rows]

    def text(self, at: int) -> str:
        outputs = self.notebook.cells[at].outputs
        return "".join(o.text for o in outputs if o.output_type == "stream")


class Notebooks:
    """Makes notebooks in a folder, and runs of them."""

    def __init__(self, folder: Path, orchestrator: Orchestrator) -> None:
        self.folder = folder
        self.orchestrator = orchestrator

    def write(self, *cells: Any, name: str = "nb.ipynb") -> Path:
        made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
        path = self.folder / name
        nbformat.write(new_notebook(cells=made, metadata={"kernelspec": PYTHON}), path)
        return path

    def create(
        self, *cells: Any, path: Path | None = None, owner: Owner | None = None, **fields: Any
    ) -> FlowRun:
        path = path or self.write(*cells)
        new = NewFlowRun(
            "nb", kind="notebook", path=str(path), owner=owner or owners.current(),
            **{"kernel_name": "python3", **fields},
        )  # fmt: skip
        return self.orchestrator.create_flow_run(new)

    def run(self, *cells: Any, on_cell: Callable[[TaskRun], None] | None = None, **kw: Any) -> Ran:
        run = self.create(*cells, **kw)
        state = run_now(self.orchestrator, run.id, 1, on_cell=on_cell)
        return Ran(self.orchestrator, self.orchestrator.read_flow_run(run.id), state)

    def ended(self, run: FlowRun) -> Ran:
        run = self.orchestrator.read_flow_run(run.id)
        return Ran(self.orchestrator, run, run.state)


@pytest.fixture
def notebooks(tmp_path: Path, orchestrator: Orchestrator) -> Notebooks:
    folder = tmp_path / "work"
    folder.mkdir()
    return Notebooks(folder, orchestrator)


@pytest.fixture
def markdown() -> Any:
    return new_markdown_cell("# A title")


@pytest.fixture
def launch(home: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start the process that a worker starts for a run, its control pipe held open."""
    started: list[subprocess.Popen[bytes]] = []

    def start(run: FlowRun, attempt: int = 1, **env: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "nbflow.notebook.execute", run.id, str(attempt)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=os.environ | {owners.MARKER: f"{run.id}-{attempt}"} | env,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stderr):
            if pipe is not None:
                pipe.close()


def marked(run: FlowRun) -> list[psutil.Process]:
    """Give the live processes that carry a run's marker."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(owners.MARKER, "").startswith(run.id):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return [p for p in found if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(name="marked")
def _marked() -> Callable[[FlowRun], list[psutil.Process]]:
    return marked
