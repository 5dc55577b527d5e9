"""A Prefect flow of N tasks that give back their input. Usage: prefect_tasks.py KIND N."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from pathlib import Path

from prefect import flow, get_run_logger, task

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
    """Count the completed task runs in the store now."""
    path = Path(os.environ["PREFECT_HOME"], "prefect.db")
    query = "select count(*) from task_run where state_type = 'COMPLETED'"
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    return connection.execute(query).fetchone()[0]


many(10)
wall, cpu = time.perf_counter(), time.process_time()
many(COUNT)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"cpu": cpu, "wall": wall, "rows": on_disk()}))
