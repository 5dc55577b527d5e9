"""`get_client`: one body, two drivers, over the store and over a server."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nbflow
from nbflow import connect, settings
from nbflow.clients import AsyncClient, Client
from nbflow.exceptions import NotFound
from nbflow.model import ids, states
from nbflow.model.blocks import NewBlock
from nbflow.model.event_log import EventFilter
from nbflow.model.event_views import ID
from nbflow.model.events import NewEvent
from nbflow.model.run_lists import RunFilter
from nbflow.model.runs import NewFlowRun


@pytest.fixture(params=["store", "server"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A process that talks to a store of its own, or to a server."""
    said: dict[str, Any] = {"home": str(tmp_path / "home"), "database_url": "", "api_url": ""}
    if request.param == "server":
        served = request.getfixturevalue("server")
        said |= {"api_url": served.url, "api_token": served.token}
    with settings.temporary(**said):
        connect.forget()
        yield request.param
        connect.forget()


@pytest.fixture(scope="module")
def server(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    home = tmp_path_factory.mktemp("served")
    with serving(home, NBFLOW_SCHEDULER="0", NBFLOW_WORKER="0") as found:
        yield found


def test_a_client_reads_and_changes_runs_by_prefects_names(where: str) -> None:
    flow = f"flow-{ids.uuid7()}"
    with nbflow.get_client() as client:
        made = [client.create_flow_run(NewFlowRun(flow, name=name)) for name in "ab"]
        mine = RunFilter(flow_name=flow)
        assert client.count_flow_runs(mine) == 2
        assert client.read_flow_runs(mine, sort="name") == made
        assert list(client.iter_flow_runs(mine, sort="-name")) == made[::-1]
        client.set_flow_run_state(made[0].id, states.Running())
        client.set_flow_run_state(made[0].id, states.Completed())
        assert [s.name for s in client.read_flow_run_states(made[0].id)][-1] == "Completed"
        assert client.update_flow_run(made[1].id, tags=["x"]).tags == ("x",)
        client.delete_flow_run(made[0].id)
        with pytest.raises(NotFound):
            client.read_flow_run(made[0].id)
        assert client.read_flow_by_name(flow).runs.count == 1
        assert client.read_variable_by_name(flow) is None
        with pytest.raises(NotFound):
            client.create_flow_run_from_deployment(flow)


def test_the_same_calls_are_awaited_inside_a_loop(where: str) -> None:
    flow = f"flow-{ids.uuid7()}"

    async def use() -> None:
        async with nbflow.get_client() as client:
            made = await client.create_flow_run(NewFlowRun(flow))
            assert await client.read_flow_run(made.id) == made
            found = [run async for run in client.iter_flow_runs(RunFilter(flow_name=flow))]
            assert found == [made]
            assert await client.call(lambda backend: backend.list_states(made.id))
        plain = nbflow.get_client()  # works there, too
        assert plain.read_flow_run(made.id) == made

    asyncio.run(use())


def test_every_method_has_its_twin() -> None:
    def methods(kind: type) -> dict[str, Any]:
        return {n: m for n, m in inspect.getmembers(kind, inspect.isfunction) if n[0] != "_"}

    assert methods(Client).keys() == methods(AsyncClient).keys() - {"call"}
    for name, method in methods(Client).items():
        assert (
            inspect.signature(method).parameters.keys()
            == inspect.signature(getattr(AsyncClient, name)).parameters.keys()
        ), name


def test_who_asks_for_calls_that_are_awaited_is_given_them(where: str) -> None:
    assert isinstance(nbflow.get_client(sync_client=False), AsyncClient)


def test_a_client_keeps_blocks_by_prefects_names(where: str) -> None:
    name = f"b-{ids.uuid7()}"
    with nbflow.get_client() as client:
        made = client.create_block_document(NewBlock("secret", name, {"value": "opensesame"}))
        assert client.read_block_document_by_name(name, "secret") == made
        assert made in client.read_block_documents(type_slug="secret")
        assert client.open_block_document(made.id).secrets == ("opensesame",)
        assert client.read_block_type_by_slug("secret") in client.read_block_types()
        client.delete_block_document(made.label)
        assert client.read_block_document_by_name(name, "secret") is None


def test_events_are_emitted_listed_counted_and_followed_plainly_and_awaited(where: str) -> None:
    about = f"shop.order.{ids.uuid7()}"
    mine = EventFilter(resource=about)
    client = nbflow.get_client()
    assert client.emit_events([NewEvent("shop.paid", {ID: about})]).count == 1
    [paid] = client.read_events(mine)
    assert list(client.iter_events(mine)) == [paid]
    assert [(one.value, one.count) for one in client.count_events("event", mine)] == [
        ("shop.paid", 1)
    ]
    since = replace(mine, since=paid.occurred)
    assert next(client.follow_events(since)) == paid

    async def follow() -> None:
        async with client as awaited:
            heard = awaited.follow_events(since)
            assert await anext(heard) == paid
            waiting = asyncio.ensure_future(anext(heard))
            await awaited.emit_events([NewEvent("shop.sent", {ID: about})])
            assert (await waiting).event == "shop.sent"
            never = asyncio.ensure_future(anext(heard))
            await asyncio.sleep(0)
            never.cancel()  # nothing comes any more, and nobody waits for it

    asyncio.run(follow())
