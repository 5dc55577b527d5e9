"""The reaper: runs whose process is gone end as what they are, and late runs are called Late.

A process on this host is looked at, so its death is noticed within `reaper_seconds`; one elsewhere
is trusted until its lease ends. No lease is judged before one has passed since this process began
to look: while nobody was up, or the machine slept, nobody could renew (reliability: RESTART-GRACE).

Every server judges leases. What else there is to do, one of them does (its duty is a hint only).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from nbflow import settings
from nbflow.model import clock
from nbflow.model.pages import every
from nbflow.model.runs import Owner
from nbflow.orchestration import reaping
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.clocks import Clocks
from nbflow.services.looks import Looks
from nbflow.store import owners, spool

_log = logging.getLogger("nbflow.services")

#: the id, the owner and the end of the lease of a worker or a run; of a slot the owner
_Seen = tuple[str, Owner | None, datetime | None]


class Reaper:
    """Looks for what is lost."""

    name = "reaper"

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator
        self.owner = owners.current()
        self._clocks = Clocks()
        self._up_since = clock.monotonic()
        self._looks = Looks(orchestrator)
        #: who was there at the last look: their processes are looked at more often than the store
        self._seen: list[_Seen] = []
        self._busy = True
        #: leases that end after any that could be given now, and since when they have stood so
        self._ahead: dict[tuple[str, datetime], float] = {}

    def run_once(self, now: datetime) -> float:
        """Reap once; give how long to rest."""
        self._look(now)
        # How late a run is changes with time alone; where there is none, only the duty has to last.
        longest = settings.heartbeat_seconds if self._busy else settings.lease_seconds / 2
        gone = any(self._gone(*one, now) for one in self._seen)
        if self._looks.due(now, longest=longest) or gone:
            self._reap(now)
            self._looks.done(now)
        return settings.reaper_seconds

    def _reap(self, now: datetime) -> None:
        """Look at all there is."""
        spool.replay(self.orchestrator)  # what the dead recorded counts before what is assumed
        seen: list[_Seen] = []
        for worker in every(self.orchestrator.list_workers):
            seen.append((worker.id, worker.owner, worker.lease_until))
            if self._gone(*seen[-1], now):
                self.orchestrator.lose_worker(worker.id)
        unfinished = self.orchestrator.any_unfinished()
        for run in self.orchestrator.live_runs() if unfinished else ():
            seen.append((run.id, run.owner, run.lease_until))
            if self._gone(*seen[-1], now):
                reaping.end(self.orchestrator, run)
        if unfinished and self._watched():
            self.orchestrator.give_back(now)
        if self.orchestrator.hold_duty(self.name, self.owner, now):
            held = self.orchestrator.bury_slots()
            seen += [("", owner, None) for owner in held]
            if unfinished:
                self._tidy(now)
        self._seen = seen
        self._busy = unfinished or bool(seen)

    def _tidy(self, now: datetime) -> None:
        """Do what one server is enough for."""
        self.orchestrator.expire_pauses()
        self.orchestrator.cancel_orphans()
        self.orchestrator.turn_away(now)
        self.orchestrator.mark_late(now - timedelta(seconds=settings.late_seconds))

    def _look(self, now: datetime) -> None:
        """Start the grace again when nobody can have renewed: a sleep, a clock set forward."""
        gap = self._clocks.look(now)
        if gap.away(settings.lease_seconds / 2):
            self._up_since = clock.monotonic()
            self._ahead.clear()
            _log.info("%s Leases are trusted anew.", gap.said() or "The server stood still.")

    def _watched(self) -> bool:
        """Say whether this process has looked long enough to judge leases."""
        return clock.monotonic() - self._up_since > settings.lease_seconds

    def _gone(
        self, name: str, owner: Owner | None, lease_until: datetime | None, now: datetime
    ) -> bool:
        alive = owners.alive(owner) if owner is not None else None
        if alive is not None or lease_until is None:
            return alive is False
        if not self._watched():
            return False
        lapsed = lease_until < now or self._stood(name, lease_until, now)
        return lapsed and not self._locked_out()

    def _locked_out(self) -> bool:
        """Say whether nobody could renew because another program kept the store locked."""
        began = clock.monotonic()
        with self.orchestrator.database.write():
            pass
        if clock.monotonic() - began < settings.heartbeat_seconds:
            return False
        self._up_since = clock.monotonic()
        _log.info("The store was locked by another program. Leases are trusted anew.")
        return True

    def _stood(self, name: str, lease_until: datetime, now: datetime) -> bool:
        """Say whether a lease that a clock set back has put far ahead is not renewed, though.

        Its time cannot be waited for, so it is measured how long it has stood unchanged.
        """
        if lease_until <= now + timedelta(seconds=settings.lease_seconds):
            return False
        since = self._ahead.setdefault((name, lease_until), clock.monotonic())
        return clock.monotonic() - since > settings.lease_seconds
