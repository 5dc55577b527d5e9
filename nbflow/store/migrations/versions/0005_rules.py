"""Blocks with their secrets; automations with what they saw and did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = (
    "automation_action", "firing", "bucket", "automation", "cursor", "secret_key",
    "block_document", "block_schema", "block_type",
)  # fmt: skip

_EVENT_INDEXES = {"ix_event_kind": "kind", "ix_event_resource": "resource_id"}


def upgrade() -> None:
    _make_blocks()
    _make_automations()
    _index_events()


def downgrade() -> None:
    for name in _EVENT_INDEXES:
        op.drop_index(name, "event")
    op.drop_index("ix_event_about", "event")
    op.drop_column("event", "about")
    for table in _TABLES:
        op.drop_table(table)


def _make_blocks() -> None:
    op.create_table(
        "block_type",
        sa.Column("slug", sa.String(255), primary_key=True),
        *(_text(name) for name in ("name", "description", "code_example")),
        sa.Column("logo_url", sa.Text()),
        sa.Column("documentation_url", sa.Text()),
        sa.Column("is_protected", sa.Boolean(), nullable=False),
        _at("created_at"),
        _at("updated_at"),
    )
    op.create_table(
        "block_schema",
        sa.Column("type_slug", sa.String(255), primary_key=True),
        sa.Column("checksum", sa.String(80), primary_key=True),
        _text("fields"),
        _text("capabilities"),
        sa.Column("version", sa.String(64), nullable=False),
        _at("created_at"),
    )
    op.create_table(
        "block_document",
        _id(),
        sa.Column("type_slug", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("schema_checksum", sa.String(80), nullable=False),
        _text("data"),
        sa.Column("secrets", sa.Text()),
        sa.Column("key_id", sa.String(16), index=True),
        _at("created_at"),
        _at("updated_at"),
        sa.UniqueConstraint("type_slug", "name"),
    )
    op.create_table(
        "secret_key",
        sa.Column("id", sa.String(16), primary_key=True),
        _text("check_value"),
        _at("created_at"),
    )


def _make_automations() -> None:
    op.create_table(
        "automation",
        _id(),
        sa.Column("name", sa.String(255), nullable=False, unique=True),
        _text("description"),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        *(_text(name) for name in ("tags", "trigger", "actions", "actions_on_trigger")),
        *(_text(name) for name in ("actions_on_resolve", "standing")),
        sa.Column("deployment_id", sa.String(36), index=True),
        sa.Column("created_by", sa.String(255)),
        _at("created_at"),
        _at("updated_at"),
    )
    op.create_table(
        "bucket",
        sa.Column("automation_id", sa.String(36), primary_key=True),
        sa.Column("trigger", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        _text("labels"),
        _text("state"),
        sa.Column("deadline_at", sa.BigInteger(), index=True),
    )
    op.create_table(
        "firing",
        _id(),
        sa.Column("automation_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("trigger", sa.String(64), nullable=False),
        _text("labels"),
        sa.Column("event_seq", sa.BigInteger()),
        _text("event"),
        _text("reason"),
        sa.Column("depth", sa.Integer(), nullable=False),
        _at("at"),
        sa.Index("ix_firing_automation", "automation_id", "at", "id"),
    )
    op.create_table(
        "automation_action",
        _id(),
        sa.Column("firing_id", sa.String(36), nullable=False),
        sa.Column("automation_id", sa.String(36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        _text("action"),
        sa.Column("state", sa.String(16), nullable=False),
        _text("message"),
        _text("outcome"),
        sa.Column("owner", sa.Text()),
        _at("created_at"),
        sa.Column("started_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.UniqueConstraint("firing_id", "position"),
        sa.Index("ix_automation_action_state", "state", "created_at", "id"),
        sa.Index("ix_automation_action_automation", "automation_id", "created_at", "id"),
    )
    op.create_table(
        "cursor",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        _at("at"),
    )


def _index_events() -> None:
    op.add_column("event", sa.Column("about", sa.Text()))
    for name, column in _EVENT_INDEXES.items():
        op.create_index(name, "event", [column, "at", "seq"])
    some = sa.text("about IS NOT NULL")
    op.create_index("ix_event_about", "event", ["about", "at", "seq"], sqlite_where=some)


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(36), primary_key=True)


def _at(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)
