"""Clients that read or write slowly, or say nothing, cost little, and others notice nothing."""

from __future__ import annotations

import base64
import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from nbflow.client.http import HttpBackend
from nbflow.model import clock, states
from nbflow.model.run_lists import RunFilter
from nbflow.model.runs import Batch, LogEntry, NewFlowRun

FULL = "NBFLOW_FAULTS_FULL" in os.environ
IDLE, BULKS, LINES = (800, 40, 60_000) if FULL else (150, 5, 6000)
#: MiB that a server may grow by, whatever its clients do
GROWTH = 96


@pytest.fixture(scope="module")
def server(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    quiet = {"NBFLOW_WORKER": "0", "NBFLOW_SCHEDULER": "0", "NBFLOW_REQUEST_SECONDS": "1"}
    with serving(tmp_path_factory.mktemp("served"), **quiet) as started:
        yield started


@pytest.fixture
def backend(server: Any) -> Iterator[HttpBackend]:
    made = HttpBackend(server.url, server.token)
    yield made
    made.close()


def connected(server: Any) -> socket.socket:
    """A connection that takes in little at a time."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.settimeout(30)
    made.connect(("127.0.0.1", urlsplit(server.url).port))
    return made


def request(server: Any, line: str, **headers: str) -> bytes:
    said = {"Host": "localhost", "Authorization": f"token {server.token}", **headers}
    path = urlsplit(server.url).path
    verb, route = line.split()
    lines = [f"{verb} {path}nbflow/api/{route} HTTP/1.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in said.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answers(server: Any) -> float:
    """Ask for the server's health; give the seconds it took."""
    began = time.monotonic()
    headers = {"Authorization": f"token {server.token}"}
    httpx.get(f"{server.url}nbflow/api/health", headers=headers, timeout=60).raise_for_status()
    return time.monotonic() - began


def memory(server: Any) -> float:
    return psutil.Process(server.process.pid).memory_info().rss / 2**20


def test_a_page_that_never_reads_costs_little_and_nobody_waits_for_it(
    server: Any, backend: HttpBackend
) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13"}
    with ExitStack() as stack:
        pages = [stack.enter_context(connected(server)) for _ in range(3)]
        for page in pages:
            page.sendall(request(server, "GET changes/stream", **upgrade, Sec_WebSocket_Key=key))
            assert b"101" in page.recv(12)
        backend.create_flow_runs([NewFlowRun("warm") for _ in range(1000)])
        before = memory(server)
        for _ in range(BULKS):  # each is a message of more than a megabyte to every page
            backend.create_flow_runs([NewFlowRun("flood") for _ in range(1000)])
            assert answers(server) < 60
        grown = memory(server) - before
        print(f"\n{BULKS} x 1,000 runs, 3 pages that never read: {grown:.0f} MiB more")
        assert grown < GROWTH
        assert backend.count_flow_runs(RunFilter(flow_name="flood")).count == min(
            BULKS * 1000, 10_000
        )
    assert answers(server) < 60


@pytest.mark.parametrize("follow", ["false", "true"])
def test_who_downloads_a_log_and_does_not_read_it_costs_a_page_of_it(
    server: Any, backend: HttpBackend, follow: str
) -> None:
    run = backend.create_flow_run(NewFlowRun("talks"))
    for at in range(0, LINES, 2000):
        lines = [LogEntry(run.id, clock.now(), 20, f"{at + n} {'x' * 400}") for n in range(2000)]
        backend.record(Batch(logs=tuple(lines)))
    before = memory(server)
    with ExitStack() as stack:
        for _ in range(5):
            reader = stack.enter_context(connected(server))
            route = f"flow-runs/{run.id}/logs/download?follow={follow}"
            reader.sendall(request(server, f"GET {route}"))
            assert reader.recv(15).startswith(b"HTTP/1.1 200")
        for _ in range(10):
            assert answers(server) < 60
        grown = memory(server) - before
        print(f"\n5 who do not read {LINES} lines (follow={follow}): {grown:.0f} MiB more")
        assert grown < GROWTH
    assert answers(server) < 60


def test_connections_that_say_nothing_keep_nobody_out(server: Any, backend: HttpBackend) -> None:
    with ExitStack() as stack:
        for number in range(IDLE):
            silent = stack.enter_context(connected(server))
            if number % 3 == 0:
                silent.sendall(request(server, "GET health")[:-20])  # its head never ends
        assert answers(server) < 60
        made = [backend.create_flow_run(NewFlowRun("beside")).id for _ in range(20)]
        assert len({*made}) == 20


def test_bodies_that_drip_are_ended_and_nobody_waits_for_them(
    server: Any, backend: HttpBackend
) -> None:
    head = {"Content_Type": "application/json", "Content_Length": "100000"}

    def drips(_: int) -> bytes:
        with connected(server) as made:
            made.sendall(request(server, "POST flow-runs", **head) + b"{")
            return made.recv(12)

    with ThreadPoolExecutor(20) as threads:
        dripping = [threads.submit(drips, number) for number in range(20)]
        assert answers(server) < 60
        backend.create_flow_run(NewFlowRun("beside"))
        assert {one.result(60) for one in dripping} == {b"HTTP/1.1 408"}


def test_a_body_without_an_end_is_refused_before_it_is_read(server: Any) -> None:
    before = memory(server)
    head = {"Content_Type": "application/json", "Transfer_Encoding": "chunked"}
    with connected(server) as made:
        made.sendall(request(server, "POST flow-runs", **head))
        chunk = b"%x\r\n" % 100_000 + b" " * 100_000 + b"\r\n"
        for _ in range(15):
            made.sendall(chunk)
        assert made.recv(12) == b"HTTP/1.1 413"
    assert memory(server) - before < GROWTH
    assert answers(server) < 60


def test_who_hangs_up_half_way_is_no_error_and_a_repetition_is_done_once(
    server: Any, backend: HttpBackend
) -> None:
    body = json.dumps({"flow_name": "half-closed"}).encode()
    said = {"Content_Type": "application/json", "Content_Length": str(len(body))}
    for number in range(10):
        key = f"half-{number}"
        with connected(server) as made:
            made.sendall(request(server, "POST flow-runs", **said, Idempotency_Key=key) + body)
            made.shutdown(socket.SHUT_WR)
            made.recv(4096)  # an answer, or the end
        headers = {"Authorization": f"token {server.token}", "Idempotency-Key": key}
        again = httpx.post(
            f"{server.url}nbflow/api/flow-runs", content=body, timeout=60,
            headers={**headers, "Content-Type": "application/json"},
        )  # fmt: skip
        assert again.is_success, again.text
    assert backend.count_flow_runs(RunFilter(flow_name="half-closed")).count == 10
    assert "Traceback" not in server.log.read_text()


def test_who_follows_a_silent_run_is_answered_before_it_says_anything(
    server: Any, backend: HttpBackend
) -> None:
    run = backend.create_flow_run(NewFlowRun("silent"))
    backend.propose(run.id, states.Running(), attempt=1)
    with connected(server) as follower:
        route = f"flow-runs/{run.id}/logs/download?follow=true"
        follower.sendall(request(server, f"GET {route}"))
        assert follower.recv(15).startswith(b"HTTP/1.1 200")
        backend.record(Batch(logs=(LogEntry(run.id, clock.now(), 20, "at last"),)))
        backend.propose(run.id, states.Completed(), attempt=1)
        told = b""
        while part := follower.recv(4096):
            told += part
            if told.endswith(b"0\r\n\r\n"):
                break
    assert b"at last" in told
