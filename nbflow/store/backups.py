"""Copies of a whole store: made while it is in use, put back, and kept before its schema changes.

SQLite is copied by its online backup, PostgreSQL by its own `pg_dump` and `pg_restore`. Files of
the home folder (results, notebooks of runs) are no part of it.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from nbflow import settings
from nbflow.exceptions import Conflict, InvalidInput, NbflowError, StoreBusy
from nbflow.model import clock
from nbflow.store import dialect
from nbflow.store.database_errors import translated

_log = logging.getLogger("nbflow.store")

#: copies kept from before changes of the schema
_KEPT = 3
#: a schema that holds one of these holds work
_WORK = ("flow_run", "deployment", "variable", "concurrency_limit", "artifact")
_HINT_PROGRAMS = "Install PostgreSQL's client programs, or copy the database by its own means."


def backup(url: str, file: Path) -> int:
    """Copy a store into a new file; give its bytes. Raises Conflict: the file is there."""
    if file.exists():
        raise Conflict(
            f"{file} is there already.", field="file", hint="Name a file that is not there yet."
        )
    if not file.parent.is_dir():
        raise InvalidInput(f"There is no folder {file.parent}.", field="file")
    draft = file.with_name(f"{file.name}.{os.getpid()}.part")
    os.close(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
    parsed = dialect.parse(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            _copy(_file_of(parsed), draft)
            _alone(draft)
        else:
            _client("pg_dump", parsed, "--format=custom", "--no-owner", f"--file={draft}")
        with draft.open("rb") as made:
            os.fsync(made.fileno())
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return file.stat().st_size


def restore(url: str, file: Path) -> Path | None:
    """Put a copy in a store's place; give where the store it replaced is kept (SQLite).

    Raises InvalidInput for a file that is no copy of a store; nothing is changed then.
    """
    if not file.is_file():
        raise InvalidInput(f"There is no file {file}.", field="file")
    parsed = dialect.parse(url)
    if parsed.get_backend_name() != "sqlite":
        said = ("--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error")
        _client("pg_restore", parsed, *said, str(file))
        return None
    _check_copy(file)
    store = _file_of(parsed)
    kept = None
    if store.exists():
        kept = store.with_name(f"{store.name}.before-restore.{_stamp()}")
        backup(url, kept)
    store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _copy(file, store)
    return kept


def keep_before_migration(engine: sa.Engine, revision: str) -> Path | None:
    """Copy a store that holds work, and give where; the newest few copies stay.

    SQLite's lie beside the store, PostgreSQL's in the home folder. Raises InvalidInput
    (`backup.program`): PostgreSQL's client programs are not here.
    """
    if not _holds_work(engine):
        return None
    beside = _beside(engine.url)
    kept = beside.with_name(f"{beside.name}.before-{revision}.{_stamp()}")
    try:
        backup(engine.url.render_as_string(hide_password=False), kept)
    except NbflowError as error:
        if engine.dialect.name == "sqlite":
            raise
        raise InvalidInput(
            f"The store was not copied, so its schema was left as it is. {error}",
            code=error.code,
            hint=f"{error.hint} Then say --no-backup to `nbflow database upgrade`.",
        ) from None
    copies = sorted(beside.parent.glob(f"{beside.name}.before-????.*Z"), key=_age)
    for old in copies[:-_KEPT]:
        old.unlink(missing_ok=True)
    _log.info("The store is kept as it was (schema %s) in %s.", revision, kept)
    return kept


def _beside(url: sa.URL) -> Path:
    """Give the file that copies are put beside and named after."""
    if url.get_backend_name() == "sqlite":
        return _file_of(url)
    folder = settings.ensure_home() / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    place = f"{url.host or 'localhost'}-{url.port or 5432}-{url.database}"
    return folder / "".join(c if c.isalnum() or c in "-_" else "_" for c in place)


def _age(path: Path) -> str:
    return path.name.rpartition(".")[2]


def _stamp() -> str:
    return f"{clock.now():%Y%m%dT%H%M%S%f}Z"


def _holds_work(engine: sa.Engine) -> bool:
    with dialect.read(engine) as connection:
        there = set(sa.inspect(connection).get_table_names())
        return any(
            connection.exec_driver_sql(f"SELECT 1 FROM {name} LIMIT 1").first() is not None
            for name in _WORK
            if name in there
        )


# -- SQLite -----------------------------------------------------------------------------------
def _file_of(url: sa.URL) -> Path:
    return Path(url.database or "")


def _copy(source: Path, target: Path) -> None:
    """Copy a database whole, as it is at one instant; who has the target open sees it change."""
    if not source.exists():
        raise InvalidInput(f"There is no store {source} yet.", field="NBFLOW_DATABASE_URL")
    with (
        translated(),
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as before,
        closing(sqlite3.connect(target, timeout=30)) as after,
    ):
        before.backup(after)


def _alone(copy: Path) -> None:
    """Let a copy be one file, to be read where nothing can be written."""
    with translated(), closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _check_copy(file: Path) -> None:
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as copy:
            (fine,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
            copy.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise _no_copy(file, str(error)) from None
    if fine != "ok":
        raise _no_copy(file, fine)


def _no_copy(file: Path, why: str) -> InvalidInput:
    return InvalidInput(
        f"{file} is no whole copy of a store: {why}.",
        code="backup.invalid",
        field="file",
        hint="Give a file that `nbflow database backup` made.",
    )


# -- PostgreSQL -------------------------------------------------------------------------------
def _client(program: str, url: sa.URL, *said: str) -> None:
    """Run one of PostgreSQL's programs; the password goes by its environment, for none to see."""
    found = shutil.which(program)
    if found is None:
        raise InvalidInput(
            f"There is no program {program} here.", code="backup.program", hint=_HINT_PROGRAMS
        )
    plain = url.set(drivername="postgresql", password=None)
    env = {**os.environ, "PGPASSWORD": str(url.password)} if url.password else None
    command = [found, f"--dbname={plain.render_as_string()}", *said]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StoreBusy(
            f"{program} failed: {done.stderr.strip()}", code="backup.failed", hint=_HINT_PROGRAMS
        )
