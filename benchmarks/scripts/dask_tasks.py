"""N tasks on a Dask LocalCluster of threads. Usage: dask_tasks.py KIND N."""

from __future__ import annotations

import json
import sys
import time

from distributed import Client, LocalCluster

KIND, COUNT = sys.argv[1], int(sys.argv[2])


def same(x):
    return x


def run(client, n, salt):
    if KIND == "mapped":
        client.gather(client.map(same, [(salt, x) for x in range(n)]))
    elif KIND == "submitted":
        client.gather([client.submit(same, (salt, x)) for x in range(n)])
    else:
        for x in range(n):
            client.submit(same, (salt, x)).result()


with (
    LocalCluster(
        n_workers=1,
        threads_per_worker=8,
        processes=False,
        dashboard_address=None,  # pyright: ignore[reportArgumentType]  (it takes None: no dashboard)
    ) as cluster,
    Client(cluster) as client,
):
    run(client, 10, "warm")
    wall, cpu = time.perf_counter(), time.process_time()
    run(client, COUNT, "measured")
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({"cpu": cpu, "wall": wall}))
