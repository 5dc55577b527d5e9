"""A cell that prints 1 GB in a run beside a server: is the server still there for others?"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks import served
from benchmarks.report import Table, verdict
from nbflow.model import states
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator

_FLOOD = "for _ in range(10_000): print('x' * 99_999)"
_ASK_SECONDS = 0.02
_RUN_SECONDS = 300.0
_LAG = 0.100


def tables() -> tuple[Table, ...]:
    """Measure; give the table."""
    with served.nbflow_server() as (_tree, home), _client(home) as client:
        calm = _asked(client, lambda began: time.perf_counter() - began > 3.0)
        backend, run = Orchestrator(), _run(home)
        run = backend.create_flow_run(run)
        flooded = _asked(client, lambda _: backend.read_flow_run(run.id).state.is_final())
        ended = backend.read_flow_run(run.id)
        backend.close()
    rows = [_row("nothing else to do", calm, ""), _row(_said(ended), flooded, _budget(flooded))]
    return (
        Table(
            "A server's answers while a run beside it prints 1 GB",
            (
                f"Asked for its health every {1000 * _ASK_SECONDS:.0f} ms: the time to the answer,",
                "which is at least how long its event loop was busy. All share the same cores.",
            ),
            ("meanwhile", "answers", "median", "99 %", "longest", "budget"),
            tuple(rows),
        ),
    )


def _client(home: Path) -> httpx.Client:
    server = json.loads(next(home.glob("servers/*.json")).read_text())
    headers = {"Authorization": f"token {server['token']}"}
    return httpx.Client(
        base_url=f"{server['url'].rstrip('/')}/nbflow/api/", headers=headers, timeout=60.0
    )


def _run(home: Path) -> NewFlowRun:
    notebook = home / "flood.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(_FLOOD)]), notebook)
    return NewFlowRun(
        "flood",
        kind="notebook",
        state=states.Scheduled(),
        path=str(notebook),
        kernel_name="python3",
        work_pool="default",
    )


def _asked(client: httpx.Client, done: Callable[[float], bool]) -> list[float]:
    """Ask until it is done; give the seconds each answer took."""
    began, took = time.perf_counter(), list[float]()
    while not done(began) and time.perf_counter() - began < _RUN_SECONDS:
        start = time.perf_counter()
        client.get("health").raise_for_status()
        took.append(time.perf_counter() - start)
        time.sleep(_ASK_SECONDS)
    return took


def _row(label: str, took: list[float], budget: str) -> tuple[str, ...]:
    figures = (statistics.median(took), _p99(took), max(took))
    return (label, str(len(took)), *(f"{1000 * seconds:.0f} ms" for seconds in figures), budget)


def _budget(took: list[float]) -> str:
    return f"99 % ≤ 100 ms: {verdict(_p99(took), _LAG)}"


def _p99(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)]


def _said(run: FlowRun) -> str:
    return f"a run that prints 1 GB ({run.state.name}, {run.running_seconds:.0f} s)"
