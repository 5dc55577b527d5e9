"""PostgreSQL keeps what SQLite keeps: order, exactness, texts; away, it is waited for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nbflow import faults, settings
from nbflow.exceptions import Conflict, InvalidInput, StoreBusy, StoreFull, Unreachable
from nbflow.model import clock, ids, states
from nbflow.model.backend import RunFilter
from nbflow.model.events import Event
from nbflow.model.results import ResultRecord
from nbflow.model.runs import Batch, NewFlowRun
from nbflow.model.workers import NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import database_errors, dialect, events, owners
from nbflow.store.database import Database
from nbflow.store.database_errors import LOST


@pytest.fixture
def store(home: Path, postgresql_url: str) -> Iterator[Orchestrator]:
    opened = Orchestrator(postgresql_url)
    yield opened
    opened.close()


def a_run(name: str = "by-hand", **said: Any) -> NewFlowRun:
    return NewFlowRun(name, **said)


def test_a_missing_driver_is_named_with_the_way_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(InvalidInput, match=r"pip install 'nbflow\[postgres\]'"):
        Database("postgresql://somebody@127.0.0.1/x")


@pytest.mark.parametrize("word", ["postgresql", "postgres", "postgresql+psycopg"])
def test_an_address_may_be_written_in_three_ways(word: str, postgresql_url: str) -> None:
    store = Database(postgresql_url.replace("postgresql", word, 1))
    assert store.version() is not None
    store.close()


def test_a_database_that_is_not_there_is_told_at_once(postgresql: Any) -> None:
    with pytest.raises(Unreachable, match="does not exist") as caught:
        Database(postgresql.url("nowhere")).prepare()
    assert (caught.value.code, caught.value.field) == ("store.refused", "NBFLOW_DATABASE_URL")


def test_a_server_that_does_not_answer_is_waited_for_and_named(unused_port: int) -> None:
    with settings.temporary(busy_seconds=0.3):
        store = Database(f"postgresql://nobody@127.0.0.1:{unused_port}/x")
        with pytest.raises(Unreachable, match="PostgreSQL does not answer") as caught:
            store.prepare()
    assert caught.value.code == "store.unreachable"


def test_no_event_is_passed_over_by_one_that_was_committed_first(store: Orchestrator) -> None:
    """A number taken first is committed first: else who read 2 would never be told of 1."""
    taken, go = threading.Event(), threading.Event()

    def slow() -> None:
        with store.database.write() as connection:
            events.append(connection, [Event("slow", "tests", "a", clock.now())])
            taken.set()
            go.wait(20)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(slow)
        assert taken.wait(60)
        second = pool.submit(store.create_flow_run, a_run())
        assert store.changes(0).events == ()
        go.set()
        first.result(60)
        second.result(60)
    assert [e.kind for e in store.changes(0).events] == ["slow", "flow-run.Pending"]


def test_a_follower_misses_nothing_of_many_writers(store: Orchestrator) -> None:
    told: list[int] = []
    over = threading.Event()

    def follow() -> None:
        seq, last = 0, False
        while not last:
            last = over.is_set()
            found = store.changes(seq)
            told.extend(event.seq for event in found.events)
            seq = found.seq

    def write(_: int) -> None:
        for _ in range(25):
            store.create_flow_run(a_run())

    with ThreadPoolExecutor(9) as pool:
        follower = pool.submit(follow)
        list(pool.map(write, range(8)))
        over.set()
        follower.result(60)
    assert len(told) == 200
    assert told == sorted(set(told))


def test_claims_at_once_never_exceed_a_limit(store: Orchestrator, tmp_path: Path) -> None:
    me = owners.current()
    workers = [store.register_worker(NewWorker(f"w{n}", "p", me, 4)) for n in range(6)]
    store.database.engine.dispose()
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE work_pool SET concurrency_limit = 3 WHERE name = 'p'")
    for _ in range(12):
        new = a_run(state=states.Scheduled(), work_pool="p", path=str(tmp_path / "x.ipynb"))
        store.create_flow_run(new)
    ready = threading.Barrier(len(workers))

    def claim(worker_id: str) -> int:
        ready.wait(20)
        return len(store.claim_flow_runs(worker_id, 4))

    with ThreadPoolExecutor(len(workers)) as pool:
        assert sum(pool.map(claim, [worker.id for worker in workers])) == 3


def test_a_watch_hears_of_commits_and_of_none(store: Orchestrator, wait_for: Any) -> None:
    watch = store.watch()
    assert watch.moved()  # the first time anything may have been
    assert not watch.moved()
    store.create_flow_run(a_run())
    wait_for(watch.moved, what="the hint")
    assert not watch.moved()
    watch.close()


def test_texts_are_compared_by_character_and_may_be_long(store: Orchestrator) -> None:
    with store.database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT table_name, column_name, collation_name, character_maximum_length"
            " FROM information_schema.columns WHERE table_schema = 'public'"
            " AND data_type IN ('text', 'character varying')"
        ).all()
    assert rows
    assert {(row[2], row[3]) for row in rows} == {("C", None)}


def test_one_key_may_come_twice_in_a_batch(store: Orchestrator) -> None:
    now = clock.now()
    first, second = (
        ResultRecord("k", now, None, None, "pickle", 1, "0" * 64, data=data)
        for data in (b"a", b"b")
    )
    store.record(Batch(results=(first, second)))
    assert store.read_result("k").data == b"b"


def test_what_does_not_fit_is_the_callers_fault(store: Orchestrator) -> None:
    with pytest.raises(InvalidInput, match="does not fit"), store.database.write() as connection:
        connection.exec_driver_sql("UPDATE flow_run SET attempt = 1 WHERE id = chr(1) || 1/0")
    with pytest.raises(Conflict), store.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO duty VALUES ('a','b',1,1), ('a','b',1,1)")


def test_a_writer_that_waits_too_long_is_told_it_is_busy_and_readers_go_on(
    store: Orchestrator, postgresql_url: str
) -> None:
    with settings.temporary(busy_seconds=0.2):
        other = Database(postgresql_url)
    with store.database.write():
        with pytest.raises(StoreBusy), other.write():
            pass
        assert store.list_flow_runs().rows == ()
    with other.write():
        pass
    other.close()


def test_a_connection_that_is_killed_amid_a_transaction_undoes_it(
    store: Orchestrator, postgresql: Any
) -> None:
    kill = "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'nbflow_tests'"

    def write() -> None:
        with store.database.write() as connection:
            events.append(connection, [Event("lost", "tests", "a", clock.now())])
            postgresql.say(kill)
            events.append(connection, [Event("lost", "tests", "a", clock.now())])

    with pytest.raises(Unreachable) as caught:
        write()
    assert caught.value.code == LOST
    assert store.changes(0).events == ()
    store.create_flow_run(a_run())  # and the next one connects anew


def test_a_commit_nobody_heard_of_makes_no_second_run(
    store: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = [Unreachable(code=LOST)]
    monkeypatch.setattr(faults, "committed", lambda: lost and _raise(lost.pop()))
    new = a_run(id=ids.uuid7())
    assert store.create_flow_run(new).id == new.id
    assert not lost
    assert len(store.list_flow_runs().rows) == 1


def _raise(error: Exception) -> None:
    raise error


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.timeout(300)
def test_restarts_amid_many_runs_lose_none_and_fail_none(
    home: Path, durable_postgresql: Any, wait_for: Callable[..., Any]
) -> None:
    """The server is stopped as by a crash, three times, while four threads create and end runs."""
    store = Orchestrator(durable_postgresql.create("restarted"))
    watch = store.watch()
    made: list[str] = []
    over = threading.Event()

    def create(_: int) -> None:
        while not over.is_set():
            run = store.create_flow_run(a_run())
            store.propose(run.id, states.Running(), attempt=run.attempt)
            store.propose(run.id, states.Completed(), attempt=run.attempt)
            made.append(run.id)

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(create, n) for n in range(4)]
        try:
            for _ in range(3):
                enough = len(made) + 20
                wait_for(lambda enough=enough: len(made) >= enough, what="runs")
                durable_postgresql.stop()
                durable_postgresql.start()
            enough = len(made) + 20
            wait_for(lambda: len(made) >= enough, seconds=60, what="runs after the last restart")
        finally:
            over.set()
        for one in working:
            one.result(60)
    found: list[str] = []
    cursor = None
    while cursor is not None or not found:
        page = store.list_flow_runs(RunFilter(), limit=200, cursor=cursor)
        found += [run.id for run in page.rows]
        assert all(run.state.name == "Completed" for run in page.rows)
        cursor = page.cursor
        if cursor is None:
            break
    assert sorted(found) == sorted(made)
    wait_for(watch.moved, what="the watch")
    watch.close()
    store.close()


def test_a_server_without_a_free_connection_is_busy(home: Path, postgresql: Any) -> None:
    url = postgresql.create("crowded").replace("nbflow@", "crowd@")
    postgresql.say("create role crowd login connection limit 1")
    postgresql.say("alter database crowded owner to crowd")
    store = Database(url)
    store.prepare()

    def read_twice() -> None:
        with store.read(), store.read():
            pass

    with settings.temporary(busy_seconds=0.3), pytest.raises(StoreBusy, match="too many conn"):
        read_twice()
    with store.read():
        pass
    store.close()


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("DiskFull", StoreFull),
        ("SerializationFailure", StoreBusy),
        ("DeadlockDetected", StoreBusy),
        ("LockNotAvailable", StoreBusy),
        ("AdminShutdown", Unreachable),
        ("CannotConnectNow", Unreachable),
        ("InsufficientPrivilege", Unreachable),
        ("UniqueViolation", Conflict),
        ("NumericValueOutOfRange", InvalidInput),
    ],
)
def test_errors_mean_what_sqlites_do(name: str, meaning: type[Exception]) -> None:
    import psycopg

    error = getattr(psycopg.errors, name)("what it said")
    wrapped = sa.exc.DBAPIError.instance("", None, error, psycopg.Error)
    with pytest.raises(meaning), database_errors.translated():
        raise wrapped


def test_an_address_is_shown_without_its_password() -> None:
    assert dialect.shown("postgresql://me:secret@here/x") == "postgresql://me:***@here/x"
