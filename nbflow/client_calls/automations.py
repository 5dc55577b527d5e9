"""What `clients.Client` is asked about automations."""

from __future__ import annotations

from nbflow.model.automations import (
    Automation,
    AutomationChange,
    Firing,
    NewAutomation,
    Standing,
    TestAsked,
    Tested,
)
from nbflow.model.backend import Backend
from nbflow.model.pages import every


class AutomationCalls:
    """Automations, their firings and how they stand."""

    backend: Backend

    def create_automation(self, new: NewAutomation) -> Automation:
        """Make an automation. Raises InvalidInput, Conflict."""
        return self.backend.create_automation(new)

    def read_automations(self) -> list[Automation]:
        """List automations by name."""
        return list(every(self.backend.list_automations))

    def read_automation(self, name_or_id: str) -> Automation:
        """Read an automation by name or id. Raises NotFound."""
        return self.backend.read_automation(name_or_id)

    def update_automation(self, name_or_id: str, change: AutomationChange) -> Automation:
        """Edit an automation. Raises NotFound, InvalidInput."""
        return self.backend.update_automation(name_or_id, change)

    def pause_automation(self, name_or_id: str) -> Automation:
        """Pause an automation. Raises NotFound."""
        return self.backend.update_automation(name_or_id, AutomationChange(enabled=False))

    def resume_automation(self, name_or_id: str) -> Automation:
        """Let an automation work again, counting from now. Raises NotFound."""
        return self.backend.update_automation(name_or_id, AutomationChange(enabled=True))

    def delete_automation(self, name_or_id: str) -> None:
        """Delete an automation. Raises NotFound."""
        self.backend.delete_automation(name_or_id)

    def read_automation_firings(self, name_or_id: str, limit: int = 200) -> list[Firing]:
        """List an automation's newest firings with their actions. Raises NotFound."""
        return list(self.backend.list_firings(name_or_id, limit=limit).rows)

    def read_automation_standing(self, name_or_id: str) -> Standing:
        """Say what an automation saw and how far it is. Raises NotFound."""
        return self.backend.read_standing(name_or_id)

    def test_automation(self, asked: TestAsked) -> Tested:
        """Try an automation on past events; nothing is done. Raises InvalidInput, NotFound."""
        return self.backend.test_automation(asked)
