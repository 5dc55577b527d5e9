"""A notebook run's cells as task runs, and what they print as log lines.

Each code cell is one task run, Pending from the start; one that is never reached ends NotReady.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from nbflow.model import clock, notebooks, states, texts
from nbflow.model.cell_reports import CellReport
from nbflow.model.ids import uuid7
from nbflow.model.runs import LogEntry, TaskRun, advance
from nbflow.model.states import State

#: log lines kept of one cell, and characters of one line; the notebook has them all
LINES = 1_000
LINE_CHARS = 4_000

_LEVELS = {"stdout": logging.INFO, "stderr": logging.WARNING}


class Recording(Protocol):
    """What keeps a run's records (`engine.recorder`)."""

    def task(self, run: TaskRun) -> None:
        """Record a task run as it now is."""

    def log(self, entry: LogEntry) -> None:
        """Record a log line."""


class _Nowhere(Recording):
    """Keeps no records: a notebook that papermill runs on its own."""


class CellRuns:
    """The task runs of one attempt of a notebook run.

    Args:
        recorder: where records go; None: nowhere.
        on_cell: called with each task run as it now is, first of all once each while Pending.
    """

    def __init__(
        self,
        flow_run_id: str = "",
        attempt: int = 1,
        *,
        recorder: Recording | None = None,
        on_cell: Callable[[TaskRun], None] | None = None,
    ) -> None:
        self.flow_run_id = flow_run_id
        self.attempt = attempt
        self.recorder: Recording = recorder or _Nowhere()
        self.on_cell = on_cell
        self.by_cell: dict[str, TaskRun] = {}
        self._partial: dict[tuple[str, str], str] = {}
        self._lines: dict[str, int] = {}

    def plan(self, cells: Iterable[Mapping[str, Any]], executed: Iterable[str]) -> None:
        """Begin a Pending task run for each cell that will execute."""
        wanted = set(executed)
        for position, cell in enumerate(cells):
            if cell["id"] in wanted:
                self._begin(cell, position)

    def _begin(self, cell: Mapping[str, Any], position: int) -> None:
        pending = states.Pending()
        self._keep(
            TaskRun(
                id=uuid7(),
                flow_run_id=self.flow_run_id,
                key=cell["id"],
                name=notebooks.cell_name(cell),
                kind="cell",
                state=pending,
                created_at=pending.at,
                position=position,
                flow_attempt=self.attempt,
                tags=notebooks.tags(cell),
                cell_id=cell["id"],
            )
        )

    def enter(self, cell_id: str, state: State, report: CellReport | None = None) -> None:
        """Say that a cell has entered a state, and what its kernel told about it."""
        if state.is_final():
            self._finish_lines(cell_id)
        run = advance(self.by_cell[cell_id], state)
        if report is not None:
            tries = max(run.attempt, report.attempt)
            run = replace(run, attempt=tries, result_key=report.result_key, note=report.note)
        self._keep(run)

    def close(self, message: str) -> None:
        """Say of every cell that never started that it will not."""
        for cell_id, run in tuple(self.by_cell.items()):
            if run.state.is_pending():
                self.enter(cell_id, states.NotReady(message=message))

    def _keep(self, run: TaskRun) -> None:
        self.by_cell[run.key] = run
        self.recorder.task(run)
        if self.on_cell is not None:
            self.on_cell(run)

    # -- log lines ----------------------------------------------------------------------------
    def log(self, level: int, message: str, cell_id: str | None = None, *, logger: str) -> None:
        """Add a line to the run's log."""
        task = self.by_cell[cell_id].id if cell_id else None
        text = texts.safe(message)
        entry = LogEntry(self.flow_run_id, clock.now(), level, text, logger, task)
        self.recorder.log(entry)

    def text(self, cell_id: str, stream: str, text: str) -> None:
        """Take what a cell printed; whole lines become log lines, as the terminal shows them."""
        if self._lines.get(cell_id, 0) >= LINES:
            return
        *lines, rest = (self._partial.get((cell_id, stream), "") + text).split("\n")
        self._partial[cell_id, stream] = rest.rpartition("\r")[2][:LINE_CHARS]
        for line in lines:
            self._line(cell_id, stream, line)

    def _finish_lines(self, cell_id: str) -> None:
        for stream in _LEVELS:
            rest = self._partial.pop((cell_id, stream), "")
            if rest:
                self._line(cell_id, stream, rest)

    def _line(self, cell_id: str, stream: str, line: str) -> None:
        line = line.rstrip("\r").rpartition("\r")[2]
        if not line.strip():
            return
        count = self._lines[cell_id] = self._lines.get(cell_id, 0) + 1
        if count == LINES:
            line = "Further output of this cell is in the notebook only."
        if count <= LINES:
            self.log(_LEVELS.get(stream, logging.INFO), line[:LINE_CHARS], cell_id, logger=stream)
