"""Requests that are sent twice and done once: the header `Idempotency-Key`.

The table of routes says which verbs honour it (`once`). The first answer is kept for days; the same
key and body get it again with 200 and `Idempotent-Replay`, whoever may do it; another body is a
conflict; a request that was refused is forgotten. Without the header it costs one look.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from tornado import web

from nbflow.exceptions import Conflict
from nbflow.model import clock
from nbflow.store import requests

if TYPE_CHECKING:
    from nbflow_jupyter.base import ApiHandler
    from nbflow_jupyter.operation import Operation, Route

Verb = TypeVar("Verb", bound=Callable[..., Any])
Value = TypeVar("Value")

#: how long a duplicate waits for the first one's answer
_PATIENCE_SECONDS = 5.0
#: how often it is looked for when another server makes it
_LOOK_SECONDS = 0.1
_LONGEST_SCOPE = 200


class Turns:
    """Who is at it: of equal requests to this server one is made, the others stand in line."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, str], tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def take(self, name: tuple[str, str]) -> AsyncGenerator[None, None]:
        """Wait for one's turn, at most some seconds. Raises Conflict."""
        lock, standing = self._lines.get(name, (asyncio.Lock(), 0))
        self._lines[name] = (lock, standing + 1)
        try:
            try:
                await asyncio.wait_for(lock.acquire(), _PATIENCE_SECONDS)
            except TimeoutError:
                raise _under_way() from None
            try:
                yield
            finally:
                lock.release()
        finally:
            lock, standing = self._lines.pop(name)
            if standing > 1:
                self._lines[name] = (lock, standing - 1)


class Once:
    """One request with a key.

    Attributes:
        name: the key, and what it is the key of.
    """

    def __init__(self, handler: ApiHandler, key: str) -> None:
        self._handler, self.name = handler, (key, _scope(handler))

    def around(self, work: Callable[[], Value]) -> Value:
        """Do some of the work; what it commits is marked as done for this request."""
        with self._handler.backend.doing(*self.name):
            return work()

    def keep(self, status: int, text: str) -> None:
        """Keep the answer."""
        self._handler.backend.end_request(*self.name, status, text)

    async def first(self) -> requests.Kept | None:
        """Begin; else give the first one's answer, waiting while it is made. Raises Conflict."""
        backend, digest = self._handler.backend, _digest(self._handler.raw_body())
        until = clock.monotonic() + _PATIENCE_SECONDS
        while True:
            kept = await self._handler.off_loop(backend.begin_request, *self.name, digest)
            if kept is None or kept.status:
                return kept
            if clock.monotonic() > until:
                raise _under_way() if kept.status is None else _lost()
            await asyncio.sleep(_LOOK_SECONDS)

    async def forget(self) -> None:
        """Forget a request that was refused."""
        await self._handler.off_loop(self._handler.backend.forget_request, *self.name)


def honour(route: Route) -> None:
    """Let the verbs of a route that are to be done once honour the header."""
    for name, operation in route.verbs.items():
        verb = getattr(route.handler, name)
        if operation.once and not hasattr(verb, "honours_key"):
            setattr(route.handler, name, _once(verb, operation))


def _once(verb: Verb, operation: Operation) -> Verb:
    resource, _, action = operation.may.partition(" ")

    @wraps(verb)
    async def inner(handler: ApiHandler, *args: str) -> None:
        key = handler.idempotency_key()
        # Who may not do it may not see what it was answered: the verb itself refuses it.
        if key is None or not await handler.may(action, resource):
            await verb(handler, *args)
            return
        request = Once(handler, key)
        async with handler.running.turns.take(request.name):
            kept = await request.first()
            if kept is None:
                await _make(handler, request, verb, *args)
            else:
                _replay(handler, kept)

    inner.honours_key = True  # type: ignore[attr-defined]
    return web.authenticated(inner)  # type: ignore[return-value]


async def _make(handler: ApiHandler, request: Once, verb: Callable[..., Any], *args: str) -> None:
    handler.once = request
    try:
        await verb(handler, *args)
    except Exception:
        handler.once = None
        await request.forget()
        raise


def _replay(handler: ApiHandler, kept: requests.Kept) -> None:
    handler.set_header("Idempotent-Replay", "true")
    handler.set_status(200 if kept.answer else 204)
    handler.finish(kept.answer or None)


def _scope(handler: ApiHandler) -> str:
    """Say what a key is the key of: a verb of an address, asked by a user or by one token."""
    asked = handler.request
    words = (asked.method, asked.path, asked.query, handler.token_id)
    scope = " ".join(word for word in words if word)
    if len(scope) <= _LONGEST_SCOPE:
        return scope
    return hashlib.sha256(scope.encode()).hexdigest()


def _digest(content: bytes) -> str:
    """Digest a body by what it says, however it is written."""
    try:
        content = json.dumps(json.loads(content), sort_keys=True).encode()
    except (ValueError, RecursionError):
        pass  # the verb will refuse it, by name
    return hashlib.sha256(content).hexdigest()


def _under_way() -> Conflict:
    return Conflict(
        "The first request with this Idempotency-Key is still under way.",
        code="idempotency.under_way",
        field="Idempotency-Key",
        hint="Send it again in a moment.",
    )


def _lost() -> Conflict:
    return Conflict(
        "The first request with this Idempotency-Key was done, but its answer was lost.",
        code="idempotency.answer_lost",
        field="Idempotency-Key",
        hint="What it made is there: list it. Nothing was done twice.",
    )
