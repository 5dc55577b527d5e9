"""The scheduler: when a schedule's instant comes, its run is made. Any number may tick at once.

A wall clock set back fires nothing twice, since marks never go back. One set forward, or a machine
that slept, is an outage: each schedule's catch-up policy says what is made up. A jump of more than
a year is not believed until it has lasted five minutes; restarting the server confirms it at once.
"""

from __future__ import annotations

import logging
from datetime import datetime

from nbflow import settings
from nbflow.model import clock
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.clocks import Clocks
from nbflow.services.looks import Looks
from nbflow.store import owners

_log = logging.getLogger("nbflow.services")

#: the longest rest, seconds: a wall clock that was set is noticed within it
_TICK = 1.0
#: transactions before the chores around them are looked after again
_MOST_TICKS = 20
#: how often schedules that cannot fire are tried again, seconds
_MEND_EVERY = 60.0
#: a wall clock that moves further is not believed until it has stayed so for a while, seconds
UNBELIEVABLE = 365 * 86_400.0
BELIEVED_AFTER = 300.0


class Scheduler:
    """Makes the runs that are due, and says who is doing it.

    Attributes:
        waits: why it makes none for now; None: it does.
    """

    name = "scheduler"

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator
        self.owner = owners.current()
        self.waits: str | None = None
        self._clocks = Clocks()
        self._strayed = 0.0
        self._strayed_at = 0.0
        self._mended_at = clock.monotonic()
        self._looks = Looks(orchestrator)
        self._due_at: datetime | None = None

    def run_once(self, now: datetime) -> float:
        """Tick; give the seconds until the next schedule is due, at most one."""
        self._look(now)
        duty = settings.lease_seconds / 2
        if self.waits is None and not (self._due(now) or self._looks.due(now, longest=duty)):
            return self._rest()
        self.orchestrator.hold_duty(self.name, self.owner, now)
        if self.waits is not None:
            return _TICK
        self._mend()
        due_at = self.orchestrator.next_instant()
        for _ in range(_MOST_TICKS):
            if due_at is None or due_at > now:
                break
            self.orchestrator.tick(now)
            due_at = self.orchestrator.next_instant()
        self._due_at = due_at
        self._looks.done(now)
        return self._rest()

    def _due(self, now: datetime) -> bool:
        return self._due_at is not None and self._due_at <= now

    def _rest(self) -> float:
        if self._due_at is None:
            return _TICK
        return min(max((self._due_at - clock.now()).total_seconds(), 0.0), _TICK)

    def stop(self) -> None:
        """Let another server's screen show itself as the scheduler at once."""
        self.orchestrator.drop_duty(self.name, self.owner)

    def _look(self, now: datetime) -> None:
        """Notice a wall clock that moved; hold on while it is where no clock goes by itself."""
        gap = self._clocks.look(now)
        said = gap.said()
        if said is not None:
            _log.info("%s What was missed meanwhile is made up as each schedule says.", said)
        if said is not None:
            self._strayed += gap.moved - gap.slept
            self._strayed_at = clock.monotonic()
        if self._lasted():
            self._strayed = 0.0
        if abs(self._strayed) < UNBELIEVABLE:
            self.waits = None
        elif self.waits is None:
            self.waits = (
                f"The system clock moved by {self._strayed / 86_400:+.0f} days: no runs are made "
                "until it has stayed so for 5 minutes, or the server is restarted."
            )
            _log.warning("%s", self.waits)

    def _lasted(self) -> bool:
        return clock.monotonic() - self._strayed_at >= BELIEVED_AFTER

    def _mend(self) -> None:
        if clock.monotonic() - self._mended_at >= _MEND_EVERY:
            self._mended_at = clock.monotonic()
            self.orchestrator.mend_schedules()
