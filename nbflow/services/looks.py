"""Whether a chore needs to look at the store: something was committed, or it is long ago."""

from __future__ import annotations

from datetime import datetime

from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store.hints import Watch


class Looks:
    """The looks of one chore, which needs some at times though nothing moves."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self._orchestrator = orchestrator
        self._watch: Watch | None = None
        self._moved = True
        self._at: datetime | None = None

    def due(self, now: datetime, *, longest: float) -> bool:
        """Say whether what was seen last may be true no more, or is as old as that, in seconds."""
        if self._watch is None:
            self._watch = self._orchestrator.watch()
        self._moved |= self._watch.moved()
        since = None if self._at is None else (now - self._at).total_seconds()
        return self._moved or since is None or not 0 <= since < longest

    def done(self, now: datetime) -> None:
        """Note that it was looked; what was committed meanwhile is told by the next question."""
        self._moved = False
        self._at = now

    def undone(self) -> None:
        """Note that a look did not see everything: the next one is due at once."""
        self._moved = True
