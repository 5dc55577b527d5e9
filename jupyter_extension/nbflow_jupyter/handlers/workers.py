"""Workers, and what they say."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.model.workers import NewWorker
from nbflow_jupyter.base import ApiHandler, dumps
from nbflow_jupyter.queries import NewsQuery
from nbflow_jupyter.shapes import ClaimRequest, Heartbeat, LatestNews


class Workers(ApiHandler):
    """All workers."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:workers")
    async def get(self) -> None:
        """List workers that have not stopped, newest first."""
        await self.answer_page(self.backend.list_workers)

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
        asked = self.body(ClaimRequest)
        give = self.backend.claim_flow_runs
        await self.answer(give, worker_id, asked.limit, holding=asked.holding)


class Stop(ApiHandler):
    """A worker that leaves."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:workers")
    async def post(self, worker_id: str) -> None:
        """Say that a worker has stopped; runs it claimed and never started wait again."""
        await self.done(self.backend.stop_worker, worker_id)


class News(ApiHandler):
    """What a worker may want to look at."""

    _track_activity = False

    @web.authenticated
    @authorized(action="read", resource="nbflow:workers")
    async def get(self, worker_id: str) -> None:
        """Wait until a run of the worker's pool waits, or is to be cancelled; a hint."""
        asked = self.query(NewsQuery)
        worker = await self.off_loop(self.backend.read_worker, worker_id)
        news = self.running.news
        seq = await news.wait(worker.work_pool, asked.since, float(asked.seconds))
        self.finish(dumps(LatestNews(seq)))


class Heartbeats(ApiHandler):
    """Leases renewed."""

    _track_activity = False

    @web.authenticated
    @authorized(action="execute", resource="nbflow:workers")
    async def post(self) -> None:
        """Renew the lease of a worker and of the runs it, or a process of its own, holds."""
        asked = self.body(Heartbeat)
        await self.answer(
            self.backend.heartbeat, asked.held, worker_id=asked.worker_id, kernels=asked.kernels
        )
