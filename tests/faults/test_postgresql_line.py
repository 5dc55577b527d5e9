"""The line to PostgreSQL is cut, reset, stalled and half open: nothing is lost, doubled or hung.

`nbflow.store` talks to a real PostgreSQL through a proxy; tests/store stops that server itself.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nbflow import settings
from nbflow.exceptions import StoreBusy, Unreachable
from nbflow.model import clock, ids, states
from nbflow.model.pages import every
from nbflow.model.runs import Batch, FlowRun, LogEntry, NewFlowRun
from nbflow.orchestration import invariants
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store.database_errors import LOST
from tests.faults.proxy import Mode, Proxy

Wait = Callable[..., Any]
#: how long an answer, and a line that is gone, are waited for here
ANSWER, BUSY = 0.5, 1.0
#: what may pass on a busy machine besides
SLACK = 40.0
FULL = "NBFLOW_FAULTS_FULL" in os.environ
MODES: tuple[Mode, ...] = ("drop", "reset", "stall", "half_open") if FULL else ("reset", "stall")
#: what a writer says at its transaction's end
COMMIT = b"NOTIFY nbflow; COMMIT"


@pytest.fixture
def proxy(postgresql: Any) -> Iterator[Proxy]:
    made = Proxy(postgresql.port)
    yield made
    made.close()


@pytest.fixture
def store(home: Path, postgresql: Any, postgresql_url: str, proxy: Proxy) -> Iterator[Orchestrator]:
    """A store by way of the proxy, that waits for seconds where others wait for minutes."""
    with settings.temporary(busy_seconds=BUSY, database_answer_seconds=ANSWER):
        opened = Orchestrator(postgresql_url.replace(f":{postgresql.port}", f":{proxy.port}"))
        yield opened
        proxy.cut("pass")
        opened.close()


@pytest.fixture
def beside(home: Path, postgresql_url: str) -> Iterator[Orchestrator]:
    """The same store, past the proxy."""
    opened = Orchestrator(postgresql_url)
    yield opened
    opened.close()


def checked(beside: Orchestrator) -> None:
    found = invariants.check(beside.database, now=clock.now(), files=False)
    assert list(found) == []


@pytest.mark.parametrize("mode", MODES)
def test_who_asks_while_the_line_is_gone_hears_so_in_time_and_is_answered_when_it_is_back(
    store: Orchestrator, beside: Orchestrator, proxy: Proxy, mode: Mode
) -> None:
    kept = store.create_flow_run(NewFlowRun("kept"))
    proxy.cut(mode)
    asked: tuple[Callable[[], Any], ...] = (
        lambda: store.read_flow_run(kept.id),
        lambda: store.create_flow_run(NewFlowRun("in-vain")),
        lambda: store.propose(kept.id, states.Running(), attempt=1),
    )
    for ask in asked if FULL else asked[-1:]:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="PostgreSQL") as caught:
            ask()
        assert time.monotonic() - began < ANSWER + BUSY + SLACK
        assert (caught.value.status, caught.value.code) == (503, "store.unreachable")
        assert caught.value.hint
    proxy.cut("pass")
    assert store.read_flow_run(kept.id).state.is_pending()  # cannot ask is not failed
    store.propose(kept.id, states.Running(), attempt=1)
    assert beside.read_flow_run(kept.id).state.is_running()
    assert [run.flow_name for run in beside.list_flow_runs().rows] == ["kept"]
    checked(beside)


@pytest.mark.parametrize("mode", MODES)
def test_a_line_that_comes_back_soon_is_waited_for_and_nobody_hears_of_it(
    store: Orchestrator, beside: Orchestrator, proxy: Proxy, wait_for: Wait, mode: Mode
) -> None:
    store.create_flow_run(NewFlowRun("before"))
    proxy.cut(mode)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.create_flow_run, NewFlowRun("meanwhile"))
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > ANSWER / 2)
        assert not waiting.done()
        proxy.cut("pass")
        made = waiting.result(ANSWER + BUSY + SLACK)
    names = [run.flow_name for run in beside.list_flow_runs().rows]
    assert sorted(names) == ["before", "meanwhile"]
    assert beside.read_flow_run(made.id).flow_name == "meanwhile"


@pytest.mark.parametrize("mode", MODES)
def test_a_transaction_whose_line_breaks_before_its_commit_leaves_nothing(
    store: Orchestrator, beside: Orchestrator, proxy: Proxy, mode: Mode
) -> None:
    run = store.create_flow_run(NewFlowRun("whole"))

    def write() -> None:
        with store.database.write() as connection:
            connection.exec_driver_sql("UPDATE flow_run SET name = 'half'")
            proxy.cut(mode)
            connection.exec_driver_sql("UPDATE flow_run SET name = 'more'")

    with pytest.raises(Unreachable) as caught:
        write()
    assert caught.value.code == LOST
    assert beside.read_flow_run(run.id).name == run.name
    proxy.cut("pass")
    # What it had locked is free again once PostgreSQL has noticed, which its own timeout sees to.
    assert isinstance(_insisted(lambda: store.create_flow_run(NewFlowRun("after"))), FlowRun)
    checked(beside)


@pytest.mark.parametrize("mode", ["drop", "reset", "half_open"])
def test_a_commit_whose_answer_is_lost_is_found_and_not_made_again(
    store: Orchestrator, beside: Orchestrator, proxy: Proxy, mode: Mode
) -> None:
    run = store.create_flow_run(NewFlowRun("once"))
    store.propose(run.id, states.Running(), attempt=1)
    line = LogEntry(run.id, clock.now(), 20, "said once")
    for write in (
        lambda: store.create_flow_run(NewFlowRun("twice", id=ids.uuid7(), idempotency_key="k")),
        lambda: store.record(Batch(logs=(line,))),
        lambda: store.propose(run.id, states.Completed(), attempt=1),
    ):
        proxy.lose_the_answer(COMMIT, mode)
        _insisted(write)
        assert not proxy.waits_for_a_request(), "nobody committed"
    assert [run.flow_name for run in beside.list_flow_runs().rows] == ["twice", "once"]
    assert [one.message for one in beside.list_logs(run.id).rows] == ["said once"]
    names = [state.name for state in beside.list_states(run.id)]
    assert names == ["Pending", "Running", "Completed"]
    checked(beside)


@pytest.mark.timeout(300)
def test_many_writers_over_a_line_that_is_cut_again_and_again_lose_and_double_nothing(
    store: Orchestrator, beside: Orchestrator, proxy: Proxy, wait_for: Wait
) -> None:
    made: list[str] = []
    over = threading.Event()

    def live(number: int) -> None:
        while not over.is_set():
            new = NewFlowRun("many", idempotency_key=ids.uuid7())
            run = _insisted(lambda new=new: store.create_flow_run(new))
            for state in (states.Running(), states.Completed()):
                _insisted(lambda state=state, run=run: store.propose(run.id, state, attempt=1))
            made.append(run.id)

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(live, number) for number in range(4)]
        try:
            for mode in MODES:
                enough = len(made) + 10
                wait_for(lambda enough=enough: len(made) >= enough, seconds=60, what="runs")
                proxy.cut(mode)
                began = time.monotonic()
                wait_for(lambda began=began: time.monotonic() - began > ANSWER / 4)
                proxy.cut("pass")
            enough = len(made) + 10
            wait_for(lambda: len(made) >= enough, seconds=60, what="runs after the last cut")
        finally:
            proxy.cut("pass")
            over.set()
        for one in working:
            one.result(60)
    found = list(every(beside.list_flow_runs, limit=200))
    print(f"\n{len(made)} runs over a line that was cut {len(MODES)} times: {len(found)} runs")
    assert sorted(run.id for run in found) == sorted(made)
    assert {run.state.name for run in found} == {"Completed"}
    assert {len(beside.list_states(run.id)) for run in found} == {3}
    checked(beside)


def _insisted(ask: Callable[[], Any]) -> Any:
    """Ask until there is an answer, as workers do; all it may be told is to ask again."""
    until = time.monotonic() + 40
    while True:
        try:
            return ask()
        except (Unreachable, StoreBusy):
            if time.monotonic() > until:
                raise
