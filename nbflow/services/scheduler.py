"""The scheduler: when a schedule's instant comes, its run is made. Any number may tick at once."""

from __future__ import annotations

from datetime import datetime

from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

#: the longest rest, seconds: a wall clock that was set is noticed within it
_TICK = 1.0


class Scheduler:
    """Makes the runs that are due, and says who is doing it."""

    name = "scheduler"

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator
        self.owner = owners.current()

    def run_once(self, now: datetime) -> float:
        """Tick; give the seconds until the next schedule is due, at most one."""
        due_at = self.orchestrator.next_instant()
        if due_at is not None and due_at <= now:
            self.orchestrator.tick(now)
            due_at = self.orchestrator.next_instant()
        self.orchestrator.hold_duty(self.name, self.owner, now)
        if due_at is None:
            return _TICK
        return min(max((due_at - now).total_seconds(), 0.0), _TICK)

    def stop(self) -> None:
        """Let another server's screen show itself as the scheduler at once."""
        self.orchestrator.drop_duty(self.name, self.owner)
