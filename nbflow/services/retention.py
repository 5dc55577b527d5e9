"""Retention: results older than `result_days` are deleted, and files no result speaks of.

Several servers on one store may all do it: what is gone is gone. Events are the reaper's to prune.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from nbflow import settings
from nbflow.orchestration.orchestrator import Orchestrator

_log = logging.getLogger("nbflow.services")

_EVERY_SECONDS = 3600.0


class Retention:
    """Deletes what was kept long enough."""

    name = "retention"

    def __init__(self, orchestrator: Orchestrator) -> None:
        self.orchestrator = orchestrator

    def run_once(self, now: datetime) -> float:
        """Delete what is old; give how long to rest."""
        gone = self.orchestrator.prune_results(now - timedelta(days=settings.result_days))
        if gone.results or gone.files:
            _log.info(
                "Deleted %d results of %d bytes, older than %g days, and %d stray files.",
                gone.results, gone.bytes, settings.result_days, gone.files,
            )  # fmt: skip
        return _EVERY_SECONDS
