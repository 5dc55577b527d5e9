"""A flow of N tasks that give back their input. Usage: flow_tasks.py nbflow|prefect KIND N."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

LIBRARY, KIND, COUNT = sys.argv[1], sys.argv[2], int(sys.argv[3])
STORES = {"nbflow": ("NBFLOW_HOME", "nbflow.sqlite"), "prefect": ("PREFECT_HOME", "prefect.db")}
WARMING = 10

library = importlib.import_module(LIBRARY)
flow, task, get_run_logger = library.flow, library.task, library.get_run_logger


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


def on_disk():
    """Count the completed task runs as another process sees them now."""
    variable, name = STORES[LIBRARY]
    query = "select count(*) from task_run where state_type = 'COMPLETED'"
    code = (
        "import sqlite3, sys; store = sqlite3.connect(sys.argv[1], timeout=30);"
        f"print(store.execute({query!r}).fetchone()[0])"
    )
    path = Path(os.environ[variable], name)
    found = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    return int(found.stdout)


many(WARMING)  # everything is imported, the store is open
wall, cpu = time.perf_counter(), time.process_time()
many(COUNT)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
rows = max(on_disk() - WARMING, 0) if COUNT else 0
print(json.dumps({"cpu": cpu, "wall": wall, "rows": rows}))
