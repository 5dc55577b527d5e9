"""A notebook that papermill itself was asked to execute: a run like any, if it can be recorded.

The store has a second to open. What cannot be recorded is executed all the same.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbflow.connect import connect
from nbflow.exceptions import NbflowError
from nbflow.model import names, texts
from nbflow.model.backend import Backend
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.wire import jsonable
from nbflow.notebook.attempt import Attempt
from nbflow.store import owners

#: how long the store may take to open
OPEN_SECONDS = 1.0


@dataclass
class Prepared:
    """A notebook with its parameters injected, as papermill hands it on (a `running.Opened`).

    Attributes:
        nb: a NotebookNode.
        cwd: None: the kernel starts where this process is (`--cwd` has changed it).
        start_seconds: the longest the kernel may take to answer.
        cell_seconds: the longest a cell may take.
        on_text: given what cells print.
    """

    nb: Any
    kernel_name: str
    start_seconds: float
    cell_seconds: float | None
    on_text: Callable[[str, str, str], None] | None
    cwd: str | None = None

    def execute(self, attempt: Attempt) -> None:
        """Execute it as it is."""
        attempt.start_seconds = self.start_seconds
        attempt.cell_seconds = self.cell_seconds
        attempt.on_text = self.on_text
        attempt.run(self.nb, self.kernel_name)


def open_store() -> tuple[Backend | None, str]:
    """Open the store, if it answers in a second; else say why not."""
    found: list[Backend] = []
    problem = [f"it did not open within {OPEN_SECONDS:g} s"]
    _load()

    def ask() -> None:
        try:
            backend = connect()
            backend.list_work_pools()
        except (NbflowError, OSError) as error:
            problem[0] = texts.of_error(error)
        else:
            found.append(backend)

    asking = threading.Thread(target=ask, name="nbflow-open", daemon=True)
    asking.start()
    asking.join(OPEN_SECONDS)
    return (found[0], "") if found else (None, problem[0])


def _load() -> None:
    """Import what opening needs: that takes as long as it takes."""
    from nbflow.client import http
    from nbflow.orchestration import orchestrator, reaping

    del http, orchestrator, reaping


def create_run(backend: Backend, nb: Any, kernel_name: str) -> FlowRun:
    """Create the run of a prepared notebook, held by this process."""
    said = nb.metadata.get("papermill", {})
    source = str(said.get("input_path") or "")
    path = Path(source).absolute() if source and Path(source).is_file() else None
    return backend.create_flow_run(
        NewFlowRun(
            _flow_name(source),
            kind="notebook",
            path=None if path is None else str(path),
            kernel_name=kernel_name,
            parameters=jsonable(dict(said.get("parameters") or {})),
            owner=owners.current(),
            created_by="papermill",
        )
    )


def _flow_name(source: str) -> str:
    try:
        return names.check_name(os.path.splitext(os.path.basename(source))[0])
    except NbflowError:
        return "notebook"
