"""What is heard late of a run that was given up because its process could not be heard.

Such a run is CRASHED, and its process may run on beyond a line that is cut. Its end, once it is
heard, is noted beside the crash; it counts only when a person takes it for the run's end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nbflow.model import states
from nbflow.model.runs import FlowRun
from nbflow.model.states import State, StateType

#: the cause told by a crash that was assumed, because nobody renewed the lease
OWNER_LOST = "owner_lost"
LATE, ACCEPTED = "late", "accepted_late"


def given_up(run: FlowRun) -> bool:
    """Say whether a run was called crashed because nobody was heard of it."""
    return run.state.is_crashed() and run.state.details.get("cause") == OWNER_LOST


def unheard(run: FlowRun) -> bool:
    """Say whether a run was given up, and nothing was heard since: its word may come."""
    return given_up(run) and LATE not in run.state.details


def noted(run: FlowRun, to: State, *, attempt: int | None) -> State | None:
    """Give the crash of a run with the end its process tells late; None: that is not one."""
    told = to.type in (StateType.COMPLETED, StateType.FAILED)
    if not told or attempt is None or attempt != run.attempt or not unheard(run):
        return None
    word = {"type": to.type.value, "name": to.name, "message": to.message, "at": to.at.isoformat()}
    message = (
        f"{run.state.message} It was heard of again: it ended {to.name} at "
        f"{to.at:%Y-%m-%d %H:%M:%S} UTC. `nbflow flow-run accept {run.name}` takes that as its end."
    )
    return replace(run.state, message=message, details={**run.state.details, LATE: word})


def end(run: FlowRun) -> State | None:
    """Give the state that a run's late word would end it in; None: there is no such word."""
    word: Any = run.state.details.get(LATE)
    if not run.state.is_crashed() or word is None:
        return None
    message = f"{word['message']} (It was heard late, and accepted.)"
    details: dict[str, Any] = {ACCEPTED: True, "ended_at": word["at"]}
    made = states.Completed() if word["type"] == StateType.COMPLETED else states.Failed()
    return replace(made, name=word["name"], message=message.strip(), details=details)
