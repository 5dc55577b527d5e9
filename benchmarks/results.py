"""What results and caching cost, per task."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

from benchmarks import measure, peers
from benchmarks.measure import Cost
from benchmarks.report import Table

_SCRIPTS = Path(__file__).parent / "scripts"
KINDS = (
    "not kept",
    "kept, no cache key",
    "kept (default)",
    "kept, 100 KB",
    "cached over runs, miss",
    "cached over runs, hit",
)
COUNT, _RUNS = 1000, 5
_PEER_COUNT, _PEER_RUNS = 300, 2


def tables() -> tuple[Table, ...]:
    """Measure; give the table."""
    ours = _said(Path(sys.executable), "nbflow", COUNT, _RUNS)
    theirs = _said(peers.python("prefect"), "prefect", _PEER_COUNT, _PEER_RUNS)
    rows = tuple(
        (kind, _micros(ours, kind), _micros(theirs, kind), _ratio(ours, theirs, kind))
        for kind in KINDS
    )
    return (
        Table(
            "Results and caching: CPU per task",
            (
                "A task called one by one that gives back its input (or 100 KB): CPU of its",
                "process;  Prefect's server is not counted. `cached over runs` takes the inputs",
                "alone as the key: a miss looks in the store first.",
            ),
            ("result", "nbflow", "Prefect (client)", "Prefect ÷ nbflow"),
            rows,
        ),
    )


def _said(python: Path, library: str, count: int, runs: int) -> list[Cost]:
    command = [python, _SCRIPTS / "flow_results.py", library, str(count)]
    return measure.costs(command, runs=runs)


def _median(costs: list[Cost], kind: str) -> float:
    return statistics.median(cost.said[kind] for cost in costs)


def _micros(costs: list[Cost], kind: str) -> str:
    return f"{_median(costs, kind) * 1e6:,.0f} µs"


def _ratio(ours: list[Cost], theirs: list[Cost], kind: str) -> str:
    return f"{_median(theirs, kind) / _median(ours, kind):.0f}×"
