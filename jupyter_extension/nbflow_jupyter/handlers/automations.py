"""Automations: rules that act on what happens."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.model.automations import AutomationChange, NewAutomation, TestAsked
from nbflow_jupyter.base import ApiHandler


class Automations(ApiHandler):
    """All automations."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:automations")
    async def get(self) -> None:
        """List automations by name."""
        await self.answer_page(self.backend.list_automations)

    @web.authenticated
    @authorized(action="execute", resource="nbflow:automations")
    async def post(self) -> None:
        """Make an automation; events from now on count."""
        await self.answer(self.backend.create_automation, self.body(NewAutomation), status=201)


class Trial(ApiHandler):
    """An automation tried."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:automations")
    async def post(self) -> None:
        """Try an automation on past events, or on one; nothing is done."""
        await self.answer(self.backend.test_automation, self.body(TestAsked))


class Automation(ApiHandler):
    """One automation."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:automations")
    async def get(self, name_or_id: str) -> None:
        """Read an automation by name or id."""
        await self.answer(self.backend.read_automation, name_or_id)

    @web.authenticated
    @authorized(action="execute", resource="nbflow:automations")
    async def patch(self, name_or_id: str) -> None:
        """Edit an automation; what is left out stays. With another trigger it counts anew."""
        change = self.body(AutomationChange)
        expected = self.expected()
        await self.answer(self.backend.update_automation, name_or_id, change, expected=expected)

    @web.authenticated
    @authorized(action="write", resource="nbflow:automations")
    async def delete(self, name_or_id: str) -> None:
        """Delete an automation, and what it has counted."""
        await self.done(self.backend.delete_automation, name_or_id)


class Pause(ApiHandler):
    """An automation paused."""

    @web.authenticated
    @authorized(action="write", resource="nbflow:automations")
    async def post(self, name_or_id: str) -> None:
        """Pause an automation."""
        change = AutomationChange(enabled=False)
        await self.answer(self.backend.update_automation, name_or_id, change)


class Resume(ApiHandler):
    """An automation at work again."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:automations")
    async def post(self, name_or_id: str) -> None:
        """Let an automation work again; events from now on count."""
        change = AutomationChange(enabled=True)
        await self.answer(self.backend.update_automation, name_or_id, change)


class Firings(ApiHandler):
    """What an automation did."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:automations")
    async def get(self, name_or_id: str) -> None:
        """List an automation's firings with their actions, newest first."""
        await self.answer_page(self.backend.list_firings, name_or_id)


class StandingNow(ApiHandler):
    """Why an automation fired, or did not."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:automations")
    async def get(self, name_or_id: str) -> None:
        """Say what an automation saw, and how far it is."""
        await self.answer(self.backend.read_standing, name_or_id)
