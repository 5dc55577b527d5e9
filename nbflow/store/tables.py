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
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
    true,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


def _id() -> Column[str]:
    return Column("id", String(36), primary_key=True)


def _at(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable)


def _json(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _index_of(name: str, column: str) -> Index:
    """Give an order of runs that leaves out those not yet in it: they cost nothing."""
    some = text(f"{column} IS NOT NULL")
    return Index(name, column, "id", sqlite_where=some)


work_pool = Table(
    "work_pool",
    metadata,
    _id(),
    Column("name", String(255), nullable=False, unique=True),
    _at("created_at"),
    Column("type", String(32), nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("concurrency_limit", Integer),
    Column("description", Text, nullable=False),
    Column("base_job_template", Text, nullable=False, server_default="{}"),
    Column("updated_at", BigInteger, nullable=False, server_default="0"),
)

#: a pool's lines: 1 is drained first
work_queue = Table(
    "work_queue",
    metadata,
    _id(),
    Column("work_pool", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("concurrency_limit", Integer),
    Column("paused", Boolean, nullable=False),
    Column("description", Text, nullable=False),
    _at("created_at"),
    _at("updated_at"),
    UniqueConstraint("work_pool", "name"),
)

deployment = Table(
    "deployment",
    metadata,
    _id(),
    Column("name", String(255), nullable=False, unique=True),
    Column("flow_name", String(255), nullable=False),
    Column("path", Text, nullable=False),
    Column("source", String(16), nullable=False),
    Column("snapshot", String(64), nullable=False),
    Column("kernel_name", String(255), nullable=False),
    _json("kernel_argv"),
    Column("host", String(255)),
    Column("work_pool", String(255), nullable=False),
    _json("parameter_schema"),
    _json("parameters"),
    _json("tags"),
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
    _at("created_at"),
    _at("updated_at"),
)

#: what a deployment was before it was deployed again; `content` is all that is versioned
deployment_version = Table(
    "deployment_version",
    metadata,
    _id(),
    Column(
        "deployment_id",
        String(36),
        ForeignKey("deployment.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("version", Integer, nullable=False),
    _json("content"),
    Column("snapshot", String(64), nullable=False),
    Column("made_by", String(16), nullable=False),
    Column("created_by", String(255)),
    Column("note", Text, nullable=False, server_default=""),
    _at("created_at"),
    UniqueConstraint("deployment_id", "version"),
)

schedule = Table(
    "schedule",
    metadata,
    _id(),
    Column(
        "deployment_id",
        String(36),
        ForeignKey("deployment.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    _json("timing"),
    Column("active", Boolean, nullable=False),
    Column("catchup", String(16), nullable=False),
    Column("overlap", String(24), nullable=False),
    _json("parameters"),
    _at("created_at"),
    _at("done_until"),
    _at("next_at", nullable=True),
    Column("slug", String(255)),
    Column("catchup_window_seconds", Float),
    Column("catchup_max", Integer),
    Column("jitter_seconds", Float, nullable=False, server_default="0"),
    _at("starts_at", nullable=True),
    _at("ends_at", nullable=True),
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
    _at("first_at"),
    _at("last_at"),
    Column("count", Integer, nullable=False),
    Column("reason", String(16), nullable=False),
    _at("created_at"),
    Index("ix_skip_asked", "reason", "first_at"),
)

flow_run = Table(
    "flow_run",
    metadata,
    _id(),
    Column("name", String(255), nullable=False),
    Column("flow_name", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state_id", String(36), nullable=False),
    Column("state_type", String(16), nullable=False),
    Column("state_name", String(64), nullable=False),
    Column("state_message", Text, nullable=False),
    _json("state_details"),
    _at("state_at"),
    _at("created_at"),
    _json("parameters"),
    _json("tags"),
    Column("attempt", Integer, nullable=False),
    _at("due_at"),
    # when a waiting run may be claimed (its due time or its retry's), or a paused one gives up
    _at("start_at", nullable=True),
    _at("started_at", nullable=True),
    _at("ended_at", nullable=True),
    Column("running_seconds", Float, nullable=False),
    Column("deployment_id", String(36)),
    Column("schedule_id", String(36)),
    Column("parent_flow_run_id", String(36), index=True),
    Column("parent_task_run_id", String(36)),
    Column("work_pool", String(255)),
    Column("owner", Text),
    Column("worker_id", String(36)),
    _at("lease_until", nullable=True),
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
    _id(),
    Column("flow_run_id", String(36), nullable=False),
    Column("type", String(16), nullable=False),
    Column("name", String(64), nullable=False),
    Column("message", Text, nullable=False),
    _json("details"),
    _at("at"),
    Index("ix_flow_run_state_run", "flow_run_id", "at", "id"),
)

#: its states, and so its times, are in `history`; what is asked for is also in columns
task_run = Table(
    "task_run",
    metadata,
    _id(),
    Column("flow_run_id", String(36), nullable=False),
    Column("key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state_type", String(16), nullable=False),
    Column("state_name", String(64), nullable=False),
    _at("state_at"),
    _json("history"),
    _at("created_at"),
    Column("position", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("flow_attempt", Integer, nullable=False),
    _json("tags"),
    _json("upstream"),
    Column("cell_id", String(64)),
    Column("result_key", Text),
    Column("note", Text),
    Index("ix_task_run_flow_run", "flow_run_id", "flow_attempt", "position", "id"),
)

log = Table(
    "log",
    metadata,
    _id(),
    Column("flow_run_id", String(36), nullable=False),
    Column("task_run_id", String(36)),
    _at("at"),
    Column("level", Integer, nullable=False),
    Column("logger", String(255), nullable=False),
    Column("message", Text, nullable=False),
    Index("ix_log_flow_run", "flow_run_id", "at", "id"),
)

#: `data` is null for a content that lies in a file of its own; `sha256` is that file's
artifact = Table(
    "artifact",
    metadata,
    _id(),
    Column("key", String(255)),
    Column("kind", String(16), nullable=False),
    _json("data"),
    Column("description", Text),
    Column("flow_run_id", String(36), index=True),
    Column("task_run_id", String(36)),
    _at("created_at"),
    _at("updated_at", nullable=True),
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
    _at("created_at"),
    Column("flow_run_id", String(36)),
    Column("task_run_id", String(36)),
    Column("serializer", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("data", LargeBinary),
    Column("location", Text),
    _at("expires_at", nullable=True),
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
    _id(),
    Column("name", String(255), nullable=False, unique=True),
    Column("limit", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("slot_decay_per_second", Float, nullable=False),
    _at("drained_at"),  # when all slots that rate limiting took will have come back
    _at("created_at"),
    _at("updated_at"),
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
    _at("asked_at"),
    _at("taken_at", nullable=True),
    _at("lease_until"),
    Column("lease_seconds", Float, nullable=False),
    Column("owner", Text),
    Column("flow_run_id", String(36), index=True),
    Column("task_run_id", String(36)),
    Index("ix_slot_limit", "limit_name", "waiting", "priority", "asked_at", "request_id"),
)

variable = Table(
    "variable",
    metadata,
    _id(),
    Column("name", String(255), nullable=False, unique=True),
    _json("value"),
    _json("tags"),
    _at("created_at"),
    _at("updated_at"),
)

#: messages to running flows: answers to a pause, and what `send_input` sends
run_input = Table(
    "run_input",
    metadata,
    _id(),
    Column("flow_run_id", String(36), nullable=False),
    Column("key", String(255), nullable=False),
    _json("value"),
    Column("sender", String(255)),
    _at("created_at"),
    Index("ix_run_input_run", "flow_run_id", "key", "created_at", "id"),
)

worker = Table(
    "worker",
    metadata,
    _id(),
    Column("name", String(255), nullable=False),
    Column("work_pool", String(255), nullable=False),
    _json("owner"),
    Column("limit", Integer, nullable=False),
    _at("started_at"),
    _at("heartbeat_at"),
    _at("lease_until"),
    _at("stopped_at", nullable=True),
    Column("type", String(32), nullable=False, server_default="process"),
    Column("work_queues", Text, nullable=False, server_default="[]"),
    Column("version", String(64), nullable=False, server_default=""),
    Column("token_id", String(36)),
    Column("kernels", Text, nullable=False, server_default="[]"),
    Index("ix_worker_live", "stopped_at", "started_at"),
)

#: what opens a part of the API to a worker, or to the kernel of one run; only its digest is kept
token = Table(
    "token",
    metadata,
    _id(),
    Column("name", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("work_pool", String(255)),
    Column("flow_run_id", String(36), index=True),
    Column("attempt", Integer),
    Column("created_by", String(255)),
    _at("created_at"),
    _at("expires_at", nullable=True),
    _at("used_at", nullable=True),
    _at("revoked_at", nullable=True),
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
    _id(),
    Column("deployment_id", String(36), nullable=False, index=True),
    Column("schedule_id", String(36)),
    _json("timing"),
    _at("since"),
    _at("until"),
    _json("parameters"),
    Column("count", Integer, nullable=False),
    Column("created_by", String(255)),
    _at("created_at"),
    _at("cancelled_at", nullable=True),
)

#: who does a shared chore now; losing it is harmless, correctness never rests on it
duty = Table(
    "duty",
    metadata,
    Column("name", String(64), primary_key=True),
    _json("owner"),
    _at("since"),
    _at("lease_until"),
)

event = Table(
    "event",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("kind", String(96), nullable=False),
    Column("noun", String(32), nullable=False),
    Column("resource_id", String(36), nullable=False),
    _at("at"),
    _json("row"),
    sqlite_autoincrement=True,
)
