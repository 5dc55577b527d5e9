"""Tokens: made for workers elsewhere, listed, revoked; and those of a run's own processes."""

from __future__ import annotations

from dataclasses import replace

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.model.tokens import NewToken
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.shapes import Attempt


class Tokens(ApiHandler):
    """Workers' tokens."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:workers")
    async def get(self) -> None:
        """List workers' tokens, newest first; no secret is among what is told."""
        await self.answer_page(self.backend.list_tokens)

    @web.authenticated
    @authorized(action="execute", resource="nbflow:workers")
    async def post(self) -> None:
        """Make a worker's token; its secret is in this answer and nowhere else."""
        new = replace(self.body(NewToken), created_by=self.current_user.username)
        await self.answer(self.backend.create_token, new, status=201)


class Token(ApiHandler):
    """One worker's token."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:workers")
    async def delete(self, name_or_id: str) -> None:
        """Revoke a worker's token: from now on it opens nothing."""
        await self.answer(self.backend.revoke_token, name_or_id)


class OfRun(ApiHandler):
    """The token of one attempt's processes."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:workers")
    async def post(self, flow_run_id: str) -> None:
        """Make the token of an attempt's processes; it is dead when the attempt ends."""
        attempt = self.body(Attempt).attempt
        await self.answer(self.backend.create_run_token, flow_run_id, attempt, status=201)
