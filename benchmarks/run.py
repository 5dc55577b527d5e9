"""A notebook with one trivial cell, from the command line to its exit: wall and CPU."""

from __future__ import annotations

import os
import subprocess
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
#: runs before the one that is measured, so that a kernel stands by
_WARM_UPS = 2
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
        for _ in range(_RUNS):
            costs["papermill"].append(measure.cost(peer))
            costs["cold"].append(measure.cost(run))
            costs["up"].append(_with_server(run))
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


def _with_server(command: measure.Command) -> measure.Cost:
    """Give what a command cost beside a server of its own, when something stands by there."""
    with served.nbflow_server() as (tree, _home):
        for _ in range(_WARM_UPS):
            _beside(tree, command)
        return _beside(tree, command)


def _beside(tree: served.Tree, command: measure.Command) -> measure.Cost:
    """Give what a command cost, the work that it left to the server included."""
    time.sleep(_REST_SECONDS)
    before, begun = tree.cpu(), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{command} failed")
    time.sleep(_REST_SECONDS)
    cpu = used.ru_utime + used.ru_stime + tree.cpu() - before
    return measure.Cost(wall, cpu, used.ru_maxrss / 1024)


def _cpu(costs: list[measure.Cost]) -> float:
    return measure.median(costs, lambda c: c.cpu)


def _shown(costs: list[measure.Cost]) -> tuple[str, str, str]:
    wall = measure.median(costs, lambda c: c.wall)
    memory = measure.median(costs, lambda c: c.memory)
    return f"{wall:.2f} s", f"{_cpu(costs):.2f} s", f"{memory:.0f} MiB"
