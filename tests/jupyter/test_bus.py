"""Jupyter's own event bus: runs that start and end, as other extensions hear of them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from jupyter_events import EventLogger

from nbflow.model import clock, states
from nbflow.model.event_views import ROLE
from nbflow.model.events import ID, Event, NewEvent
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.wire import flow_run_row
from nbflow_jupyter import bus
from nbflow_jupyter.running import Running

Data = dict[str, Any]


async def live_through(running: Running, *path: states.State) -> FlowRun:
    """Make a run, and take it through states."""
    new = NewFlowRun("x", parameters={"password": "hunter2"})
    run = await asyncio.to_thread(running.orchestrator.create_flow_run, new)
    for state in path:
        await asyncio.to_thread(running.orchestrator.propose, run.id, state)
    return run


async def test_a_websocket_of_jupyters_hears_a_run_start_and_end_and_nothing_secret(
    app: Any, running: Running, jp_ws_fetch: Callable[..., Any]
) -> None:
    socket = await jp_ws_fetch("api", "events", "subscribe")
    failed = states.Failed(message="the password is hunter2")
    run = await live_through(running, states.Running(), failed)
    heard: list[Data] = []
    texts: list[str] = []
    while len(heard) < 2:
        text = await asyncio.wait_for(socket.read_message(), 20)
        said = json.loads(text)
        if said.get("schema_id") == bus.FLOW_RUN:
            heard.append(said)
            texts.append(text)
    socket.close()
    assert [(e["action"], e["state_name"]) for e in heard] == [
        ("started", "Running"),
        ("ended", "Failed"),
    ]
    assert {e["flow_run_id"] for e in heard} == {run.id}
    assert not any("hunter2" in text for text in texts)


async def test_listeners_of_jupyters_hear_every_event_as_people_see_it_without_payload(
    app: Any, running: Running, jp_ws_fetch: Callable[..., Any]
) -> None:
    heard: asyncio.Queue[Data] = asyncio.Queue()

    async def listener(logger: Any, schema_id: str, data: Data) -> None:
        heard.put_nowait(data)

    app.event_logger.add_listener(schema_id=bus.EVENT, listener=listener)
    socket = await jp_ws_fetch("api", "events", "subscribe")
    new = NewEvent(
        "shop.order.paid", {ID: "shop.order.7"}, ({ID: "shop.1", ROLE: "shop"},),
        payload={"password": "hunter2"},
    )  # fmt: skip
    await asyncio.to_thread(running.orchestrator.emit_events, [new])
    run = await live_through(running, states.Running(), states.Completed(message="hunter2"))
    names: list[str] = []
    while "nbflow.flow-run.Completed" not in names:
        data = await asyncio.wait_for(heard.get(), 60)
        names.append(data["event"])
        assert "payload" not in data
        assert "hunter2" not in str(data)
    assert data["resource"][ID] == f"nbflow.flow-run.{run.id}"
    texts: list[str] = []
    while not any("shop.order.paid" in text for text in texts):
        texts.append(await asyncio.wait_for(socket.read_message(), 60))
    socket.close()
    said = json.loads(texts[-1])
    assert (said["schema_id"], said["id"], said["related"]) == (bus.EVENT, new.id, [*new.related])
    assert "hunter2" not in "".join(texts)


async def test_a_listener_that_raises_hurts_nobody(app: Any, running: Running) -> None:
    heard: list[str] = []
    done = asyncio.Event()

    async def broken(logger: Any, schema_id: str, data: Data) -> None:
        raise RuntimeError("no")

    async def listener(logger: Any, schema_id: str, data: Data) -> None:
        heard.append(data["action"])
        if data["action"] == "ended":
            done.set()

    app.event_logger.add_listener(schema_id=bus.FLOW_RUN, listener=broken)
    app.event_logger.add_listener(schema_id=bus.FLOW_RUN, listener=listener)
    await live_through(running, states.Running(), states.Completed())
    await asyncio.wait_for(done.wait(), 20)
    assert heard == ["started", "ended"]


# -- the bus alone ----------------------------------------------------------------------------


def ended(run: FlowRun, n: int) -> Event:
    row = {**flow_run_row(run), "id": str(n)}
    return Event("flow-run.Completed", "flow-runs", str(n), clock.now(), row, n)


@pytest.fixture
def completed(running: Running) -> FlowRun:
    """A run that has ended."""
    run = running.orchestrator.create_flow_run(NewFlowRun("x"))
    for state in (states.Running(), states.Completed()):
        running.orchestrator.propose(run.id, state)
    return running.orchestrator.read_flow_run(run.id)


async def test_a_handler_that_raises_is_logged_and_the_others_are_emitted(
    completed: FlowRun, caplog: pytest.LogCaptureFixture
) -> None:
    logger, log = EventLogger(), logging.getLogger("nbflow")
    made = bus.JupyterBus(logger, log)
    heard: list[str] = []

    def modifier(schema_id: str, data: Data) -> Data:
        if data["flow_run_id"] == "1":
            raise RuntimeError("no")
        return data

    async def listener(logger: Any, schema_id: str, data: Data) -> None:
        heard.append(data["flow_run_id"])

    logger.add_modifier(schema_id=bus.FLOW_RUN, modifier=modifier)
    logger.add_listener(modified=True, schema_id=bus.FLOW_RUN, listener=listener)
    made.take([ended(completed, n) for n in range(3)])
    while len(heard) < 2 or "could not emit" not in caplog.text:  # noqa: ASYNC110
        await asyncio.sleep(0)
    assert heard == ["0", "2"]
    assert "could not emit an event" in caplog.text


async def test_what_else_happens_to_runs_is_not_told(completed: FlowRun) -> None:
    row = flow_run_row(completed)
    pending = {**row, "state": {**row["state"], "type": "PENDING"}}
    now = clock.now()
    for event in (
        Event("flow-run.deleted", "flow-runs", "1", now),
        Event("flow-run.Pending", "flow-runs", "1", now, pending),
        Event("deployment.updated", "deployments", "1", now, {"id": "1"}),
    ):
        assert bus.lifecycle(event) is None


async def test_other_work_of_the_loop_goes_on_between_two_events(completed: FlowRun) -> None:
    logger = EventLogger()
    made = bus.JupyterBus(logger, logging.getLogger("nbflow"))
    heard: list[str] = []

    async def listener(logger: Any, schema_id: str, data: Data) -> None:
        heard.append(data["flow_run_id"])

    logger.add_listener(schema_id=bus.FLOW_RUN, listener=listener)
    made.take([ended(completed, n) for n in range(2000)])
    turns = 0
    while len(heard) < 2000:
        turns += 1
        await asyncio.sleep(0)
    assert turns >= 1000
    made.close()


async def test_nothing_is_kept_while_nobody_listens(completed: FlowRun) -> None:
    made = bus.JupyterBus(EventLogger(), logging.getLogger("nbflow"))
    made.take([ended(completed, n) for n in range(100)])
    for line in made._lines:
        assert not line._waiting
        assert line._emitting is None
