"""Versions, queues, job variables, tokens, backfills: what a scheduler needs to be trusted."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from nbflow.model.ids import uuid7

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)
    op.create_index("ix_flow_run_backfill_id", "flow_run", ["backfill_id"])
    op.create_index("ix_skip_asked", "skip", ["reason", "first_at"])
    _index_runs()
    _claim_by("state_type", "work_pool", "work_queue", "start_at")
    _make_queues()
    _make_versions()
    _make_tokens()
    _make_backfills()


def downgrade() -> None:
    for table in ("backfill", "request", "token", "deployment_version", "work_queue"):
        op.drop_table(table)
    op.drop_index("ix_flow_run_backfill_id", "flow_run")
    op.drop_index("ix_skip_asked", "skip")
    for name in ("flow", "name", "started", "ended"):
        op.drop_index(f"ix_flow_run_{name}", "flow_run")
    _claim_by("state_type", "work_pool", "start_at")
    for table, columns in _added().items():
        for column in columns:
            op.drop_column(table, column.name)


def _index_runs() -> None:
    """Let runs be listed by flow, name, start and end without sorting."""
    op.create_index("ix_flow_run_flow", "flow_run", ["flow_name", "due_at", "id"])
    op.create_index("ix_flow_run_name", "flow_run", ["name", "id"])
    for name in ("started", "ended"):
        some = sa.text(f"{name}_at IS NOT NULL")
        op.create_index(
            f"ix_flow_run_{name}",
            "flow_run",
            [f"{name}_at", "id"],
            sqlite_where=some,
        )


def _claim_by(*columns: str) -> None:
    """Let a queue's line be one range of an index."""
    op.drop_index("ix_flow_run_claim", "flow_run")
    op.create_index("ix_flow_run_claim", "flow_run", list(columns))


def _added() -> dict[str, list[sa.Column[Any]]]:
    return {
        "work_pool": [_text("base_job_template", "{}"), _number("updated_at", sa.BigInteger())],
        "deployment": [
            sa.Column("entrypoint", sa.Text()),
            _number("version", default="1"),
            sa.Column("work_queue", sa.String(255), nullable=False, server_default="default"),
            _text("job_variables", "{}"),
            sa.Column(
                "enforce_parameter_schema",
                sa.Boolean(),
                nullable=False,
                server_default=sa.true(),
            ),
            _number("retries"),
            _number("retry_delay_seconds", sa.Float()),
            _number("crash_retries"),
            sa.Column(
                "collision_strategy", sa.String(16), nullable=False, server_default="enqueue"
            ),
            _text("include", "[]"),
            _text("files", "{}"),
            sa.Column("defined_in", sa.Text()),
        ],
        "schedule": [
            sa.Column("slug", sa.String(255)),
            sa.Column("catchup_window_seconds", sa.Float()),
            sa.Column("catchup_max", sa.Integer()),
            _number("jitter_seconds", sa.Float()),
            sa.Column("starts_at", sa.BigInteger()),
            sa.Column("ends_at", sa.BigInteger()),
            sa.Column("max_runs", sa.Integer()),
            _number("runs_made"),
            _number("generation", default="1"),
            sa.Column("problem", sa.Text()),
            _number("updated_at", sa.BigInteger()),
        ],
        "flow_run": [
            sa.Column("work_queue", sa.String(255)),
            _text("job_variables", "{}"),
            sa.Column("entrypoint", sa.Text()),
            sa.Column("deployment_version", sa.Integer()),
            _number("crash_retries"),
            sa.Column("backfill_id", sa.String(36)),
        ],
        "worker": [
            sa.Column("type", sa.String(32), nullable=False, server_default="process"),
            _text("work_queues", "[]"),
            sa.Column("version", sa.String(64), nullable=False, server_default=""),
            sa.Column("token_id", sa.String(36)),
            _text("kernels", "[]"),
        ],
    }


def _make_queues() -> None:
    queue = op.create_table(
        "work_queue",
        _id(),
        sa.Column("work_pool", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("concurrency_limit", sa.Integer()),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        _at("created_at"),
        _at("updated_at"),
        sa.UniqueConstraint("work_pool", "name"),
    )
    pools = op.get_bind().execute(sa.text("SELECT name, created_at FROM work_pool")).all()
    rest = {"name": "default", "priority": 1, "paused": False, "description": ""}
    rows = [
        {"id": uuid7(), "work_pool": pool, "created_at": at, "updated_at": at, **rest}
        for pool, at in pools
    ]
    op.bulk_insert(queue, rows)
    op.execute("UPDATE flow_run SET work_queue = 'default' WHERE work_pool IS NOT NULL")


def _make_versions() -> None:
    op.create_table(
        "deployment_version",
        _id(),
        sa.Column(
            "deployment_id",
            sa.String(36),
            sa.ForeignKey("deployment.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("snapshot", sa.String(64), nullable=False),
        sa.Column("made_by", sa.String(16), nullable=False),
        sa.Column("created_by", sa.String(255)),
        _text("note", ""),
        _at("created_at"),
        sa.UniqueConstraint("deployment_id", "version"),
    )


def _make_tokens() -> None:
    op.create_table(
        "token",
        _id(),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("work_pool", sa.String(255)),
        sa.Column("flow_run_id", sa.String(36), index=True),
        sa.Column("attempt", sa.Integer()),
        sa.Column("created_by", sa.String(255)),
        _at("created_at"),
        *(_at(name, nullable=True) for name in ("expires_at", "used_at", "revoked_at")),
    )
    op.create_table(
        "request",
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("scope", sa.String(255), primary_key=True),
        sa.Column("body_sha256", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("answer", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False, index=True),
    )


def _make_backfills() -> None:
    op.create_table(
        "backfill",
        _id(),
        sa.Column("deployment_id", sa.String(36), nullable=False, index=True),
        sa.Column("schedule_id", sa.String(36)),
        sa.Column("timing", sa.Text(), nullable=False),
        _at("since"),
        _at("until"),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(255)),
        _at("created_at"),
        _at("cancelled_at", nullable=True),
    )


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(36), primary_key=True)


def _at(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _text(name: str, default: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=default)


def _number(name: str, kind: Any = None, default: str = "0") -> sa.Column[Any]:
    return sa.Column(name, kind or sa.Integer(), nullable=False, server_default=default)
