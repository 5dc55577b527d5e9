"""From the instant a run is due to its first cell: scheduled, run now, and papermill's own CLI."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks import measure, served
from benchmarks.report import Table, at_least, verdict
from nbflow import deployments
from nbflow.model import states
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator

Begin = Callable[[Orchestrator, Path], tuple[FlowRun, float]]

_RUNS, _PEER_RUNS = 9, 5
#: time for what stands by to be there again, so that every run finds the same
_REST_SECONDS = 1.5
_RUN_SECONDS = 60.0
_IDLE_SECONDS = 5.0
_WALL, _CPU, _RATIO = 0.150, 0.2, 10.0


@dataclass
class Found:
    """What runs showed, in seconds: the legs from being due, the end, and all CPU."""

    claimed: list[float] = field(default_factory=list[float])
    begun: list[float] = field(default_factory=list[float])
    first: list[float] = field(default_factory=list[float])
    ended: list[float] = field(default_factory=list[float])
    cpu: list[float] = field(default_factory=list[float])


def tables() -> tuple[Table, ...]:
    """Measure; give the table."""
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-") as folder:
        notebook = Path(folder, "one.ipynb")
        cell = new_code_cell("import time; print(time.time())")
        nbformat.write(new_notebook(cells=[cell]), notebook)
        with served.nbflow_server() as (tree, home):
            found = {
                "run now": _measure(tree, home, notebook, _run_now),
                "scheduled": _measure(tree, home, notebook, _scheduled),
            }
        peer = _papermill(notebook)
    rows = [_row(label, what, peer) for label, what in found.items()]
    rows.append(("`papermill`", "–", "–", *_shown(peer), "–"))
    return (
        Table(
            "From due to the first cell, and CPU of a run all in",
            (
                f"One cell; medians of {_RUNS} runs, one after the other, with a server up and a",
                "warm executor and a kernel standing by. Legs from the instant it is due; CPU is",
                "what the server, its worker and all their children used from before the run until",
                f"{_REST_SECONDS} s after it, the next kernel's fork included, beyond what they",
                "use in the same time when there is nothing to do.",
            ),
            ("run", "claimed", "begins", "first cell", "ended", "CPU", "budget"),
            tuple(rows),
        ),
    )


def _measure(tree: served.Tree, home: Path, notebook: Path, begin: Begin) -> Found:
    backend, found = Orchestrator(), Found()
    idle = 0.0
    for turn in range(_RUNS + 2):  # the first two only warm up
        time.sleep(_REST_SECONDS)
        cpu, at = tree.cpu(), time.monotonic()
        run, due = begin(backend, notebook)
        _until_ended(backend, run)
        time.sleep(_REST_SECONDS)
        if turn == 1:
            idle = _idle(tree)
        if turn > 1:
            _add(found, backend, home, run, due)
            found.cpu.append(tree.cpu() - cpu - idle * (time.monotonic() - at))
    backend.close()
    return found


def _idle(tree: served.Tree) -> float:
    """Give the CPU seconds a second that go when there is nothing to do."""
    before = tree.cpu()
    time.sleep(_IDLE_SECONDS)
    return (tree.cpu() - before) / _IDLE_SECONDS


def _until_ended(backend: Orchestrator, run: FlowRun) -> None:
    served.until(lambda: backend.read_flow_run(run.id).state.is_final(), _RUN_SECONDS)


def _add(found: Found, backend: Orchestrator, home: Path, run: FlowRun, due: float) -> None:
    entered = {state.name: state.at.timestamp() - due for state in backend.list_states(run.id)}
    found.claimed.append(entered["Pending"])
    found.begun.append(entered["Running"])
    found.ended.append(entered["Completed"])
    executed = Path(home, "runs", run.id, "1", "notebook.ipynb")
    found.first.append(_printed(executed) - due)


def _printed(executed: Path) -> float:
    output = json.loads(executed.read_text(encoding="utf-8"))["cells"][0]["outputs"][0]
    return float("".join(output["text"]))


def _run_now(backend: Orchestrator, notebook: Path) -> tuple[FlowRun, float]:
    new = NewFlowRun(
        "one",
        kind="notebook",
        state=states.Scheduled(),
        path=str(notebook),
        kernel_name="python3",
        work_pool="default",
    )
    due = time.time()
    return backend.create_flow_run(new), due


def _scheduled(backend: Orchestrator, notebook: Path) -> tuple[FlowRun, float]:
    """Deploy with a schedule whose next instant is two seconds away, and wait for its run."""
    due = (datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0)
    rule = f"DTSTART:{due:%Y%m%dT%H%M%SZ}\nRRULE:FREQ=YEARLY;COUNT=1"
    made = deployments.deploy(notebook, rrule=rule, replace=True)
    found: list[FlowRun] = []

    def look() -> bool:
        runs = backend.list_flow_runs(limit=5).rows
        found[:] = [run for run in runs if run.deployment_id == made.id and run.due_at == due]
        return bool(found)

    served.until(look, _RUN_SECONDS)
    return found[0], due.timestamp()


def _papermill(notebook: Path) -> Found:
    found = Found()
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-") as folder:
        output = Path(folder, "out.ipynb")
        command = [sys.executable, "-m", "papermill", "-k", "python3", notebook, output]
        for _ in range(_PEER_RUNS):
            begun = time.time()
            cost = measure.cost(command)
            found.first.append(_printed(output) - begun)
            found.ended.append(cost.wall)
            found.cpu.append(cost.cpu)
    return found


def _row(label: str, found: Found, peer: Found) -> tuple[str, ...]:
    first, cpu = statistics.median(found.first), statistics.median(found.cpu)
    ratio = statistics.median(peer.first) / first
    budget = (
        f"≤ 150 ms: {verdict(first, _WALL)}; ≤ 0.2 s: {verdict(cpu, _CPU)}; "
        f"{ratio:.0f}×, ≥ 10×: {at_least(ratio, _RATIO)}"
    )
    return (label, _ms(found.claimed), _ms(found.begun), *_shown(found), budget)


def _shown(found: Found) -> tuple[str, str, str]:
    return _ms(found.first), _ms(found.ended), f"{statistics.median(found.cpu):.2f} s"


def _ms(values: list[float]) -> str:
    return f"{statistics.median(values) * 1e3:,.0f} ms"
