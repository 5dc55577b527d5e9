"""The authority's answer to a proposed state."""

from __future__ import annotations

from dataclasses import dataclass

from nbflow.exceptions import TransitionRefused
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


def accepted(verdict: Verdict, to: State) -> Accept:
    """Give a verdict that lets a run take a state. Raises TransitionRefused naming both states."""
    if isinstance(verdict, Accept):
        return verdict
    stands = verdict.state if isinstance(verdict, Abort) else None
    before = "The run" if stands is None else f"A run that is {stands.name}"
    refused = TransitionRefused(
        f"{before} cannot become {to.name}: {verdict.reason}",
        field="state",
        hint="Ask again later." if isinstance(verdict, Wait) else None,
    )
    refused.verdict = verdict
    raise refused
