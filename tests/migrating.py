"""Kept databases of earlier releases, in SQLite and in PostgreSQL, and what is in a store."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command

from nbflow.model.ids import uuid7
from nbflow.store import dialect
from nbflow.store.database import alembic_config

DATABASES = Path(__file__).parent / "store" / "databases"
#: a store was written by each of these releases
RELEASES = ("0001", "0002", "0003")

Rows = dict[str, list[tuple[Any, ...]]]


def kept(revision: str, place: str) -> None:
    """Make a store, at an address, what a release left behind."""
    source = DATABASES / f"{revision}.sqlite"
    if place.startswith("sqlite"):
        shutil.copy(source, place.removeprefix("sqlite:///"))
        return
    command.upgrade(alembic_config(place), revision)
    pour(source, place)


def pour(source: Path, place: str) -> None:
    """Write the rows of a SQLite file into a PostgreSQL store of the same schema."""
    engine = dialect.open_engine(place)
    tables = sa.MetaData()
    tables.reflect(engine)
    lite = sqlite3.connect(source)
    lite.row_factory = sqlite3.Row
    with dialect.write(engine) as connection:
        for table in tables.sorted_tables:
            rows = [dict(row) for row in lite.execute(f'SELECT * FROM "{table.name}"')]
            if rows and table.name != "alembic_version":
                connection.execute(table.insert(), [_typed(row, table) for row in rows])
    lite.close()
    engine.dispose()


def _typed(row: dict[str, Any], table: sa.Table) -> dict[str, Any]:
    """SQLite keeps booleans as numbers."""
    truths = {c.name for c in table.columns if isinstance(c.type, sa.Boolean)}
    return {
        name: bool(value) if name in truths and value is not None else value
        for name, value in row.items()
    }


def contents(place: str, *, made_up: Callable[[str, str], bool] = lambda *_: False) -> Rows:
    """Give all rows of a store by table, but for columns whose values are made up."""
    engine = dialect.open_engine(place)
    tables = sa.MetaData()
    tables.reflect(engine)
    found: Rows = {}
    with dialect.read(engine) as connection:
        for table in tables.sorted_tables:
            columns = [c for c in table.columns if not made_up(table.name, c.name)]
            rows = connection.execute(sa.select(*sorted(columns, key=lambda c: c.name)))
            found[table.name] = sorted((tuple(row) for row in rows), key=repr)
    engine.dispose()
    return found


def multiply(place: str, count: int) -> None:
    """Copy one run of a store of the first release, with its states and a task run, so often."""
    engine = dialect.open_engine(place)
    tables = sa.MetaData()
    tables.reflect(engine)
    run, states, task, steps = (
        tables.tables[name] for name in ("flow_run", "flow_run_state", "task_run", "task_run_state")
    )
    with dialect.write(engine) as connection:

        def rows(table: sa.Table, where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
            found = connection.execute(sa.select(table).where(where))
            return [dict(row) for row in found.mappings()]

        one_task = rows(task, task.c.id == sa.select(sa.func.min(task.c.id)).scalar_subquery())[0]
        one_run = rows(run, run.c.id == one_task["flow_run_id"])[0]
        its_states = rows(states, states.c.flow_run_id == one_run["id"])
        its_steps = rows(steps, steps.c.task_run_id == one_task["id"])
        for start in range(0, count, 5000):
            many: dict[sa.Table, list[dict[str, Any]]] = {run: [], states: [], task: [], steps: []}
            for n in range(start, min(start + 5000, count)):
                of, its = {"flow_run_id": uuid7()}, {"task_run_id": uuid7()}
                other = {"schedule_id": None, "idempotency_key": None, "due_at": n}
                many[run].append(one_run | other | {"id": of["flow_run_id"]})
                many[states] += [row | of | {"id": uuid7()} for row in its_states]
                many[task].append(one_task | of | {"id": its["task_run_id"]})
                many[steps] += [row | its | {"id": uuid7()} for row in its_steps]
            for table, made in many.items():
                connection.execute(table.insert(), made)
    engine.dispose()
