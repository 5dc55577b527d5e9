"""Worker registrations and duties: who is there, and who does a shared chore now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import clock
from nbflow.model.pages import Page
from nbflow.model.runs import Owner
from nbflow.model.workers import Worker
from nbflow.store import codec, paging
from nbflow.store.worker_tables import duty, worker


def insert(connection: sa.Connection, made: Worker, *, token_id: str | None = None) -> None:
    """Insert a registration, and with which token it was made."""
    connection.execute(
        worker.insert(),
        {
            "id": made.id,
            "name": made.name,
            "work_pool": made.work_pool,
            "owner": codec.owner_text(made.owner),
            "limit": made.limit,
            "started_at": clock.micros(made.started_at),
            "heartbeat_at": clock.micros(made.heartbeat_at),
            "lease_until": clock.micros(made.lease_until),
            "stopped_at": None,
            "type": made.type,
            "work_queues": codec.dumps(list(made.work_queues)),
            "version": made.version,
            "kernels": codec.dumps(list(made.kernels)),
            "token_id": token_id,
        },
    )


def token_of(connection: sa.Connection, worker_id: str) -> str | None:
    """Give the token a worker was registered with; None: with none, or there is no such worker."""
    query = sa.select(worker.c.token_id).where(worker.c.id == worker_id)
    return connection.execute(query).scalar()


_GET = sa.select(worker).where(worker.c.id == sa.bindparam("id_"))


def get(connection: sa.Connection, worker_id: str) -> Worker:
    """Read a registration. Raises NotFound."""
    row = connection.execute(_GET, {"id_": worker_id}).mappings().first()
    if row is None:
        raise NotFound(f"There is no worker {worker_id!r}.", field="worker_id")
    return _worker(row)


def given_up(connection: sa.Connection, worker_id: str) -> Worker | None:
    """Give a worker whose registration was given up; None: it is there, or nowhere."""
    stopped = sa.select(worker.c.stopped_at).where(worker.c.id == worker_id)
    found = connection.execute(stopped).scalar()
    return None if found is None else get(connection, worker_id)


def renew(
    connection: sa.Connection,
    worker_id: str,
    *,
    now: datetime,
    lease_until: datetime,
    kernels: tuple[str, ...] | None = None,
) -> None:
    """Renew a registration; one that was given up (its host slept) is there again."""
    values: dict[str, Any] = {
        "heartbeat_at": clock.micros(now),
        "lease_until": clock.micros(lease_until),
        "stopped_at": None,
    }
    if kernels is not None:
        values["kernels"] = codec.dumps(list(kernels))
    connection.execute(worker.update().where(worker.c.id == worker_id).values(values))


def stop(connection: sa.Connection, worker_id: str, *, at: datetime) -> bool:
    """Mark a registration as stopped; False when it was already."""
    return bool(
        connection.execute(
            worker.update()
            .where(worker.c.id == worker_id, worker.c.stopped_at.is_(None))
            .values(stopped_at=clock.micros(at))
        ).rowcount
    )


def present(connection: sa.Connection) -> tuple[Worker, ...]:
    """List workers that have not stopped, newest first."""
    query = (
        sa.select(worker).where(worker.c.stopped_at.is_(None)).order_by(worker.c.started_at.desc())
    )
    return tuple(_worker(row) for row in connection.execute(query).mappings())


_MARK = sa.select(sa.func.count(), sa.func.max(worker.c.heartbeat_at)).where(
    worker.c.stopped_at.is_(None)
)


def mark(connection: sa.Connection) -> tuple[Any, ...]:
    """Give what is another whenever a worker came, went, or was heard from."""
    return tuple(connection.execute(_MARK).one())


def page(connection: sa.Connection, *, limit: int, cursor: str | None) -> Page[Worker]:
    """List some of the workers that have not stopped, newest first."""
    c = worker.c
    query = sa.select(worker).where(c.stopped_at.is_(None))
    rows, after = paging.page(
        connection, query, (c.started_at, c.id), limit=limit, cursor=cursor, down=True
    )
    return Page(tuple(map(_worker, rows)), after)


def take_duty(
    connection: sa.Connection, name: str, owner: Owner, *, now: datetime, lease_until: datetime
) -> bool:
    """Take or renew a shared chore; False while another process holds it."""
    me = codec.owner_text(owner)
    row = connection.execute(sa.select(duty).where(duty.c.name == name)).mappings().first()
    if row is None:
        values = {"name": name, "owner": me, "since": clock.micros(now)}
        connection.execute(duty.insert(), values | {"lease_until": clock.micros(lease_until)})
        return True
    mine, expired = row["owner"] == me, row["lease_until"] < clock.micros(now)
    if not (mine or expired):
        return False
    values = {"owner": me, "lease_until": clock.micros(lease_until)}
    if not mine:
        values["since"] = clock.micros(now)
    connection.execute(duty.update().where(duty.c.name == name).values(values))
    return True


def drop_duty(connection: sa.Connection, name: str, owner: Owner) -> None:
    """Give a shared chore back."""
    mine = (duty.c.name == name) & (duty.c.owner == codec.owner_text(owner))
    connection.execute(duty.delete().where(mine))


def duty_holder(connection: sa.Connection, name: str) -> tuple[Owner, datetime, datetime] | None:
    """Give who holds a chore, since when, and until when that is trusted; None: nobody."""
    row = connection.execute(sa.select(duty).where(duty.c.name == name)).mappings().first()
    if row is None:
        return None
    owner = codec.owner_of(row["owner"])
    assert owner is not None
    return owner, clock.instant(row["since"]), clock.instant(row["lease_until"])


def _worker(row: sa.RowMapping) -> Worker:
    owner = codec.owner_of(row["owner"])
    assert owner is not None
    return Worker(
        id=row["id"],
        name=row["name"],
        work_pool=row["work_pool"],
        owner=owner,
        started_at=clock.instant(row["started_at"]),
        heartbeat_at=clock.instant(row["heartbeat_at"]),
        lease_until=clock.instant(row["lease_until"]),
        limit=row["limit"],
        stopped_at=codec.instant(row["stopped_at"]),
        type=row["type"],
        work_queues=tuple(codec.loads(row["work_queues"])),
        version=row["version"],
        kernels=tuple(codec.loads(row["kernels"])),
        status="ONLINE" if row["lease_until"] > clock.now_micros() else "OFFLINE",
    )
