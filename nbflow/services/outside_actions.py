"""The service that has done what leaves this store: each action in a child, a few at a time.

An action is claimed, so begun at most once; its child answers, and the answer is written down. One
that is slow holds up nothing but its own slot.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nbflow.exceptions import NbflowError
from nbflow.faults import fault
from nbflow.model.automations import AutomationAction
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services import action_child
from nbflow.services.looks import Looks

_log = logging.getLogger("nbflow.services")

#: children at once
AT_ONCE = 4
#: the longest rest, and the longest time without a look though nothing was committed, seconds
_TICK, _LOOK = 1.0, 30.0


class OutsideActions:
    """Claims actions while there is a slot for them, and waits for none."""

    name = "outside-actions"

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator
        self._looks = Looks(orchestrator)
        self._held: set[str] = set()
        self._unsaid: dict[str, Mapping[str, Any]] = {}
        self._unsure = False

    def run_once(self, now: datetime) -> float:
        """Begin what waits, as far as there are slots; give how long to rest."""
        for action_id in tuple(self._unsaid):
            self._say(action_id)
        free = AT_ONCE - len(self._held)
        if free > 0 and self._looks.due(now, longest=_LOOK):
            for action in self._claim(now, free):
                self._begin(action)
        return _TICK

    def _claim(self, now: datetime, free: int) -> list[AutomationAction]:
        """Claim what there is; what an answer that was lost had given is recorded as not done."""
        if self._unsure:
            self.orchestrator.give_up_actions(holding=tuple(self._held))
        self._unsure = True
        claimed = self.orchestrator.claim_actions(free)
        self._unsure = False
        if len(claimed) < free:  # else there may be more
            self._looks.done(now)
        return [action for action, _ in claimed]

    def _begin(self, action: AutomationAction) -> None:
        self._held.add(action.id)
        name = f"nbflow-action-{action.id}"
        threading.Thread(target=self._carry_out, args=(action,), name=name, daemon=True).start()

    def _carry_out(self, action: AutomationAction) -> None:
        try:
            self._unsaid[action.id] = self._do(action)
            fault("action.after_child")
            self._say(action.id)
        except NbflowError as error:  # the store is away: it is told when it is back
            _log.warning("What came of the action %s cannot be kept yet: %s", action.id, error)

    def _do(self, action: AutomationAction) -> Mapping[str, Any]:
        try:
            context = self.orchestrator.action_context(action.id)
        except NbflowError as error:
            return {"state": "not-done", "message": f"It was not begun: {error}", "outcome": {}}
        said = {"id": action.id, "action": action.action, "context": context}
        try:
            return action_child.carry_out(said)
        except OSError as error:  # no process can be had
            return {"state": "failed", "message": f"It was not begun: {error}", "outcome": {}}

    def _say(self, action_id: str) -> None:
        """Write down what came of an action; the second time changes nothing."""
        answer = self._unsaid.get(action_id)
        if answer is None:  # two said it at once
            return
        self.orchestrator.finish_action(
            action_id, answer["state"], answer["message"], outcome=answer["outcome"]
        )
        self._unsaid.pop(action_id, None)
        self._held.discard(action_id)
