"""Alembic's entry: one connection, one transaction for all steps."""

from __future__ import annotations

from alembic import context
from sqlalchemy import event

from nbflow.faults import fault
from nbflow.store import dialect
from nbflow.store.schema import metadata


def run() -> None:
    """Run the migrations on the store the configuration names."""
    engine = dialect.open_engine(context.config.attributes["url"])
    with dialect.migrating(engine) as connection:
        event.listen(connection, "after_cursor_execute", _struck)
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=True,
            transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


def _struck(*_: object) -> None:
    fault("migrate.after_statement")


run()
