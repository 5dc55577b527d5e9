"""Retention: what a store keeps, and for how long; each kind has its setting. 0 days: for ever."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from nbflow import settings
from nbflow.exceptions import InvalidInput
from nbflow.model.event_log import Patterns
from nbflow.model.names import did_you_mean, shown

#: kind → the setting that says how many days it is kept; None: while something speaks of it
KINDS: dict[str, str | None] = {
    "runs": "run_days",
    "results": "result_days",
    "events": "event_days",
    "firings": "firing_days",
    "skips": "skip_days",
    "requests": "request_days",
    "tokens": "token_days",
    "workers": "worker_days",
    "snapshots": None,
    "files": None,
}


@dataclass(frozen=True)
class Removed:
    """What of one kind was deleted, or would be.

    Attributes:
        kind: of `KINDS`. count: how many. bytes: of results.
        days: how long they are kept; None: while something speaks of them.
        what: it in words.
    """

    kind: str
    count: int
    what: str
    days: float | None = None
    bytes: int = 0


class Retention(Protocol):
    """The part of the Backend that deletes what was kept long enough."""

    def prune(self, kinds: Collection[str] = (), *, dry_run: bool = False) -> tuple[Removed, ...]:
        """Delete what is older than its setting says, of some kinds, or of all.

        Running and waiting runs stay, and what they need. `dry_run` only counts. Raises
        InvalidInput for a kind there is not.
        """
        ...


WHAT = {
    "runs": "ended runs, with their tasks, logs, artifacts and results",
    "results": "results that are old or expired",
    "events": "events that are old, or more than are kept",
    "firings": "what automations did, but what is not done yet",
    "skips": "records of instants that were not run",
    "requests": "answers kept for idempotency keys",
    "tokens": "tokens that expired or were revoked",
    "workers": "workers that have stopped",
    "snapshots": "deployed contents that nothing refers to",
    "files": "files and folders that nothing in the store speaks of",
}


def event_days(name: str) -> float | None:
    """Give how many days events of a name are kept; None: for ever.

    The first of `event_kind_days` that means the name counts. Raises InvalidInput.
    """
    for pattern, days in _kind_days(settings.event_kind_days):
        if pattern.matches(name):
            return days or None
    return settings.event_days or None


@cache
def _kind_days(text: str) -> tuple[tuple[Patterns, float], ...]:
    found: list[tuple[Patterns, float]] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        pattern, _, days = part.rpartition("=")
        try:
            kept = float(days)
        except ValueError:
            kept = -1.0
        if not pattern.strip() or not 0 <= kept < float("inf"):
            raise InvalidInput(
                f"{shown(part)} does not say how long events are kept.",
                code="setting.invalid",
                field="NBFLOW_EVENT_KIND_DAYS",
                hint="Write NAME=DAYS, as in shop.*=30; several with commas between.",
            )
        found.append((Patterns(pattern.strip(), field="event"), kept))
    return tuple(found)


def days_of(kind: str) -> float | None:
    """Give how many days a kind is kept; None: it has no such limit."""
    name = KINDS[kind]
    days: float | None = None if name is None else getattr(settings, name)
    return days or None


def checked_kinds(kinds: Collection[str]) -> tuple[str, ...]:
    """Give the kinds to look at, in their order. Raises InvalidInput."""
    for kind in kinds:
        if kind not in KINDS:
            raise InvalidInput(
                f"The store keeps no {shown(kind)}.",
                code="retention.kind",
                field="kinds",
                hint=did_you_mean(kind, KINDS, "There are"),
            )
    return tuple(kind for kind in KINDS if kind in kinds or not kinds)
