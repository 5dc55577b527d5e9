"""Requests that may be sent twice and are done once: their idempotency keys, over SQL.

Not of the port: keys are a matter of HTTP. What is committed for a request marks it in the same
transaction (`doing`), so that even a server killed before it could answer does nothing twice.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from nbflow.exceptions import Conflict
from nbflow.model import clock
from nbflow.orchestration import base
from nbflow.store import requests

#: a request that began so long ago and has done nothing is of a server that is gone
_ABANDONED_SECONDS = 60.0


class SqlRequests(base.OverSql):
    """The keyed requests of a store."""

    def begin_request(self, key: str, scope: str, body_sha256: str) -> requests.Kept | None:
        """Begin a request, or give what is known of the first one. Raises Conflict."""
        now = clock.micros(clock.now())
        with self.database.write() as connection:
            kept = requests.find(connection, key, scope)
            abandoned = (
                kept is not None
                and kept.status is None
                and now - kept.created_at > _ABANDONED_SECONDS * 1e6
            )
            if abandoned:
                requests.forget(connection, key, scope)
            if kept is None or abandoned:
                requests.insert(connection, key, scope, body_sha256, now)
                return None
        if kept.body_sha256 != body_sha256:
            raise Conflict(
                "This Idempotency-Key came with another request before.",
                code="idempotency.mismatch",
                field="Idempotency-Key",
                hint="Use a new key for a new request.",
            )
        return kept

    @contextmanager
    def doing(self, key: str, scope: str) -> Generator[None, None, None]:
        """Mark the request in whatever this thread commits inside."""
        with base.before_commit(lambda c: requests.settle(c, key, scope, requests.DONE)):
            yield

    def end_request(self, key: str, scope: str, status: int, answer: str) -> None:
        """Keep a request's answer."""
        with self.database.write() as connection:
            requests.settle(connection, key, scope, status, answer)

    def forget_request(self, key: str, scope: str) -> None:
        """Forget a request that was refused, so that it may be made again."""
        with self.database.write() as connection:
            requests.forget(connection, key, scope)
