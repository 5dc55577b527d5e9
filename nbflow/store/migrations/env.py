"""Alembic's entry: one connection, one transaction for all steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context
from sqlalchemy import event

from nbflow.faults import fault
from nbflow.store.tables import metadata


def run() -> None:
    """Run the migrations on the store the configuration names."""
    engine = sa.create_engine(context.config.attributes["url"], poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
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
