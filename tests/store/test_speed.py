"""What is asked all day costs the same however many runs there are: work is counted, not time.

`make test` compares 4,000 runs with 16,000; `make faults` (`NBFLOW_FAULTS_FULL=1`) 100,000 with
1,000,000, and prints how long each took.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from nbflow.model import clock, states
from nbflow.model.run_lists import RunFilter
from nbflow.model.runs import NewFlowRun
from nbflow.model.workers import NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import lines, owners
from nbflow.store.tables import flow_run

FULL = "NBFLOW_FAULTS_FULL" in os.environ
FEW, MANY = (100_000, 1_000_000) if FULL else (4_000, 16_000)

pytestmark = pytest.mark.timeout(900 if FULL else 300)

#: the beginning of the ids of the runs that are only there to be many
DEPLOYMENT = "019fffff-0000-7000-8000-00000000000"


def multiply(store: Orchestrator, first: int, last: int) -> None:
    """Copy a run that has ended, under names, states and deployments of ten kinds."""
    lite = store.database.engine.dialect.name == "sqlite"
    padded = "printf('%012d', i)" if lite else "lpad(i::text, 12, '0')"
    told = {
        "id": f"'019fffff-0000-7000-8000-' || {padded}",
        "state_id": f"'019ffffe-0000-7000-8000-' || {padded}",
        "name": "'night-' || i",
        "flow_name": "'flow-' || (i % 10)",
        "deployment_id": f"'{DEPLOYMENT}' || (i % 10)",
        "state_type": "CASE WHEN i % 10 = 0 THEN 'FAILED' ELSE 'COMPLETED' END",
        "state_name": "CASE WHEN i % 10 = 0 THEN 'Failed' ELSE 'Completed' END",
        "due_at": "due_at + i * 1000",
        "started_at": "started_at + i * 1000",
        "ended_at": "ended_at + i * 1000",
        "work_pool": "'p'",
        "work_queue": "'default'",
        "created_by": "'schedule'",
    }
    names = [column.name for column in flow_run.columns]
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(told.get(name, f'flow_run."{name}"') for name in names)
    with store.database.write() as connection:
        connection.execute(
            sa.text(
                f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n"
                f" WHERE i < {last}) INSERT INTO flow_run ({columns}) SELECT {values}"
                " FROM n, flow_run WHERE flow_run.flow_name = 'template'"
            )
        )
    if not lite:  # its own housekeeping does so; nothing does in SQLite
        with store.database.engine.connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE flow_run")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def growing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Orchestrator, dict[str, dict[int, int]]]]:
    """A store that was measured with few runs, and now has many."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('many')}/a.sqlite"
    else:
        cluster = request.getfixturevalue("postgresql")
        url = cluster.create("many")
        if not FULL:  # to sort a deployment's runs is less work while they are some hundreds
            cluster.say("alter database many set enable_bitmapscan = off")
    store = Orchestrator(url)
    run = store.create_flow_run(NewFlowRun("template", tags=("often",)))
    for state in (states.Running(), states.Completed()):
        store.propose(run.id, state, attempt=1)
    worker = store.register_worker(NewWorker("w", "p", owners.current(), 4))
    assert worker.work_pool == "p"
    found: dict[str, dict[int, int]] = {name: {} for name in QUESTIONS}
    done = 0
    for count in (FEW, MANY):
        multiply(store, done + 1, count)
        done = count
        for name, ask in QUESTIONS.items():
            ask(store)
            before = time.perf_counter()
            ask(store)
            took = time.perf_counter() - before
            found[name][count] = work(store, ask)
            if FULL:
                print(f"{request.param} {count:>9,} {name}: {took * 1000:.1f} ms")
    yield store, found
    store.close()


def _runs(**where: Any) -> Callable[[Orchestrator], Any]:
    sort = where.pop("sort", "-due_at")
    return lambda store: store.list_flow_runs(RunFilter(**where), sort=sort, limit=200)


def _read(ask: Callable[[sa.Connection], Any]) -> Callable[[Orchestrator], Any]:
    def read(store: Orchestrator) -> Any:
        with store.database.read() as connection:
            return ask(connection)

    return read


def _page_in_the_middle(store: Orchestrator) -> Any:
    first = store.list_flow_runs(RunFilter(), limit=200)
    return store.list_flow_runs(RunFilter(), limit=200, cursor=first.cursor)


QUESTIONS: dict[str, Callable[[Orchestrator], Any]] = {
    "all": _runs(),
    "the next page": _page_in_the_middle,
    "oldest first": _runs(sort="due_at"),
    "by name": _runs(sort="name"),
    "by start": _runs(sort="-started_at"),
    "by end": _runs(sort="-ended_at"),
    "failed": _runs(state=("FAILED",)),
    "failed or completed": _runs(state=("FAILED", "COMPLETED")),
    "running": _runs(state=("RUNNING",)),
    "late": _runs(state=("Late",)),
    "waiting": _runs(state=("SCHEDULED", "PENDING")),
    "of a deployment": _runs(deployment_id=f"{DEPLOYMENT}3"),
    "of no deployment": _runs(deployment_id="nowhere"),
    "of a flow": _runs(flow_name="flow-3"),
    "of several flows": _runs(flow_name=("flow-3", "flow-4")),
    "named": _runs(name="night-77"),
    "of an id": _runs(id="019fffff-0000-7000-8000-000000000077"),
    "of a schedule": _runs(schedule_id="nowhere"),
    "children": _runs(parent_flow_run_id="nowhere"),
    "of a backfill": _runs(backfill_id="nowhere"),
    "found by name": _runs(search="night-1"),
    "tagged": _runs(tags=("often",)),
    "of a pool": _runs(work_pool="p"),
    "by maker": _runs(created_by="schedule"),
    "is any due": _read(lambda c: lines.any_due(c, "p", clock.now())),
    "busy": _read(lines.busy),
    "the next start": _read(lambda c: lines.next_start(c, "p")),
    "live runs": lambda store: store.live_runs(),
    "events": lambda store: store.changes(store.seq()),
    "create": lambda store: store.create_flow_run(NewFlowRun("new")),
}


#: parts of names have no index: one look through what there is, and never more than one
LOOKED_THROUGH = ("found by name",)


@pytest.mark.parametrize("name", QUESTIONS)
def test_it_costs_the_same_however_many_runs_there_are(
    growing: tuple[Orchestrator, dict[str, dict[int, int]]], name: str
) -> None:
    few, many = growing[1][name].values()
    if name in LOOKED_THROUGH:
        assert many <= few * MANY / FEW * 1.2
        return
    assert many <= few * 1.5 + 60, (few, many)


# -- how much work was done ---------------------------------------------------------------------
def work(store: Orchestrator, ask: Callable[[Orchestrator], Any]) -> int:
    """Count what a question makes the database do."""
    if store.database.engine.dialect.name == "sqlite":
        return _steps(store, ask)
    return _rows(store, ask)


def _steps(store: Orchestrator, ask: Callable[[Orchestrator], Any]) -> int:
    """Count a hundred instructions of SQLite's machine at a time."""
    counted = 0

    def count() -> int:
        nonlocal counted
        counted += 1
        return 0

    with _each_connection(store, lambda driver: driver.set_progress_handler(count, 100)):
        ask(store)
    with _each_connection(store, lambda driver: driver.set_progress_handler(None, 0)):
        pass
    return counted


@contextmanager
def _each_connection(
    store: Orchestrator, prepare: Callable[[Any], Any]
) -> Generator[None, None, None]:
    """Prepare connections as they are taken from the pool."""

    def taken(driver: Any, *_: Any) -> None:
        prepare(driver)

    engine = store.database.engine
    event.listen(engine, "checkout", taken)
    yield
    event.remove(engine, "checkout", taken)


def _rows(store: Orchestrator, ask: Callable[[Orchestrator], Any]) -> int:
    """Count the rows that PostgreSQL's plans looked at, those it left out among them."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, text: str, values: Any, *_: Any) -> None:
        if text.lstrip().startswith("SELECT"):
            asked.append((text, values))

    engine = store.database.engine
    event.listen(engine, "before_cursor_execute", note)
    ask(store)
    event.remove(engine, "before_cursor_execute", note)
    seen = 0
    with store.database.read() as connection:
        for text, values in asked:
            explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", values)
            seen += _seen(explained.scalar_one()[0]["Plan"])
    return seen


def _seen(plan: dict[str, Any]) -> int:
    rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    rows += plan.get("Rows Removed by Index Recheck", 0)
    return int(rows * plan["Actual Loops"]) + sum(map(_seen, plan.get("Plans", ())))
