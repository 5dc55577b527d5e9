"""Backfills: runs for instants that have passed."""

from __future__ import annotations

from dataclasses import replace

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.model.backfills import NewBackfill
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.queries import BackfillQuery


class Backfills(ApiHandler):
    """All backfills."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:backfills")
    async def get(self) -> None:
        """List backfills, newest first, with how far their runs are."""
        asked = self.query(BackfillQuery)
        await self.answer(
            self.backend.list_backfills, asked.deployment, limit=asked.limit, cursor=asked.cursor
        )

    @web.authenticated
    @authorized(action="execute", resource="nbflow:backfills")
    async def post(self) -> None:
        """Make a run for each instant that has passed and has none."""
        asked = replace(self.body(NewBackfill), created_by=self.current_user.username)
        await self.answer(self.backend.create_backfill, asked, status=201)


class Plan(ApiHandler):
    """Backfills nobody has made yet."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:backfills")
    async def post(self) -> None:
        """Say what a backfill would make, and make nothing (a dry run)."""
        await self.answer(self.backend.plan_backfill, self.body(NewBackfill))


class Backfill(ApiHandler):
    """One backfill."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:backfills")
    async def get(self, backfill_id: str) -> None:
        """Read a backfill, with how far its runs are."""
        await self.answer(self.backend.read_backfill, backfill_id)


class Cancel(ApiHandler):
    """The end of one backfill."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:backfills")
    async def post(self, backfill_id: str) -> None:
        """Cancel those of its runs that have not ended."""
        await self.answer(self.backend.cancel_backfill, backfill_id)
