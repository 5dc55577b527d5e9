"""What a result costs. Usage: nbflow_results.py KIND N, KIND one of KINDS."""

from __future__ import annotations

import json
import sys
import time

from nbflow.cache_policies import INPUTS, NO_CACHE

from nbflow import flow, task

KIND, COUNT = sys.argv[1], int(sys.argv[2])
PAYLOAD = bytes(100_000)

OPTIONS = {
    "not kept": {"persist_result": False},
    "kept, no cache key": {"persist_result": True, "cache_policy": NO_CACHE},
    "kept (default)": {},
    "kept, 100 KB": {},
    "cached over runs, miss": {"cache_policy": INPUTS},
    "cached over runs, hit": {"cache_policy": INPUTS},
}


@task(**OPTIONS[KIND])
def same(x):
    return (x, PAYLOAD) if KIND == "kept, 100 KB" else x


@flow
def many(first, n):
    for x in range(first, first + n):
        same(x)


many(-10, 10)
if KIND == "cached over runs, hit":
    many(0, COUNT)
wall, cpu = time.perf_counter(), time.process_time()
many(0, COUNT)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"cpu": cpu, "wall": wall}))
