"""The slot table: a row for each name of each request, held or waiting. Rows are all there is.

Which request comes next, and whether it fits, is `orchestration.admission`'s to say.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from nbflow.model import clock
from nbflow.model.limits import Slot, SlotRequest
from nbflow.model.runs import Owner
from nbflow.store import codec
from nbflow.store.tables import concurrency_limit, flow_run, slot, task_run

_place = sa.tuple_(slot.c.priority, slot.c.asked_at, slot.c.request_id)
_before = sa.tuple_(sa.bindparam("priority"), sa.bindparam("asked_at"), sa.bindparam("request_id"))
_QUEUE = 50


class Row(NamedTuple):
    """One row, as the queue sees it. Instants are microseconds since 1970."""

    request_id: str
    limit_name: str
    occupy: int
    waiting: bool
    rate: bool
    priority: int
    asked_at: int
    lease_seconds: float = 0.0
    owner: str | None = None


_ROW = sa.select(*(slot.c[name] for name in Row._fields))
_OF_REQUEST = _ROW.where(slot.c.request_id == sa.bindparam("request_id"))
_QUEUED = (
    _ROW.where(slot.c.limit_name == sa.bindparam("name"), slot.c.waiting, _place > _before)
    .order_by(slot.c.priority, slot.c.asked_at, slot.c.request_id)
    .limit(_QUEUE)
)
_AHEAD = sa.select(sa.func.coalesce(sa.func.sum(slot.c.occupy), 0), sa.func.count()).where(
    slot.c.limit_name == sa.bindparam("name"), slot.c.waiting, _place < _before
)
_OWNERS = sa.select(slot.c.owner, sa.func.min(slot.c.lease_until)).group_by(slot.c.owner)
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_hopeless = concurrency_limit.c.active & (slot.c.occupy > concurrency_limit.c.limit)
_STILL_WAITING = (
    sa.select(slot.c.request_id)
    .join(concurrency_limit, concurrency_limit.c.name == slot.c.limit_name)
    .where(slot.c.request_id.in_(_IDS), slot.c.waiting)
    .group_by(slot.c.request_id)
    .having(sa.func.count(sa.case((_hopeless, 1))) == 0)
)
_THERE = sa.select(slot.c.request_id).where(slot.c.request_id.in_(_IDS)).distinct()
_INSERT = slot.insert()
_DELETE = slot.delete().where(slot.c.request_id.in_(_IDS)).returning(slot.c.limit_name)
_DELETE_OF_RUN = (
    slot.delete()
    .where(slot.c.flow_run_id == sa.bindparam("flow_run_id"))
    .returning(slot.c.limit_name)
)
_RENEW = (
    slot.update()
    .where(slot.c.request_id.in_(_IDS))
    .values(lease_until=sa.bindparam("now") + sa.cast(slot.c.lease_seconds * 1e6, sa.BigInteger))
)


# -- what there is ----------------------------------------------------------------------------
def of_request(connection: sa.Connection, request_id: str) -> list[Row]:
    """Give the rows of a request."""
    found = connection.execute(_OF_REQUEST, {"request_id": request_id})
    return [Row._make(row) for row in found]


def queue(connection: sa.Connection, name: str, *, after: Row | None = None) -> list[Row]:
    """Give the next requests that wait for a limit, in order, some at a time."""
    place = {"priority": -(2**63), "asked_at": 0, "request_id": ""} if after is None else _at(after)
    return [Row._make(row) for row in connection.execute(_QUEUED, {"name": name, **place})]


def ahead(connection: sa.Connection, name: str, row: Row) -> tuple[int, int]:
    """Give the slots waited for before a request's turn, and by how many."""
    slots, requests = connection.execute(_AHEAD, {"name": name, **_at(row)}).one()
    return slots, requests


def owners(connection: sa.Connection) -> list[tuple[str | None, int]]:
    """Give everybody who holds or waits for slots, with the lease that ends first."""
    return [(owner, lease_until) for owner, lease_until in connection.execute(_OWNERS)]


def still_waiting(connection: sa.Connection, request_ids: Sequence[str]) -> set[str]:
    """Give those of some requests that wait, and not for what they can never be given."""
    return set(connection.execute(_STILL_WAITING, {"ids": list(request_ids)}).scalars())


def listed(
    connection: sa.Connection, *, limit_name: str | None = None, flow_run_id: str | None = None
) -> list[Slot]:
    """List slots of a limit, or of a run, or all: those held, then those waited for, in order."""
    place = sa.func.row_number().over(
        partition_by=[slot.c.limit_name, slot.c.waiting],
        order_by=[slot.c.priority, slot.c.asked_at, slot.c.request_id],
    )
    numbered = sa.select(slot, place.label("place")).subquery()
    query = (
        sa.select(numbered, flow_run.c.name.label("flow"), task_run.c.name.label("task"))
        .outerjoin(flow_run, flow_run.c.id == numbered.c.flow_run_id)
        .outerjoin(task_run, task_run.c.id == numbered.c.task_run_id)
        .order_by(numbered.c.limit_name, numbered.c.waiting, numbered.c.place)
    )
    if limit_name is not None:
        query = query.where(numbered.c.limit_name == limit_name)
    if flow_run_id is not None:
        query = query.where(numbered.c.flow_run_id == flow_run_id)
    return [_slot(row) for row in connection.execute(query).mappings()]


_MARK = sa.select(
    sa.func.count(),
    sa.func.count(sa.case((slot.c.waiting, 1))),
    sa.func.max(slot.c.asked_at),
    sa.func.max(slot.c.taken_at),
)


def mark(connection: sa.Connection) -> tuple[Any, ...]:
    """Give what is another whenever a slot was taken, given back or asked for."""
    return tuple(connection.execute(_MARK).one())


# -- what changes it --------------------------------------------------------------------------
def insert(
    connection: sa.Connection,
    request: SlotRequest,
    names: Collection[str],
    *,
    waiting: bool,
    lease_seconds: float,
    now: int,
) -> None:
    """Insert a request, holding or waiting."""
    common = {
        "request_id": request.request_id,
        "occupy": request.occupy,
        "waiting": waiting,
        "rate": request.rate,
        "priority": request.priority,
        "asked_at": now,
        "taken_at": None if waiting else now,
        "lease_until": now + round(lease_seconds * 1e6),
        "lease_seconds": lease_seconds,
        "owner": _owner_text(request.owner),
        "flow_run_id": request.flow_run_id,
        "task_run_id": request.task_run_id,
    }
    connection.execute(_INSERT, [{**common, "limit_name": name} for name in names])


def take(connection: sa.Connection, row: Row, *, now: int) -> None:
    """Give a waiting request its slots."""
    lease_until = now + round(row.lease_seconds * 1e6)
    connection.execute(
        slot.update()
        .where(slot.c.request_id == row.request_id)
        .values(waiting=False, taken_at=now, lease_until=lease_until)
    )


def renew(connection: sa.Connection, request_ids: Sequence[str], *, now: int) -> set[str]:
    """Renew the leases of some requests; give those that are there."""
    there = set(connection.execute(_THERE, {"ids": list(request_ids)}).scalars())
    if there:
        connection.execute(_RENEW, {"ids": list(there), "now": now})
    return there


def delete(connection: sa.Connection, request_ids: Sequence[str]) -> set[str]:
    """Delete requests; give the limits they held or waited for."""
    return set(connection.execute(_DELETE, {"ids": list(request_ids)}).scalars())


def delete_of_run(connection: sa.Connection, flow_run_id: str) -> set[str]:
    """Delete the requests of a run; give the limits they held or waited for."""
    return set(connection.execute(_DELETE_OF_RUN, {"flow_run_id": flow_run_id}).scalars())


def delete_of_owner(
    connection: sa.Connection, owner: str | None, *, expired_before: int | None = None
) -> set[str]:
    """Delete a process's requests, or those whose lease has ended; give their limits."""
    theirs = slot.c.owner.is_(None) if owner is None else slot.c.owner == owner
    query = slot.delete().where(theirs)
    if expired_before is not None:
        query = query.where(slot.c.lease_until < expired_before)
    return set(connection.execute(query.returning(slot.c.limit_name)).scalars())


def delete_of_limit(connection: sa.Connection, name: str, *, held_only: bool = False) -> None:
    """Delete all slots of a limit, or those that are held."""
    query = slot.delete().where(slot.c.limit_name == name)
    connection.execute(query.where(~slot.c.waiting) if held_only else query)


@lru_cache(maxsize=64)
def _owner_text(owner: Owner | None) -> str | None:
    return codec.owner_text(owner)


def _at(row: Row) -> dict[str, object]:
    return {"priority": row.priority, "asked_at": row.asked_at, "request_id": row.request_id}


def _slot(row: sa.RowMapping) -> Slot:
    return Slot(
        request_id=row["request_id"],
        limit_name=row["limit_name"],
        occupy=row["occupy"],
        position=row["place"] if row["waiting"] else 0,
        priority=row["priority"],
        asked_at=clock.instant(row["asked_at"]),
        taken_at=codec.instant(row["taken_at"]),
        lease_until=clock.instant(row["lease_until"]),
        owner=codec.owner_of(row["owner"]),
        flow_run_id=row["flow_run_id"],
        flow_run_name=row["flow"],
        task_run_id=row["task_run_id"],
        task_run_name=row["task"],
    )
