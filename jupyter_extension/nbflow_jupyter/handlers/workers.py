"""Workers, and what they say."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.model.workers import NewWorker
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.shapes import ClaimRequest, Heartbeat


class Workers(ApiHandler):
    """All workers."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:workers")
    async def get(self) -> None:
        """List workers that have not stopped, newest first."""
        await self.answer(self.backend.list_workers)

    @web.authenticated
    @authorized(action="execute", resource="nbflow:workers")
    async def post(self) -> None:
        """Register a worker, making its pool if there is none."""
        new = self.body(NewWorker)
        await self.answer(self.backend.register_worker, new, token_id=self.token_id, status=201)


class Claim(ApiHandler):
    """Runs given to a worker."""

    _track_activity = False

    @web.authenticated
    @authorized(action="execute", resource="nbflow:workers")
    async def post(self, worker_id: str) -> None:
        """Take due runs for a worker: each is given to exactly one."""
        limit = self.body(ClaimRequest).limit
        await self.answer(self.backend.claim_flow_runs, worker_id, limit)


class Stop(ApiHandler):
    """A worker that leaves."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:workers")
    async def post(self, worker_id: str) -> None:
        """Say that a worker has stopped; runs it claimed and never started wait again."""
        await self.done(self.backend.stop_worker, worker_id)


class Heartbeats(ApiHandler):
    """Leases renewed."""

    _track_activity = False

    @web.authenticated
    @authorized(action="execute", resource="nbflow:workers")
    async def post(self) -> None:
        """Renew the lease of a worker and of the runs it, or a process of its own, holds."""
        asked = self.body(Heartbeat)
        await self.answer(self.backend.heartbeat, asked.held, worker_id=asked.worker_id)
