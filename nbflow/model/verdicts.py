"""The authority's answer to a proposed state."""

from __future__ import annotations

from dataclasses import dataclass

from nbflow.model.states import State


@dataclass(frozen=True)
class Accept:
    """The run is now in `state`, perhaps another than was asked; `attempt` fences later writes."""

    state: State
    attempt: int = 0


@dataclass(frozen=True)
class Wait:
    """Not yet: ask again after so many seconds."""

    seconds: float
    reason: str


@dataclass(frozen=True)
class Abort:
    """No: stop, and change nothing. `state` is where the run stands."""

    reason: str
    state: State | None = None


Verdict = Accept | Wait | Abort
