"""Results, limits with their slots, variables, inputs to running flows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from uuid import uuid4

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
    op.add_column("flow_run", sa.Column("function", sa.Text()))
    _grow_artifacts()
    _gather_histories()


def downgrade() -> None:
    _scatter_histories()
    op.drop_column("flow_run", "function")
    op.drop_index("ix_artifact_newest", "artifact")
    for column in ("sha256", "mime_types", "size", "updated_at"):
        op.drop_column("artifact", column)
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
        sa.Column("call", sa.Text()),
        sa.Column("parts", sa.Text()),
        sa.Column("preview", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_result")),
    )
    op.create_index(
        "ix_result_task",
        "result",
        ["task_key", "created_at"],
        sqlite_where=sa.text("task_key IS NOT NULL"),
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


def _grow_artifacts() -> None:
    """Say of each artifact how large it is; the contents there are stay in their rows."""
    op.add_column("artifact", _at("updated_at", nullable=True))
    op.add_column(
        "artifact", sa.Column("size", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.add_column(
        "artifact", sa.Column("mime_types", sa.Text(), nullable=False, server_default="[]")
    )
    op.add_column("artifact", sa.Column("sha256", sa.String(64)))
    op.create_index("ix_artifact_newest", "artifact", ["created_at", "id"])
    bytes_of = "octet_length(data)"
    if op.get_bind().dialect.name == "sqlite":
        bytes_of = "length(CAST(data AS BLOB))"
    op.execute(f"UPDATE artifact SET size = {bytes_of}")


_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

_STATES = "SELECT task_run_id, type, at, name, message, details, id FROM task_run_state"


_ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_TOLD_BY_HISTORY = (
    "state_id", "state_message", "state_details", "started_at", "ended_at", "running_seconds",
)  # fmt: skip


def _gather_histories() -> None:
    """Put the states of each task run into its row."""
    op.add_column("task_run", sa.Column("history", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("task_run", sa.Column("result_key", sa.Text()))
    op.add_column("task_run", sa.Column("note", sa.Text()))
    connection = op.get_bind()
    rows = connection.execute(sa.text(f"{_STATES} ORDER BY task_run_id, at, id"))
    keep = sa.text("UPDATE task_run SET history = :history WHERE id = :id")
    gathered: list[dict[str, str]] = []
    for task_run_id, states in groupby(rows.all(), key=lambda row: row[0]):
        history = [
            [kind, at, name, said, json.loads(more)] for _, kind, at, name, said, more, _ in states
        ]
        gathered.append({"id": task_run_id, "history": _dumps(history)})
    if gathered:
        connection.execute(keep, gathered)
    with op.batch_alter_table("task_run") as table:
        table.alter_column("history", server_default=None)
        for column in _TOLD_BY_HISTORY:
            table.drop_column(column)
    op.drop_table("task_run_state")


def _scatter_histories() -> None:
    op.create_table(
        "task_run_state",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("task_run_id", sa.String(36), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        _at("at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_run_state")),
    )
    op.create_index("ix_task_run_state_run", "task_run_state", ["task_run_id", "at", "id"])
    for name in _TOLD_BY_HISTORY[:3]:
        op.add_column("task_run", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("task_run", _at("started_at", nullable=True))
    op.add_column("task_run", _at("ended_at", nullable=True))
    seconds = sa.Column("running_seconds", sa.Float(), nullable=False, server_default="0")
    op.add_column("task_run", seconds)
    connection = op.get_bind()
    add = sa.text(
        "INSERT INTO task_run_state VALUES (:id, :run, :type, :name, :message, :details, :at)"
    )
    tell = sa.text(
        "UPDATE task_run SET state_id = :id, state_message = :message, state_details = :details,"
        " started_at = :started, ended_at = :ended, running_seconds = :seconds WHERE id = :run"
    )
    for state in _states(connection):
        connection.execute(add, state)
        connection.execute(tell, state)
    with op.batch_alter_table("task_run") as table:
        for column in ("history", "result_key", "note"):
            table.drop_column(column)


def _states(connection: sa.Connection) -> Iterator[dict[str, object]]:
    for run, history in connection.execute(sa.text("SELECT id, history FROM task_run")).all():
        started, running, seconds = None, None, 0.0
        for kind, at, *more in json.loads(history):
            name, message, details = more or [kind.capitalize(), "", None]
            seconds += 0.0 if running is None else (at - running) / 1e6
            running = at if kind == "RUNNING" else None
            started = running if started is None else started
            yield {
                "id": str(uuid4()), "run": run, "type": kind, "at": at, "name": name,
                "message": message, "details": _dumps(details or {}), "started": started,
                "ended": at if kind in _ENDED else None, "seconds": seconds,
            }  # fmt: skip
