"""Flow runs by the many: counts, history, lateness; several made, changed or ended at once."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.model.run_lists import BulkRequest, MadeFlowRuns, NewFlowRuns, RunFilter
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.handlers.flow_runs import brings_code, checked, propose
from nbflow_jupyter.queries import HistoryQuery
from nbflow_jupyter.shapes import StateRequest


class Count(ApiHandler):
    """How many flow runs there are."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self) -> None:
        """Count flow runs, up to 10,000."""
        await self.answer(self.backend.count_flow_runs, self.query(RunFilter))


class History(ApiHandler):
    """Flow runs by time."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self) -> None:
        """Count flow runs by when they were due and by state, at most 500 buckets."""
        asked = self.query(HistoryQuery)
        await self.answer(
            self.backend.read_history, asked.since, asked.until, asked.interval_seconds, asked
        )


class Lateness(ApiHandler):
    """How late flow runs are."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self) -> None:
        """Say how late flow runs started, or are by now."""
        await self.answer(self.backend.read_lateness, self.query(RunFilter))


class Create(ApiHandler):
    """Many flow runs made at once."""

    largest_body = 5_000_000
    counts_keys = False

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self) -> None:
        """Create many flow runs, all or none."""
        asked = self.body(NewFlowRuns).flow_runs
        if any(map(brings_code, asked)):
            await self.must("execute", "nbflow:notebooks")
        who = self.current_user.username

        def create() -> MadeFlowRuns:
            made = [checked(new, who) for new in asked]
            return MadeFlowRuns(self.backend.create_flow_runs(made))

        await self.answer(create, status=201)


class Bulk(ApiHandler):
    """Several flow runs changed at once."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self) -> None:
        """Cancel, delete, retry or tag at most 200 flow runs, each by itself."""
        asked = self.body(BulkRequest)
        if asked.action == "delete":
            await self.must("write", "nbflow:runs")
        await self.answer(self.backend.change_flow_runs, asked)


class SetState(ApiHandler):
    """An operator's word on a flow run."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self, flow_run_id: str) -> None:
        """Set a flow run's state: by the rules, or against them with `force`."""
        asked = self.body(StateRequest)
        if asked.force:
            await self.must("write", "nbflow:runs")
        if asked.force:
            await self.answer(self.backend.force_state, flow_run_id, asked.state)
        else:
            await self.answer(propose, self.backend, flow_run_id, asked.state)
