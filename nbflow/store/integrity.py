"""Is a store's database whole, and its schema the code's? Says what is wrong, and mends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa

from nbflow.store import database
from nbflow.store.database import Database
from nbflow.store.schema import metadata


class Fault(NamedTuple):
    """Something wrong with a database, and what to do."""

    what: str
    message: str
    hint: str


_RESTORE = "Restore a backup: `nbflow database restore FILE`."


def check(store: Database) -> Iterator[Fault]:
    """Look at the pages, the references and the schema of a store."""
    with store.read() as connection:
        lite = connection.dialect.name == "sqlite"
        yield from _sqlite(connection) if lite else _postgresql(connection)
    version = store.version()
    if version != database.HEAD:
        yield Fault(
            "schema",
            f"The schema is {version}; this nbflow needs {database.HEAD}.",
            "Say `nbflow database upgrade`.",
        )
        return
    yield from _schema(store)


def _sqlite(connection: sa.Connection) -> Iterator[Fault]:
    for (said,) in connection.exec_driver_sql("PRAGMA integrity_check").all():
        if said != "ok":
            yield Fault("integrity", str(said), _RESTORE)
    for row in connection.exec_driver_sql("PRAGMA foreign_key_check").all():
        message = f"Row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there."
        yield Fault("reference", message, "Delete it, or restore a backup.")


def _postgresql(connection: sa.Connection) -> Iterator[Fault]:
    invalid = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"
    for (name,) in connection.exec_driver_sql(invalid).all():
        yield Fault("integrity", f"The index {name} is not valid.", f"Say REINDEX INDEX {name}.")
    loose = "SELECT conname FROM pg_constraint WHERE NOT convalidated"
    for (name,) in connection.exec_driver_sql(loose).all():
        message = f"The constraint {name} was never checked."
        yield Fault("reference", message, "Say ALTER TABLE … VALIDATE CONSTRAINT ….")


def _schema(store: Database) -> Iterator[Fault]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.read() as connection:
        differing = compare_metadata(MigrationContext.configure(connection), metadata)
    for difference in differing:
        yield Fault("schema", f"It differs from the code: {difference!r}.", _RESTORE)
