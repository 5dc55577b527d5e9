"""The line between a worker on another machine and the server is cut in every way there is.

Also between PostgreSQL and what is at work on it (tests/store kills that server). The lease is
scaled down to 3 s; the worker's executor only says that a run completed, all else is real.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from nbflow.client.http import HttpBackend
from nbflow.exceptions import Unreachable
from nbflow.model import clock, states
from nbflow.model.limits import NewLimit, SlotRequest
from nbflow.model.runs import Batch, FlowRun, LogEntry, NewFlowRun
from nbflow.orchestration import invariants
from nbflow.store.database import Database
from tests.faults.crew import Crew
from tests.faults.proxy import Mode, Proxy

Wait = Callable[..., Any]
LEASE, BEAT, REAPER = 3.0, 0.3, 0.2
#: what may pass on a busy machine besides
SLACK = 30.0
POSTS = 1000 if "NBFLOW_FAULTS_FULL" in os.environ else 60
SCALED = {
    "NBFLOW_LEASE_SECONDS": str(LEASE),
    "NBFLOW_HEARTBEAT_SECONDS": str(BEAT),
    "NBFLOW_REAPER_SECONDS": str(REAPER),
}


@pytest.fixture(scope="module")
def server(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with serving(tmp_path_factory.mktemp("served"), NBFLOW_WORKER="0", **SCALED) as started:
        yield started


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    made = Crew(SCALED, tmp_path_factory.mktemp("crew") / "crew.log")
    yield made
    made.close()


@pytest.fixture
def backend(server: Any) -> Iterator[HttpBackend]:
    """The server itself, past the proxy."""
    made = HttpBackend(server.url, server.token)
    yield made
    made.close()


@pytest.fixture
def proxy(server: Any) -> Iterator[Proxy]:
    made = Proxy(urlsplit(server.url).port or 0)
    yield made
    made.close()


def through(proxy: Proxy, server: Any) -> str:
    """The server's address by way of the proxy."""
    return server.url.replace(f":{urlsplit(server.url).port}", f":{proxy.port}")


class Far:
    """A worker on another machine, behind a proxy, with a run that ends when it is told to."""

    def __init__(self, crew: Crew, folder: Path, host: str, url: str, token: str, pool: str):
        self._pipe = folder / f"until-{host}"
        os.mkfifo(self._pipe)
        word = json.dumps({"host": host, "pool": pool, "until": str(self._pipe)})
        said = {"URL": url, "TOKEN": token}
        env = {f"NBFLOW_API_{name}": value for name, value in said.items()}
        crew.add("worker", word, environment=env | {"NBFLOW_HOME": str(folder / host)})

    def begun(self) -> None:
        """Wait until its run is at work: the worker has heard that it may, and waits to be told."""
        self._word = self._pipe.open("w")

    def go_on(self) -> None:
        """Let its run end."""
        self._word.close()

    def told(self) -> str:
        """Give what the server said to that."""
        return self._pipe.read_text()


def due(backend: HttpBackend, pool: str, **more: Any) -> FlowRun:
    waits = states.Scheduled(clock.now())
    new = NewFlowRun("f", kind="notebook", path="/nb.ipynb", state=waits, work_pool=pool, **more)
    return backend.create_flow_run(new)


def check(server: Any) -> None:
    database = Database(f"sqlite:///{server.home / 'nbflow.sqlite'}")
    assert list(invariants.check(database, now=clock.now())) == []
    database.close()


@pytest.mark.parametrize("mode", ["drop", "stall", "reset"])
def test_a_run_that_is_cut_off_has_crashed_when_its_lease_ends_and_its_late_word_waits(
    server: Any, backend: HttpBackend, proxy: Proxy, crew: Crew, tmp_path: Path, wait_for: Wait,
    mode: Mode,
) -> None:  # fmt: skip
    run = due(backend, mode)
    far = Far(crew, tmp_path, f"far-{mode}", through(proxy, server), server.token, mode)
    far.begun()
    proxy.cut(mode)
    cut_at = time.monotonic()
    wait_for(lambda: backend.read_flow_run(run.id).state.is_crashed())
    took = time.monotonic() - cut_at
    print(f"\n{mode}: crashed {took:.2f} s after the cut (lease {LEASE} s, reaper {REAPER} s)")
    assert took < LEASE + BEAT + REAPER + SLACK
    proxy.cut("pass")
    far.go_on()
    assert far.told() == "Abort"
    names = [state.name for state in backend.list_states(run.id)]
    assert names[-3:] == ["Pending", "Running", "Crashed"]
    accepted = backend.accept_flow_run(run.id)  # what was refused was noted
    assert accepted.state.is_completed()
    check(server)


def test_a_cut_shorter_than_a_lease_does_nothing(
    server: Any, backend: HttpBackend, proxy: Proxy, crew: Crew, tmp_path: Path, wait_for: Wait
) -> None:
    run = due(backend, "short")
    far = Far(crew, tmp_path, "far-short", through(proxy, server), server.token, "short")
    far.begun()

    def left(run_id: str = run.id) -> timedelta:
        return (backend.read_flow_run(run_id).lease_until or clock.now()) - clock.now()

    modes: tuple[Mode, ...] = ("drop", "stall", "reset")
    for mode in modes:
        proxy.cut(mode)
        wait_for(lambda: left() < timedelta(seconds=LEASE / 2), what="half of the lease")
        proxy.cut("pass")
        wait_for(lambda: left() > timedelta(seconds=LEASE - 3 * BEAT), what="a renewal")
    far.go_on()
    assert far.told() == "Accept"
    assert backend.read_flow_run(run.id).state.is_completed()
    check(server)


def test_a_worker_that_is_heard_and_hears_nothing_keeps_its_run(
    server: Any, backend: HttpBackend, proxy: Proxy, crew: Crew, tmp_path: Path, wait_for: Wait
) -> None:
    run = due(backend, "deaf")
    far = Far(crew, tmp_path, "far-deaf", through(proxy, server), server.token, "deaf")
    far.begun()
    proxy.cut("half_open")
    cut_at = clock.now()
    wait_for(lambda: clock.now() - cut_at > timedelta(seconds=LEASE + 1))
    assert backend.read_flow_run(run.id).state.is_running()
    proxy.cut("pass")
    far.go_on()
    assert far.told() == "Accept"
    check(server)


def test_of_two_attempts_only_the_newer_is_heard(
    server: Any, backend: HttpBackend, proxy: Proxy, crew: Crew, tmp_path: Path, wait_for: Wait
) -> None:
    run = due(backend, "two", crash_retries=1)
    first = Far(crew, tmp_path, "far-one", through(proxy, server), server.token, "two")
    first.begun()
    proxy.cut("drop")
    wait_for(lambda: backend.read_flow_run(run.id).state.is_scheduled())
    second = Far(crew, tmp_path, "far-two", server.url, server.token, "two")
    second.begun()
    proxy.cut("pass")
    first.go_on()
    assert first.told() == "Abort"
    assert backend.read_flow_run(run.id).state.is_running()
    second.go_on()
    assert second.told() == "Accept"
    found = backend.read_flow_run(run.id)
    assert (found.state.name, found.attempt) == ("Completed", 2)
    check(server)


def test_a_request_sent_again_because_its_answer_was_lost_is_done_once(
    server: Any, backend: HttpBackend, proxy: Proxy
) -> None:
    asking = HttpBackend(through(proxy, server), server.token)
    backend.create_limit(NewLimit("lost", POSTS))
    proxy.losing = 0.2

    def insist(ask: Callable[[], Any]) -> Any:
        while True:
            try:
                return ask()
            except Unreachable:
                continue

    def live(n: int) -> str:
        new = NewFlowRun("lost", idempotency_key=f"lost-{n}")
        run = insist(lambda: asking.create_flow_run(new))
        running, completed = states.Running(), states.Completed()
        insist(lambda: asking.propose(run.id, running, attempt=1))
        request = SlotRequest(("lost",), lease_seconds=600)
        insist(lambda: asking.acquire_slots(request))
        line = LogEntry(run.id, clock.now(), 20, f"line {n}")
        insist(lambda: asking.record(Batch(logs=(line,))))
        insist(lambda: asking.propose(run.id, completed, attempt=1))
        return run.id

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(live, range(POSTS)))
    proxy.losing = 0.0
    counted = [len(backend.list_states(run_id)) for run_id in made]
    lines = [len(backend.list_logs(run_id).rows) for run_id in made]
    held = backend.read_limit("lost").active_slots
    print(
        f"\n{POSTS} runs over a line that lost {proxy.lost} answers: {len(set(made))} runs, "
        f"{sum(counted)} states, {sum(lines)} lines, {held:g} slots"
    )
    assert len(set(made)) == POSTS
    assert set(counted) == {3}
    assert set(lines) == {1}
    assert held == POSTS
    asking.close()
    check(server)


def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_said(
    server: Any, proxy: Proxy
) -> None:
    asking = HttpBackend(through(proxy, server), server.token, timeout=0.5)
    assert asking.list_deployments().rows == ()
    for mode in ("stall", "half_open"):
        proxy.cut(mode)
        began = time.monotonic()
        with pytest.raises(Unreachable):
            asking.list_deployments()
        assert 0.4 < time.monotonic() - began < 0.5 + SLACK
        proxy.cut("pass")
        assert asking.list_deployments().rows == ()
    asking.close()
