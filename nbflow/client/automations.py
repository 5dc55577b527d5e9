"""`Automations` over HTTP."""

from __future__ import annotations

from datetime import datetime

from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.automations import (
    Automation,
    AutomationChange,
    Firing,
    NewAutomation,
    Standing,
    TestAsked,
    Tested,
)
from nbflow.model.pages import MOST_ROWS, Page


class HttpAutomations(OverHttp):
    """The automations of a server."""

    def create_automation(self, new: NewAutomation) -> Automation:
        """Make an automation; events from now on count."""
        return reading.answer(Automation, self._ask("POST", "automations", body=new, again=False))

    def update_automation(
        self, name_or_id: str, change: AutomationChange, *, expected: datetime | None = None
    ) -> Automation:
        """Edit an automation; with another trigger it counts anew."""
        path = path_of("automations", name_or_id)
        text = self._ask("PATCH", path, body=change.said(), expected=expected)
        return reading.answer(Automation, text)

    def delete_automation(self, name_or_id: str) -> None:
        """Delete an automation, and what it has counted."""
        self._ask("DELETE", path_of("automations", name_or_id), again=False)

    def read_automation(self, name_or_id: str) -> Automation:
        """Read an automation by name or id."""
        return self._get(Automation, path_of("automations", name_or_id))

    def list_automations(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Automation]:
        """List automations by name."""
        return self._get(Page[Automation], "automations", {"limit": limit, "cursor": cursor})

    def list_firings(
        self, name_or_id: str, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Firing]:
        """List an automation's firings with their actions, newest first."""
        path = path_of("automations", name_or_id, "firings")
        return self._get(Page[Firing], path, {"limit": limit, "cursor": cursor})

    def read_standing(self, name_or_id: str) -> Standing:
        """Say what an automation saw and how far it is."""
        return self._get(Standing, path_of("automations", name_or_id, "standing"))

    def test_automation(self, asked: TestAsked) -> Tested:
        """Try an automation on past events; nothing is done."""
        return self._post(Tested, "automations/test", asked)
