"""A flow that talks to its authority over HTTP is paused, answered and cancelled as any other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from nbflow import connect, flow, pause_flow_run, resume_flow_run, settings
from nbflow.exceptions import CancelledRun, InvalidInput
from nbflow.model import states
from tests.promises import promised


@pytest.fixture(scope="module")
def server(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with serving(tmp_path_factory.mktemp("served"), NBFLOW_WORKER="0") as found:
        yield found


@pytest.fixture(autouse=True)
def over_http(server: Any, home: Any) -> Iterator[None]:
    with settings.temporary(
        api_url=server.url, api_token=server.token, heartbeat_seconds=0.2, home=str(home)
    ):
        yield
        connect.forget()


def once_paused(do: Any, wait_for: Any) -> threading.Thread:
    def look() -> Any:
        rows = connect.connect().list_flow_runs().rows
        return next((run for run in rows if run.state.is_paused()), None)

    thread = threading.Thread(target=lambda: do(wait_for(look)))
    thread.start()
    return thread


def test_an_answer_reaches_the_flow_within_a_second(wait_for: Any) -> None:
    answered: list[float] = []

    def answer(run: Any) -> None:
        with pytest.raises(InvalidInput):
            resume_flow_run(run.id, "many")
        answered.append(time.monotonic())
        resume_flow_run(run.id, 5)

    @flow
    def asks() -> tuple[int, float]:
        return pause_flow_run(wait_for_input=int, timeout=90), time.monotonic()

    thread = once_paused(answer, wait_for)
    value, at = asks()
    thread.join()
    assert value == 5
    assert at - answered[0] < promised(1)


def test_a_paused_flow_is_cancelled(wait_for: Any) -> None:
    @flow
    def waits() -> None:
        pause_flow_run(timeout=60)

    def cancel(run: Any) -> None:
        connect.connect().propose(run.id, states.Cancelling())

    thread = once_paused(cancel, wait_for)
    with pytest.raises(CancelledRun):
        waits()
    thread.join()
