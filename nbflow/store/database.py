"""The database: opened once per process, its schema made, checked or migrated."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path

import sqlalchemy as sa

from nbflow.exceptions import InvalidInput, SchemaMismatch
from nbflow.model import names
from nbflow.store import dialect
from nbflow.store.hints import Watch

#: the newest revision in migrations/versions
HEAD = "0005"

VERSION = sa.Table(
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True)
)

#: the newest schema as SQLite is told it; `scripts/fresh_schema.py` writes it from the tables
_FRESH = Path(__file__).with_name("fresh.sql")

#: alembic keeps what it does in variables of its modules
_migrating = threading.Lock()


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

        Only a server's start passes `migrate`. Raises SchemaMismatch.
        """
        found = self.version()
        if found is None:
            self._create()
        elif found != HEAD and migrate:
            self.upgrade()
        elif found != HEAD:
            raise SchemaMismatch(f"The store has schema {found}; this nbflow needs {HEAD}.")

    def version(self) -> str | None:
        """Give the schema's revision; None for an empty database."""
        with self.read() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(sa.select(VERSION.c.version_num)).scalar()

    def _create(self) -> None:
        """Make all tables at once: alembic's own import would cost more than the whole schema."""
        with self.write() as connection:
            if sa.inspect(connection).has_table("alembic_version"):
                return
            if self.engine.dialect.name == "sqlite":  # every script's first run makes one
                for statement in _FRESH.read_text(encoding="utf-8").split(";\n"):
                    connection.exec_driver_sql(statement)
            else:
                from nbflow.store.schema import metadata

                metadata.create_all(connection, checkfirst=False)
                VERSION.create(connection)
            connection.execute(VERSION.insert().values(version_num=HEAD))

    def upgrade(self, *, keep: bool = True) -> Path | None:
        """Bring the schema up to date; give the copy kept of the store as it was, if one was.

        All in one transaction, by one process at a time: one that is killed amid it leaves the
        store as it was, and the next one begins again.

        Args:
            keep: copy a store that holds work before.

        Raises SchemaMismatch (it is a newer one's), InvalidInput (it cannot be copied).
        """
        from alembic import command

        with _migrating:
            kept = self._keep(HEAD, copied=keep)
            command.upgrade(alembic_config(self.url), "head")
        return kept

    def downgrade(self, to: str | None = None, *, keep: bool = True) -> Path | None:
        """Take the schema back to a revision, the one before when left out; give the copy kept.

        What the older schema has no place for is lost. Raises as `upgrade`, and for `to`.
        """
        from alembic import command

        known = revisions()
        found = self.version()
        at = known.index(found) if found in known else 0
        goal = known[max(at - 1, 0)] if to is None else to
        if goal not in known[: at + 1]:
            raise InvalidInput(
                f"There is no revision {names.shown(goal)} before {found}.",
                field="to",
                hint=f"There are {', '.join(known[: at + 1])}.",
            )
        with _migrating:
            kept = self._keep(goal, copied=keep)
            command.downgrade(alembic_config(self.url), goal)
        return kept

    def _keep(self, goal: str, *, copied: bool) -> Path | None:
        from nbflow.store import backups

        found = self.version()
        if found is None or found == goal:
            return None
        if found not in revisions():
            raise SchemaMismatch(
                f"The store has schema {found}, of a newer nbflow; this one knows {HEAD}.",
                hint="Install that version, or restore a backup from before it.",
            )
        return backups.keep_before_migration(self.engine, found) if copied else None

    def watch(self) -> Watch:
        """Give a watch on commits of other connections."""
        return dialect.watch(self.engine)


def revisions() -> list[str]:
    """List the schema's revisions this nbflow knows, oldest first."""
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(alembic_config("sqlite://"))
    return [one.revision for one in script.walk_revisions()][::-1]


def alembic_config(url: str):
    """Give alembic's configuration for a store's address."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = url
    return config
