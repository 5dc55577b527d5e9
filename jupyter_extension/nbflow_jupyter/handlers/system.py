"""The server itself: how it stands, what it is, what it can be asked."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

import nbflow
from nbflow.exceptions import NotFound
from nbflow_jupyter import openapi
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.shapes import Version


class Health(ApiHandler):
    """The server's health."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:health")
    async def get(self) -> None:
        """Say how the server stands, who schedules and who works."""
        await self.answer(self.running.health)


class VersionOf(ApiHandler):
    """The server's version."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:health")
    async def get(self) -> None:
        """Give the version of nbflow."""
        await self.answer(Version, nbflow.__version__)


class OpenApi(ApiHandler):
    """The API's own description."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:health")
    async def get(self) -> None:
        """Describe this API as OpenAPI 3.1."""
        await self.answer(openapi.document, self.settings["nbflow_routes"])


class Nothing(ApiHandler):
    """Every address below the API that is no route."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:health")
    async def get(self) -> None:
        """Say that there is no such route."""
        raise self._no_route()

    @web.authenticated
    @authorized(action="read", resource="nbflow:health")
    async def head(self) -> None:
        """Say that there is no such route."""
        raise self._no_route()

    @web.authenticated
    @authorized(action="read", resource="nbflow:health")
    async def post(self) -> None:
        """Say that there is no such route."""
        raise self._no_route()

    @web.authenticated
    @authorized(action="read", resource="nbflow:health")
    async def put(self) -> None:
        """Say that there is no such route."""
        raise self._no_route()

    @web.authenticated
    @authorized(action="read", resource="nbflow:health")
    async def patch(self) -> None:
        """Say that there is no such route."""
        raise self._no_route()

    @web.authenticated
    @authorized(action="read", resource="nbflow:health")
    async def delete(self) -> None:
        """Say that there is no such route."""
        raise self._no_route()

    def _no_route(self) -> NotFound:
        return NotFound(
            f"There is no route {self.request.path}.",
            code="route.unknown",
            hint="GET openapi.json lists them.",
        )
