"""How notebooks are executed, and the flow that a deployment took out of its notebook."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deployment", sa.Column("function", sa.Text()))
    for table in ("deployment", "flow_run"):
        op.add_column(table, _options())


def downgrade() -> None:
    for table in ("deployment", "flow_run"):
        op.drop_column(table, "options")
    op.drop_column("deployment", "function")


def _options() -> sa.Column[str]:
    return sa.Column("options", sa.Text(), nullable=False, server_default="{}")
