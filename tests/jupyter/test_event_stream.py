"""The stream of events: who may follow, what is told, and what closes it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from jupyter_server.auth.authorizer import Authorizer
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect
from traitlets.config import Config

from nbflow import settings
from nbflow.model import clock, ids, states
from nbflow.model.events import NewEvent
from nbflow.model.runs import Batch, NewFlowRun, TaskRun
from nbflow_jupyter.running import Running

ID = "nbflow.resource.id"


class Follower:
    """Somebody who follows."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.seq = 0

    def want(self, **said: Any) -> None:
        self.socket.write_message(json.dumps(said))

    async def hear(self) -> list[dict[str, Any]]:
        """Give the events of the next message."""
        text = await asyncio.wait_for(self.socket.read_message(), 20)
        assert text is not None, f"closed: {self.socket.close_code}"
        message = json.loads(text)
        self.seq = message["seq"] or self.seq
        return message["views"]

    async def hear_some(self, count: int) -> list[dict[str, Any]]:
        """Give the next so many events."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            found += await self.hear()
        return found

    async def closed(self) -> int:
        """Wait for the end; give its code."""
        while await asyncio.wait_for(self.socket.read_message(), 20) is not None:
            continue
        return self.socket.close_code


Open = Callable[..., Awaitable[Follower]]


@pytest.fixture
def follow(
    app: Any, http_server: Any, jp_http_port: int, jp_base_url: str, jp_auth_header: dict[str, str]
) -> Open:
    """Open the stream, with some headers."""

    async def opened(headers: dict[str, str] | None = None) -> Follower:
        url = f"ws://127.0.0.1:{jp_http_port}{jp_base_url}nbflow/api/events/stream"
        said = jp_auth_header if headers is None else headers
        return Follower(await websocket_connect(HTTPRequest(url, headers=said)))

    return opened


async def emit(running: Running, *names: str, about: str = "a", **said: Any) -> None:
    new = [NewEvent(name, {ID: about}, **said) for name in names]
    await asyncio.to_thread(running.orchestrator.emit_events, new)


# -- who may follow ---------------------------------------------------------------------------


async def test_a_stranger_is_refused_before_the_upgrade(follow: Open) -> None:
    for headers in ({}, {"Authorization": "token wrong"}):
        with pytest.raises(HTTPClientError) as refused:
            await follow(headers)
        assert refused.value.code == 403


async def test_another_sites_page_is_refused(
    follow: Open, ask: Any, jp_auth_header: dict[str, str]
) -> None:
    token = jp_auth_header["Authorization"].removeprefix("token ")
    page = await ask("GET", "health", headers={"Authorization": ""}, token=token)
    cookies = "; ".join(c.partition(";")[0] for c in page.headers.get_list("Set-Cookie"))
    mine = await follow({"Cookie": cookies})
    mine.socket.close()
    with pytest.raises(HTTPClientError) as refused:
        await follow({"Cookie": cookies, "Origin": "https://elsewhere.example"})
    assert refused.value.code == 403


async def test_a_plain_request_is_told_what_speaks_here(ask: Any) -> None:
    reply = await ask("GET", "events/stream")
    assert (reply.status, reply.json["code"]) == (426, "websocket.required")


class Fickle(Authorizer):
    """Lets people in until it does not."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """Say what the flag says."""
        return (action, resource) == ("read", "nbflow:events") and not refusing.is_set()


refusing = threading.Event()


class TestWhoLosesThePermission:
    @pytest.fixture
    def jp_server_config(self) -> Config:
        server = {"jpserver_extensions": {"nbflow": True}, "authorizer_class": Fickle}
        return Config({"ServerApp": server})

    async def test_is_told_no_more(self, follow: Open) -> None:
        with settings.temporary(stream_check_seconds=0.05):
            mine = await follow()
            mine.want()
            await mine.hear()
            refusing.set()
            try:
                assert await mine.closed() == 4403
            finally:
                refusing.clear()


# -- what is told -----------------------------------------------------------------------------


async def test_a_follower_is_told_what_it_wants(follow: Open, running: Running) -> None:
    mine, other = await follow(), await follow()
    mine.want(event=["shop.*"], resource=["a", "b"])
    other.want(related="nbflow.flow.x")
    assert await mine.hear() == await other.hear() == []
    await emit(running, "shop.paid", "till.closed")
    await emit(running, "shop.paid", about="c")
    await emit(running, "shop.sent", about="b")
    assert [view["event"] for view in await mine.hear_some(2)] == ["shop.paid", "shop.sent"]
    run = await asyncio.to_thread(running.orchestrator.create_flow_run, NewFlowRun("x"))
    [made] = await other.hear_some(1)
    assert (made["event"], made["resource"][ID]) == (
        "nbflow.flow-run.Pending",
        f"nbflow.flow-run.{run.id}",
    )


async def test_states_of_task_runs_are_told_one_by_one(follow: Open, running: Running) -> None:
    run = await asyncio.to_thread(running.orchestrator.create_flow_run, NewFlowRun("x"))
    task = TaskRun(ids.uuid7(), run.id, "k", "t", "task", states.Completed(), clock.now())
    mine = await follow()
    mine.want(event="nbflow.task-run.*")
    await mine.hear()
    await asyncio.to_thread(running.orchestrator.record, Batch((task,)))
    [told] = await mine.hear_some(1)
    assert told["event"] == "nbflow.task-run.Completed"


async def test_the_last_minutes_are_told_first_and_no_longer_ones(
    follow: Open, running: Running
) -> None:
    await emit(running, *(f"shop.{n}" for n in range(600)))
    mine = await follow()
    mine.want(event="shop.*", since=(clock.now()).replace(microsecond=0).isoformat())
    await mine.hear()
    mine.want(event="shop.*", since=(clock.now() - timedelta(minutes=10)).isoformat())
    found = await mine.hear_some(600)
    await emit(running, "shop.last")
    found += await mine.hear_some(1)
    names = [view["event"] for view in found][-601:]
    assert sorted(names) == sorted([*(f"shop.{n}" for n in range(600)), "shop.last"])
    mine.want(since=(clock.now() - timedelta(minutes=16)).isoformat())
    assert await mine.closed() == 4400


async def test_who_comes_back_misses_nothing(follow: Open, running: Running) -> None:
    mine = await follow()
    mine.want(event="shop.*")
    await mine.hear()
    await emit(running, "shop.0")
    await mine.hear_some(1)
    mine.socket.close()
    await emit(running, *(f"shop.{n}" for n in range(1, 1000)))
    again = await follow()
    again.want(event="shop.*", after=mine.seq)
    told = [view["event"] for view in await again.hear_some(999)]
    assert told == [f"shop.{n}" for n in range(1, 1000)]


async def test_a_large_page_comes_in_parts(follow: Open, running: Running) -> None:
    mine = await follow()
    mine.want()
    await mine.hear()
    await emit(running, *["shop.paid"] * 40, payload={"text": "x" * 60_000})
    assert len(await mine.hear_some(40)) == 40


# -- what closes it ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("{", 4400),
        ("5", 4400),
        ('{"events": ["a"]}', 4400),
        ('{"event": 5}', 4400),
        ('{"after": "x"}', 4400),
        ('{"since": "yesterday"}', 4400),
        (json.dumps({"event": [str(n) for n in range(21)]}), 4400),
        ("[" * 100_000, 4400),
        (b"\x00\x01", 1003),
        ("x" * 300_000, 1009),
    ],
)
async def test_what_is_no_request_closes(follow: Open, said: str | bytes, code: int) -> None:
    mine = await follow()
    mine.socket.write_message(said, binary=isinstance(said, bytes))
    assert await mine.closed() in (code, None if code == 1009 else code)


async def test_a_flood_closes(follow: Open) -> None:
    mine, other = await follow(), await follow()
    for _ in range(30):
        mine.want(event="shop.*")
        other.socket.ping(b"x")
    assert (await mine.closed(), await other.closed()) == (4429, 4429)
