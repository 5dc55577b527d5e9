"""The request table: what requests with an idempotency key were answered.

A row is there from the beginning of the first such request. Its status is null while that is under
way, 0 once something was committed for it, and its answer's at the end.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from nbflow.store.tables import request

#: committed, but the answer is not kept (yet)
DONE = 0


class Kept(NamedTuple):
    """What is known of a request."""

    body_sha256: str
    status: int | None
    answer: str | None
    created_at: int


def find(connection: sa.Connection, key: str, scope: str) -> Kept | None:
    """Read what is known of a request, or None."""
    c = request.c
    found = connection.execute(
        sa.select(c.body_sha256, c.status, c.answer, c.created_at).where(_is(key, scope))
    ).first()
    return None if found is None else Kept(*found)


def insert(connection: sa.Connection, key: str, scope: str, body_sha256: str, at: int) -> None:
    """Note that a request has begun."""
    connection.execute(
        request.insert(),
        {"key": key, "scope": scope, "body_sha256": body_sha256, "created_at": at},
    )


def settle(
    connection: sa.Connection, key: str, scope: str, status: int, answer: str | None = None
) -> None:
    """Note how far a request is, or its answer."""
    connection.execute(request.update().where(_is(key, scope)).values(status=status, answer=answer))


def forget(connection: sa.Connection, key: str, scope: str) -> None:
    """Forget a request for which nothing was committed."""
    connection.execute(request.delete().where(_is(key, scope), request.c.status.is_(None)))


def _is(key: str, scope: str) -> sa.ColumnElement[bool]:
    return (request.c.key == key) & (request.c.scope == scope)
