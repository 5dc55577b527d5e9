"""Results, limits with their slots, variables, inputs to running flows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _add_results()
    _add_limits()
    _add_variables()
    _add_inputs()


def downgrade() -> None:
    for table in ("run_input", "variable", "slot", "concurrency_limit", "result"):
        op.drop_table(table)


def _at(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _add_results() -> None:
    op.create_table(
        "result",
        sa.Column("key", sa.Text(), nullable=False),
        _at("created_at"),
        sa.Column("flow_run_id", sa.String(36)),
        sa.Column("task_run_id", sa.String(36)),
        sa.Column("serializer", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("data", sa.LargeBinary()),
        sa.Column("location", sa.Text()),
        _at("expires_at", nullable=True),
        sa.Column("task_key", sa.Text()),
        sa.Column("parts", sa.Text()),
        sa.Column("preview", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_result")),
    )
    op.create_index(
        "ix_result_task",
        "result",
        ["task_key", "created_at"],
        sqlite_where=sa.text("task_key IS NOT NULL"),
        postgresql_where=sa.text("task_key IS NOT NULL"),
    )


def _add_limits() -> None:
    op.create_table(
        "concurrency_limit",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("slot_decay_per_second", sa.Float(), nullable=False),
        _at("drained_at"),
        _at("created_at"),
        _at("updated_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concurrency_limit")),
        sa.UniqueConstraint("name", name=op.f("uq_concurrency_limit_name")),
    )
    op.create_table(
        "slot",
        sa.Column("request_id", sa.String(36), nullable=False),
        sa.Column("limit_name", sa.String(255), nullable=False),
        sa.Column("occupy", sa.Integer(), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.Column("rate", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        _at("asked_at"),
        _at("taken_at", nullable=True),
        _at("lease_until"),
        sa.Column("lease_seconds", sa.Float(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("flow_run_id", sa.String(36)),
        sa.Column("task_run_id", sa.String(36)),
        sa.PrimaryKeyConstraint("request_id", "limit_name", name=op.f("pk_slot")),
    )
    op.create_index(op.f("ix_slot_flow_run_id"), "slot", ["flow_run_id"])
    order = ["limit_name", "waiting", "priority", "asked_at", "request_id"]
    op.create_index("ix_slot_limit", "slot", order)


def _add_variables() -> None:
    op.create_table(
        "variable",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        _at("created_at"),
        _at("updated_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variable")),
        sa.UniqueConstraint("name", name=op.f("uq_variable_name")),
    )


def _add_inputs() -> None:
    op.create_table(
        "run_input",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("flow_run_id", sa.String(36), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("sender", sa.String(255)),
        _at("created_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_input")),
    )
    op.create_index("ix_run_input_run", "run_input", ["flow_run_id", "key", "created_at", "id"])
