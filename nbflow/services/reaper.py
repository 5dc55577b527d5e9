"""The reaper: runs whose process is gone end as what they are, and late runs are called Late.

A process on this host is looked at, so its death is noticed within `reaper_seconds`; one elsewhere
is trusted until its lease ends. Right after a start no lease is judged: while nobody was up, nobody
could renew (reliability: RESTART-GRACE).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from nbflow import settings
from nbflow.model import clock
from nbflow.model.runs import Owner
from nbflow.orchestration import reaping
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners, spool

#: how many events are kept for browsers that were away
_KEPT_EVENTS = 100_000
_PRUNE_EVERY_SECONDS = 600.0


class Reaper:
    """Looks for what is lost."""

    name = "reaper"

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator
        self._up_since = clock.monotonic()
        self._last_look = clock.monotonic()
        self._pruned_at = clock.monotonic()

    def run_once(self, now: datetime) -> float:
        """Reap once; give how long to rest."""
        self._notice_sleep()
        spool.replay(self.orchestrator)  # what the dead recorded counts before what is assumed
        for worker in self.orchestrator.list_workers():
            if self._gone(worker.owner, worker.lease_until, now):
                self.orchestrator.lose_worker(worker.id)
        for run in self.orchestrator.live_runs():
            if self._gone(run.owner, run.lease_until, now):
                reaping.end(self.orchestrator, run)
        self.orchestrator.expire_pauses()
        self.orchestrator.bury_slots()
        before = now - timedelta(seconds=settings.late_seconds)
        self.orchestrator.mark_late(before)
        self._prune()
        return settings.reaper_seconds

    def _notice_sleep(self) -> None:
        """Start the grace again when this process itself was stopped or asleep for long."""
        look = clock.monotonic()
        if look - self._last_look > settings.lease_seconds / 2:
            self._up_since = look
        self._last_look = look

    def _gone(self, owner: Owner | None, lease_until: datetime | None, now: datetime) -> bool:
        alive = owners.alive(owner) if owner is not None else None
        if alive is False:
            return True
        observed = clock.monotonic() - self._up_since
        expired = lease_until is not None and lease_until < now
        return expired and not alive and observed > settings.lease_seconds

    def _prune(self) -> None:
        if clock.monotonic() - self._pruned_at > _PRUNE_EVERY_SECONDS:
            self.orchestrator.prune_events(keep=_KEPT_EVENTS)
            self._pruned_at = clock.monotonic()
