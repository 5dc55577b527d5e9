"""Flows: what runs and deployments share a name with."""

from __future__ import annotations

from urllib.parse import unquote

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.queries import FlowQuery


class Flows(ApiHandler):
    """All flows."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self) -> None:
        """List flows by name, each with its runs counted up to 1,000 and the last of them."""
        asked = self.query(FlowQuery)
        await self.answer(
            self.backend.list_flows, asked.search, limit=asked.limit, cursor=asked.cursor
        )


class Flow(ApiHandler):
    """One flow."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self, name: str) -> None:
        """Read a flow."""
        await self.answer(self.backend.read_flow, unquote(name))
