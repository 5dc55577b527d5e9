"""A flow of N tasks that give back their input. Usage: nbflow_tasks.py KIND N [PERSIST]."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time

from nbflow import flow, get_run_logger, settings, task

KIND, COUNT = sys.argv[1], int(sys.argv[2])


@task
def same(x):
    return x


@task
def says(x):
    get_run_logger().info("x is %s", x)
    return x


@flow
def many(n):
    if KIND == "called":
        for x in range(n):
            same(x)
    elif KIND == "logged":
        for x in range(n):
            says(x)
    elif KIND == "submitted":
        for future in [same.submit(x) for x in range(n)]:
            future.result()
    elif n:
        same.map(list(range(n))).result()


def on_disk() -> int:
    """Count the completed task runs as another process sees them now."""
    query = "select count(*) from task_run where state_type = 'COMPLETED'"
    code = (
        f"import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute({query!r}).fetchone()[0])"
    )
    path = settings.store_url().removeprefix("sqlite:///")
    found = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    return int(found.stdout)


many(10)  # everything is imported, the store is open
wall, cpu = time.perf_counter(), time.process_time()
many(COUNT)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
said = {
    "cpu": cpu,
    "wall": wall,
    "rows": on_disk() - 10 if COUNT else 0,
    "sqlite": sqlite3.sqlite_version,
}
print(json.dumps(said))
