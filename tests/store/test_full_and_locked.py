"""A SQLite file that another program holds, or that cannot grow: nothing is lost; it goes on."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from nbflow import settings
from nbflow.exceptions import StoreBusy, StoreFull
from nbflow.model.runs import NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator

#: what a backup or a viewer does: it holds the lock until it is told to let go
HOLDER = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
held.execute("ROLLBACK")
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_write_waits_for_another_programs_lock_and_readers_do_not(
    orchestrator: Orchestrator, home: Path
) -> None:
    before = orchestrator.create_flow_run(NewFlowRun("before"))
    begun = threading.Event()

    def create() -> str:
        begun.set()
        return orchestrator.create_flow_run(NewFlowRun("waited")).id

    with holder(home / "nbflow.sqlite") as process, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(create)
        assert begun.wait(60)
        assert [run.id for run in orchestrator.list_flow_runs().rows] == [before.id]
        assert not waiting.done()
        assert process.stdin is not None
        process.stdin.write("let go\n")
        process.stdin.flush()
        made = waiting.result(60)
    assert {run.id for run in orchestrator.list_flow_runs().rows} == {before.id, made}


def test_a_lock_that_is_held_for_too_long_is_told_and_nothing_is_half_written(home: Path) -> None:
    with settings.temporary(busy_seconds=0.2):
        store = Orchestrator()
        with holder(home / "nbflow.sqlite"), pytest.raises(StoreBusy):
            store.create_flow_run(NewFlowRun("refused"))
        assert store.list_flow_runs().rows == ()
        store.create_flow_run(NewFlowRun("afterwards"))
        store.close()


def test_a_full_disk_is_told_and_writing_goes_on_by_itself(orchestrator: Orchestrator) -> None:
    def pages(most: int) -> None:
        orchestrator.database.close()  # the limit is one connection's
        with orchestrator.database.read() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {most}")

    with orchestrator.database.read() as connection:
        used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    pages(used + 2)
    made: list[str] = []

    def fill() -> None:
        while True:
            made.append(orchestrator.create_flow_run(NewFlowRun("x" * 200)).id)

    with pytest.raises(StoreFull) as caught:
        fill()
    assert caught.value.status == 507
    told = len(orchestrator.changes(0).events)
    assert told == len(made)  # a run and its event, or neither
    pages(1_000_000)
    made.append(orchestrator.create_flow_run(NewFlowRun("room again")).id)
    assert {run.id for run in orchestrator.list_flow_runs(limit=200).rows} == set(made)
