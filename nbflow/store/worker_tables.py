"""The schema of who executes runs: pools, queues, workers, the duties and tokens of processes."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from nbflow.store.columns import at_column, id_column, json_column, metadata

work_pool = Table(
    "work_pool",
    metadata,
    id_column(),
    Column("name", String(255), nullable=False, unique=True),
    at_column("created_at"),
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
    id_column(),
    Column("work_pool", String(255), nullable=False),
    Column("name", String(255), nullable=False),
    Column("priority", Integer, nullable=False),
    Column("concurrency_limit", Integer),
    Column("paused", Boolean, nullable=False),
    Column("description", Text, nullable=False),
    at_column("created_at"),
    at_column("updated_at"),
    UniqueConstraint("work_pool", "name"),
)

worker = Table(
    "worker",
    metadata,
    id_column(),
    Column("name", String(255), nullable=False),
    Column("work_pool", String(255), nullable=False),
    json_column("owner"),
    Column("limit", Integer, nullable=False),
    at_column("started_at"),
    at_column("heartbeat_at"),
    at_column("lease_until"),
    at_column("stopped_at", nullable=True),
    Column("type", String(32), nullable=False, server_default="process"),
    Column("work_queues", Text, nullable=False, server_default="[]"),
    Column("version", String(64), nullable=False, server_default=""),
    Column("token_id", String(36)),
    Column("kernels", Text, nullable=False, server_default="[]"),
    Index("ix_worker_live", "stopped_at", "started_at"),
)

#: who does a shared chore now; losing it is harmless, correctness never rests on it
duty = Table(
    "duty",
    metadata,
    Column("name", String(64), primary_key=True),
    json_column("owner"),
    at_column("since"),
    at_column("lease_until"),
)

#: what opens a part of the API to a worker, or to the kernel of one run; only its digest is kept
token = Table(
    "token",
    metadata,
    id_column(),
    Column("name", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("work_pool", String(255)),
    Column("flow_run_id", String(36), index=True),
    Column("attempt", Integer),
    Column("created_by", String(255)),
    at_column("created_at"),
    at_column("expires_at", nullable=True),
    at_column("used_at", nullable=True),
    at_column("revoked_at", nullable=True),
)
