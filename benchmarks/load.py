"""A server under load: many clients that list and create runs, and runs whose logs are followed."""

from __future__ import annotations

import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import httpx

from benchmarks import http_load, rest
from benchmarks.http_load import Load
from benchmarks.report import Table, at_least, verdict
from nbflow.client.http import HttpBackend
from nbflow.model import clock, states
from nbflow.model.run_lists import RunFilter
from nbflow.model.runs import Batch, LogEntry, NewFlowRun

_ROWS, _CLIENTS, _REQUESTS = 100_000, 20, 2000
_RUNS, _BATCHES, _LINES = 10, 100, 20
#: between two batches of lines of a run
_BATCH_SECONDS = 0.1
_INFO = 20
_LIST_SECONDS = {"SQLite": 0.150, "PostgreSQL": 0.100}
_CREATE_RATE, _LAG = 100.0, 0.050


class Followed(NamedTuple):
    """Logs that were written and followed meanwhile.

    Attributes:
        sent: the lines of each run.
        received: those its follower was sent.
        delays: how late the server's event loop came to its timers, seconds.
    """

    sent: list[list[str]]
    received: list[list[str]]
    delays: list[float]

    def lag(self) -> float:
        """Give the delay that 99 of 100 were shorter than."""
        return sorted(self.delays)[int(0.99 * len(self.delays))]


class Loaded(NamedTuple):
    """What a server under load did.

    Attributes:
        list_cpu: CPU seconds of the server's tree a list.
        made: the created runs its store holds afterwards.
    """

    lists: Load
    list_cpu: float
    creates: Load
    made: int
    followed: Followed


def tables() -> tuple[Table, ...]:
    """Measure; give the table. PostgreSQL where `NBFLOW_BENCH_POSTGRESQL` leads to an empty one."""
    stores = {"SQLite": ""}
    if url := os.environ.get("NBFLOW_BENCH_POSTGRESQL"):
        stores["PostgreSQL"] = url
    rows = [row for name, url in stores.items() for row in rows_of(name, measure(url))]
    return (
        Table(
            "A server under load",
            (
                f"{_ROWS:,} ended runs in the store; {_CLIENTS} clients list 50 of them, then",
                f"create others, {_REQUESTS} requests each way. Then {_RUNS} runs write {_LINES}",
                f"lines every {1000 * _BATCH_SECONDS:.0f} ms, each followed by a client, and the",
                "event loop's delay is measured in the server. All share the same processors.",
            ),
            ("store", "what", "figure", "budget"),
            tuple(rows),
        ),
    )


def rows_of(store: str, found: Loaded) -> list[tuple[str, ...]]:
    """Give the rows of a store's figures, each with its budget."""
    lists, creates, followed = found.lists, found.creates, found.followed
    p95, rate = lists.share(0.95), len(creates.waits) / creates.seconds
    budget, lines = _LIST_SECONDS[store], sum(map(len, followed.received))
    return [
        (store, "lists, 95 % within", f"{1000 * p95:.0f} ms ({lists.refused()} refused, "
         f"{1000 * found.list_cpu:.1f} ms CPU each)",
         f"≤ {1000 * budget:.0f} ms {verdict(p95, budget)}"),
        (store, "created", f"{rate:,.0f}/s ({creates.refused()} refused, {found.made} kept)",
         f"≥ {_CREATE_RATE:.0f}/s {at_least(rate, _CREATE_RATE)}"),
        (store, "event loop's delay, 99 % within",
         f"{1000 * followed.lag():.0f} ms ({lines:,} lines followed)",
         f"≤ {1000 * _LAG:.0f} ms {verdict(followed.lag(), _LAG)}"),
    ]  # fmt: skip


def measure(
    database_url: str = "",
    *,
    rows: int = _ROWS,
    requests: int = _REQUESTS,
    batches: int = _BATCHES,
) -> Loaded:
    """Put a server over a store with many runs under load."""
    with rest.server(rows, database_url=database_url, extensions=("benchmarks.lag",)) as served:
        url, token, tree = served
        ask = {"clients": _CLIENTS, "token": token}
        before = tree.cpu()
        lists = http_load.load(url, _list, requests=requests, **ask)
        list_cpu = (tree.cpu() - before) / requests
        creates = http_load.load(url, rest.create, requests=requests, **ask)
        backend = HttpBackend(url.removesuffix("nbflow/api/"), token, timeout=120.0)
        made = backend.count_flow_runs(RunFilter(tags=("load",))).count
        followed = _follow(backend, url, token, batches)
        backend.close()
    return Loaded(lists, list_cpu, creates, made, followed)


def _list(number: int) -> bytes:
    """Give the request of a list: now and then of a state, else of all."""
    return b"GET flow-runs?state=COMPLETED\n" if number % 10 == 9 else b"GET flow-runs\n"


def _follow(backend: HttpBackend, url: str, token: str, batches: int) -> Followed:
    """Write lines to runs while each is followed; the followers end with the runs."""
    runs = [backend.create_flow_run(NewFlowRun("streams")).id for _ in range(_RUNS)]
    for run_id in runs:
        backend.propose(run_id, states.Running(), attempt=1)
    begun = threading.Barrier(_RUNS + 1)
    with (
        httpx.Client(headers={"Authorization": f"token {token}"}, timeout=120.0) as client,
        ThreadPoolExecutor(2 * _RUNS) as threads,
    ):
        following = [threads.submit(_received, client, url, run_id, begun) for run_id in runs]
        begun.wait(60)
        lag = url.removesuffix("nbflow/api/") + "lag"
        client.get(lag).raise_for_status()
        sent = list(threads.map(lambda run_id: _sent(backend, run_id, batches), runs))
        delays = client.get(lag).raise_for_status().json()["delays"]
        received = [one.result() for one in following]
    return Followed(sent, received, delays)


def _sent(backend: HttpBackend, run_id: str, batches: int) -> list[str]:
    lines = [f"line {number}" for number in range(batches * _LINES)]
    began = time.monotonic()
    for number in range(batches):
        some = lines[number * _LINES : (number + 1) * _LINES]
        entries = tuple(LogEntry(run_id, clock.now(), _INFO, line) for line in some)
        backend.record(Batch(logs=entries))
        time.sleep(max(began + (number + 1) * _BATCH_SECONDS - time.monotonic(), 0.0))
    backend.propose(run_id, states.Completed(), attempt=1)
    return lines


def _received(client: httpx.Client, url: str, run_id: str, begun: threading.Barrier) -> list[str]:
    asked = {"format": "ndjson", "follow": "true"}
    address = f"{url}flow-runs/{run_id}/logs/download"
    with client.stream("GET", address, params=asked) as answer:
        answer.raise_for_status()
        begun.wait(60)
        return [json.loads(line)["message"] for line in answer.iter_lines() if line]
