"""The schema. Instants are integer microseconds since 1970 (UTC); JSON is text; ids are text.

`migrations/` holds the history that leads here; `tests/store/test_migrations.py` keeps both equal.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
)

from nbflow.store.columns import at_column, id_column, json_column, metadata


def _index_of(name: str, column: str) -> Index:
    """Give an order of runs that leaves out those not yet in it: they cost nothing."""
    some = text(f"{column} IS NOT NULL")
    return Index(name, column, "id", sqlite_where=some)


deployment = Table(
    "deployment",
    metadata,
    id_column(),
    Column("name", String(255), nullable=False, unique=True),
    Column("flow_name", String(255), nullable=False),
    Column("path", Text, nullable=False),
    Column("source", String(16), nullable=False),
    Column("snapshot", String(64), nullable=False),
    Column("kernel_name", String(255), nullable=False),
    json_column("kernel_argv"),
    Column("host", String(255)),
    Column("work_pool", String(255), nullable=False),
    json_column("parameter_schema"),
    json_column("parameters"),
    json_column("tags"),
    Column("description", Text, nullable=False),
    Column("concurrency_limit", Integer),
    Column("paused", Boolean, nullable=False),
    Column("made_by", String(16), nullable=False),
    Column("created_by", String(255)),
    Column("function", Text),
    Column("options", Text, nullable=False, server_default="{}"),
    Column("entrypoint", Text),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("work_queue", String(255), nullable=False, server_default="default"),
    Column("job_variables", Text, nullable=False, server_default="{}"),
    Column("enforce_parameter_schema", Boolean, nullable=False, server_default=true()),
    Column("retries", Integer, nullable=False, server_default="0"),
    Column("retry_delay_seconds", Float, nullable=False, server_default="0"),
    Column("crash_retries", Integer, nullable=False, server_default="0"),
    Column("collision_strategy", String(16), nullable=False, server_default="enqueue"),
    Column("include", Text, nullable=False, server_default="[]"),
    Column("files", Text, nullable=False, server_default="{}"),
    Column("defined_in", Text),
    at_column("created_at"),
    at_column("updated_at"),
)

#: what a deployment was before it was deployed again; `content` is all that is versioned
deployment_version = Table(
    "deployment_version",
    metadata,
    id_column(),
    Column(
        "deployment_id",
        String(36),
        ForeignKey("deployment.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("version", Integer, nullable=False),
    json_column("content"),
    Column("snapshot", String(64), nullable=False),
    Column("made_by", String(16), nullable=False),
    Column("created_by", String(255)),
    Column("note", Text, nullable=False, server_default=""),
    at_column("created_at"),
    UniqueConstraint("deployment_id", "version"),
)

schedule = Table(
    "schedule",
    metadata,
    id_column(),
    Column(
        "deployment_id",
        String(36),
        ForeignKey("deployment.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    json_column("timing"),
    Column("active", Boolean, nullable=False),
    Column("catchup", String(16), nullable=False),
    Column("overlap", String(24), nullable=False),
    json_column("parameters"),
    at_column("created_at"),
    at_column("done_until"),
    at_column("next_at", nullable=True),
    Column("slug", String(255)),
    Column("catchup_window_seconds", Float),
    Column("catchup_max", Integer),
    Column("jitter_seconds", Float, nullable=False, server_default="0"),
    at_column("starts_at", nullable=True),
    at_column("ends_at", nullable=True),
    Column("max_runs", Integer),
    Column("runs_made", Integer, nullable=False, server_default="0"),
    Column("generation", Integer, nullable=False, server_default="1"),
    Column("problem", Text),
    Column("updated_at", BigInteger, nullable=False, server_default="0"),
    Index("ix_schedule_due", "active", "next_at"),
)

skip = Table(
    "skip",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("schedule_id", String(36), nullable=False, index=True),
    at_column("first_at"),
    at_column("last_at"),
    Column("count", Integer, nullable=False),
    Column("reason", String(16), nullable=False),
    at_column("created_at"),
    Index("ix_skip_asked", "reason", "first_at"),
)

flow_run = Table(
    "flow_run",
    metadata,
    id_column(),
    Column("name", String(255), nullable=False),
    Column("flow_name", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state_id", String(36), nullable=False),
    Column("state_type", String(16), nullable=False),
    Column("state_name", String(64), nullable=False),
    Column("state_message", Text, nullable=False),
    json_column("state_details"),
    at_column("state_at"),
    at_column("created_at"),
    json_column("parameters"),
    json_column("tags"),
    Column("attempt", Integer, nullable=False),
    at_column("due_at"),
    # when a waiting run may be claimed (its due time or its retry's), or a paused one gives up
    at_column("start_at", nullable=True),
    at_column("started_at", nullable=True),
    at_column("ended_at", nullable=True),
    Column("running_seconds", Float, nullable=False),
    Column("deployment_id", String(36)),
    Column("schedule_id", String(36)),
    Column("parent_flow_run_id", String(36), index=True),
    Column("parent_task_run_id", String(36)),
    Column("work_pool", String(255)),
    Column("owner", Text),
    Column("worker_id", String(36)),
    at_column("lease_until", nullable=True),
    Column("retries", Integer, nullable=False),
    Column("retry_delay_seconds", Float, nullable=False),
    Column("path", Text),
    Column("function", Text),
    Column("snapshot", String(64)),
    Column("kernel_name", String(255)),
    Column("run_dir", Text),
    Column("idempotency_key", String(255), unique=True),
    Column("created_by", String(255)),
    Column("options", Text, nullable=False, server_default="{}"),
    Column("work_queue", String(255)),
    Column("job_variables", Text, nullable=False, server_default="{}"),
    Column("entrypoint", Text),
    Column("deployment_version", Integer),
    Column("crash_retries", Integer, nullable=False, server_default="0"),
    Column("backfill_id", String(36), index=True),
    UniqueConstraint("schedule_id", "due_at"),
    Index("ix_flow_run_newest", "due_at", "id"),
    Index("ix_flow_run_claim", "state_type", "work_pool", "work_queue", "start_at"),
    Index("ix_flow_run_deployment", "deployment_id", "due_at", "id"),
    Index("ix_flow_run_state", "state_type", "due_at", "id"),
    Index("ix_flow_run_flow", "flow_name", "due_at", "id"),
    Index("ix_flow_run_name", "name", "id"),
    _index_of("ix_flow_run_started", "started_at"),
    _index_of("ix_flow_run_ended", "ended_at"),
    Index("ix_flow_run_lease", "lease_until"),
    Index("ix_flow_run_worker", "worker_id"),
)

flow_run_state = Table(
    "flow_run_state",
    metadata,
    id_column(),
    Column("flow_run_id", String(36), nullable=False),
    Column("type", String(16), nullable=False),
    Column("name", String(64), nullable=False),
    Column("message", Text, nullable=False),
    json_column("details"),
    at_column("at"),
    Index("ix_flow_run_state_run", "flow_run_id", "at", "id"),
)

#: its states, and so its times, are in `history`; what is asked for is also in columns
task_run = Table(
    "task_run",
    metadata,
    id_column(),
    Column("flow_run_id", String(36), nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state_type", String(16), nullable=False),
    Column("state_name", String(64), nullable=False),
    at_column("state_at"),
    json_column("history"),
    at_column("created_at"),
    Column("position", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("flow_attempt", Integer, nullable=False),
    json_column("tags"),
    json_column("upstream"),
    Column("cell_id", String(64)),
    Column("result_key", Text),
    Column("note", Text),
    Index("ix_task_run_flow_run", "flow_run_id", "flow_attempt", "position", "id"),
)

log = Table(
    "log",
    metadata,
    id_column(),
    Column("flow_run_id", String(36), nullable=False),
    Column("task_run_id", String(36)),
    at_column("at"),
    Column("level", Integer, nullable=False),
    Column("logger", String(255), nullable=False),
    Column("message", Text, nullable=False),
    Index("ix_log_flow_run", "flow_run_id", "at", "id"),
)

#: `data` is null for a content that lies in a file of its own; `sha256` is that file's
artifact = Table(
    "artifact",
    metadata,
    id_column(),
    Column("key", String(255)),
    Column("kind", String(16), nullable=False),
    json_column("data"),
    Column("description", Text),
    Column("flow_run_id", String(36), index=True),
    Column("task_run_id", String(36)),
    at_column("created_at"),
    at_column("updated_at", nullable=True),
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("mime_types", Text, nullable=False, server_default="[]"),
    Column("sha256", String(64)),
    Index("ix_artifact_key", "key", "created_at"),
    Index("ix_artifact_newest", "created_at", "id"),
)

#: by key; those of one run begin with its id, so that they are one range
result = Table(
    "result",
    metadata,
    Column("key", Text, primary_key=True),
    at_column("created_at"),
    Column("flow_run_id", String(36)),
    Column("task_run_id", String(36)),
    Column("serializer", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("data", LargeBinary),
    Column("location", Text),
    at_column("expires_at", nullable=True),
    Column("task_key", Text),
    Column("call", Text),
    Column("parts", Text),
    Column("preview", Text, nullable=False),
    Index(
        "ix_result_task",
        "task_key",
        "created_at",
        sqlite_where=text("task_key IS NOT NULL"),
    ),
)

concurrency_limit = Table(
    "concurrency_limit",
    metadata,
    id_column(),
    Column("name", String(255), nullable=False, unique=True),
    Column("limit", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("slot_decay_per_second", Float, nullable=False),
    at_column("drained_at"),  # when all slots that rate limiting took will have come back
    at_column("created_at"),
    at_column("updated_at"),
)

#: who holds slots of a limit, and who waits for them; a slot lives as long as its holder's lease
slot = Table(
    "slot",
    metadata,
    Column("request_id", String(36), primary_key=True),
    Column("limit_name", String(255), primary_key=True),
    Column("occupy", Integer, nullable=False),
    Column("waiting", Boolean, nullable=False),
    Column("rate", Boolean, nullable=False),
    Column("priority", Integer, nullable=False),
    at_column("asked_at"),
    at_column("taken_at", nullable=True),
    at_column("lease_until"),
    Column("lease_seconds", Float, nullable=False),
    Column("owner", Text),
    Column("flow_run_id", String(36), index=True),
    Column("task_run_id", String(36)),
    Index("ix_slot_limit", "limit_name", "waiting", "priority", "asked_at", "request_id"),
)

variable = Table(
    "variable",
    metadata,
    id_column(),
    Column("name", String(255), nullable=False, unique=True),
    json_column("value"),
    json_column("tags"),
    at_column("created_at"),
    at_column("updated_at"),
)

#: messages to running flows: answers to a pause, and what `send_input` sends
run_input = Table(
    "run_input",
    metadata,
    id_column(),
    Column("flow_run_id", String(36), nullable=False),
    Column("key", String(255), nullable=False),
    json_column("value"),
    Column("sender", String(255)),
    at_column("created_at"),
    Index("ix_run_input_run", "flow_run_id", "key", "created_at", "id"),
)


#: the first answer to a request that carried an idempotency key
request = Table(
    "request",
    metadata,
    Column("key", String(255), primary_key=True),
    Column("scope", String(255), primary_key=True),
    Column("body_sha256", String(64), nullable=False),
    Column("status", Integer),
    Column("answer", Text),
    Column("created_at", BigInteger, nullable=False, index=True),
)

#: runs made for instants of the past, at somebody's word
backfill = Table(
    "backfill",
    metadata,
    id_column(),
    Column("deployment_id", String(36), nullable=False, index=True),
    Column("schedule_id", String(36)),
    json_column("timing"),
    at_column("since"),
    at_column("until"),
    json_column("parameters"),
    Column("count", Integer, nullable=False),
    Column("created_by", String(255)),
    at_column("created_at"),
    at_column("cancelled_at", nullable=True),
)


event = Table(
    "event",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", String(96), nullable=False),
    Column("noun", String(32), nullable=False),
    Column("resource_id", String(36), nullable=False),
    at_column("at"),
    json_column("row"),
    Column("about", Text),  # what a user's event happened to: its resource's id
    # By name and time events are listed and counted: there are few names, so also all of them.
    Index("ix_event_kind", "kind", "at", "seq"),
    Index("ix_event_resource", "resource_id", "at", "seq"),
    Index("ix_event_about", "about", "at", "seq", sqlite_where=text("about IS NOT NULL")),
    sqlite_autoincrement=True,
)
