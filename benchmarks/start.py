"""What it costs to begin: imports beyond bare Python, and a script whose flow is empty."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import measure, peers
from benchmarks.report import Table, at_least, verdict

_SCRIPTS = Path(__file__).parent / "scripts"
_RUNS, _PEER_RUNS = 9, 3


def tables() -> tuple[Table, ...]:
    """Measure; give the table."""
    here, prefect = Path(sys.executable), peers.python("prefect")
    bare, bare_there = _cpu(here, "pass"), _cpu(prefect, "pass", runs=_PEER_RUNS)
    theirs = _cpu(prefect, "from prefect import flow, task", runs=_PEER_RUNS) - bare_there
    package = _cpu(here, "import nbflow") - bare
    names = _cpu(here, "from nbflow import flow, task") - bare
    ours = _script(here, "nbflow", _RUNS)
    peer = _script(prefect, "prefect", _PEER_RUNS)
    ratio = peer / ours
    rows = (
        ("`import nbflow`", _ms(package), "–", "–", f"≤ 40 ms: {verdict(package, 0.040)}"),
        ("`from nbflow import flow, task`", _ms(names), _ms(theirs), f"{theirs / names:.0f}×",
         f"≤ 100 ms: {verdict(names, 0.100)}"),
        ("script with an empty flow, fresh store", _ms(ours), _ms(peer), f"{ratio:.0f}×",
         f"≤ 350 ms: {verdict(ours, 0.350)}; ≥ 20×: {at_least(ratio, 20)}"),
    )  # fmt: skip
    return (
        Table(
            "Beginning: CPU of the process tree",
            (
                f"Imports are beyond bare Python ({bare * 1e3:.0f} ms here). The script is a whole",
                "process on a fresh SQLite store.",
            ),
            ("what", "nbflow", "Prefect", "Prefect ÷ nbflow", "budget"),
            rows,
        ),
    )


def _cpu(python: Path, code: str, *, runs: int = _RUNS) -> float:
    return measure.median(measure.costs([python, "-c", code], runs=runs), lambda c: c.cpu)


def _script(python: Path, library: str, runs: int) -> float:
    command = [python, _SCRIPTS / "flow_empty.py", library]
    return measure.median(measure.costs(command, runs=runs), lambda c: c.cpu)


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.0f} ms"
