"""Kept databases of earlier releases, in SQLite and in PostgreSQL, and what is in a store."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command

from nbflow.store import dialect
from nbflow.store.database import alembic_config

DATABASES = Path(__file__).parent / "store" / "databases"
#: a store was written by each of these releases; that of the newest joins them with the next schema
RELEASES = ("0001", "0002", "0003", "0004")

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
    padded = "lpad(i::text, 12, '0')" if engine.dialect.name != "sqlite" else "printf('%012d', i)"
    run, task = (f"'019fffff-0000-7000-800{digit}-' || {padded}" for digit in "01")
    own = f"substr(x.id, 1, 24) || {padded}"
    told = {
        "flow_run": {"id": run, "schedule_id": "NULL", "idempotency_key": "NULL", "due_at": "i"},
        "flow_run_state": {"id": own, "flow_run_id": run},
        "task_run": {"id": task, "flow_run_id": run},
        "task_run_state": {"id": own, "task_run_id": task},
    }
    with dialect.write(engine) as connection:

        def ask(text: str) -> str:
            return connection.execute(sa.text(text)).scalar_one()

        one_task = ask("SELECT min(id) FROM task_run")
        one_run = ask(f"SELECT flow_run_id FROM task_run WHERE id = '{one_task}'")
        which = {
            "flow_run": f"x.id = '{one_run}'",
            "flow_run_state": f"x.flow_run_id = '{one_run}'",
            "task_run": f"x.id = '{one_task}'",
            "task_run_state": f"x.task_run_id = '{one_task}'",
        }
        for name, other in told.items():
            columns = [column.name for column in tables.tables[name].columns]
            values = ", ".join(other.get(column, f'x."{column}"') for column in columns)
            into = ", ".join(f'"{column}"' for column in columns)
            numbers = f"n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
            made = f"SELECT {values} FROM n, {name} x WHERE {which[name]}"
            connection.execute(
                sa.text(f"WITH RECURSIVE {numbers} INSERT INTO {name} ({into}) {made}")
            )
    engine.dispose()
