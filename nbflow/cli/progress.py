"""A run as it goes, one line a cell; at a terminal also the cell that runs now, and how far it is.

How long cells take is known from past runs (`model.progress`); without any, only counted.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from nbflow.cli import printing
from nbflow.model import progress
from nbflow.model.runs import FlowRun, TaskRun
from nbflow.model.states import State, StateType

#: what a program's caller sees of a run that ended; a shell's own words for a signal are near
EXIT_CODES = {
    StateType.COMPLETED: 0,
    StateType.FAILED: 1,
    StateType.CANCELLED: 130,
    StateType.CRASHED: 138,
}

_COLOURS = {
    StateType.COMPLETED: "green",
    StateType.FAILED: "red",
    StateType.CRASHED: "magenta",
    StateType.CANCELLED: "yellow",
}
_REFRESHES = 8  # a second
_BAR = 24  # characters


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
        self._cells: dict[str, TaskRun] = {}
        self._past: Mapping[str, float] = {}
        self._words = "starting…"
        self._live: Any = None

    @property
    def live(self) -> bool:
        """Say whether there is a terminal, where what goes on now is shown."""
        return self._live is not None

    def __enter__(self) -> Progress:
        if not self._quiet and sys.stdout.isatty():
            from rich.live import Live

            self._live = Live(
                get_renderable=self._now, refresh_per_second=_REFRESHES, transient=True
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def expect(self, past: Mapping[str, float]) -> None:
        """Take in how many seconds each cell took in past runs, by its key."""
        self._past = past

    def cell(self, cell: TaskRun) -> None:
        """Take in a cell as it now is."""
        self._cells[cell.id] = cell
        if not cell.state.is_final() or cell.state.id in self._told:
            return
        self._told.add(cell.state.id)
        took = printing.spent(cell)
        colour = _COLOURS.get(cell.state.type)
        self.say(f"{cell.position:>4}  {cell.state.name:<10} {took:>9}  {cell.name}", colour)
        if not cell.state.is_completed() and cell.state.message:
            self.say(f"      {cell.state.message}", colour)

    def run(self, run: FlowRun) -> None:
        """Take in the run as it now is."""
        if run.state.id in self._told:
            return
        self._told.add(run.state.id)
        self._words = f"{run.name}: {run.state.name}"
        self.say(f"{run.name}: {printing.state(run.state)}", _COLOURS.get(run.state.type))

    def say(self, line: str, colour: str | None = None) -> None:
        """Print a line; at a terminal in a colour."""
        if self._quiet:
            return
        text = printing.clean(line)
        if self._live is not None:
            from rich.text import Text

            self._live.console.print(Text(text, style=colour or ""), soft_wrap=True)
            return
        try:
            print(text, flush=True)
        except BrokenPipeError:  # nobody reads any more; the run goes on
            self._quiet = True

    # -- what goes on now ---------------------------------------------------------------------
    def _now(self) -> Any:
        """Give the line below the finished cells: the cell that runs, and how far the run is."""
        from rich.text import Text

        cells = tuple(self._cells.values())
        running = next((cell for cell in cells if cell.state.is_running()), None)
        if running is None:
            return Text(printing.clean(self._words), style="dim")
        text = Text(f"{running.position:>4}  ")
        text.append(f"{running.state.name:<10} ", style="cyan")
        text.append(f"{printing.spent(running):>9}  {printing.clean(running.name)}")
        text.append("\n      ")
        text.append(how_far(progress.estimate(cells, self._past)), style="dim")
        return text


def how_far(known: progress.Progress) -> str:
    """Say in one line how far a run is, and when it may end."""
    filled = round(known.fraction * _BAR)
    words = f"{'━' * filled}{'─' * (_BAR - filled)} {known.done} of {known.total} cells"
    if known.expected_end is None or known.remaining_seconds is None:
        return words
    end = known.expected_end.astimezone().strftime("%H:%M:%S")
    return f"{words}, about {printing.seconds(known.remaining_seconds)} left, until {end}"
