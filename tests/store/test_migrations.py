"""The migrations lead to the schema that a fresh store is given at once."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from nbflow.exceptions import SchemaMismatch
from nbflow.model import clock
from nbflow.model.backend import RunFilter
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import backups, database, integrity
from nbflow.store.database import Database, alembic_config
from nbflow.store.schema import metadata
from tests import migrating

DATABASES = Path(__file__).parent / "databases"
FIRST_RELEASE = DATABASES / "0001.sqlite"


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


def test_an_upgrade_keeps_what_the_first_release_stored(tmp_path: Path) -> None:
    """`databases/0001.sqlite` was written by the first release."""
    path = tmp_path / "a.sqlite"
    shutil.copy(FIRST_RELEASE, path)
    old = sqlite3.connect(path)
    tables = ("flow_run", "flow_run_state", "task_run", "log", "artifact", "schedule", "deployment")
    counts = {name: old.execute(f"select count(*) from {name}").fetchone() for name in tables}
    went = old.execute(
        "select task_run_id, type, name, message, at from task_run_state order by 1, at, id"
    ).fetchall()
    old.close()
    assert (counts["task_run"], len(went)) == ((4,), 16)

    orchestrator = Orchestrator(url(path), migrate=True)
    with orchestrator.database.read() as connection:
        assert {
            name: tuple(connection.exec_driver_sql(f"select count(*) from {name}").one())
            for name in tables
        } == counts
    told = [
        (task.id, s.type.value, s.name, s.message, clock.micros(s.at))
        for run in orchestrator.list_flow_runs(RunFilter(sessions=True)).rows
        for task in orchestrator.list_task_runs(run.id)
        for s in task.history
    ]
    assert sorted(told, key=lambda state: (state[0], state[4])) == went
    (schedule,) = (s for d in orchestrator.list_deployments().rows for s in d.schedules)
    assert schedule.timing is not None
    orchestrator.close()


def test_an_upgrade_keeps_what_the_second_release_stored(tmp_path: Path) -> None:
    """`databases/0002.sqlite` was written by the second release."""
    path = tmp_path / "a.sqlite"
    shutil.copy(DATABASES / "0002.sqlite", path)
    old = sqlite3.connect(path)
    runs = old.execute("select id, state_name, parameters from flow_run order by 1").fetchall()
    results = old.execute("select key, sha256, data from result order by 1").fetchall()
    old.close()
    assert len(runs) == 3
    assert results

    orchestrator = Orchestrator(url(path), migrate=True)
    found = orchestrator.list_flow_runs(RunFilter(sessions=True)).rows
    assert sorted(run.id for run in found) == [run[0] for run in runs]
    assert all(run.options == {} for run in found)
    with orchestrator.database.read() as connection:
        kept = connection.exec_driver_sql("select key, sha256, data from result order by 1").all()
    assert [tuple(row) for row in kept] == results
    assert [d.function for d in orchestrator.list_deployments().rows] == [None]
    orchestrator.close()


def test_going_back_to_the_first_release_and_on_again_keeps_histories(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    shutil.copy(FIRST_RELEASE, path)
    states = (
        "select task_run_id, type, name, message, details, at from task_run_state order by 1, 6"
    )
    now = "select id, state_type, state_name, state_message, state_details from task_run order by 1"

    def ask(query: str) -> list[Any]:
        connection = sqlite3.connect(path)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    before = ask(states), ask(now)
    config = alembic_config(url(path))
    command.upgrade(config, "head")
    histories = ask("select id, history from task_run order by 1")
    command.downgrade(config, "0001")
    assert (ask(states), ask(now)) == before
    command.upgrade(config, "head")
    assert ask("select id, history from task_run order by 1") == histories


def test_a_fresh_store_is_made_of_the_tables(tmp_path: Path) -> None:
    def made(fresh: sqlite3.Connection) -> dict[str, str]:
        rows = fresh.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: " ".join(sql.split()) for name, sql in rows}

    database = Database(f"sqlite:///{tmp_path / 'fresh.sqlite'}")
    database.prepare()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'tables.sqlite'}")
    metadata.create_all(engine)
    with (
        closing(sqlite3.connect(tmp_path / "fresh.sqlite")) as fresh,
        closing(sqlite3.connect(tmp_path / "tables.sqlite")) as tables,
    ):
        written = made(fresh)
        written.pop("alembic_version")
        assert written == made(tables), "write it anew: python scripts/fresh_schema.py"


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


# -- every release, on both databases -------------------------------------------------------------
@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store that is not there yet."""
    if request.param == "sqlite":
        return url(tmp_path / "a.sqlite")
    return request.getfixturevalue("postgresql").create(f"m{uuid4().hex}")


def made_by_migrations(table: str, column: str) -> bool:
    return (table, column) in {
        ("work_queue", "id"),
        ("task_run_state", "id"),
        ("task_run", "state_id"),  # of 0001: states had ids of their own
    }


@pytest.mark.parametrize("release", migrating.RELEASES)
def test_up_one_down_and_up_again_keeps_every_row(place: str, release: str) -> None:
    migrating.kept(release, place)
    config = alembic_config(place)

    def now() -> migrating.Rows:
        return migrating.contents(place, made_up=made_by_migrations)

    before = now()
    command.upgrade(config, "head")
    up = now()
    command.downgrade(config, "-1")
    command.upgrade(config, "head")
    assert now() == up
    command.downgrade(config, release)
    assert now() == before
    assert before["flow_run"]


def test_both_databases_hold_the_same_schema_and_the_same_rows(
    tmp_path: Path, postgresql: Any
) -> None:
    places = [url(tmp_path / "a.sqlite"), postgresql.create(f"m{uuid4().hex}")]
    for place in places:
        migrating.kept("0002", place)
        command.upgrade(alembic_config(place), "head")
        store = Database(place)
        assert list(integrity.check(store)) == []
        store.close()
    lite, pg = (migrating.contents(place, made_up=made_by_migrations) for place in places)
    assert lite == pg


@pytest.mark.parametrize("kind", ["fresh", "upgraded"])
def test_a_store_in_postgresql_has_the_schema_of_the_tables(postgresql: Any, kind: str) -> None:
    place = postgresql.create(f"m{uuid4().hex}")
    store = Database(place)
    if kind == "fresh":
        store.prepare()
    else:
        command.upgrade(alembic_config(place), "head")
    assert list(integrity.check(store)) == []
    with store.read() as connection:
        indexes = "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"
        assert "ix_flow_run_newest" in connection.exec_driver_sql(indexes).scalars().all()
    store.close()


def test_pools_are_given_a_queue_and_their_waiting_runs_stand_in_it(place: str) -> None:
    migrating.kept("0003", place)
    store = Database(place)
    store.prepare(migrate=True)
    with store.read() as connection:
        ask = connection.exec_driver_sql
        pools = ask("SELECT name FROM work_pool ORDER BY 1").scalars().all()
        queues = ask("SELECT work_pool, name, priority FROM work_queue ORDER BY 1").all()
        assert pools
        assert [tuple(row) for row in queues] == [(pool, "default", 1) for pool in pools]
        queued = "SELECT DISTINCT work_pool IS NOT NULL, work_queue FROM flow_run"
        found = {(bool(row[0]), row[1]) for row in ask(queued)}
        assert found <= {(True, "default"), (False, None)}
    store.close()


def test_two_that_upgrade_at_once_do_it_once(place: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    migrating.kept("0001", place)

    def upgrade(_: int) -> str | None:
        store = Database(place)
        store.prepare(migrate=True)
        version = store.version()
        store.close()
        return version

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(upgrade, range(3))) == {database.HEAD}


def test_a_store_that_holds_work_is_kept_before_it_is_upgraded(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    shutil.copy(DATABASES / "0002.sqlite", path)
    store = Database(url(path))
    for _ in range(4):
        kept = store.upgrade()
        assert kept is not None
        assert sqlite3.connect(kept).execute("SELECT version_num FROM alembic_version").fetchone()
        store.downgrade("0002")
    copies = list(tmp_path.glob("a.sqlite.before-*"))
    assert len(copies) == 3  # the newest few
    store.close()
    backups.restore(url(path), max(copies, key=lambda copy: copy.name.rpartition(".")[2]))


def test_a_newer_schema_is_refused_by_a_server_too(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    store = Database(url(path))
    store.prepare()
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="newer nbflow"):
        store.prepare(migrate=True)
    store.close()


@pytest.mark.timeout(600)
def test_a_hundred_thousand_runs_are_upgraded_in_half_a_minute(place: str) -> None:
    """4,000 when not asked for the full size; counted in CPU, others use the machine, too."""
    count = 100_000 if os.environ.get("NBFLOW_FAULTS_FULL") else 4_000
    migrating.kept("0001", place)
    migrating.multiply(place, count)
    began = time.process_time(), time.monotonic()
    command.upgrade(alembic_config(place), "head")
    cpu, wall = time.process_time() - began[0], time.monotonic() - began[1]
    print(f"{count:,} runs upgraded: {cpu:.1f} s of CPU, {wall:.1f} s")
    store = Database(place)
    with store.read() as connection:
        runs = connection.exec_driver_sql("SELECT count(*) FROM flow_run").scalar_one()
    store.close()
    assert runs >= count
    assert cpu < 30
