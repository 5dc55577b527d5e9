"""A notebook with one trivial cell, from the command line to its exit: wall and CPU."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks import measure
from benchmarks.report import Table

_RUNS = 5


def tables() -> tuple[Table, ...]:
    """Measure, the two in turn; give the table."""
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-") as folder:
        notebook, output = Path(folder, "one.ipynb"), Path(folder, "out.ipynb")
        nbformat.write(new_notebook(cells=[new_code_cell("1 + 1")]), notebook)
        python = Path(sys.executable)
        commands: dict[str, measure.Command] = {
            "`papermill`": [python, "-m", "papermill", "-k", "python3", notebook, output],
            "`nbflow run`": [python, "-m", "nbflow", "run", notebook],
        }
        costs: dict[str, list[measure.Cost]] = {label: [] for label in commands}
        for _ in range(_RUNS):
            for label, command in commands.items():
                costs[label].append(measure.cost(command))
    rows = tuple((label, *_shown(found)) for label, found in costs.items())
    return (
        Table(
            "A notebook with one cell, from the command line to its exit",
            ("No server is up; every run starts a kernel.",),
            ("command", "wall", "CPU", "memory"),
            rows,
        ),
    )


def _shown(costs: list[measure.Cost]) -> tuple[str, str, str]:
    wall = measure.median(costs, lambda c: c.wall)
    cpu = measure.median(costs, lambda c: c.cpu)
    return f"{wall:.2f} s", f"{cpu:.2f} s", f"{measure.median(costs, lambda c: c.memory):.0f} MiB"
