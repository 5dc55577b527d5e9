"""Events in a flood, told to several who follow: each once, in order, whoever else is slow or cut.

The full size (`NBFLOW_FAULTS_FULL=1`) emits 100,000.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import islice, pairwise
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import websocket

from nbflow.client.http import HttpBackend
from nbflow.model import clock
from nbflow.model.event_log import EventFilter
from nbflow.model.event_views import ID
from nbflow.model.events import NewEvent
from nbflow.orchestration.orchestrator import Orchestrator
from tests.faults.proxy import Proxy

FULL = "NBFLOW_FAULTS_FULL" in os.environ
EVENTS, BATCH, FOLLOWERS = (100_000, 500, 8) if FULL else (4_000, 200, 3)
#: MiB that a server may grow by because somebody reads nothing
GROWTH = 128
MINE = EventFilter(event="shop.*")


@pytest.fixture(scope="module")
def server(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    quiet = {"NBFLOW_WORKER": "0", "NBFLOW_SCHEDULER": "0"}
    with serving(tmp_path_factory.mktemp("served"), **quiet) as started:
        yield started


@pytest.fixture
def store(server: Any) -> Iterator[Orchestrator]:
    made = Orchestrator(f"sqlite:///{server.home}/nbflow.sqlite")
    yield made
    made.close()


def emitted(*backends: Any) -> list[str]:
    """Emit the flood, a batch by each in turn, payloads large and small; give the ids."""
    ids: list[str] = []
    for at, first in enumerate(range(0, EVENTS, BATCH)):
        some = [_event(n) for n in range(first, first + BATCH)]
        backends[at % len(backends)].emit_events(some)
        ids += [one.id for one in some]
    return ids


def _event(n: int) -> NewEvent:
    return NewEvent(f"shop.{n % 7}", {ID: f"shop.{n}"}, payload={"x": "x" * (n % 400)})


def followed(backend: HttpBackend, where: EventFilter, count: int) -> list[str]:
    """Follow from the flood's first event on; give the ids of so many."""
    return [view.id for view in islice(backend.follow_events(where), count)]


def slow_one(server: Any) -> websocket.WebSocket:
    """Somebody who asks for all, and reads nothing."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", urlsplit(server.url).port))
    url = f"{server.url}nbflow/api/events/stream".replace("http", "ws", 1)
    said = {"Authorization": f"token {server.token}"}
    opened = websocket.create_connection(url, header=said, socket=made, timeout=120)
    opened.send(json.dumps({"event": ["shop.*"], "after": 0}))
    return opened


def rest_of(slow: websocket.WebSocket) -> list[str]:
    """Read what a slow one is told now, until it has all or was cut."""
    told: list[str] = []
    try:
        while len(told) < EVENTS:
            told += [view["id"] for view in json.loads(slow.recv() or "null")["views"]]
    except (websocket.WebSocketException, OSError, TypeError):
        pass
    return told


def test_each_is_told_each_event_once_and_in_order(server: Any, store: Orchestrator) -> None:
    before = psutil.Process(server.process.pid).memory_info().rss
    since = EventFilter(event="shop.*", since=clock.now())
    with ExitStack() as stack:
        line = stack.enter_context(closing(Proxy(urlsplit(server.url).port)))
        through = server.url.replace(str(urlsplit(server.url).port), str(line.port))
        urls = [server.url] * FOLLOWERS + [through]
        backends = [stack.enter_context(closing(HttpBackend(u, server.token))) for u in urls]
        slow = stack.enter_context(closing(slow_one(server)))
        threads = stack.enter_context(ThreadPoolExecutor(len(backends)))
        hearing = [threads.submit(followed, one, since, EVENTS) for one in backends]
        ids = emitted(store, backends[0])
        line.cut("reset")  # who listens there comes again
        line.cut("pass")
        told = [one.result(300) for one in hearing]
        assert all(sorted(one) == sorted(ids) for one in told)
        _in_order(store, told)
        grown = (psutil.Process(server.process.pid).memory_info().rss - before) / 2**20
        assert grown < GROWTH
        late = rest_of(slow)
        assert late == ids[: len(late)]  # it was cut, or is told all: nothing is left out
        again = [view.id for view in islice(backends[0].follow_events(since), EVENTS)]
        assert sorted(again) == sorted(ids)


def _in_order(store: Orchestrator, told: Sequence[Sequence[str]]) -> None:
    """What is live comes in order of commits; what was before one listened, of time."""
    places: dict[str, tuple[Any, int]] = {}
    seq = 0
    while (found := store.view_events(seq, limit=1000)).views:
        places |= {view.id: (view.occurred, view.seq) for view in found.views}
        seq = found.seq
    for one in told:
        seqs = [places[event_id][1] for event_id in one]
        falls = sum(after < before for before, after in pairwise(seqs))
        assert not falls
