"""Retention: what was kept for as long as its setting says is deleted, with its files.

One of several servers does it; two may, for what is gone is gone.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

_log = logging.getLogger("nbflow.services")

#: a flood of events is noticed within this; all else is a matter of days
_EVENTS_EVERY_SECONDS = 600.0
_EVERY = timedelta(hours=1)


class Retention:
    """Deletes what was kept long enough."""

    name = "retention"

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator
        self.owner = owners.current()
        self._pruned_at: datetime | None = None

    def run_once(self, now: datetime) -> float:
        """Delete what is old; give how long to rest."""
        if not self.orchestrator.hold_duty(self.name, self.owner, now):
            return _EVENTS_EVERY_SECONDS
        at = self._pruned_at
        if at is not None and abs(now - at) < _EVERY:
            self.orchestrator.prune(["events"], now=now)
            return _EVENTS_EVERY_SECONDS
        self._pruned_at = now
        for one in self.orchestrator.prune(now=now):
            if one.count:
                _log.info("Deleted %d: %s.", one.count, one.what)
        return _EVENTS_EVERY_SECONDS
