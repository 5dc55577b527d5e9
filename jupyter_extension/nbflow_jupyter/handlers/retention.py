"""What the store keeps, and for how long."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.shapes import RetentionRequest


class Prune(ApiHandler):
    """What was kept long enough."""

    @web.authenticated
    @authorized(action="write", resource="nbflow:runs")
    async def post(self) -> None:
        """Delete what is older than its setting says; `dry_run` only counts."""
        asked = self.body(RetentionRequest)
        await self.answer(self.backend.prune, asked.kinds, dry_run=asked.dry_run)
