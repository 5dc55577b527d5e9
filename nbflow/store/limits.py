"""The concurrency_limit table: how many slots there are under a name. Who holds them: `slots`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import clock
from nbflow.model.limits import TAG_PREFIX, ConcurrencyLimit
from nbflow.model.names import shown
from nbflow.model.pages import Page
from nbflow.store import paging
from nbflow.store.tables import concurrency_limit, slot

_BY_NAME = sa.select(concurrency_limit).where(
    concurrency_limit.c.name.in_(sa.bindparam("names", expanding=True))
)
_here = slot.c.limit_name == concurrency_limit.c.name
# Each part by an index of its own: a long queue costs nothing here.
_STANDING = sa.select(
    concurrency_limit,
    sa.select(sa.func.coalesce(sa.func.sum(slot.c.occupy), 0))
    .where(_here, ~slot.c.waiting)
    .correlate(concurrency_limit)
    .scalar_subquery(),
    sa.exists().where(_here, slot.c.waiting).correlate(concurrency_limit),
    sa.exists()
    .where(_here, slot.c.request_id == sa.bindparam("request_id"))
    .correlate(concurrency_limit),
).where(concurrency_limit.c.name.in_(sa.bindparam("names", expanding=True)))
# A range, which the index on the name answers; `;` follows `:`.
_OF_TAGS = (
    sa.select(concurrency_limit.c.name)
    .where(
        concurrency_limit.c.name > TAG_PREFIX,
        concurrency_limit.c.name < TAG_PREFIX[:-1] + ";",
        concurrency_limit.c.active,
    )
    .order_by(concurrency_limit.c.name)
)


class Limit(NamedTuple):
    """A limit as its row says it.

    Attributes:
        drained_at: microseconds since 1970: when all that rate limiting took will have come back.
    """

    id: str
    name: str
    limit: int
    active: bool
    decay: float
    drained_at: int
    created_at: int
    updated_at: int

    def drained(self, now: int) -> float:
        """Give how many slots rate limiting still takes at an instant."""
        return max(self.drained_at - now, 0) * self.decay / 1e6

    def model(self) -> ConcurrencyLimit:
        """Give the limit without its slots."""
        return ConcurrencyLimit(
            id=self.id,
            name=self.name,
            limit=self.limit,
            active=self.active,
            slot_decay_per_second=self.decay,
            created_at=clock.instant(self.created_at),
            updated_at=clock.instant(self.updated_at),
        )


class Standing(NamedTuple):
    """A limit, the slots held, whether any are waited for, and whether a request is there."""

    limit: Limit
    held: int
    queued: bool
    there: bool

    def room(self, now: int, *, ahead: int) -> float:
        """Give how many slots are left, when so many more are kept for others."""
        return self.limit.limit - self.held - ahead - self.limit.drained(now)


def standing(
    connection: sa.Connection, names: Collection[str], request_id: str = ""
) -> dict[str, Standing]:
    """Give how the limits there are of some names stand."""
    rows = connection.execute(_STANDING, {"names": list(names), "request_id": request_id})
    found = (
        Standing(Limit._make(limit), held, bool(queued), bool(there))
        for *limit, held, queued, there in rows
    )
    return {one.limit.name: one for one in found}


def by_name(connection: sa.Connection, names: Collection[str]) -> dict[str, Limit]:
    """Give the limits there are of some names."""
    rows = connection.execute(_BY_NAME, {"names": list(names)})
    return {row.name: Limit._make(row) for row in rows}


def get(connection: sa.Connection, name_or_id: str) -> Limit:
    """Read a limit. Raises NotFound."""
    matches = sa.or_(concurrency_limit.c.name == name_or_id, concurrency_limit.c.id == name_or_id)
    row = connection.execute(sa.select(concurrency_limit).where(matches)).first()
    if row is None:
        raise NotFound(
            f"There is no concurrency limit {shown(name_or_id)}.",
            code="limit.not_found",
            field="name",
            hint="`nbflow concurrency-limit ls` lists them.",
        )
    return Limit._make(row)


def every(connection: sa.Connection) -> list[Limit]:
    """List limits by name."""
    query = sa.select(concurrency_limit).order_by(concurrency_limit.c.name)
    return [Limit._make(row) for row in connection.execute(query)]


def page(connection: sa.Connection, *, limit: int, cursor: str | None) -> Page[Limit]:
    """List some limits by name."""
    query, by = sa.select(concurrency_limit), (concurrency_limit.c.name,)
    rows, after = paging.page(connection, query, by, limit=limit, cursor=cursor)
    return Page(tuple(Limit._make(row.values()) for row in rows), after)


def of_tags(connection: sa.Connection) -> tuple[str, ...]:
    """List the names of active limits of tags."""
    return tuple(connection.execute(_OF_TAGS).scalars())


def insert(connection: sa.Connection, made: Limit) -> None:
    """Insert a limit."""
    connection.execute(concurrency_limit.insert(), _columns(made))


def replace(connection: sa.Connection, made: Limit) -> None:
    """Write a limit over the one of its id."""
    here = concurrency_limit.c.id == made.id
    connection.execute(concurrency_limit.update().where(here), _columns(made))


def delete(connection: sa.Connection, limit_id: str) -> None:
    """Delete a limit."""
    connection.execute(concurrency_limit.delete().where(concurrency_limit.c.id == limit_id))


def drain(connection: sa.Connection, limit: Limit, occupy: int, *, now: datetime) -> None:
    """Take slots of a limit for good: decay brings them back."""
    at = max(limit.drained_at, clock.micros(now)) + round(occupy / limit.decay * 1e6)
    connection.execute(
        concurrency_limit.update().where(concurrency_limit.c.id == limit.id).values(drained_at=at)
    )


def _columns(made: Limit) -> dict[str, object]:
    columns: dict[str, object] = made._asdict()
    columns["slot_decay_per_second"] = columns.pop("decay")
    return columns
