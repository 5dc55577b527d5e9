"""N calls on a bare thread pool of 8. Usage: pool_tasks.py KIND N."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

KIND, COUNT = sys.argv[1], int(sys.argv[2])


def same(x):
    return x


with ThreadPoolExecutor(8) as pool:
    list(pool.map(same, range(10)))
    wall, cpu = time.perf_counter(), time.process_time()
    if KIND == "mapped":
        list(pool.map(same, range(COUNT)))
    elif KIND == "submitted":
        for future in [pool.submit(same, x) for x in range(COUNT)]:
            future.result()
    else:
        for x in range(COUNT):
            pool.submit(same, x).result()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"cpu": cpu, "wall": wall}))
