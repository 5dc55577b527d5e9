"""What executing cells costs: many trivial ones, ones that put out 100 KB, one that prints 1 GB."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks import measure
from benchmarks.measure import Cost
from benchmarks.report import Table, verdict

_SCRIPT = Path(__file__).parent / "scripts" / "cells.py"
_RUNS, _PEER_RUNS = 3, 1
#: papermill's time grows with the square of the cells: it runs once, and not the largest notebook
_SIZES = {20: 5, 200: _RUNS, 2_000: 1}
_LARGE = "print('x' * 100_000)"
_PRINTS = "for _ in range({}): print('x' * 999_999)"


def tables() -> tuple[Table, ...]:
    """Measure, the engines in turn; give the tables."""
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-") as folder:
        return (_trivial(Path(folder)), _large(Path(folder)), _printed(Path(folder)))


def _trivial(folder: Path) -> Table:
    rows: list[tuple[str, ...]] = []
    for cells, runs in _SIZES.items():
        engines = ("nbflow", "nbclient") + (("papermill",) if cells <= 200 else ())
        found = _in_turn(folder, ["1 + 1"] * cells, engines, runs)
        each = {name: 1000 * _cpu(costs) / cells for name, costs in found.items()}
        budget = f"≤ 1.3 ms: {verdict(each['nbflow'], 1.3)}" if cells >= 200 else ""
        rows.append((f"{cells:,}", *_row(each, "{:.2f} ms"), budget))
    return Table(
        "Trivial cells: CPU of the executing process per cell",
        ("The call alone: imports and the kernel's CPU are left out, its start is not.",),
        ("cells", "nbflow", "nbclient", "papermill", "budget"),
        tuple(rows),
    )


def _large(folder: Path) -> Table:
    rows: list[tuple[str, ...]] = []
    for cells in (50, 100, 200):
        found = _in_turn(folder, [_LARGE] * cells, ("nbflow", "nbclient", "papermill"), _RUNS)
        cpu = {name: _cpu(costs) for name, costs in found.items()}
        ratio = cpu["nbflow"] / cpu["nbclient"]
        budget = f"≤ 1.3× nbclient: {ratio:.2f}×, {verdict(ratio, 1.3)}"
        rows.append((str(cells), *_row(cpu, "{:.2f} s"), budget))
    return Table(
        "Cells of 100 KB output each: CPU of the executing process",
        (
            "nbclient keeps all in memory and writes once; nbflow's output is in its journal as it",
            "comes, safe against kill -9; papermill rewrites the notebook around every cell.",
        ),
        ("cells", "nbflow", "nbclient", "papermill", "budget"),
        tuple(rows),
    )


def _printed(folder: Path) -> Table:
    limits = {"NBFLOW_OUTPUT_CELL_BYTES": "20000000"}
    rows: list[tuple[str, ...]] = []
    for engine, megabytes in (("nbflow", 1000), ("papermill", 100), ("papermill", 200)):
        notebook = _notebook(folder, [_PRINTS.format(megabytes)])
        cost = measure.cost(_command(engine, notebook, folder), env=limits)
        budget = f"≤ 300 MiB: {verdict(cost.memory, 300)}" if engine == "nbflow" else ""
        cpu, memory = f"{cost.said['cpu']:.2f} s", f"{cost.memory:.0f} MiB"
        rows.append((engine, f"{megabytes} MB", cpu, memory, budget))
    return Table(
        "A cell that prints much: CPU of the executing process, memory of the tree",
        ("nbflow keeps the first 20 MB and says what it left out; the kernel is in the memory.",),
        ("engine", "printed", "CPU", "memory", "budget"),
        tuple(rows),
    )


def _in_turn(
    folder: Path, sources: list[str], engines: tuple[str, ...], runs: int
) -> dict[str, list[Cost]]:
    notebook = _notebook(folder, sources)
    found: dict[str, list[Cost]] = {name: [] for name in engines}
    for turn in range(runs):
        for name in engines:
            if turn < _PEER_RUNS or name != "papermill":
                found[name].append(measure.cost(_command(name, notebook, folder)))
    return found


def _notebook(folder: Path, sources: list[str]) -> Path:
    path = folder / f"{len(sources)}.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    return path


def _command(engine: str, notebook: Path, folder: Path) -> measure.Command:
    return [sys.executable, _SCRIPT, engine, notebook, folder / "out.ipynb"]


def _cpu(costs: list[Cost]) -> float:
    return measure.median(costs, lambda cost: cost.said["cpu"])


def _row(figures: dict[str, float], shape: str) -> tuple[str, ...]:
    names = ("nbflow", "nbclient", "papermill")
    return tuple(shape.format(figures[name]) if name in figures else "–" for name in names)
