"""What keeping a result costs. Usage: flow_results.py nbflow|prefect N."""

from __future__ import annotations

import importlib
import json
import sys
import time

LIBRARY, COUNT = sys.argv[1], int(sys.argv[2])
PAYLOAD = bytes(100_000)

library = importlib.import_module(LIBRARY)
policies = importlib.import_module(f"{LIBRARY}.cache_policies")
flow, task = library.flow, library.task

KEPT = {"persist_result": True}  # nbflow's default
OPTIONS = {
    "not kept": {"persist_result": False},
    "kept, no cache key": {**KEPT, "cache_policy": policies.NO_CACHE},
    "kept (default)": KEPT,
    "kept, 100 KB": KEPT,
    "cached over runs, miss": {**KEPT, "cache_policy": policies.INPUTS},
    "cached over runs, hit": {**KEPT, "cache_policy": policies.INPUTS},
}


def measured(kind):
    """Give CPU seconds per task of one kind."""

    @task(**OPTIONS[kind])
    def same(x):
        return (x, PAYLOAD) if kind == "kept, 100 KB" else x

    @flow
    def many(first, n):
        for x in range(first, first + n):
            same(x)

    many(-10, 10)
    if kind == "cached over runs, hit":
        many(0, COUNT)
    begun = time.process_time()
    many(0, 0)
    none = time.process_time() - begun
    begun = time.process_time()
    many(0, COUNT)
    return (time.process_time() - begun - none) / COUNT


print(json.dumps({kind: measured(kind) for kind in OPTIONS}))
