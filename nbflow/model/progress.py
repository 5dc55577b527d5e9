"""How far a run is, and when it may end: estimated from how long its cells took before. Pure.

Cells that never ran before are taken to last as long as the others do in the middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import Protocol

from nbflow.model import clock
from nbflow.model.runs import TaskRun

#: a cell that takes longer than ever still counts as not quite done
_MOST = 0.95


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        done: cells that have ended, or will not run.
        total: all cells.
        fraction: from 0 to 1; of the time, where earlier runs tell how long cells take.
        remaining_seconds: None: no earlier run completed.
        expected_end: aware, UTC; None likewise, and once no cell is left.
        past: how many seconds each cell takes, by its key, as the last completed runs tell.
    """

    done: int
    total: int
    fraction: float
    remaining_seconds: float | None = None
    expected_end: datetime | None = None
    past: Mapping[str, float] = field(default_factory=dict[str, float])


class Estimates(Protocol):
    """The part of the port that knows how long things take."""

    def read_progress(self, flow_run_id: str) -> Progress:
        """Say how far a run is, from its last attempt's cells. Raises NotFound."""
        ...


def estimate(
    cells: Sequence[TaskRun], past: Mapping[str, float], *, now: datetime | None = None
) -> Progress:
    """Say how far a run with these cells is.

    Args:
        past: seconds each cell takes, by its key (`typical`).
        now: aware; this instant when left out.
    """
    at = now or clock.now()
    done = sum(_is_over(cell) for cell in cells)
    if not past or not cells:
        return Progress(done, len(cells), done / len(cells) if cells else 0.0)
    usual = median(past.values())
    lasts = [past.get(cell.key, usual) for cell in cells]
    spent = [_spent(c, seconds, at) for c, seconds in zip(cells, lasts, strict=True)]
    whole, left = sum(lasts), sum(lasts) - sum(spent)
    fraction = sum(spent) / whole if whole > 0 else done / len(cells)
    if done == len(cells):
        return Progress(done, done, 1.0, 0.0, past=past)
    return Progress(done, len(cells), fraction, left, at + timedelta(seconds=left), past)


def typical(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Give the seconds each cell takes, from those of several runs: the one in the middle."""
    keys = {key for run in runs for key in run}
    return {key: median([run[key] for run in runs if key in run]) for key in keys}


def _is_over(cell: TaskRun) -> bool:
    return cell.state.is_final() or cell.state.name == "NotReady"


def _spent(cell: TaskRun, lasts: float, now: datetime) -> float:
    """Give how much of its usual time a cell has behind it."""
    if _is_over(cell):
        return lasts
    if not cell.state.is_running():
        return 0.0
    return min(max((now - cell.state.at).total_seconds(), 0.0), lasts * _MOST)
