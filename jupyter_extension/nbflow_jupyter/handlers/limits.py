"""Concurrency limits, and the slots that running code takes of them."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.model.limits import LimitChange, NewLimit, SlotRequest
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.shapes import SlotRequests


class Limits(ApiHandler):
    """All limits."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:concurrency-limits")
    async def get(self) -> None:
        """List limits by name, with who holds their slots and who waits."""
        await self.answer_page(self.backend.list_limits)

    @web.authenticated
    @authorized(action="write", resource="nbflow:concurrency-limits")
    async def post(self) -> None:
        """Create a limit."""
        await self.answer(self.backend.create_limit, self.body(NewLimit), status=201)


class Limit(ApiHandler):
    """One limit, by name or id."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:concurrency-limits")
    async def get(self, name_or_id: str) -> None:
        """Read a limit, with who holds its slots and who waits."""
        await self.answer(self.backend.read_limit, name_or_id)

    @web.authenticated
    @authorized(action="write", resource="nbflow:concurrency-limits")
    async def patch(self, name_or_id: str) -> None:
        """Edit a limit; what is left out stays as it is."""
        change = self.body(LimitChange)
        await self.answer(self.backend.update_limit, name_or_id, change, expected=self.expected())

    @web.authenticated
    @authorized(action="write", resource="nbflow:concurrency-limits")
    async def delete(self, name_or_id: str) -> None:
        """Delete a limit; who holds or waits for its slots goes on without."""
        await self.done(self.backend.delete_limit, name_or_id)


class Reset(ApiHandler):
    """The slots of one limit."""

    @web.authenticated
    @authorized(action="write", resource="nbflow:concurrency-limits")
    async def post(self, name_or_id: str) -> None:
        """Take all slots back; who waits is given them."""
        await self.answer(self.backend.reset_limit, name_or_id)


class TagLimits(ApiHandler):
    """The limits that tags of task runs have."""

    _track_activity = False

    @web.authenticated
    @authorized(action="read", resource="nbflow:concurrency-limits")
    async def get(self) -> None:
        """List the names of active limits of tags."""
        await self.answer(self.backend.list_tag_limits)


class Acquire(ApiHandler):
    """Slots asked for."""

    _track_activity = False

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self) -> None:
        """Take slots of every name, or a place in the queue; asked again, say how it stands."""
        await self.answer(self.backend.acquire_slots, self.body(SlotRequest))


class Release(ApiHandler):
    """Slots given back."""

    _track_activity = False

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self) -> None:
        """Give slots back, or leave the queue; give the requests that were granted by it."""
        await self.answer(self.backend.release_slots, self.body(SlotRequests).request_ids)


class Renew(ApiHandler):
    """Slots that are still needed."""

    _track_activity = False

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self) -> None:
        """Renew the leases of requests; give those that are no more."""
        await self.answer(self.backend.renew_slots, self.body(SlotRequests).request_ids)


class Settled(ApiHandler):
    """Slots waited for."""

    _track_activity = False

    @web.authenticated
    @authorized(action="execute", resource="nbflow:runs")
    async def post(self) -> None:
        """Give those of some requests that wait no longer."""
        await self.answer(self.backend.settled_slots, self.body(SlotRequests).request_ids)


class SlotsOf(ApiHandler):
    """The slots of one run."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:runs")
    async def get(self, flow_run_id: str) -> None:
        """List what a run holds and waits for."""
        await self.answer(self.backend.list_slots, flow_run_id)
