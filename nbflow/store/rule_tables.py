"""The schema of automations: what they wait for, what they saw, and what they did about it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from nbflow.store.columns import at_column, id_column, json_column, metadata

automation = Table(
    "automation",
    metadata,
    id_column(),
    Column("name", String(255), nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    json_column("tags"),
    json_column("trigger"),
    json_column("actions"),
    json_column("actions_on_trigger"),
    json_column("actions_on_resolve"),
    json_column("standing"),
    Column("deployment_id", String(36), index=True),
    Column("created_by", String(255)),
    at_column("created_at"),
    at_column("updated_at"),
)

#: what a trigger has counted, for each combination of the labels it counts by
bucket = Table(
    "bucket",
    metadata,
    Column("automation_id", String(36), primary_key=True),
    Column("trigger", String(64), primary_key=True),
    Column("key", String(64), primary_key=True),
    json_column("labels"),
    json_column("state"),
    Column("deadline_at", BigInteger, index=True),
)

firing = Table(
    "firing",
    metadata,
    id_column(),
    Column("automation_id", String(36), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("trigger", String(64), nullable=False),
    json_column("labels"),
    Column("event_seq", BigInteger),
    json_column("event"),
    Column("reason", Text, nullable=False),
    Column("depth", Integer, nullable=False),
    at_column("at"),
    Index("ix_firing_automation", "automation_id", "at", "id"),
)

#: one thing to do because of a firing; it is written with the firing, and begun at most once
automation_action = Table(
    "automation_action",
    metadata,
    id_column(),
    Column("firing_id", String(36), nullable=False),
    Column("automation_id", String(36), nullable=False),
    Column("position", Integer, nullable=False),
    json_column("action"),
    Column("state", String(16), nullable=False),
    Column("message", Text, nullable=False),
    json_column("outcome"),
    Column("owner", Text),
    at_column("created_at"),
    at_column("started_at", nullable=True),
    at_column("ended_at", nullable=True),
    Unique("firing_id", "position"),
    Index("ix_automation_action_state", "state", "created_at", "id"),
    Index("ix_automation_action_automation", "automation_id", "created_at", "id"),
)

#: up to which event a reader has read; it moves in the transaction that did what followed from them
cursor = Table(
    "cursor",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    at_column("at"),
)
