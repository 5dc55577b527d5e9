"""The words of the route table: a route has verbs, a verb is an operation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from tornado import web

ROOT = "nbflow/api/"


@dataclass(frozen=True)
class Operation:
    """One verb of a route.

    Attributes:
        may: the resource and the action the authorizer is asked about.
        answer: the type answered; a dict is any JSON object; bytes: a file, of the type its
            Content-Type says; None: nothing (204).
        takes: the body's type; bytes: any.
        query: the type of the query.
        status: the status of success.
        once: an Idempotency-Key header is honoured.
        besides: the action that is asked besides, for some bodies.
    """

    may: str
    answer: Any = None
    takes: Any = None
    query: Any = None
    status: HTTPStatus = HTTPStatus.OK
    once: bool = False
    besides: str = ""


@dataclass(frozen=True, eq=False)
class Route:
    """One address and its verbs."""

    path: str
    handler: type[web.RequestHandler]
    verbs: Mapping[str, Operation]

    @property
    def pattern(self) -> str:
        """Give the address as Tornado matches it."""
        return ROOT + re.sub(r"\{\w+\}", "([^/]+)", self.path.replace(".", r"\."))


def route(path: str, handler: type[web.RequestHandler], **verbs: Operation) -> Route:
    """Give the route of an address: each of its verbs by name."""
    return Route(path, handler, verbs)
