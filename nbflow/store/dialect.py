"""Every difference between databases: how to open one, and what its errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from nbflow import faults, settings
from nbflow.exceptions import Conflict, InvalidInput, NbflowError, StoreBusy, StoreFull, Unreachable

#: file systems on which SQLite's WAL needs shared memory that is not there
NETWORK_FILE_SYSTEMS = frozenset("nfs nfs4 cifs smb3 smbfs lustre gpfs ceph fuse.sshfs".split())


def open_engine(url: str) -> sa.Engine:
    """Open an engine for a store's address. Raises InvalidInput for one nbflow cannot use."""
    try:
        parsed = sa.make_url(url)
    except exc.ArgumentError as error:
        raise InvalidInput(
            f"The store's address {url!r} cannot be read: {error}",
            code="setting.invalid",
            field="NBFLOW_DATABASE_URL",
            hint="Write sqlite:////absolute/path.sqlite.",
        ) from None
    if parsed.get_backend_name() != "sqlite":
        raise InvalidInput(
            f"nbflow cannot keep its store in {parsed.get_backend_name()!r}.",
            code="setting.invalid",
            field="NBFLOW_DATABASE_URL",
            hint="Write sqlite:////absolute/path.sqlite.",
        )
    path = Path(parsed.database or "")
    _make_folder(path.parent)
    refuse_network_file_system(path.parent)
    return _sqlite(parsed)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unreachable(
            f"The store's folder {folder} cannot be made: {error.strerror}.",
            code="store.folder",
            field="NBFLOW_HOME",
            hint="Point NBFLOW_HOME at a folder you can write to.",
        ) from None


def _sqlite(url: sa.URL) -> sa.Engine:
    engine = sa.create_engine(
        url,
        connect_args={"timeout": settings.busy_seconds, "check_same_thread": False},
        poolclass=sa.pool.QueuePool,
        pool_size=8,
        max_overflow=16,
        # AUTOCOMMIT leaves BEGIN to us: every write begins IMMEDIATE, because a reader that
        # becomes a writer fails at once with SQLITE_BUSY_SNAPSHOT, whatever the timeout.
        isolation_level="AUTOCOMMIT",
    )
    event.listen(engine, "connect", _prepare_sqlite)
    return engine


def redirect(engine: sa.Engine, url: str) -> None:
    """Let an engine connect to another address than it was made for."""
    path = sa.make_url(url).database or ""

    def connect(_dialect: Any, _record: Any, arguments: list[Any], _options: Any) -> None:
        arguments[0] = path

    event.listen(engine, "do_connect", connect)


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={settings.sqlite_synchronous}")
    connection.execute("PRAGMA foreign_keys=ON")


@contextmanager
def write(engine: sa.Engine) -> Generator[sa.Connection, None, None]:
    """Give a connection inside one writing transaction: all of it is kept, or none."""
    with translated(), engine.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            if not connection.invalidated:  # Ctrl-C inside a statement gives the connection up
                connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")
        faults.committed()


@contextmanager
def read(engine: sa.Engine) -> Generator[sa.Connection, None, None]:
    """Give a connection that sees one consistent snapshot and takes no lock."""
    with translated(), engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        try:
            yield connection
        finally:
            connection.exec_driver_sql("ROLLBACK")


@contextmanager
def translated() -> Generator[None, None, None]:
    """Turn the database's errors into nbflow's."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _meaning(error) from error
    except sqlite3.Error as error:  # from the driver itself
        raise _meaning(exc.DBAPIError(None, None, error)) from error


def _meaning(error: exc.DBAPIError) -> NbflowError | exc.DBAPIError:
    text = str(error.orig)
    if isinstance(error, exc.IntegrityError):
        return Conflict(f"This is there already, or contradicts what is: {text}.")
    if "locked" in text or "busy" in text:
        return StoreBusy(hint="Close the program that holds it (a backup, a viewer), or wait.")
    if "full" in text:
        return StoreFull(hint="Make room on the disk; nbflow goes on by itself.")
    if "unable to open" in text:
        return Unreachable(
            f"The store cannot be opened: {text}.", hint="Is the folder there and writable?"
        )
    return error


def refuse_network_file_system(folder: Path) -> None:
    """Refuse SQLite on a network file system, where WAL corrupts. Raises InvalidInput."""
    kind = _file_system(folder)
    if kind in NETWORK_FILE_SYSTEMS:
        raise InvalidInput(
            f"{folder} lies on a network file system ({kind}), where SQLite is not safe.",
            code="store.network",
            field="NBFLOW_HOME",
            hint="Point NBFLOW_HOME at a local disk.",
        )


def _file_system(folder: Path) -> str:
    """Give the type of the file system a folder lies on, from /proc/mounts; empty when unknown."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    best, kind = "", ""
    target = str(folder.resolve())
    for fields in (line.split() for line in mounts):
        point = fields[1].replace("\\040", " ")
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind
