"""The automations service: hears what was committed, decides, and does what follows on this store.

Any number of servers may run it: what one decided, the others read. Actions that leave the store
are another's (see `orchestration.automation_actions.SqlActions.claim_actions`).
"""

from __future__ import annotations

from datetime import datetime

from nbflow.model import clock
from nbflow.orchestration.automation_turns import Turns
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.looks import Looks

#: the longest rest, and the longest time without a look though nothing was committed, seconds
_TICK, _LOOK = 1.0, 30.0
#: turns before the service looks after itself again
_MOST_TURNS = 50


class AutomationsService:
    """Takes turns while there is something to hear or a deadline has come."""

    name = "automations"

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator
        self.turns = Turns(orchestrator)
        self._looks = Looks(orchestrator)

    def run_once(self, now: datetime) -> float:
        """Hear and do what there is; give how long to rest."""
        due_at = self.turns.deadline()
        if not (due_at is not None and due_at <= now) and not self._looks.due(now, longest=_LOOK):
            return self._rest()
        self._looks.done(now)
        whole = False
        try:
            whole = self._look(now)
        finally:  # an error of the store, or there is more
            if not whole:
                self._looks.undone()
        return self._rest() if whole else 0.0

    def _look(self, now: datetime) -> bool:
        """Hear and do what there is; False: there is more to hear."""
        for _ in range(_MOST_TURNS):
            if not self.turns.turn(max(now, clock.now())):
                break
        else:
            return False
        while self.orchestrator.do_actions():
            pass
        self.orchestrator.give_up_actions()
        return True

    def _rest(self) -> float:
        due_at = self.turns.deadline()
        if due_at is None:
            return _TICK
        return min(max((due_at - clock.now()).total_seconds(), 0.0), _TICK)
