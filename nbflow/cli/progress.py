"""A run as it goes, one line a cell; at a terminal also the cell that runs now."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from nbflow.cli import printing
from nbflow.model.runs import FlowRun, TaskRun
from nbflow.model.states import State, StateType

#: what a program's caller sees of a run that ended; a shell's own words for a signal are near
EXIT_CODES = {
    StateType.COMPLETED: 0,
    StateType.FAILED: 1,
    StateType.CANCELLED: 130,
    StateType.CRASHED: 138,
}


def exit_code(state: State) -> int:
    """Give the exit code of a run's last state."""
    return EXIT_CODES.get(state.type, 1)


class Progress:
    """Prints what becomes of a run's cells, each thing once. Use as a context manager.

    Args:
        quiet: print nothing (a program reads the output).
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._told: set[str] = set()
        self._status: Any = None

    def __enter__(self) -> Progress:
        if not self._quiet and sys.stdout.isatty():
            from rich.console import Console

            self._status = Console().status("starting…")
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def cell(self, cell: TaskRun) -> None:
        """Take in a cell as it now is."""
        if cell.state.is_running():
            self._show(f"cell {cell.position}: {cell.name}")
        if not cell.state.is_final() or cell.state.id in self._told:
            return
        self._told.add(cell.state.id)
        took = printing.spent(cell)
        self.say(f"{cell.position:>4}  {cell.state.name:<10} {took:>9}  {cell.name}")
        if not cell.state.is_completed() and cell.state.message:
            self.say(f"      {cell.state.message}")

    def run(self, run: FlowRun) -> None:
        """Take in the run as it now is."""
        if run.state.id in self._told:
            return
        self._told.add(run.state.id)
        self._show(f"{run.name}: {run.state.name}")
        self.say(f"{run.name}: {printing.state(run.state)}")

    def _show(self, text: str) -> None:
        if self._status is not None:
            from rich.text import Text

            self._status.update(Text(printing.clean(text)))

    def say(self, line: str) -> None:
        """Print a line."""
        if self._quiet:
            return
        try:
            print(printing.clean(line), flush=True)
        except BrokenPipeError:  # nobody reads any more; the run goes on
            self._quiet = True
