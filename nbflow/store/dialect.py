"""Every difference between databases: opening, transactions, waiting, statements, errors, hints.

SQLite has one writer at a time, and all that decides (limits counted, ids and keys looked for
before they are inserted, events numbered) is written for that. PostgreSQL is given the same: a
writing transaction begins with an advisory lock. So no limit is exceeded however many claim, and
`event.seq` is taken and committed in one order: who has read up to 5 never misses a 4. Taken one by
one such locks would be as many proofs; this is one, and a transaction here takes a millisecond.
Writers are READ COMMITTED, because a snapshot made before the lock was had would hide what its last
holder did. Readers take no lock: in one REPEATABLE READ transaction they see one state of affairs.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib import import_module
from pathlib import Path
from random import uniform
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc

from nbflow import faults, settings
from nbflow.exceptions import InvalidInput, Unreachable
from nbflow.model import clock
from nbflow.store import file_systems, patience, writes
from nbflow.store.database_errors import (
    crowded,
    first_line,
    may_pass,
    not_begun,
    translated,
    wrapped,
)
from nbflow.store.hints import Watch

_log = logging.getLogger("nbflow.store")

#: what writers of one PostgreSQL database stand in line for: "nbflow", as a number
_LOCK = int.from_bytes(b"nbflow", "big")
_BEGIN_WRITE = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({_LOCK})",
}
_BEGIN_READ = {
    "sqlite": "BEGIN",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}
_COMMIT = {"sqlite": "COMMIT", "postgresql": "NOTIFY nbflow; COMMIT"}
#: how a driver marks a value's place in a statement
PLACES = {"sqlite": ("qmark", "?"), "postgresql": ("format", "%s")}


# -- opening ----------------------------------------------------------------------------------
def open_engine(url: str) -> sa.Engine:
    """Open an engine for a store's address. Raises InvalidInput for one nbflow cannot use."""
    parsed = parse(url)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed)
    path = Path(parsed.database or "")
    _make_folder(path.parent)
    file_systems.refuse_network(path.parent)
    return _sqlite(parsed)


def parse(url: str) -> sa.URL:
    """Read a store's address. Raises InvalidInput for one nbflow cannot use."""
    try:
        parsed = sa.make_url(url)
        name = parsed.get_backend_name()
    except exc.ArgumentError:
        raise _no_address("The store's address cannot be read.") from None
    if name == "postgres":  # as hosts of databases write it
        return parsed.set(drivername="postgresql")
    if parsed.drivername not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise _no_address(f"nbflow cannot keep its store in {parsed.drivername!r}.")
    return parsed


def shown(url: str) -> str:
    """Give a store's address without its password."""
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except exc.ArgumentError:
        return url


def _no_address(message: str) -> InvalidInput:
    return InvalidInput(
        message,
        code="setting.invalid",
        field="NBFLOW_DATABASE_URL",
        hint="Write sqlite:////absolute/path.sqlite or postgresql://user@host/database.",
    )


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


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={settings.sqlite_synchronous}")
    connection.execute("PRAGMA foreign_keys=ON")
    # thousands of rows in one transaction touch more pages than the usual 2 MB: these would be
    # written to the log before they are full, and read again
    connection.execute("PRAGMA cache_size=-8000")


def _postgresql(url: sa.URL) -> sa.Engine:
    try:
        import_module("psycopg")
    except ImportError:
        raise InvalidInput(
            "The store is in PostgreSQL, and its driver is not installed.",
            code="setting.driver",
            field="NBFLOW_DATABASE_URL",
            hint="pip install 'nbflow[postgres]'",
        ) from None
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args=_connecting(url),
        pool_size=5,
        max_overflow=15,
        isolation_level="AUTOCOMMIT",  # BEGIN is ours, as with SQLite
    )
    engine.dialect.type_compiler_instance = _plain_texts(engine.dialect)
    event.listen(engine, "do_connect", patience.connect)
    return engine


def _connecting(url: sa.URL) -> dict[str, Any]:
    """Give how to connect: what hangs is noticed, and who fell asleep holds nobody up for long."""
    busy = settings.busy_seconds
    options = [
        *([str(url.query["options"])] if "options" in url.query else []),
        f"-c lock_timeout={round(busy * 1000)}",
        f"-c idle_in_transaction_session_timeout={round(max(busy / 2, 5.0) * 1000)}",
    ]
    mine = {
        "connect_timeout": max(2, min(10, round(settings.database_answer_seconds))),
        "application_name": "nbflow",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
    }
    said = {name: value for name, value in mine.items() if name not in url.query}
    return {**said, "options": " ".join(options)}


def _plain_texts(dialect: sa.Dialect) -> Any:
    """Let texts be what they are in SQLite: of any length, compared by their characters' numbers.

    Keys are read in ranges, which an order that follows a language (and skips `.`) breaks.
    """
    from sqlalchemy.dialects.postgresql.base import PGTypeCompiler

    class PlainTexts(PGTypeCompiler):
        def visit_VARCHAR(self, type_: Any, **named: Any) -> str:
            return self._plain("VARCHAR", **named)

        def visit_TEXT(self, type_: Any, **named: Any) -> str:
            return self._plain("TEXT", **named)

        def _plain(self, word: str, **named: Any) -> str:
            column = isinstance(named.get("type_expression"), sa.Column)
            return f'{word} COLLATE "C"' if column else word

    return PlainTexts(dialect)


def redirect(engine: sa.Engine, url: str) -> None:
    """Let a SQLite engine connect to another file than it was made for."""
    path = sa.make_url(url).database or ""

    def connect(_dialect: Any, _record: Any, arguments: list[Any], _options: Any) -> None:
        arguments[0] = path

    event.listen(engine, "do_connect", connect)


# -- transactions -----------------------------------------------------------------------------
@contextmanager
def write(engine: sa.Engine) -> Generator[sa.Connection, None, None]:
    """Give a connection inside one writing transaction: all of it is kept, or none."""
    with translated():
        connection = _begin(engine, _BEGIN_WRITE[engine.dialect.name])
        try:
            yield connection
            _say(connection, _COMMIT[engine.dialect.name])
        except BaseException:
            _roll_back(connection)
            raise
        finally:
            connection.close()
    faults.committed()


@contextmanager
def read(engine: sa.Engine) -> Generator[sa.Connection, None, None]:
    """Give a connection that sees one consistent snapshot and takes no lock."""
    with translated():
        connection = _begin(engine, _BEGIN_READ[engine.dialect.name])
        try:
            yield connection
        finally:
            _roll_back(connection)
            connection.close()


@contextmanager
def migrating(engine: sa.Engine) -> Generator[sa.Connection, None, None]:
    """Give a connection that alone changes the schema, all of it in one transaction.

    Tables are made anew and the old ones dropped: SQLite would take that for deleting their rows.
    """
    lite = engine.dialect.name == "sqlite"
    with translated(), engine.connect() as connection:
        if lite:
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        _say(connection, _BEGIN_WRITE[engine.dialect.name])
        if not lite:  # rows may be put together for long between two statements, and by one
            _say(connection, "SET LOCAL idle_in_transaction_session_timeout = 0")
            driver: Any = connection.connection.driver_connection
            driver.patience = None
        if not connection.in_transaction():
            connection.begin()  # as SQLAlchemy sees it, so that alembic commits nothing by itself
        try:
            yield connection
        except BaseException:
            _roll_back(connection)
            raise
        _say(connection, _COMMIT[engine.dialect.name])


def _begin(engine: sa.Engine, text: str) -> sa.Connection:
    """Connect and begin. A server that is gone for a moment is waited for: nothing was done yet."""
    pauses: Iterator[float] | None = None
    while True:
        connection = None
        try:
            connection = engine.connect()
            _say(connection, text)
            return connection
        except BaseException as error:
            if connection is not None:
                connection.close()
            if not (isinstance(error, exc.DBAPIError) and may_pass(error)):
                raise
            if not crowded(error):
                engine.dispose()  # the others of the pool are as old
            pauses = pauses or _pauses(error)
            pause = next(pauses, None)
            if pause is None:
                raise not_begun(error) from error
        threading.Event().wait(pause)


def _pauses(error: exc.DBAPIError) -> Iterator[float]:
    """Give ever longer pauses, in seconds, until nobody should wait any longer."""
    until = clock.monotonic() + settings.busy_seconds
    yield 0.0  # it may have been back for long
    _log.warning(
        "The store does not answer (%s); waiting for at most %g s.",
        first_line(error),
        settings.busy_seconds,
    )
    pause = 0.2
    while clock.monotonic() < until:
        yield pause * uniform(0.5, 1.0)
        pause = min(pause * 2, 5.0)


def _say(connection: sa.Connection, text: str) -> None:
    """Have the database do something that takes no values."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(text)
        return
    driver: Any = connection.connection.driver_connection
    try:
        driver.execute(text, prepare=False)  # several statements in one message
    except connection.dialect.loaded_dbapi.Error as error:
        lost = driver.closed or driver.broken
        if lost:
            connection.invalidate()
        raise wrapped(error, lost=lost) from error


def _roll_back(connection: sa.Connection) -> None:
    if connection.invalidated:  # Ctrl-C inside a statement gives the connection up
        return
    with suppress(exc.DBAPIError):  # it is lost: so is what it began
        _say(connection, "ROLLBACK")


# -- statements -------------------------------------------------------------------------------
#: the `insert` of a database: gives a statement with `excluded` and `on_conflict_…`
Insert = Callable[[sa.Table], Any]


class Upsert:
    """An INSERT that says what to do about a row that is there: made for a database when needed.

    Args:
        make: given the database's own `insert`, makes the statement.
    """

    def __init__(self, make: Callable[[Insert], sa.Insert]) -> None:
        self._make = make
        self._made: dict[str, sa.Insert] = {}

    def of(self, dialect: sa.Dialect) -> sa.Insert:
        """Give the statement for a database."""
        made = self._made.get(dialect.name)
        if made is None:
            made = self._made[dialect.name] = self._make(_insert(dialect))
        return made


def _insert(dialect: sa.Dialect) -> Insert:
    if dialect.name == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert
    from sqlalchemy.dialects import postgresql

    return postgresql.insert


# -- hints ------------------------------------------------------------------------------------
def watch(engine: sa.Engine) -> Watch:
    """Give a watch on commits of other connections."""
    return _DataVersion(engine) if engine.dialect.name == "sqlite" else _Notified(engine)


class _DataVersion:
    """SQLite's `data_version` moves on the one connection it is asked on, so it keeps its own."""

    def __init__(self, engine: sa.Engine) -> None:
        with translated():
            self._connection = engine.connect()
        # Asked many times a second by processes with nothing to do: past SQLAlchemy it is 20 times
        # as cheap.
        driver: Any = self._connection.connection.driver_connection
        self._ask: Callable[[str], Any] = driver.execute
        self._version = -1
        self._log = Path(f"{engine.url.database}-wal")

    @cached_property
    def _writes(self) -> writes.Writes | None:
        with translated():
            self._ask("SELECT 1 FROM sqlite_master").fetchall()  # from now on the file stays
        return writes.of(self._log)

    @property
    def descriptor(self) -> int | None:
        return None if self._writes is None else self._writes.descriptor

    def moved(self) -> bool:
        before = self._version
        if (signs := self.__dict__.get("_writes")) is not None:
            signs.forget()  # before: what is written from now on is told again
        with translated():
            (self._version,) = self._ask("PRAGMA data_version").fetchone()
        return self._version != before

    def close(self) -> None:
        if (signs := self.__dict__.pop("_writes", None)) is not None:
            signs.close()
        self._connection.close()


class _Notified:
    """Listens to what PostgreSQL's writers notify as they commit.

    While its connection is lost, everything may have moved: who is told so looks, and waits there.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._driver: Any = None
        self._connection: Any = None

    @property
    def descriptor(self) -> int | None:
        return None if self._driver is None or self._driver.closed else self._driver.fileno()

    def moved(self) -> bool:
        if self._driver is None:
            self._listen()
            return True
        told = False
        try:
            self._driver.pgconn.consume_input()
            while self._driver.pgconn.notifies() is not None:
                told = True
        except self._engine.dialect.loaded_dbapi.Error:
            self.close()
            return True
        return told

    def _listen(self) -> None:
        with suppress(exc.DBAPIError):
            connection = self._engine.connect()
            _say(connection, "LISTEN nbflow")
            self._driver, self._connection = connection.connection.driver_connection, connection
            connection.detach()  # it stays apart from those that come back to the pool

    def close(self) -> None:
        if self._driver is not None:
            self._driver.close()
            self._connection.invalidate()
            self._connection.close()
        self._driver = None
