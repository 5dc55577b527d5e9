"""The self-check: looks for what must never be, and reports it. It mends nothing.

What changed since the last look is looked at, in the store only; `nbflow database check` looks at
everything, files too.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from nbflow.orchestration import invariants
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

_log = logging.getLogger("nbflow.services")

_EVERY_SECONDS = 60.0
#: what was written while the last look went on is looked at twice
_OVERLAP = timedelta(seconds=60)


class SelfCheck:
    """Looks at what changed, each minute; one server does it."""

    name = "self-check"

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator
        self.owner = owners.current()
        self._looked_at: datetime | None = None
        self._told: set[invariants.Broken] = set()

    def run_once(self, now: datetime) -> float:
        """Look once; give how long to rest. The first minute belongs to the scheduler."""
        since, self._looked_at = self._looked_at, now
        if since is None or not self.orchestrator.hold_duty(self.name, self.owner, now):
            return _EVERY_SECONDS
        database = self.orchestrator.database
        found = set(invariants.check(database, now=now, since=since - _OVERLAP, files=False))
        for one in sorted(found - self._told):
            _log.error("%s does not hold of %s: %s", *one)
        self._told = found
        return _EVERY_SECONDS
