"""A flow of 1,000 tasks that give back their input: CPU, wall, records on disk, memory."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks import measure, peers
from benchmarks.measure import Cost
from benchmarks.report import Table, at_least, verdict

COUNT = 1000
KINDS = ("called", "logged", "submitted", "mapped")
_SCRIPTS = Path(__file__).parent / "scripts"
#: system → (its interpreter, its script, how often each kind is run, the kinds)
_RUNS = {"nbflow": 9, "Prefect": 3, "dask": 3, "thread pool": 9}
_BUDGET = {"called": 40.0, "logged": 55.0, "submitted": 45.0, "mapped": 45.0}
_AGAINST_PREFECT = {"called": 90.0, "logged": 90.0, "submitted": 95.0, "mapped": 95.0}
_AGAINST_DASK = 18.0
_MEMORY = 70.0

#: by system and kind; the kind `none` is the flow called with no task
Costs = Mapping[tuple[str, str], list[Cost]]


def tables() -> tuple[Table, ...]:
    """Measure; give the tables of CPU, of records and of memory."""
    found = _measure()
    return (_cpu_table(found), _record_table(found))


def _measure() -> Costs:
    """Run everything, the systems in turn."""
    found: dict[tuple[str, str], list[Cost]] = {}
    for turn in range(max(_RUNS.values())):
        for kind in ("none", *KINDS):
            for system in (s for s, runs in _RUNS.items() if turn < runs and _has(s, kind)):
                found.setdefault((system, kind), []).append(measure.cost(_command(system, kind)))
        print(f"  tasks: turn {turn + 1} done", file=sys.stderr, flush=True)
    return found


def _has(system: str, kind: str) -> bool:
    return kind != "logged" or system in ("nbflow", "Prefect")


def _command(system: str, kind: str) -> list[str | Path]:
    pythons = {"Prefect": lambda: peers.python("prefect"), "dask": lambda: peers.python("dask")}
    python = pythons.get(system, lambda: Path(sys.executable))()
    scripts: dict[str, list[str]] = {"thread pool": ["pool_tasks.py"], "dask": ["dask_tasks.py"]}
    name, *library = scripts.get(system, ["flow_tasks.py", system.lower()])
    return [python, _SCRIPTS / name, *library, kind, "0" if kind == "none" else str(COUNT)]


def per_task(costs: Costs, system: str, kind: str) -> tuple[float, float]:
    """Give CPU and wall per task in µs: what N tasks cost more than none.

    A system that is one process is measured inside it, where no start-up disturbs; Prefect's tree
    is measured as a whole, since its server works for every task.
    """
    none, many = costs[system, "none"], costs[system, kind]
    if system == "Prefect":
        cpu = measure.median(many, lambda c: c.cpu) - measure.median(none, lambda c: c.cpu)
    else:
        cpu = statistics.median(c.said["cpu"] for c in many)
        cpu -= statistics.median(c.said["cpu"] for c in none)
    wall = statistics.median(c.said["wall"] for c in many)
    wall -= statistics.median(c.said["wall"] for c in none)
    return cpu / COUNT * 1e6, wall / COUNT * 1e6


def _cpu_table(costs: Costs) -> Table:
    rows: list[tuple[str, ...]] = []
    for kind in KINDS:
        ours, theirs = per_task(costs, "nbflow", kind), per_task(costs, "Prefect", kind)
        ratio = theirs[0] / ours[0]
        rows.append(
            (
                kind, _micros(ours), _micros(theirs),
                f"{ratio:.0f}× CPU, {theirs[1] / ours[1]:.0f}× wall",
                f"≤ {_BUDGET[kind]:.0f} µs: {verdict(ours[0], _BUDGET[kind])}; "
                f"≥ {_AGAINST_PREFECT[kind]:.0f}×: {at_least(ratio, _AGAINST_PREFECT[kind])}",
            )
        )  # fmt: skip
        for system in ("dask", "thread pool"):
            if _has(system, kind):
                rows.append(_beside(costs, system, kind, ours))
    return Table(
        f"A flow of {COUNT:,} tasks: CPU of the process tree and wall, per task",
        (
            "Every state is recorded and every result kept; `logged` writes one INFO line a task.",
            "What the same flow costs with no task is taken off. The bare thread pool records",
            "nothing: it is the floor.",
        ),
        ("kind", "nbflow: CPU / wall", "peer: CPU / wall", "peer ÷ nbflow", "budget"),
        tuple(rows),
    )


def _beside(costs: Costs, system: str, kind: str, ours: tuple[float, float]) -> tuple[str, ...]:
    theirs = per_task(costs, system, kind)
    ratio = theirs[0] / ours[0]
    budget = ""
    if system == "dask" and kind == "mapped":
        budget = f"≥ {_AGAINST_DASK:.0f}×: {at_least(ratio, _AGAINST_DASK)}"
    shown = f"{ratio:.1f}× CPU, {theirs[1] / ours[1]:.1f}× wall"
    return (f"{kind}, {system}", _micros(ours), _micros(theirs), shown, budget)


def _record_table(costs: Costs) -> Table:
    rows: list[tuple[str, ...]] = []
    for kind in KINDS:
        ours, theirs = costs["nbflow", kind], costs["Prefect", kind]
        kept = min(c.said["rows"] for c in ours) / COUNT
        memory = measure.median(ours, lambda c: c.memory)
        rows.append(
            (
                kind,
                f"{kept:.0%}",
                f"{statistics.median(c.said['rows'] for c in theirs) / COUNT:.0%}",
                f"{memory:.0f}",
                f"{measure.median(theirs, lambda c: c.memory):.0f}",
                f"100 %: {at_least(kept, 1.0)}; ≤ {_MEMORY:.0f} MiB: {verdict(memory, _MEMORY)}",
            )
        )
    return Table(
        f"A flow of {COUNT:,} tasks: records on disk when the flow returns, and memory",
        (
            "Records: completed task runs that another process counts in the store right after the",
            "flow has returned (nbflow: the least of all runs; Prefect: the median). Memory: the",
            "highest sum over the process tree.",
        ),
        ("kind", "nbflow: records", "Prefect: records", "nbflow: MiB", "Prefect: MiB", "budget"),
        tuple(rows),
    )  # fmt: skip


def _micros(figures: tuple[float, float]) -> str:
    return f"{figures[0]:,.0f} / {figures[1]:,.0f} µs"
