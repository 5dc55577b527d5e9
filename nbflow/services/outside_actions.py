"""The service that has done what leaves this store: each action in a child, a few at a time.

An action is claimed, so begun at most once; its child answers, and the answer is written down. One
that is slow holds up nothing but its own slot.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime

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
        self._free = AT_ONCE
        self._lock = threading.Lock()

    def run_once(self, now: datetime) -> float:
        """Begin what waits, as far as there are slots; give how long to rest."""
        if self._free and self._looks.due(now, longest=_LOOK):
            claimed = self.orchestrator.claim_actions(self._free)
            if len(claimed) < self._free:  # else there may be more
                self._looks.done(now)
            for action, _ in claimed:
                self._begin(action)
        return _TICK

    def _begin(self, action: AutomationAction) -> None:
        with self._lock:
            self._free -= 1
        name = f"nbflow-action-{action.id}"
        threading.Thread(target=self._carry_out, args=(action,), name=name, daemon=True).start()

    def _carry_out(self, action: AutomationAction) -> None:
        try:
            self._do(action)
        except NbflowError as error:  # the store is away: its state is found out when it is back
            _log.warning("What came of the action %s could not be kept: %s", action.id, error)
        finally:
            with self._lock:
                self._free += 1

    def _do(self, action: AutomationAction) -> None:
        context = self.orchestrator.action_context(action.id)
        said = {"id": action.id, "action": action.action, "context": context}
        answer = action_child.carry_out(said)
        fault("action.after_child")
        self.orchestrator.finish_action(
            action.id, answer["state"], answer["message"], outcome=answer["outcome"]
        )
