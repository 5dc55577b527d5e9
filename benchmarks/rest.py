"""REST: runs created one by one by many clients and in bulk, lists of a store with many runs."""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from benchmarks import http_load, peers, served
from benchmarks.http_load import Load
from benchmarks.report import Table, at_least, verdict
from nbflow import settings
from nbflow.client import discovery
from nbflow.model import clock, states
from nbflow.model.runs import NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store.tables import flow_run

_CREATES, _PEER_CREATES = 6000, 300
_BULK, _BULK_ROWS = 10, 2000
_LISTS, _PEER_LISTS = 60, 15
_ROOT = Path(__file__).parents[1]
_ROWS = (10_000, 100_000)
_MORE_ROWS = 1_000_000
_RATE, _P99, _BULK_RATE, _LIST_CPU, _FLAT = 1200.0, 0.200, 30_000.0, 0.006, 1.2


class Creates(NamedTuple):
    """Runs created by some clients: each second, 99 % within, refused, CPU seconds of each."""

    rate: float
    p99: float
    refused: int
    cpu: float


def tables() -> tuple[Table, ...]:
    """Measure; give the tables."""
    made = {clients: creates(clients) for clients in (1, 16, 64)}
    rows, bulk_cpu = bulk()
    peer = {clients: prefect_creates(clients) for clients in (1, 16)}
    sizes = (*_ROWS, _MORE_ROWS) if os.environ.get("NBFLOW_BENCH_FULL") else _ROWS
    listed = {size: lists(size) for size in sizes}
    peer_list = prefect_lists()
    flat = max(listed.values()) / min(listed.values())
    return (
        Table(
            "REST: runs created and listed",
            (
                f"{_CREATES} runs created with one request each, on connections that are kept, by",
                "clients on the same processors; a server with SQLite; CPU of the server's tree.",
                f"In bulk: {_BULK_ROWS} runs a request. Lists: 200 runs, newest first, the JSON",
                f"included. Prefect's server: {_PEER_CREATES} creates, and lists of 10,000 runs.",
            ),
            ("what", "nbflow", "Prefect", "budget"),
            (
                *(_row_of(clients, ours, peer.get(clients)) for clients, ours in made.items()),
                ("created in bulk", f"{rows:,.0f}/s, {1e6 * bulk_cpu:.0f} µs CPU each", "–",
                 f"≥ {_BULK_RATE:,.0f}/s {at_least(rows, _BULK_RATE)}"),
                *(
                    (f"list 200 of {size:,}, CPU", f"{1000 * cpu:.1f} ms",
                     f"{1000 * peer_list:.0f} ms" if size == _ROWS[0] else "–",
                     f"≤ {1000 * _LIST_CPU:.0f} ms {verdict(cpu, _LIST_CPU)}")
                    for size, cpu in listed.items()
                ),
                ("the largest by the smallest", f"{flat:.2f}×", "–",
                 f"≤ {_FLAT}× {verdict(flat, _FLAT)}"),
            ),
        ),
    )  # fmt: skip


def _row_of(clients: int, ours: Creates, peer: Creates | None) -> tuple[str, ...]:
    budget = "–"
    if clients > 1:
        refused = "" if not ours.refused else ", **some were refused**"
        budget = f"≥ {_RATE:,.0f}/s {at_least(ours.rate, _RATE)}{refused}"
    if clients == 64:
        budget += f"; 99 % ≤ {1000 * _P99:.0f} ms {verdict(ours.p99, _P99)}"
    return f"created by {clients} clients", _told(ours), _told(peer) if peer else "–", budget


def _told(made: Creates) -> str:
    return (
        f"{made.rate:,.0f}/s, 99 % in {1000 * made.p99:.0f} ms, {made.refused} refused, "
        f"{1000 * made.cpu:.2f} ms CPU"
    )


def creates(clients: int, requests: int = _CREATES) -> Creates:
    """Create runs with a request each; the store must hold every one afterwards."""
    with server() as (url, token, tree):
        _load(url, token, create, clients, 200)  # warms up
        before = tree.cpu()
        found = _load(url, token, create, clients, requests)
        cpu = tree.cpu() - before
        kept = Orchestrator()
        made = kept.count_flow_runs().count
        kept.close()
        if made != min(requests + 200, 10_000) - found.refused():
            raise SystemExit(f"The store holds {made} runs.")
    return Creates(requests / found.seconds, found.share(0.99), found.refused(), cpu / requests)


def bulk(requests: int = _BULK, rows: int = _BULK_ROWS) -> tuple[float, float]:
    """Create many runs a request: rows each second, CPU seconds a row."""
    body = json.dumps({"flow_runs": [{"flow_name": f"f{n % 20}"} for n in range(rows)]})
    said = f"POST flow-runs/create\n{body}".encode()
    with server() as (url, token, tree):
        _load(url, token, lambda _: said, 1, 2)
        before = tree.cpu()
        found = _load(url, token, lambda _: said, 1, requests)
        cpu = tree.cpu() - before
    return requests * rows / found.seconds, cpu / requests / rows


def lists(rows: int, requests: int = _LISTS) -> float:
    """List 200 runs of a store with many: CPU seconds of the server a list, in the middle."""
    with server(rows) as (url, token, tree):
        return _listing(url, token, tree, b"GET flow-runs?limit=200\n", requests)


def _listing(url: str, token: str, tree: served.Tree, said: bytes, requests: int) -> float:
    found: list[float] = []
    for _ in range(5):
        before = tree.cpu()
        load = http_load.load(url, lambda _: said, clients=1, requests=requests, token=token)
        if load.refused():
            raise SystemExit(f"Lists were answered {dict(load.statuses)}.")
        found.append((tree.cpu() - before) / requests)
    return statistics.median(found[1:])


def _load(url: str, token: str, request: Any, clients: int, requests: int) -> Load:
    return http_load.load(url, request, clients=clients, requests=requests, token=token)


def create(number: int) -> bytes:
    """Give the request that creates a run, for `http_load`."""
    body = {"flow_name": f"etl-{number % 20}", "parameters": {"n": number}, "tags": ["load"]}
    return f"POST flow-runs\n{json.dumps(body)}".encode()


@contextmanager
def server(
    rows: int = 0,
    *,
    database_url: str = "",
    extensions: tuple[str, ...] = (),
    **environment: str,
) -> Iterator[tuple[str, str, served.Tree]]:
    """Run a server without services, over a store with some runs; give its API, token and tree.

    Args:
        database_url: an empty store; a SQLite file when left out.
        extensions: other extensions of the server. environment: of it, besides.
    """
    with (
        tempfile.TemporaryDirectory(prefix="nbflow-bench-", ignore_cleanup_errors=True) as folder,
        settings.temporary(home=folder, database_url=database_url),
    ):
        if rows:
            fill(rows)
        port = served.free_port()
        options = ["--ip=127.0.0.1", f"--port={port}", "--allow-root", "--no-browser"]
        loaded = dict.fromkeys(("nbflow", *extensions), True)
        options.append(f"--ServerApp.jpserver_extensions={loaded}")
        environment = {
            "NBFLOW_HOME": folder,
            "NBFLOW_WORKER": "0",
            "NBFLOW_SCHEDULER": "0",
            "NBFLOW_DATABASE_URL": database_url,
            "PYTHONPATH": _path(),
            **environment,
        }
        command = [sys.executable, "-m", "jupyter_server", *options]
        with served.running(command, folder, **environment) as tree:
            served.until(lambda: any(Path(folder).glob("servers/*.json")), 120.0)
            found = discovery.servers()[0]
            yield f"{found.url.rstrip('/')}/nbflow/api/", found.token, tree


def _path() -> str:
    kept = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(_ROOT), kept] if kept else [str(_ROOT)])


def fill(rows: int) -> None:
    """Put runs that have ended into the store of this process's settings, due a second apart."""
    store = Orchestrator()
    now = clock.now()
    for first in range(0, rows, 5000):
        some = range(first, min(first + 5000, rows))
        due = [now - timedelta(seconds=rows - number) for number in some]
        store.create_flow_runs(
            [
                NewFlowRun(f"etl-{number % 50}", state=states.Pending(at=at), due_at=at)
                for number, at in zip(some, due, strict=True)
            ]
        )
    ended = {"state_type": "COMPLETED", "state_name": "Completed", "lease_until": None}
    with store.database.write() as connection:
        connection.execute(flow_run.update().values(**ended, ended_at=flow_run.c.due_at))
    store.close()


# -- Prefect's server --------------------------------------------------------------------------
def prefect_creates(clients: int) -> Creates:
    """Create runs of a flow on Prefect's server, with a request each."""
    with _prefect() as (url, tree, _):
        flow = _prefect_flow(url)

        def said(number: int) -> bytes:
            body = {"flow_id": flow, "parameters": {"n": number}, "tags": ["load"]}
            return f"POST flow_runs/\n{json.dumps(body)}".encode()

        _load(url, "", said, 1, 20)
        before = tree.cpu()
        found = _load(url, "", said, clients, _PEER_CREATES)
        cpu = tree.cpu() - before
    return Creates(
        _PEER_CREATES / found.seconds, found.share(0.99), found.refused(), cpu / _PEER_CREATES
    )


def prefect_lists() -> float:
    """List 200 of 10,000 runs of Prefect's server: CPU seconds of the server a list."""
    with _prefect() as (url, tree, database):
        body = json.dumps({"flow_id": _prefect_flow(url), "state": {"type": "COMPLETED"}})
        _load(url, "", lambda _: f"POST flow_runs/\n{body}".encode(), 1, 1)
        _prefect_fill(database, _ROWS[0])
        ask = json.dumps({"limit": 200, "sort": "START_TIME_DESC"})
        return _listing(url, "", tree, f"POST flow_runs/filter\n{ask}".encode(), _PEER_LISTS)


@contextmanager
def _prefect() -> Iterator[tuple[str, served.Tree, Path]]:
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-", ignore_cleanup_errors=True) as folder:
        port = served.free_port()
        database = Path(folder, "prefect.db")
        environment = {
            "PREFECT_HOME": folder,
            "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{database}",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        }
        words = ["server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-services"]
        command = [str(peers.python("prefect")), "-m", "prefect", *words]
        url = f"http://127.0.0.1:{port}/api/"
        with served.running(command, folder, **environment) as tree:
            served.until(lambda: _answers(f"{url}health"), 120.0)
            yield url, tree, database


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


def _prefect_flow(url: str) -> str:
    return httpx.post(f"{url}flows/", json={"name": "load"}).raise_for_status().json()["id"]


def _prefect_fill(database: Path, rows: int) -> None:
    """Repeat the newest run of Prefect's store."""
    with sqlite3.connect(database, timeout=60) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(flow_run)")]
        new = {"id": "lower(hex(randomblob(4))||'-0000-4000-8000-'||hex(randomblob(6)))"}
        new |= {"idempotency_key": "NULL", "name": "'run-' || n"}
        given = ", ".join(new.get(name, f'"{name}"') for name in names)
        columns = ", ".join(f'"{name}"' for name in names)
        connection.execute(
            "WITH RECURSIVE count(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count WHERE n < ?) "
            f"INSERT INTO flow_run ({columns}) SELECT {given} FROM count, "
            "(SELECT * FROM flow_run LIMIT 1)",
            (rows,),
        )
