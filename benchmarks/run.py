"""A notebook with one trivial cell, from the command line to its exit: wall and CPU."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks import measure, served
from benchmarks.report import Table, verdict

_RUNS = 5
_UP = 0.8
#: time for what stands by to be there again, so that every run finds the same
_REST_SECONDS = 1.5


def tables() -> tuple[Table, ...]:
    """Measure, the three in turn; give the table."""
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-") as folder:
        notebook, output = Path(folder, "one.ipynb"), Path(folder, "out.ipynb")
        nbformat.write(new_notebook(cells=[new_code_cell("1 + 1")]), notebook)
        python = Path(sys.executable)
        run = [python, "-m", "nbflow", "run", notebook]
        peer = [python, "-m", "papermill", "-k", "python3", notebook, output]
        costs: dict[str, list[measure.Cost]] = {"papermill": [], "cold": [], "up": []}
        with served.nbflow_server() as (tree, home):
            for _ in range(2):  # so that something stands by
                _beside(tree, run, home)
            for _ in range(_RUNS):
                costs["papermill"].append(measure.cost(peer))
                costs["cold"].append(measure.cost(run))
                costs["up"].append(_beside(tree, run, home))
    theirs, cold, up = (_cpu(costs[name]) for name in ("papermill", "cold", "up"))
    return (
        Table(
            "A notebook with one cell, from the command line to its exit",
            (
                "CPU of the process tree; with a server up that of the server's tree, too, and the",
                "memory is that of the command alone. Without one, every run starts a kernel.",
            ),
            ("command", "wall", "CPU", "memory", "budget"),
            (
                ("`papermill`", *_shown(costs["papermill"]), ""),
                ("`nbflow run`, no server", *_shown(costs["cold"]),
                 f"≤ papermill: {verdict(cold, theirs)}"),
                ("`nbflow run`, server up", *_shown(costs["up"]), f"≤ 0.8 s: {verdict(up, _UP)}"),
            ),
        ),
    )  # fmt: skip


def _beside(tree: served.Tree, command: measure.Command, home: Path) -> measure.Cost:
    """Give what a command cost, the work that it left to a server included."""
    time.sleep(_REST_SECONDS)
    before = tree.cpu()
    cost = measure.cost(command, env={"NBFLOW_HOME": os.fspath(home)})
    time.sleep(_REST_SECONDS)
    return measure.Cost(cost.wall, cost.cpu + tree.cpu() - before, cost.memory)


def _cpu(costs: list[measure.Cost]) -> float:
    return measure.median(costs, lambda c: c.cpu)


def _shown(costs: list[measure.Cost]) -> tuple[str, str, str]:
    wall = measure.median(costs, lambda c: c.wall)
    memory = measure.median(costs, lambda c: c.memory)
    return f"{wall:.2f} s", f"{_cpu(costs):.2f} s", f"{memory:.0f} MiB"
