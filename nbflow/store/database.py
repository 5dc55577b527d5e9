"""The database: opened once per process, its schema made, checked or migrated."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import sqlalchemy as sa

from nbflow.exceptions import SchemaMismatch
from nbflow.store import dialect
from nbflow.store.tables import metadata

#: the newest revision in migrations/versions
HEAD = "0004"

_VERSION = sa.Table(
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True)
)


class Database:
    """A store that is open. Threads may share it; each transaction has its own connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = dialect.open_engine(url)

    def write(self) -> AbstractContextManager[sa.Connection]:
        """Give a connection inside one writing transaction."""
        return dialect.write(self.engine)

    def read(self) -> AbstractContextManager[sa.Connection]:
        """Give a connection that sees one snapshot."""
        return dialect.read(self.engine)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def move(self, url: str) -> None:
        """Close every connection; those opened from now on are to another address.

        Keeps the statements that were compiled: a fork's child needs not do so again.
        """
        self.url = url
        self.engine.dispose()
        if self.engine.dialect.name == "sqlite":
            dialect.redirect(self.engine, url)

    def prepare(self, *, migrate: bool = False) -> None:
        """Make the schema of an empty database; check it otherwise, or bring it up to date.

        Only a server's start and `nbflow database upgrade` pass `migrate`. Raises SchemaMismatch.
        """
        found = self.version()
        if found is None:
            self._create()
        elif found != HEAD and migrate:
            self._upgrade()
        elif found != HEAD:
            raise SchemaMismatch(f"The store has schema {found}; this nbflow needs {HEAD}.")

    def version(self) -> str | None:
        """Give the schema's revision; None for an empty database."""
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(sa.select(_VERSION.c.version_num)).scalar()

    def _create(self) -> None:
        """Make all tables at once: alembic's own import would cost more than the whole schema."""
        with self.write() as connection:
            if sa.inspect(connection).has_table("alembic_version"):
                return
            metadata.create_all(connection, checkfirst=False)
            _VERSION.create(connection)
            connection.execute(_VERSION.insert().values(version_num=HEAD))

    def _upgrade(self) -> None:
        from alembic import command

        command.upgrade(alembic_config(self.url), "head")

    def watch(self) -> dialect.Watch:
        """Give a watch on commits of other connections."""
        return dialect.watch(self.engine)


def alembic_config(url: str):
    """Give alembic's configuration for a store's address."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = url
    return config
