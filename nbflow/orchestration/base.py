"""What every part of the Orchestrator stands on: one store, and one transaction per method."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import ParamSpec, TypeVar

import sqlalchemy as sa

from nbflow import settings
from nbflow.exceptions import Unreachable
from nbflow.store.database import Database
from nbflow.store.database_errors import LOST

P = ParamSpec("P")
R = TypeVar("R")

#: how often a transaction begins again whose connection was lost
_TRIES = 5

#: what the writes of this thread do last, in their own transaction
_mark: ContextVar[Callable[[sa.Connection], None] | None] = ContextVar("mark", default=None)


@contextmanager
def before_commit(mark: Callable[[sa.Connection], None]) -> Generator[None, None, None]:
    """Have every write inside end with this."""
    token = _mark.set(mark)
    try:
        yield
    finally:
        _mark.reset(token)


def again(method: Callable[P, R]) -> Callable[P, R]:
    """Let a method begin again when its connection was lost inside its transaction.

    Whether that transaction was kept is not known. So this is for methods that find what they did
    by an id their caller chose, or by a mark they moved, and never do it twice. The server is
    waited for where a transaction begins.
    """

    @wraps(method)
    def repeated(*args: P.args, **named: P.kwargs) -> R:
        for _ in range(_TRIES):
            try:
                return method(*args, **named)
            except Unreachable as error:
                if error.code != LOST:
                    raise
        return method(*args, **named)

    return repeated


class OverSql:
    """A store that is open, and how to write to it.

    Args:
        url: the store's SQLAlchemy URL; the settings' when left out.
        migrate: bring an older schema up to date (a server's start); else SchemaMismatch.
    """

    def __init__(self, url: str | None = None, *, migrate: bool = False) -> None:
        self.database = Database(url or settings.store_url())
        self.database.prepare(migrate=migrate)
        #: called after each commit of this process: a hint that `changes` has more
        self.listeners: list[Callable[[], None]] = []

    def close(self) -> None:
        """Close the store."""
        self.database.close()

    @contextmanager
    def _write(self) -> Generator[sa.Connection, None, None]:
        with self.database.write() as connection:
            yield connection
            mark = _mark.get()
            if mark is not None:
                mark(connection)
        for listener in self.listeners:
            listener()
