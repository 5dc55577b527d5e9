"""What a database's errors mean: busy, full, gone, refused. Who tries again is not said here."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Generator
from contextlib import contextmanager

from sqlalchemy import exc

from nbflow.exceptions import Conflict, InvalidInput, NbflowError, StoreBusy, StoreFull, Unreachable

#: the code of a connection that was lost inside a transaction: nobody knows whether it was kept
LOST = "store.lost"


@contextmanager
def translated() -> Generator[None, None, None]:
    """Turn the database's errors into nbflow's."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _meaning(error) from error
    except exc.TimeoutError as error:  # of the pool
        raise StoreBusy("This process uses all its connections to the store.") from error
    except sqlite3.Error as error:  # from the driver itself
        raise _meaning(wrapped(error)) from error


def wrapped(error: Exception, *, lost: bool = False) -> exc.DBAPIError:
    """Give a driver's own error as SQLAlchemy does; `lost`: with it the connection is."""
    return exc.DBAPIError(None, None, error, connection_invalidated=lost)


def _meaning(error: exc.DBAPIError) -> NbflowError | exc.DBAPIError:
    if isinstance(error, exc.IntegrityError):
        return Conflict(f"This is there already, or contradicts what is: {error.orig}.")
    if _of_postgresql(error):
        return _postgresql_meaning(error)
    text = str(error.orig)
    if "locked" in text or "busy" in text:
        return StoreBusy(hint="Close the program that holds it (a backup, a viewer), or wait.")
    if "full" in text:
        return StoreFull(hint="Make room on the disk; nbflow goes on by itself.")
    if "unable to open" in text:
        return Unreachable(
            f"The store cannot be opened: {text}.", hint="Is the folder there and writable?"
        )
    return error


def not_begun(error: exc.DBAPIError) -> NbflowError | exc.DBAPIError:
    """Give what an error means that kept a transaction from beginning: nothing can have come of it.

    So it is not `LOST`, and who waited for the server once does not wait for it again.
    """
    found = _meaning(error)
    if isinstance(found, Unreachable) and found.code == LOST:
        found.code = "store.unreachable"
    return found


def _of_postgresql(error: exc.DBAPIError) -> bool:
    driver = sys.modules.get("psycopg")
    return driver is not None and isinstance(error.orig, driver.Error)


def first_line(error: exc.DBAPIError) -> str:
    """Give what the database said, in short."""
    return str(error.orig).strip().partition("\n")[0]


#: by the beginning of SQLSTATE (PostgreSQL's appendix "Error codes")
_GONE = ("08", "57P01", "57P02", "57P03", "57P05", "25P03", "25006")
_BUSY = ("53300", "53200", "55P03", "40001", "40P01", "57014")
#: what a server that is there says to who may not come in; such words come without a SQLSTATE
_SHUT_OUT = ("authentication failed", "does not exist", "no pg_hba.conf entry", "not permitted")
_CROWDED = ("too many connections", "too many clients", "remaining connection slots")
_NO_HOST = ("could not translate host name", "failed to resolve host", "Name or service not known")


def _state(error: exc.DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _is_lost(error: exc.DBAPIError) -> bool:
    """Say whether there is no connection: never made, or gone."""
    state = _state(error)
    if state is not None:
        return state.startswith(_GONE)
    return type(error.orig).__name__ in ("OperationalError", "ConnectionTimeout")


def _refused(error: exc.DBAPIError) -> bool:
    text = str(error.orig)
    return _state(error) is None and any(words in text for words in (*_SHUT_OUT, *_NO_HOST))


def crowded(error: exc.DBAPIError) -> bool:
    """Say whether the server is there, and has no connection to give."""
    return any(words in str(error.orig) for words in _CROWDED)


def may_pass(error: exc.DBAPIError) -> bool:
    """Say whether beginning again may do: a server that restarts, or has no connection to give."""
    if not _of_postgresql(error) or _refused(error):
        return False
    return _is_lost(error) or crowded(error)


def _postgresql_meaning(error: exc.DBAPIError) -> NbflowError | exc.DBAPIError:
    state, text = _state(error) or "", first_line(error)
    if _refused(error) or state.startswith("28"):
        return Unreachable(
            f"PostgreSQL does not let nbflow in: {text}.",
            code="store.refused",
            field="NBFLOW_DATABASE_URL",
            hint="Check its user, password, host and database.",
        )
    if state.startswith(_BUSY) or crowded(error):
        return StoreBusy(f"PostgreSQL is busy: {text}.", hint="nbflow tries again by itself.")
    if _is_lost(error):
        lost = error.connection_invalidated or bool(state) or "server closed" in text
        return Unreachable(
            f"PostgreSQL does not answer: {text}.",
            code=LOST if lost else "store.unreachable",
            hint="nbflow goes on by itself when it is back.",
        )
    if state.startswith("53100"):
        return StoreFull(hint="Make room on PostgreSQL's disk; nbflow goes on by itself.")
    if state.startswith("42501"):
        return Unreachable(
            f"PostgreSQL refuses: {text}.",
            code="store.refused",
            field="NBFLOW_DATABASE_URL",
            hint="Let its user own the database: ALTER DATABASE … OWNER TO ….",
        )
    if isinstance(error, exc.DataError):
        return InvalidInput(f"A value does not fit the store: {text}.", code="store.value")
    return error
