"""What a result costs in Prefect. Usage: prefect_results.py N."""

from __future__ import annotations

import json
import sys
import time

from prefect import flow, task
from prefect.cache_policies import INPUTS, NO_CACHE

COUNT = int(sys.argv[1])
PAYLOAD = bytes(100_000)

OPTIONS = {
    "not kept": {"persist_result": False},
    "kept, no cache key": {"persist_result": True, "cache_policy": NO_CACHE},
    "kept (default)": {"persist_result": True},
    "kept, 100 KB": {"persist_result": True},
    "cached over runs, miss": {"cache_policy": INPUTS, "persist_result": True},
    "cached over runs, hit": {"cache_policy": INPUTS, "persist_result": True},
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
