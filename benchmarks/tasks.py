"""A flow of 1,000 tasks that give back their input, each state recorded: CPU and wall per task."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import measure

COUNT = 1000
FLOW = """
from nbflow import flow, task

@task
def same(x):
    return x

@flow
def many(n):
    {body}

many(1)
if {count}: many({count})
"""
CALLED = "for x in range(n): same(x)"
SUBMITTED = "[future.result() for future in [same.submit(x) for x in range(n)]]"
POOL = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor() as pool:
    for future in [pool.submit(lambda x: x, x) for x in range({count})]: future.result()
"""


def rows() -> Iterator[tuple[str, str]]:
    """Measure; give labels and figures."""
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-") as folder:
        script = Path(folder, "script.py")
        yield "thread pool, bare", _per_task(POOL, script)
        yield "called one by one", _per_task(FLOW.replace("{body}", CALLED), script)
        yield "submitted", _per_task(FLOW.replace("{body}", SUBMITTED), script)


def _per_task(source: str, script: Path) -> str:
    none, many = _cost(source, 0, script), _cost(source, COUNT, script)
    cpu, wall = (many.cpu - none.cpu) / COUNT, (many.wall - none.wall) / COUNT
    return f"{cpu * 1e6:.0f} µs CPU, {wall * 1e6:.0f} µs wall a task; {many.memory:.0f} MiB"


def _cost(source: str, count: int, script: Path) -> measure.Cost:
    script.write_text(source.replace("{count}", str(count)))
    return measure.cost([sys.executable, script])
