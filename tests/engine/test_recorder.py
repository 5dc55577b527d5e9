"""The recorder: on disk before a result is handed out, in the store soon after, in order."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from contextlib import contextmanager

import pytest

from nbflow import flow, get_run_logger, settings, task
from nbflow.context import FlowRunContext
from nbflow.engine import held, recorder
from nbflow.exceptions import InvalidInput
from nbflow.model.backend import Recorded
from nbflow.store import spool


@task
def number(x):
    return x


def spooled(home) -> list[list]:
    """Give all entries in this home's spools."""
    files = sorted((home / "spool").glob("*.spool"))
    return [entry for file in files for entry in spool.entries(file)]


@contextmanager
def locked(home):
    """Hold the store's write lock, as a backup or another program does."""
    other = sqlite3.connect(home / "nbflow.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def test_a_direct_result_is_on_disk_before_it_is_handed_out(orchestrator, home):
    @flow
    def looks():
        number(1)
        told = [(e[4], [s[0] for s in json.loads(e[9])]) for e in spooled(home) if e[0] == "task"]
        return told, [e[0] for e in spooled(home)]

    with settings.temporary(spool_seconds=60.0, record_seconds=60.0):
        states = ["PENDING", "RUNNING", "COMPLETED"]
        assert looks() == ([("number-0", states)], ["result", "task"])


def test_a_submitted_result_is_on_disk_before_it_is_handed_out(orchestrator, home):
    @flow
    def looks():
        futures = [number.submit(n) for n in range(30)]
        futures[29].wait()
        before = len(spooled(home))
        futures[29].result()
        done = [e for e in spooled(home) if e[4] == "number-29" and e[7] == "Completed"]
        return before, len(done)

    with settings.temporary(spool_seconds=60.0, record_seconds=60.0):
        assert looks() == (0, 1)


def test_a_record_nobody_asks_for_is_on_disk_soon(orchestrator, home, wait_for):
    gate = threading.Event()

    @task
    def holds():
        get_run_logger().info("working")
        gate.wait(20)

    @flow
    def looks():
        holds.submit()
        wait_for(lambda: {e[0] for e in spooled(home)} == {"task", "log"})
        gate.set()

    with settings.temporary(record_seconds=60.0):
        looks()


def test_records_reach_the_store_while_the_flow_runs(orchestrator, wait_for):
    @flow
    def looks():
        number(1)
        (run,) = orchestrator.list_flow_runs().rows
        wait_for(lambda: orchestrator.list_task_runs(run.id))
        return run.state.is_running()

    assert looks()


def test_all_is_in_the_store_and_the_spool_gone_when_the_flow_returns(orchestrator, home):
    @flow
    def many():
        for n in range(450):
            number(n)

    many()
    (run,) = orchestrator.list_flow_runs().rows
    runs = orchestrator.list_task_runs(run.id)
    assert [t.position for t in runs] == list(range(450))
    assert {t.state.name for t in runs} == {"Completed"}
    assert list((home / "spool").iterdir()) == []


def test_a_flow_without_records_makes_no_spool(orchestrator, home):
    flow(persist_result=False)(lambda: 1)()
    assert not (home / "spool").exists()


def test_the_run_goes_on_while_the_store_is_held_and_catches_up_in_order(orchestrator, home):
    @flow
    def goes_on():
        with locked(home):
            for n in range(500):
                number(n)
            get_run_logger().info("all done")
        return len(spooled(home))

    with settings.temporary(busy_seconds=0.1, record_seconds=0.01):
        from nbflow import connect

        connect.forget()  # the waiting time is the connection's
        assert goes_on() >= 500
    backend = connect.connect()
    (run,) = backend.list_flow_runs().rows
    assert run.state.is_completed()
    assert [t.position for t in backend.list_task_runs(run.id)] == list(range(500))
    assert {t.state.name for t in backend.list_task_runs(run.id)} == {"Completed"}


def test_in_an_outage_little_waits_in_memory_and_the_rest_is_read_back(
    orchestrator, home, monkeypatch
):
    monkeypatch.setattr(recorder, "MOST_WAITING", 50)
    seen = []

    @flow
    def goes_on():
        kept = FlowRunContext.get().recorder
        with locked(home):
            for n in range(400):
                number(n)
                get_run_logger().info("%s", n)
                waiting = kept._waiting
                seen.append((len(waiting.tasks), len(waiting.results), len(waiting.logs)))

    with settings.temporary(busy_seconds=0.1, record_seconds=60.0):
        from nbflow import connect

        connect.forget()  # the waiting time is the connection's
        goes_on()
    assert max(map(max, seen)) <= 51
    backend = connect.connect()
    (run,) = backend.list_flow_runs().rows
    found = backend.list_task_runs(run.id)
    assert [t.position for t in found] == list(range(400))
    assert {t.state.name for t in found} == {"Completed"}
    assert [t.state.result() for t in found[::40]] == list(range(0, 400, 40))
    lines = [entry.message for entry in backend.list_logs(run.id).rows]
    assert lines == [str(n) for n in range(400)]
    assert list((home / "spool").iterdir()) == []


def test_a_store_held_to_the_end_leaves_the_spool_which_a_replay_takes(
    orchestrator, home, monkeypatch, caplog
):
    from nbflow import connect

    monkeypatch.setattr(held, "PATIENCE_SECONDS", 0.3)
    other = sqlite3.connect(home / "nbflow.sqlite", isolation_level=None)

    @flow
    def ends_in_an_outage():
        number(1)
        other.execute("BEGIN IMMEDIATE")
        return number(2)

    with settings.temporary(busy_seconds=0.05):
        connect.forget()
        assert ends_in_an_outage() == 2
    assert "could not be reported" in caplog.text
    (left,) = (home / "spool").iterdir()
    assert str(left) in caplog.text
    other.execute("ROLLBACK")
    other.close()
    backend = connect.connect()
    assert spool.replay(backend) == 1
    (run,) = backend.list_flow_runs().rows
    assert run.state.is_completed()
    assert [t.state.name for t in backend.list_task_runs(run.id)] == ["Completed"] * 2
    assert list((home / "spool").iterdir()) == []


def test_one_runs_refused_record_does_not_hold_up_anothers(orchestrator, home, caplog):
    real = orchestrator.record

    def picky(batch):
        if any(u.name.startswith("bad") for u in batch.task_runs):
            raise InvalidInput("no such thing")
        return real(batch)

    orchestrator.record = picky

    @task
    def bad():
        return 1

    @flow
    def refused():
        bad()

    @flow
    def both():
        number(1)
        refused()
        number(2)

    with settings.temporary(record_seconds=60.0):
        both()
    runs = {r.flow_name: r for r in orchestrator.list_flow_runs().rows}
    assert {r.state.name for r in runs.values()} == {"Completed"}
    kinds = [t.kind for t in orchestrator.list_task_runs(runs["both"].id)]
    assert sorted(kinds) == ["flow", "task", "task"]
    (kept,) = (home / "spool").iterdir()
    assert kept.suffix == ".refused"
    assert str(kept) in caplog.text


def test_a_long_spool_is_emptied_once_all_of_it_was_taken(
    orchestrator, home, monkeypatch, wait_for
):
    monkeypatch.setattr(recorder, "SPOOL_BYTES", 1000)

    @flow
    def long():
        for n in range(100):
            number(n)
        (file,) = (home / "spool").iterdir()
        wait_for(lambda: file.stat().st_size < 1000)
        number(1)
        return [entry[0] for entry in spooled(home)]

    assert long() == ["result", "task"]


def test_a_forked_child_records_in_a_spool_of_its_own(orchestrator, home):
    @flow
    def forks():
        number(1)
        child = os.fork()
        if child == 0:
            number(2)
            os._exit(0)
        os.waitpid(child, 0)
        return len(list((home / "spool").iterdir()))

    with settings.temporary(record_seconds=60.0):
        assert forks() == 2
    assert spool.replay(orchestrator) == 0  # the parent has sent it with its own
    (run,) = orchestrator.list_flow_runs().rows
    assert [t.state.name for t in orchestrator.list_task_runs(run.id)] == ["Completed"] * 2


def test_a_disk_that_takes_no_spool_does_not_stop_the_run(orchestrator, home, caplog):
    home.mkdir(exist_ok=True)
    (home / "spool").write_text("in the way")

    @flow
    def goes_on():
        return number(1)

    assert goes_on() == 1
    assert caplog.text.count("cannot be spooled") == 1
    (run,) = orchestrator.list_flow_runs().rows
    assert [t.state.name for t in orchestrator.list_task_runs(run.id)] == ["Completed"]


def test_a_cancel_request_rides_on_the_answer_to_a_batch(orchestrator):
    from nbflow.exceptions import CancelledRun
    from nbflow.states import Cancelling

    @flow
    def asked_to_stop():
        number(1)
        (run,) = orchestrator.list_flow_runs().rows
        orchestrator.propose(run.id, Cancelling())
        for n in range(100_000):
            number(n)

    with settings.temporary(heartbeat_seconds=60.0), pytest.raises(CancelledRun):
        asked_to_stop()
    (run,) = orchestrator.list_flow_runs().rows
    assert run.state.name == "Cancelled"


def test_what_a_batch_answers_is_the_ports_own_word():
    assert Recorded().cancel == ()
