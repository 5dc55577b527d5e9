"""A request sent again is done once, however often, however close, whatever answer was lost.

Each request goes out four times with one key: once by a client that hangs up before the answer,
three times at the same moment. `make test`: 20 requests to each route that creates; `make faults`
(`NBFLOW_FAULTS_FULL=1`): 1,000.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from nbflow.model import ids

COUNT = 1000 if "NBFLOW_FAULTS_FULL" in os.environ else 20
NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
    },
    "cells": [],
}

#: route, body (@ is the number of the request), table
CREATING: list[tuple[str, Mapping[str, Any], str]] = [
    ("flow-runs", {"flow_name": "x"}, "flow_run"),
    ("flow-runs/run-notebook", {"path": "kept.ipynb"}, "flow_run"),
    ("deployments/kept/run", {}, "flow_run"),
    ("deployments", {"path": "kept.ipynb", "name": "made-@"}, "deployment"),
    (
        "deployments/kept/schedules",
        {"timing": {"rrule": "FREQ=DAILY;INTERVAL=@"}, "slug": "s-@"},
        "schedule",
    ),
    ("concurrency-limits", {"name": "made-@", "limit": 1}, "concurrency_limit"),
    ("variables", {"name": "made-@", "value": 1, "overwrite": True}, "variable"),
    ("work-pools", {"name": "made-@"}, "work_pool"),
    ("work-pools/default/queues", {"name": "made-@"}, "work_queue"),
]


@pytest.fixture(scope="module")
def server(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real server whose services are off, with one deployment."""
    folder = tmp_path_factory.mktemp("repeated")
    with serving(folder, NBFLOW_SCHEDULER="0", NBFLOW_WORKER="0") as served:
        (served.root / "kept.ipynb").write_text(json.dumps(NOTEBOOK))
        assert Asker(served)("deployments", {"path": "kept.ipynb"}, ids.uuid7())[0] == 201
        yield served


class Asker:
    """Sends one request, and reads the answer or hangs up."""

    def __init__(self, server: Any) -> None:
        self.server, self.where = server, urlsplit(server.url)

    def __call__(self, route: str, body: Mapping[str, Any], key: str) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(
            self.where.hostname or "", self.where.port, timeout=60
        )
        try:
            connection.request("POST", self._path(route), json.dumps(body), self._headers(key))
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            connection.close()

    def and_hang_up(self, route: str, body: Mapping[str, Any], key: str) -> None:
        content = json.dumps(body).encode()
        head = {"Host": "localhost", "Content-Length": len(content), **self._headers(key)}
        lines = [f"POST {self._path(route)} HTTP/1.1", *(f"{n}: {v}" for n, v in head.items())]
        with socket.create_connection((self.where.hostname, self.where.port), 60) as raw:
            raw.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + content)

    def _path(self, route: str) -> str:
        return f"{self.where.path}nbflow/api/{route}"

    def _headers(self, key: str) -> dict[str, str]:
        said = {"Authorization": f"token {self.server.token}", "Content-Type": "application/json"}
        return {**said, "Idempotency-Key": key}


def rows(home: Path, table: str) -> int:
    database = sqlite3.connect(f"file:{home / 'nbflow.sqlite'}?mode=ro", uri=True)
    try:
        return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    finally:
        database.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("route", "body", "table"), CREATING, ids=[one[0] for one in CREATING])
def test_what_is_posted_again_is_made_once(
    server: Any, route: str, body: Mapping[str, Any], table: str
) -> None:
    ask, before = Asker(server), rows(server.home, table)
    count = min(COUNT, 40) if table == "schedule" else COUNT  # a deployment has at most 50

    def one(at: int, pool: ThreadPoolExecutor) -> tuple[set[int], set[str]]:
        said, key = json.loads(json.dumps(body).replace("@", str(at + 1))), ids.uuid7()
        ask.and_hang_up(route, said, key)
        again = [pool.submit(ask, route, said, key) for _ in range(3)]
        answers = [future.result() for future in again]
        return {status for status, _ in answers}, {
            found["id"] if status < 300 else str(found) for status, found in answers
        }

    with ThreadPoolExecutor(4) as clients, ThreadPoolExecutor(12) as pool:
        done = list(clients.map(lambda at: one(at, pool), range(count)))
    assert set().union(*(statuses for statuses, _ in done)) <= {200, 201}, done
    assert all(len(found) == 1 for _, found in done)
    assert len(set().union(*(found for _, found in done))) == count
    assert rows(server.home, table) - before == count
    print(f"{route}: {4 * count} requests, {count} made")
