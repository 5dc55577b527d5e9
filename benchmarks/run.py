"""A notebook with one trivial cell, from the command line to its exit: wall and CPU."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks import measure


def rows() -> Iterator[tuple[str, str]]:
    """Measure; give labels and figures."""
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-") as folder:
        notebook = Path(folder, "one.ipynb")
        nbformat.write(new_notebook(cells=[new_code_cell("1 + 1")]), notebook)
        output = Path(folder, "out.ipynb")
        commands: dict[str, list[str | Path]] = {
            "papermill": [sys.executable, "-m", "papermill", "-k", "python3", notebook, output],
            "nbflow run": [sys.executable, "-m", "nbflow", "run", notebook],
        }
        for label, command in commands.items():
            cost = measure.cost(command)
            yield label, f"{cost.wall:.2f} s wall, {cost.cpu:.2f} s CPU, {cost.memory:.0f} MiB"
