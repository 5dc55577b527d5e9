"""The migrations lead to the schema that a fresh store is given at once."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from nbflow.exceptions import SchemaMismatch
from nbflow.store import database
from nbflow.store.database import Database, alembic_config
from nbflow.store.tables import metadata


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_there_is_one_head_and_the_code_names_it(tmp_path: Path) -> None:
    script = ScriptDirectory.from_config(alembic_config(url(tmp_path / "a.sqlite")))
    assert script.get_heads() == [database.HEAD]


def test_an_upgrade_from_nothing_equals_the_tables(tmp_path: Path) -> None:
    where = url(tmp_path / "a.sqlite")
    command.upgrade(alembic_config(where), "head")
    engine = sa.create_engine(where)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_downgrade_takes_everything_away(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    config = alembic_config(url(path))
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    left = sqlite3.connect(path).execute("select name from sqlite_master where type='table'")
    assert {row[0] for row in left} <= {"alembic_version", "sqlite_sequence"}


def test_a_fresh_store_is_at_head(tmp_path: Path) -> None:
    store = Database(url(tmp_path / "a.sqlite"))
    store.prepare()
    assert store.version() == database.HEAD
    store.prepare()  # and is left alone the second time
    store.close()


def test_an_unknown_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    store = Database(url(path))
    store.prepare()
    store.close()
    connection = sqlite3.connect(path)
    connection.execute("update alembic_version set version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(SchemaMismatch, match="9999"):
        Database(url(path)).prepare()


def test_two_processes_may_make_the_store_at_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def prepare(_: int) -> str | None:
        store = Database(url(tmp_path / "a.sqlite"))
        store.prepare()
        version = store.version()
        store.close()
        return version

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(prepare, range(8))) == {database.HEAD}
