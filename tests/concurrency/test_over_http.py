"""The same limits through a server: slots are asked for over HTTP, and the dead are seen by it."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nbflow import connect, flow, settings, task
from nbflow.client.http import HttpBackend
from nbflow.concurrency import concurrency, rate_limit
from nbflow.model.backend import Backend
from nbflow.model.limits import NewLimit

HOLD = """
from nbflow.concurrency import concurrency
with concurrency("db"):
    print("inside", flush=True)
    input()
"""


@pytest.fixture(scope="module")
def server(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real server, which nobody helps to notice who is gone."""
    folder = tmp_path_factory.mktemp("served")
    with serving(folder, NBFLOW_SCHEDULER="0", NBFLOW_WORKER="0") as found:
        yield found


@pytest.fixture
def backend(server: Any, home: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Backend]:
    """The server, as `connect()` gives it to this process and to those it starts."""
    monkeypatch.setenv("NBFLOW_API_URL", server.url)
    monkeypatch.setenv("NBFLOW_API_TOKEN", server.token)
    found = connect.connect()
    assert isinstance(found, HttpBackend)
    found.create_limit(NewLimit("db", 1))
    yield found
    found.delete_limit("db")


def in_line(backend: Backend, name: str) -> int:
    return sum(slot.position > 0 for slot in backend.read_limit(name).slots)


def test_a_killed_holders_slot_comes_back(
    backend: Backend,
    script: Callable[..., subprocess.Popen[str]],
    wait_for: Callable[..., Any],
) -> None:
    holder = script(HOLD)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "inside\n"
    entered = threading.Event()

    def enter() -> None:
        with concurrency("db"):
            entered.set()

    waiting = threading.Thread(target=enter)
    waiting.start()
    wait_for(lambda: in_line(backend, "db"))
    holder.kill()
    holder.wait()
    began = time.monotonic()
    assert entered.wait(60)
    assert time.monotonic() - began < settings.lease_seconds  # seen, not waited out
    waiting.join()
    assert backend.read_limit("db").slots == ()


def test_tasks_with_a_limited_tag_run_one_by_one(backend: Backend) -> None:
    backend.create_limit(NewLimit("tag:db", 1))
    now = most = 0

    @task(tags=["db"])
    def work(_: int) -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        threading.Event().wait(0.005)
        now -= 1

    @flow
    def run() -> None:
        work.map(range(10)).wait()

    run()
    assert most == 1
    assert backend.read_limit("tag:db").slots == ()


def test_a_rate_is_kept(backend: Backend) -> None:
    backend.create_limit(NewLimit("api", 1, slot_decay_per_second=10.0))
    began = time.monotonic()
    for _ in range(4):
        rate_limit("api")
    assert time.monotonic() - began >= 0.3
