"""The token table: digests of secrets, and what each opens."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import NotFound
from nbflow.model import clock
from nbflow.model.names import shown
from nbflow.model.pages import Page
from nbflow.model.tokens import Token
from nbflow.store import codec, paging
from nbflow.store.worker_tables import token

_TIMES = ("created_at", "expires_at", "used_at", "revoked_at")
_OTHERS = ("id", "name", "kind", "work_pool", "flow_run_id", "attempt", "created_by")


def insert(connection: sa.Connection, made: Token, *, sha256: str) -> None:
    """Insert a token."""
    values: dict[str, Any] = {name: getattr(made, name) for name in _OTHERS}
    values |= {name: codec.micros(getattr(made, name)) for name in _TIMES}
    connection.execute(token.insert(), values | {"sha256": sha256})


def of_digest(connection: sa.Connection, sha256: str) -> Token | None:
    """Give the token of a digest, whether or not it opens anything."""
    row = connection.execute(sa.select(token).where(token.c.sha256 == sha256)).mappings().first()
    if row is None or not hmac.compare_digest(row["sha256"], sha256):
        return None
    return _token(row)


def of_workers(connection: sa.Connection) -> tuple[Token, ...]:
    """List workers' tokens, newest first."""
    query = sa.select(token).where(token.c.kind == "worker").order_by(token.c.created_at.desc())
    return tuple(_token(row) for row in connection.execute(query).mappings())


def page(connection: sa.Connection, *, limit: int, cursor: str | None) -> Page[Token]:
    """List some of workers' tokens, newest first."""
    c = token.c
    query = sa.select(token).where(c.kind == "worker")
    rows, after = paging.page(
        connection, query, (c.created_at, c.id), limit=limit, cursor=cursor, down=True
    )
    return Page(tuple(map(_token, rows)), after)


def get(connection: sa.Connection, name_or_id: str) -> Token:
    """Read a worker's token by id, or the newest of a name, one in use first. Raises NotFound."""
    named = [t for t in of_workers(connection) if name_or_id in (t.id, t.name)]
    if not named:
        raise NotFound(
            f"There is no token {shown(name_or_id)}.",
            code="token.not_found",
            field="name",
            hint="`nbflow token ls` lists them.",
        )
    return next((t for t in named if t.revoked_at is None), named[0])


def revoke(connection: sa.Connection, token_id: str, *, at: datetime) -> None:
    """Let a token open nothing any more."""
    mine = (token.c.id == token_id) & token.c.revoked_at.is_(None)
    connection.execute(token.update().where(mine).values(revoked_at=clock.micros(at)))


def use(connection: sa.Connection, token_id: str, *, at: datetime) -> None:
    """Note that a token was seen."""
    mine = token.c.id == token_id
    connection.execute(token.update().where(mine).values(used_at=clock.micros(at)))


def forget_of_runs(connection: sa.Connection, *, created_before: datetime) -> int:
    """Delete the tokens of attempts, which have long ended; give how many."""
    old = (token.c.kind == "run") & (token.c.created_at < clock.micros(created_before))
    return connection.execute(token.delete().where(old)).rowcount


def _token(row: sa.RowMapping) -> Token:
    times: dict[str, Any] = {name: codec.instant(row[name]) for name in _TIMES}
    return Token(**{name: row[name] for name in _OTHERS}, **times)
