"""The change stream: a snapshot, numbered changes, watched runs, and what closes it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from jupyter_server.auth.authorizer import Authorizer
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect
from traitlets.config import Config

from nbflow import settings
from nbflow.model import clock, ids, states
from nbflow.model.artifacts import Artifact, ArtifactChange
from nbflow.model.events import Event, NewEvent
from nbflow.model.limits import NewLimit, SlotRequest
from nbflow.model.runs import Batch, FlowRun, NewFlowRun, TaskRun
from nbflow.store import owners
from nbflow_jupyter import relay
from nbflow_jupyter.running import Running


class Page:
    """What a page of the front end does: it keeps the rows it was told of."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.seq = 0
        self.messages: list[dict[str, Any]] = []
        self.names: dict[str, str] = {}

    async def hear(self, kind: str | None = None) -> dict[str, Any]:
        """Take the next message (of a kind), checking that nothing lies between."""
        while True:
            text = await asyncio.wait_for(self.socket.read_message(), 60)
            assert text is not None, f"closed: {self.socket.close_code}"
            message = json.loads(text)
            self.messages.append(message)
            if message["type"] == "snapshot":
                self.seq = message["seq"]
                self.names = {r["id"]: r["state"]["name"] for r in message["flow_runs"]}
            if message["type"] == "changes":
                assert message["from"] == self.seq
                assert all(self.seq < e["seq"] <= message["to"] for e in message["events"])
                self.seq = message["to"]
                self.take(message["events"])
            if kind in (None, message["type"]):
                return message

    def take(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            if event["noun"] == "flow-runs" and "id" in event["row"]:
                self.names[event["resource_id"]] = event["row"]["state"]["name"]
            elif event["noun"] == "flow-runs":
                self.names.pop(event["resource_id"], None)

    async def until(self, true: Callable[[], bool]) -> None:
        while not true():
            await self.hear()

    async def closed(self) -> int:
        """Wait for the end; give its code."""
        while await asyncio.wait_for(self.socket.read_message(), 60) is not None:
            continue
        return self.socket.close_code


Open = Callable[..., Awaitable[Any]]


@pytest.fixture
def connect(app: Any, http_server: Any, jp_http_port: int, jp_base_url: str) -> Open:
    """Open a websocket with some headers."""

    async def connected(headers: dict[str, str]) -> Any:
        url = f"ws://127.0.0.1:{jp_http_port}{jp_base_url}nbflow/api/changes/stream"
        return await websocket_connect(HTTPRequest(url, headers=headers))

    return connected


@pytest.fixture
def page(connect: Open, jp_auth_header: dict[str, str]) -> Callable[..., Any]:
    """`async with page() as page:` a page that has had its snapshot."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Page]:
        made = Page(await connect(jp_auth_header))
        assert (await made.hear())["type"] == "snapshot"
        yield made
        made.socket.close()

    return opened


async def create(running: Running, **said: Any) -> FlowRun:
    new = NewFlowRun("x", **said)
    return await asyncio.to_thread(running.orchestrator.create_flow_run, new)


async def propose(running: Running, run: FlowRun, *path: states.State) -> None:
    for state in path:
        await asyncio.to_thread(running.orchestrator.propose, run.id, state)


def task_run(run: FlowRun, name: str, state: states.State) -> TaskRun:
    return TaskRun(ids.uuid7(), run.id, name, name, "task", state, clock.now())


# -- who may listen ---------------------------------------------------------------------------


async def test_a_stranger_is_refused_before_the_upgrade(connect: Open) -> None:
    for headers in ({}, {"Authorization": "token wrong"}):
        with pytest.raises(HTTPClientError) as refused:
            await connect(headers)
        assert refused.value.code == 403


async def test_another_sites_page_is_refused(
    connect: Open, ask: Any, jp_auth_header: dict[str, str]
) -> None:
    token = jp_auth_header["Authorization"].removeprefix("token ")
    page = await ask("GET", "health", headers={"Authorization": ""}, token=token)
    cookies = "; ".join(c.partition(";")[0] for c in page.headers.get_list("Set-Cookie"))
    socket = await connect({"Cookie": cookies})
    assert json.loads(await socket.read_message())["type"] == "snapshot"
    socket.close()
    with pytest.raises(HTTPClientError) as refused:
        await connect({"Cookie": cookies, "Origin": "https://elsewhere.example"})
    assert refused.value.code == 403


class NoRuns(Authorizer):
    """Lets people hear of changes, but not look into runs."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource == "nbflow:events"


class TestWhoMayNotLookIntoRuns:
    @pytest.fixture
    def jp_server_config(self) -> Config:
        server = {"jpserver_extensions": {"nbflow": True}, "authorizer_class": NoRuns}
        return Config({"ServerApp": server})

    async def test_cannot_watch_one(self, page: Any, running: Running) -> None:
        run = await create(running)
        async with page() as mine:
            mine.socket.write_message(json.dumps({"type": "watch", "flow_run_id": run.id}))
            assert await mine.closed() == 4403

    @pytest.mark.parametrize("noun", ["artifacts", "slots", "workers"])
    async def test_cannot_watch_a_noun(self, page: Any, noun: str) -> None:
        async with page() as mine:
            mine.socket.write_message(json.dumps({"type": "watch", "noun": noun}))
            assert await mine.closed() == 4403


async def test_a_plain_request_is_told_what_speaks_here(ask: Any) -> None:
    reply = await ask("GET", "changes/stream")
    assert (reply.status, reply.json["code"]) == (426, "websocket.required")


# -- what is heard ----------------------------------------------------------------------------


async def test_a_page_hears_of_a_run_from_its_creation_to_its_end(
    page: Any, running: Running
) -> None:
    before = await create(running)
    async with page() as mine:
        assert mine.names == {before.id: "Pending"}
        assert mine.messages[0]["health"]["seq"] == mine.seq
        run = await create(running)
        await mine.until(lambda: mine.names.get(run.id) == "Pending")
        await propose(running, run, states.Running(), states.Completed())
        await mine.until(lambda: mine.names[run.id] == "Completed")
        await asyncio.to_thread(running.orchestrator.delete_flow_run, run.id)
        await mine.until(lambda: run.id not in mine.names)
        assert "parameters" not in mine.messages[1]["events"][0]["row"]


async def test_changes_that_come_together_are_told_once(
    page: Any, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "COALESCE_SECONDS", 2.0)
    async with page() as mine:
        run = await create(running)
        for _ in range(20):
            await propose(running, run, states.Scheduled(), states.Pending())
        await propose(running, run, states.Running(), states.Completed())
        await mine.until(lambda: mine.names.get(run.id) == "Completed")
        told = [m for m in mine.messages if m["type"] == "changes"]
        events = sum(len(m["events"]) for m in told)
        assert events < 43
        for message in told:
            assert len({e["resource_id"] for e in message["events"]}) == len(message["events"])


async def test_a_gap_is_filled_by_one_request(page: Any, running: Running, ask: Any) -> None:
    async with page() as mine:
        since = mine.seq
        runs = [await create(running) for _ in range(3)]
        await mine.until(lambda: len(mine.names) == 3)
        missed = (await ask("GET", "changes", since=since)).json
        assert (missed["seq"], missed["complete"]) == (mine.seq, True)
        other = Page(None)
        other.take(missed["events"])
        assert other.names == mine.names == {run.id: "Pending" for run in runs}


async def test_every_page_hears_everything_however_it_joins(page: Any, running: Running) -> None:
    """Pages that open while runs are being made end up knowing the same."""
    making = asyncio.create_task(asyncio.to_thread(_many, running, 60))
    async with page() as first, page() as second, page() as third:
        await making
        for one in (first, second, third):
            await one.until(lambda one=one: len(one.names) == 60)
        assert first.names == second.names == third.names
        assert first.seq == second.seq == third.seq


def _many(running: Running, count: int) -> None:
    for _ in range(count):
        running.orchestrator.create_flow_run(NewFlowRun("x"))


async def test_deployments_and_workers_are_heard_of(
    page: Any, ask: Any, write_notebook: Any
) -> None:
    write_notebook("a.ipynb")
    owner = {"host": "h", "boot": "b", "pid": 1, "started": 1.0}
    async with page() as mine:
        await ask("POST", "deployments", body={"path": "a.ipynb"})
        said = {"name": "w", "work_pool": "default", "owner": owner, "limit": 2}
        await ask("POST", "workers", body=said)

        def heard() -> set[str]:
            return {e["kind"] for m in mine.messages for e in m.get("events", ())}

        await mine.until(lambda: heard() >= {"deployment.created", "worker.started"})
        assert not any(kind.startswith("flow-run") for kind in heard())


# -- watched runs -----------------------------------------------------------------------------


async def test_a_watched_runs_cells_are_told(page: Any, running: Running) -> None:
    run, other = await create(running), await create(running)
    first = task_run(run, "first", states.Running())
    record = running.orchestrator.record
    await asyncio.to_thread(record, Batch((first,)))
    async with page() as mine:
        mine.socket.write_message(json.dumps({"type": "watch", "flow_run_id": run.id}))
        answer = await mine.hear("run")
        assert [t["name"] for t in answer["task_runs"]] == ["first"]
        assert answer["seq"] >= mine.seq
        for whose in (other, run):
            second = task_run(whose, "second", states.Running())
            await asyncio.to_thread(record, Batch((second,)))
        (event,) = (await mine.hear("changes"))["events"]
        assert (event["noun"], event["resource_id"]) == ("task-runs", run.id)
        told = event["row"]["task_runs"][-1]
        assert (told["name"], "history" in told) == ("second", False)

        mine.socket.write_message(json.dumps({"type": "unwatch", "flow_run_id": run.id}))
        mine.socket.write_message(json.dumps({"type": "watch", "flow_run_id": other.id}))
        await mine.hear("run")
        third = task_run(run, "third", states.Running())
        await asyncio.to_thread(record, Batch((third,)))
        await propose(running, other, states.Running())
        heard = await mine.hear("changes")
        assert [e["noun"] for e in heard["events"]] == ["flow-runs"]


async def test_a_watched_runs_artifacts_are_told_and_no_others(page: Any, running: Running) -> None:
    run, other = await create(running), await create(running)
    bar = Artifact("progress", {"progress": 0.0}, flow_run_id=run.id)
    table = Artifact("table", {"columns": [], "rows": []}, flow_run_id=run.id)
    elsewhere = (Artifact("markdown", "x", flow_run_id=other.id), Artifact("markdown", "alone"))
    async with page() as mine:
        mine.socket.write_message(json.dumps({"type": "watch", "flow_run_id": run.id}))
        await mine.hear("run")
        batch = Batch(artifacts=(*elsewhere, bar, table))
        await asyncio.to_thread(running.orchestrator.record, batch)
        change = ArtifactChange(progress=42)
        await asyncio.to_thread(running.orchestrator.update_artifact, bar.id, change)

        def told() -> list[dict[str, Any]]:
            events = [e for m in mine.messages for e in m.get("events", ())]
            return [e["row"] for e in events if e["noun"] == "artifacts"]

        await mine.until(lambda: {"progress": 42.0} in [row["data"] for row in told()])
        assert {row["id"] for row in told()} == {bar.id, table.id}
        assert [row["data"] for row in told() if row["kind"] == "table"] == [None]


async def test_watching_a_run_that_is_gone_tells_of_nothing(page: Any) -> None:
    async with page() as mine:
        mine.socket.write_message(json.dumps({"type": "watch", "flow_run_id": ids.uuid7()}))
        assert (await mine.hear("run"))["task_runs"] == []


def test_task_runs_of_a_moment_are_merged() -> None:
    def event(seq: int, *ids: str) -> Event:
        row = {"ids": list(ids)}
        return Event("task-runs.recorded", "task-runs", "r", clock.now(), row, seq)

    one = Event("flow-run.Running", "flow-runs", "r", clock.now(), {"id": "r"}, 2)
    merged = relay.coalesced([event(1, "a", "b"), one, event(3, "a", "c")])
    assert [e.seq for e in merged] == [2, 3]
    assert merged[1].row == {"ids": ["a", "b", "c"]}


# -- watched nouns ----------------------------------------------------------------------------


async def test_who_watches_slots_is_told_when_one_is_taken_and_given_back(
    page: Any, running: Running
) -> None:
    slots, limit = running.orchestrator, NewLimit("l", 1)
    await asyncio.to_thread(slots.create_limit, limit)
    request = SlotRequest(("l",), owner=owners.current())
    async with page() as mine, page() as other:
        mine.socket.write_message(json.dumps({"type": "watch", "noun": "slots"}))
        assert await mine.hear("stirred") == {"type": "stirred", "nouns": ["slots"]}
        await asyncio.to_thread(slots.acquire_slots, request)
        assert (await mine.hear("stirred"))["nouns"] == ["slots"]
        await asyncio.to_thread(slots.release_slots, (request.request_id,))
        assert (await mine.hear("stirred"))["nouns"] == ["slots"]
        mine.socket.write_message(json.dumps({"type": "unwatch", "noun": "slots"}))
        mine.socket.write_message(json.dumps({"type": "watch", "noun": "workers"}))
        assert (await mine.hear("stirred"))["nouns"] == ["workers"]
        await asyncio.to_thread(slots.acquire_slots, request)
        run = await create(running)
        await other.until(lambda: run.id in other.names)
        assert all(m["type"] != "stirred" for m in other.messages)


async def test_who_watches_artifacts_is_told_of_those_of_every_run(
    page: Any, running: Running
) -> None:
    run = await create(running)
    async with page() as mine:
        mine.socket.write_message(json.dumps({"type": "watch", "noun": "artifacts"}))
        assert (await mine.hear("stirred"))["nouns"] == ["artifacts"]
        made = Artifact("markdown", "x", flow_run_id=run.id)
        await asyncio.to_thread(running.orchestrator.record, Batch(artifacts=(made,)))
        (event,) = (await mine.hear("changes"))["events"]
        assert (event["resource_id"], event["row"]["data"]) == (made.id, None)


# -- what closes it ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("{", 4400),
        ("5", 4400),
        ('{"type": "subscribe", "flow_run_id": "x"}', 4400),
        ('{"type": "watch"}', 4400),
        ('{"type": "watch", "flow_run_id": 5}', 4400),
        ('{"type": "watch", "noun": "blocks"}', 4400),
        ('{"type": "watch", "noun": []}', 4400),
        ("[" * 100_000, 4400),
        (b"\x00\x01", 1003),
        ("x" * 300_000, 1009),
    ],
)
async def test_what_is_no_request_closes(page: Any, said: str | bytes, code: int) -> None:
    async with page() as mine:
        mine.socket.write_message(said, binary=isinstance(said, bytes))
        assert await mine.closed() in (code, None if code == 1009 else code)


async def test_a_flood_closes(page: Any) -> None:
    async with page() as mine:
        for _ in range(30):
            mine.socket.write_message(json.dumps({"type": "unwatch", "flow_run_id": "x"}))
        assert await mine.closed() == 4429


async def test_a_flood_of_pings_closes(page: Any) -> None:
    async with page() as mine:
        for _ in range(30):
            mine.socket.ping(b"x")
        assert await mine.closed() == 4429


async def test_ten_thousand_runs_are_not_watched(page: Any) -> None:
    with settings.temporary(stream_messages_per_second=100_000):
        async with page() as mine:
            for at in range(10_000):
                mine.socket.write_message(json.dumps({"type": "watch", "flow_run_id": str(at)}))
            assert await mine.closed() == 4429


class Fickle(Authorizer):
    """Lets people in until it does not."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        """Say what the flag says."""
        return not refusing.is_set()


refusing = threading.Event()


class TestWhoLosesThePermission:
    @pytest.fixture
    def jp_server_config(self) -> Config:
        server = {"jpserver_extensions": {"nbflow": True}, "authorizer_class": Fickle}
        return Config({"ServerApp": server})

    async def test_is_told_no_more(self, page: Any) -> None:
        with settings.temporary(stream_check_seconds=0.05):
            async with page() as mine:
                refusing.set()
                try:
                    assert await mine.closed() == 4403
                finally:
                    refusing.clear()


async def test_a_page_that_is_too_slow_is_told_to_start_over(page: Any, running: Running) -> None:
    async with page() as mine:
        (stream,) = running.relay._listeners
        for seq in range(mine.seq + 1, mine.seq + 200):  # nothing is read meanwhile
            row = {"id": str(seq), "state": {"name": "Pending"}}
            stream.tell(
                seq, (Event("flow-run.Pending", "flow-runs", str(seq), clock.now(), row, seq),)
            )
        message = await mine.hear("resync")
        assert message == {"type": "resync"}
        assert await mine.closed() == 4408
        assert not running.relay._listeners


async def test_a_page_that_leaves_is_forgotten(page: Any, running: Running, app: Any) -> None:
    async with page():
        assert len(running.relay._listeners) == 1
    while running.relay._listeners:
        await create(running)


async def test_users_events_are_told_to_who_watches_them(page: Any, running: Running) -> None:
    def emit(count: int) -> None:
        resource = {"nbflow.resource.id": "a"}
        running.orchestrator.emit_events([NewEvent("a.b", resource) for _ in range(count)])

    async with page() as mine, page() as other:
        mine.socket.write_message(json.dumps({"type": "watch", "noun": "events"}))
        await mine.until(lambda: mine.messages[-1]["type"] == "stirred")
        await asyncio.to_thread(emit, 3)
        await mine.until(lambda: mine.messages[-1]["type"] == "changes")
        assert [e["kind"] for e in mine.messages[-1]["events"]] == ["a.b"] * 3
        await asyncio.to_thread(emit, 500)
        await mine.until(lambda: mine.messages[-1] == {"type": "stirred", "nouns": ["events"]})
        await create(running)
        await other.until(lambda: other.messages[-1]["type"] == "changes")
        assert {e["noun"] for m in other.messages[1:] for e in m["events"]} == {"flow-runs"}
