"""What every part of the Orchestrator stands on: one store, and one transaction per method."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

import sqlalchemy as sa

from nbflow import settings
from nbflow.store.database import Database


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
        for listener in self.listeners:
            listener()
