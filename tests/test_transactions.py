"""Transactions: all or nothing, in order, kept by key, alone and around tasks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from nbflow import flow, task
from nbflow.cache_policies import INPUTS
from nbflow.connect import connect
from nbflow.exceptions import InvalidInput, MissingResult, NbflowError
from nbflow.locking import MemoryLockManager
from nbflow.model.runs import TaskRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.results import ResultStore
from nbflow.transactions import (
    CommitMode,
    IsolationLevel,
    Transaction,
    TransactionState,
    atransaction,
    get_transaction,
    transaction,
)

DONE: list[str] = []


@pytest.fixture(autouse=True)
def _done() -> None:
    DONE.clear()


def does(what: str) -> Any:
    """A hook that notes what it was called for."""
    return lambda txn: DONE.append(what)


def runs_of(orchestrator: Orchestrator) -> dict[str, TaskRun]:
    run = orchestrator.list_flow_runs().rows[0]
    return {r.name: r for r in orchestrator.list_task_runs(run.id)}


@task
def write(name: str) -> str:
    DONE.append(f"write {name}")
    return name


@write.on_rollback
def undo(txn: Transaction) -> None:
    DONE.append("undo")


@write.on_commit
def confirm(txn: Transaction) -> None:
    DONE.append("commit")


@task
def fail() -> None:
    raise ValueError("no")


# -- around tasks ---------------------------------------------------------------------------------
def test_a_second_task_that_fails_rolls_back_the_first_and_nothing_is_kept(
    orchestrator: Orchestrator,
) -> None:
    @flow
    def both() -> None:
        with transaction():
            write("a")
            fail()

    state = both(return_state=True)
    assert state.is_failed()
    assert "ValueError: no" in state.message
    assert DONE == ["write a", "undo"]
    run = runs_of(orchestrator)["write-0"]
    assert run.state.name == "RolledBack"
    assert run.state.is_completed()
    assert [s.name for s in run.history] == ["Pending", "Running", "Completed", "RolledBack"]
    assert orchestrator.list_results(run.flow_run_id).rows == ()
    with pytest.raises(MissingResult, match="rolled back"):
        run.state.result()


def test_a_key_that_was_committed_skips_the_body_on_the_next_run(home: Path) -> None:
    @flow
    def once() -> bool:
        with transaction(key="the-load") as txn:
            if txn.is_committed():
                return False
            write("a")
            txn.stage({"rows": 3})
        return True

    assert once() is True
    assert once() is False
    assert DONE == ["write a", "commit"]
    assert ResultStore().read("the-load").result == {"rows": 3}


def test_a_key_that_was_rolled_back_runs_again(home: Path) -> None:
    fails = [True, False]

    @flow
    def once() -> bool:
        with transaction(key="k") as txn:
            if not txn.is_committed():
                write("a")
                if fails.pop(0):
                    fail()
        return txn.is_committed()

    assert once(return_state=True).is_failed()
    assert once() is True
    assert DONE == ["write a", "undo", "write a", "commit"]


def test_a_cached_task_in_a_rolled_back_transaction_is_not_cached_later(home: Path) -> None:
    @task(cache_policy=INPUTS)
    def load(x: int) -> int:
        DONE.append("load")
        return x

    @flow
    def calls(*, bad: bool) -> str:
        with transaction():
            state = load(1, return_state=True)
            if bad:
                raise ValueError("no")
        return state.name

    assert calls(bad=True, return_state=True).is_failed()
    assert calls(bad=False) == "Completed"
    assert calls(bad=False) == "Cached"
    assert calls(bad=True, return_state=True).is_failed()
    assert calls(bad=False) == "Cached"
    assert DONE == ["load", "load"]


def test_results_are_stored_when_the_transaction_commits(orchestrator: Orchestrator) -> None:
    seen: list[int] = []

    @flow
    def calls() -> None:
        run_id = orchestrator.list_flow_runs().rows[0].id
        with transaction():
            write("a")
            seen.append(len(orchestrator.list_results(run_id).rows))

    calls()
    run = runs_of(orchestrator)["write-0"]
    assert seen == [0]
    assert run.state.result() == "a"


def test_a_task_with_hooks_and_no_transaction_around_commits_by_itself(
    orchestrator: Orchestrator,
) -> None:
    @flow
    def calls() -> None:
        write("a")
        DONE.append("after")
        fail(return_state=True)

    calls()
    assert DONE == ["write a", "commit", "after"]
    assert runs_of(orchestrator)["write-0"].state.result() == "a"


def test_a_commit_hook_that_fails_rolls_back_without_raising(orchestrator: Orchestrator) -> None:
    @task
    def gives() -> int:
        return 1

    @gives.on_commit
    def broken(txn: Transaction) -> None:
        raise RuntimeError("broken")

    @gives.on_rollback
    def undone(txn: Transaction) -> None:
        DONE.append("undone")

    @flow
    def calls() -> int:
        return gives()

    assert calls() == 1
    assert DONE == ["undone"]
    assert runs_of(orchestrator)["gives-0"].state.name == "RolledBack"


def test_a_value_that_cannot_be_stored_rolls_back_and_the_flow_carries_on(
    orchestrator: Orchestrator,
) -> None:
    @task(on_rollback=[does("undone")])
    def gives() -> Any:
        return threading.Lock()

    @flow
    def calls() -> str:
        with transaction() as txn:
            lock = gives()
        assert txn.is_rolled_back()
        return type(lock).__name__

    assert calls() == "lock"
    assert DONE == ["undone"]


def test_retries_inside_a_transaction_do_not_roll_it_back(home: Path) -> None:
    tries = [ValueError("first"), None]

    @task(retries=1)
    def flaky() -> int:
        error = tries.pop(0)
        if error:
            raise error
        return 1

    @flow
    def calls() -> bool:
        with transaction() as txn:
            write("a")
            flaky()
        return txn.is_committed()

    assert calls() is True
    assert DONE == ["write a", "commit"]


def test_tasks_of_a_pool_belong_to_the_transaction_they_were_submitted_in(
    orchestrator: Orchestrator,
) -> None:
    @flow
    def calls() -> None:
        with transaction():
            futures = [write.submit(str(n)) for n in range(3)]
            for future in futures:
                future.wait()
            fail()

    assert calls(return_state=True).is_failed()
    assert DONE.count("undo") == 3
    names = [r.state.name for r in runs_of(orchestrator).values() if r.name != "fail-0"]
    assert names == ["RolledBack"] * 3


@pytest.mark.parametrize("bad", [False, True])
def test_a_transaction_around_whole_flows(orchestrator: Orchestrator, *, bad: bool) -> None:
    """It commits when the flows, and what records their tasks, have long ended."""

    def work() -> None:
        with transaction():
            write("a")  # a task outside any flow has a small one of its own
            if bad:
                raise ValueError("no")

    if bad:
        with pytest.raises(ValueError, match="no"):
            work()
        assert DONE == ["write a", "undo"]
    else:
        work()
        assert DONE == ["write a", "commit"]
    run = runs_of(orchestrator)["write-0"]
    assert run.state.name == ("RolledBack" if bad else "Completed")
    if not bad:
        assert run.state.result() == "a"
        assert orchestrator.list_flow_runs().rows[0].state.result() == "a"


def test_async_tasks_and_transactions(orchestrator: Orchestrator) -> None:
    @task(on_rollback=[does("undone")])
    async def gives(x: int) -> int:
        assert get_transaction() is not None
        return x

    @flow
    async def calls() -> None:
        async with atransaction():
            await gives(1)
            await asyncio.sleep(0)
            raise ValueError("no")

    assert asyncio.run(calls(return_state=True)).is_failed()  # type: ignore[arg-type]
    assert DONE == ["undone"]


def test_a_hook_reads_what_the_task_put_aside(home: Path) -> None:
    @task
    def makes() -> None:
        txn = get_transaction()
        assert txn is not None
        txn.set("path", "/tmp/made")

    @makes.on_rollback
    def remove(txn: Transaction) -> None:
        DONE.append(f"remove {txn.get('path')}")

    @flow
    def calls() -> None:
        with transaction():
            makes()
            fail()

    calls(return_state=True)
    assert DONE == ["remove /tmp/made"]


def test_a_process_killed_inside_a_transaction_leaves_no_record(
    orchestrator: Orchestrator,
) -> None:
    code = (
        "import os, signal\n"
        "from nbflow import flow, task\n"
        "from nbflow.cache_policies import INPUTS\n"
        "from nbflow.transactions import transaction\n"
        "@task(cache_policy=INPUTS)\n"
        "def load(x): return x\n"
        "@flow\n"
        "def calls():\n"
        "    with transaction(key='whole'):\n"
        "        load(1)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "calls()\n"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    assert not ResultStore().exists("whole")
    assert orchestrator.list_results(task_key="__main__.load").rows == ()


# -- alone ----------------------------------------------------------------------------------------
def test_children_commit_first_and_are_undone_last_first(home: Path) -> None:
    def staged(name: str) -> None:
        with transaction() as txn:
            txn.stage(name, [does(f"undo {name}")], [does(f"commit {name}")])

    with transaction() as outer:
        outer.stage("o", [does("undo 1"), does("undo 2")], [does("commit o")])
        staged("a"), staged("b")
    assert DONE == ["commit a", "commit b", "commit o"]
    DONE.clear()

    def undone() -> None:
        with transaction() as outer:
            outer.stage("o", [does("undo 1"), does("undo 2")], [does("commit o")])
            staged("a"), staged("b")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        undone()
    assert DONE == ["undo 2", "undo 1", "undo b", "undo a"]


def test_an_error_in_a_nested_one_undoes_all_even_when_it_is_caught(home: Path) -> None:
    with transaction() as outer:
        with transaction() as first:
            first.stage(1, [does("undo first")])
        with pytest.raises(ValueError, match="no"), transaction():
            raise ValueError("no")
    assert outer.is_rolled_back()
    assert DONE == ["undo first"]


def test_eager_commits_at_its_own_end_and_stays(home: Path) -> None:
    def undone() -> None:
        with transaction():
            with transaction(commit_mode=CommitMode.EAGER) as eager:
                eager.stage(1, [does("undo")], [does("commit")])
            assert DONE == ["commit"]
            assert eager.is_committed()
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        undone()
    assert DONE == ["commit"]


def test_off_is_undone_unless_it_was_committed(home: Path) -> None:
    with transaction(commit_mode="off") as forgotten:
        forgotten.stage(1, [does("undo")])
    assert forgotten.is_rolled_back()
    with transaction(commit_mode="OFF") as done:
        done.stage(1, [does("undo")])
        assert done.commit()
    assert done.is_committed()
    assert DONE == ["undo"]


def test_its_states(home: Path) -> None:
    txn = transaction("k")
    assert txn.is_pending()
    with txn:
        assert txn.is_active()
        assert get_transaction() is txn
        txn.stage(1)
        assert txn.is_staged()
    assert txn.state is TransactionState.COMMITTED
    assert get_transaction() is None
    with pytest.raises(NbflowError, match="once"), txn:
        pass
    with transaction("k") as again:
        assert again.is_committed()
        assert again.read().result == 1
    with transaction("k", overwrite=True) as anew:
        assert not anew.is_committed()
        anew.stage(2)
    assert ResultStore().read("k").result == 2


def test_write_on_commit_can_be_left_out(home: Path) -> None:
    with transaction("k", write_on_commit=False) as txn:
        txn.stage(1)
    assert txn.is_committed()
    assert not ResultStore().exists("k")


def test_scratch_values_are_copies_and_inherited(home: Path) -> None:
    with transaction() as outer:
        value = {"a": [1]}
        outer.set("v", value)
        value["a"].append(2)
        with transaction() as inner:
            assert inner.get("v") == {"a": [1]}
            inner.get("v")["a"].append(3)
            assert inner.get("v") == {"a": [1]}
            assert inner.get("nothing", None) is None
            with pytest.raises(InvalidInput, match="nothing"):
                inner.get("nothing")


def test_an_error_in_a_rollback_hook_is_logged_and_stops_the_rest(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(txn: Transaction) -> None:
        raise RuntimeError("broken hook")

    with transaction(commit_mode=CommitMode.OFF) as txn:
        txn.stage(1, [does("never"), broken, does("undo")])
    assert txn.is_rolled_back()
    assert DONE == ["undo"]
    assert "broken hook" in caplog.text


def test_async_hooks_are_finished(home: Path) -> None:
    async def hook(txn: Transaction) -> None:
        await asyncio.sleep(0)
        DONE.append("done")

    with transaction() as txn:
        txn.stage(1, on_commit_hooks=[hook])

    async def inside() -> None:
        with transaction() as txn:  # a cell of a notebook has a loop running
            txn.stage(1, on_commit_hooks=[hook])

    asyncio.run(inside())
    assert DONE == ["done", "done"]


def test_serializable_waits_for_the_first_and_finds_its_value(home: Path) -> None:
    store = ResultStore(lock_manager=MemoryLockManager())
    began, go_on = threading.Event(), threading.Event()
    found: list[Any] = []

    def first() -> None:
        with transaction("k", store, isolation_level=IsolationLevel.SERIALIZABLE) as txn:
            began.set()
            go_on.wait(10)
            txn.stage(1)

    def second() -> None:
        with transaction("k", store, isolation_level="serializable") as txn:
            found.append(txn.is_committed())

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert began.wait(60)
    threads[1].start()
    assert store.is_locked("k")
    assert found == []
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert found == [True]
    assert not store.is_locked("k")


def test_a_lock_is_given_back_whatever_happens(home: Path) -> None:
    store = ResultStore(lock_manager=MemoryLockManager())
    serializable = transaction("k2", store, isolation_level=IsolationLevel.SERIALIZABLE)
    with pytest.raises(ValueError, match="no"), serializable:
        raise ValueError("no")
    assert not store.is_locked("k2")


def test_bad_words_are_refused_before_anything_begins(home: Path) -> None:
    with pytest.raises(InvalidInput, match="LAZY"):
        transaction(commit_mode="sometimes")
    with pytest.raises(InvalidInput, match="SERIALIZABLE"):
        transaction(isolation_level="none")
    with pytest.raises(InvalidInput, match="key"):
        transaction(key="")
    lockless = transaction("k", isolation_level="serializable")
    with pytest.raises(InvalidInput, match="lock manager"), lockless:
        pass
    assert get_transaction() is None
    assert connect().list_flow_runs().rows == ()
