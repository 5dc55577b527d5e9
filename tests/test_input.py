"""Inputs between running flows: sent, received in order, answered."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from nbflow import flow
from nbflow.exceptions import InvalidInput, MissingContextError, NotFound
from nbflow.input import RunInput, asend_input, receive_input, send_input
from nbflow.model import ids
from nbflow.model.runs import NewFlowRun
from tests.promises import promised


class Greeting(RunInput):
    text: str


@pytest.fixture
def run(orchestrator) -> str:
    return orchestrator.create_flow_run(NewFlowRun("listens")).id


def test_inputs_are_received_in_order_by_their_type(run: str) -> None:
    Greeting(text="one").send_to(run)
    send_input(7, run)
    Greeting(text="two").send_to(run)
    found = list(Greeting.receive(timeout=0, flow_run_id=run))
    assert [item.text for item in found] == ["one", "two"]
    assert list(receive_input(int, timeout=0, flow_run_id=run)) == [7]


def test_one_that_is_sent_later_is_received_at_once(run: str) -> None:
    sent: list[float] = []

    def send() -> None:
        sent.append(time.monotonic())
        send_input("hello", run)

    timer = threading.Timer(0.3, send)
    timer.start()
    assert receive_input(str, timeout=90, flow_run_id=run).next() == "hello"
    assert time.monotonic() - sent[0] < promised(1)
    timer.join()


def test_a_wait_in_vain_ends_or_raises(run: str) -> None:
    assert list(Greeting.receive(timeout=0.1, flow_run_id=run)) == []
    with pytest.raises(TimeoutError):
        list(Greeting.receive(timeout=0.1, raise_timeout_error=True, flow_run_id=run))
    with pytest.raises(TimeoutError):
        Greeting.receive(timeout=0.1, flow_run_id=run).next()


def test_keys_that_were_seen_are_passed_over(run: str) -> None:
    Greeting(text="one").send_to(run)
    first = Greeting.receive(timeout=0, flow_run_id=run)
    list(first)
    Greeting(text="two").send_to(run)
    again = Greeting.receive(timeout=0, flow_run_id=run, exclude_keys=first.seen_keys)
    assert [item.text for item in again] == ["two"]
    assert [item.text for item in first] == ["two"]


def test_a_prefix_makes_a_channel_of_its_own(run: str) -> None:
    send_input("a", run, key_prefix="left")
    send_input("b", run, key_prefix="right")
    assert list(receive_input(str, timeout=0, key_prefix="right", flow_run_id=run)) == ["b"]


def test_flows_talk_to_each_other(orchestrator, wait_for) -> None:
    @flow
    def answers() -> None:
        for asked in receive_input(int, timeout=20, with_metadata=True):
            asked.respond(asked.value * 2)
            break

    def the(name: str) -> str:
        def look() -> Any:
            rows = orchestrator.list_flow_runs().rows
            return next((r.id for r in rows if r.flow_name == name and r.state.is_running()), None)

        return wait_for(look)

    @flow
    def asks() -> int:
        send_input(21, the("answers"))
        return receive_input(int, timeout=20).next()

    thread = threading.Thread(target=answers)
    thread.start()
    assert asks() == 42
    thread.join()


def test_an_input_says_who_sent_it(orchestrator, run: str) -> None:
    @flow
    def sends() -> None:
        Greeting(text="hi").send_to(run)

    sends()
    sender = next(r.id for r in orchestrator.list_flow_runs().rows if r.flow_name == "sends")
    (found,) = Greeting.receive(timeout=0, flow_run_id=run)
    assert found.metadata.sender == f"nbflow.flow-run.{sender}"
    assert found.metadata.receiver == run


def test_nobody_is_there_to_respond_to(run: str) -> None:
    Greeting(text="hi").send_to(run)
    (found,) = Greeting.receive(timeout=0, flow_run_id=run)
    with pytest.raises(MissingContextError, match="No run sent"):
        found.respond("hello")
    with pytest.raises(MissingContextError, match="not received"):
        Greeting(text="x").metadata  # noqa: B018


def test_coroutines_receive_while_others_go_on(run: str) -> None:
    async def main() -> list[str]:
        async def send() -> None:
            for text in ("one", "two"):
                await asyncio.sleep(0.05)
                await asend_input(Greeting(text=text), run)

        sending = asyncio.create_task(send())
        found = []
        async for item in Greeting.receive(timeout=20, flow_run_id=run):
            found.append(item.text)
            if len(found) == 2:
                break
        await sending
        return found

    assert asyncio.run(main()) == ["one", "two"]


def test_what_does_not_fit_the_type_says_so(run: str) -> None:
    send_input("many", run, key_prefix="numbers")
    with pytest.raises(InvalidInput, match="value"):
        list(receive_input(int, timeout=0, key_prefix="numbers", flow_run_id=run))


def test_what_cannot_be_sent_is_refused(orchestrator, run: str) -> None:
    with pytest.raises(InvalidInput):
        send_input(object(), run)
    with pytest.raises(InvalidInput, match="the most"):
        send_input("x" * 600_000, run)
    with pytest.raises(NotFound):
        send_input(1, ids.uuid7())
    with pytest.raises(MissingContextError):
        receive_input(int)
