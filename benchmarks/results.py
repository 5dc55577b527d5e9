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
    rows: list[tuple[str, ...]] = []
    for kind in KINDS:
        ours = _micros("nbflow", kind, COUNT, _RUNS)
        theirs = _micros("prefect", kind, _PEER_COUNT, _PEER_RUNS)
        print(f"  results: {kind} done", file=sys.stderr, flush=True)
        rows.append((kind, f"{ours:,.0f} µs", f"{theirs:,.0f} µs", f"{theirs / ours:.0f}×"))
    return (
        Table(
            "Results and caching: CPU per task",
            (
                "A task called one by one that gives back its input (or 100 KB), CPU of the",
                "process that runs the flow; Prefect's server is not counted. `cached over",
                "runs` takes the inputs alone as the key: a miss looks in the store first.",
            ),
            ("result", "nbflow", "Prefect (client)", "Prefect ÷ nbflow"),
            tuple(rows),
        ),
    )


def _micros(system: str, kind: str, count: int, runs: int) -> float:
    python = Path(sys.executable) if system == "nbflow" else peers.python(system)
    script = _SCRIPTS / f"{system}_results.py"
    none = _median(measure.costs([python, script, kind, "0"], runs=runs))
    many = _median(measure.costs([python, script, kind, str(count)], runs=runs))
    return (many - none) / count * 1e6


def _median(costs: list[Cost]) -> float:
    return statistics.median(cost.said["cpu"] for cost in costs)
