"""Where a run stands: `State`, a value that is never changed, and its named constructors.

The type is the machine's word and decides what may follow (`rules.transitions`); the name is the
user's word. What may happen to a run is not decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from nbflow import exceptions
from nbflow.model import clock
from nbflow.model.ids import uuid7


class StateType(StrEnum):
    """The machine's word for where a run stands."""

    SCHEDULED = "SCHEDULED"
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CRASHED = "CRASHED"


TERMINAL = frozenset(
    {StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED, StateType.CRASHED}
)
#: a process may be working on the run
LIVE = frozenset({StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING})


def _nothing() -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class State:
    """Where a run stands, since when, and why.

    Attributes:
        type: the machine's word.
        name: the user's word; the type's own name unless said otherwise.
        message: what happened, one or two sentences for a person.
        at: when the state was entered; aware, UTC.
        id: a proposal's own id; proposing the same id twice is one transition. No part of what the
            state says: a stored task run's states have none.
        details: small JSON facts: `due_at` (ISO text), `cause`, `cell`, `exit_code`; of a pause
            `pause_key`, `pause_timeout` (ISO text), `pause_reschedule`, `input` (what it asks for).
    """

    type: StateType
    name: str = ""
    message: str = ""
    at: datetime = field(default_factory=clock.now)
    id: str = field(default_factory=uuid7, compare=False)
    details: Mapping[str, Any] = field(default_factory=_nothing)

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.type.value.capitalize())

    def is_scheduled(self) -> bool:
        """Say whether the run waits for its time."""
        return self.type is StateType.SCHEDULED

    def is_pending(self) -> bool:
        """Say whether the run was claimed and has not begun."""
        return self.type is StateType.PENDING

    def is_running(self) -> bool:
        """Say whether the run is running."""
        return self.type is StateType.RUNNING

    def is_paused(self) -> bool:
        """Say whether the run is paused or suspended."""
        return self.type is StateType.PAUSED

    def is_suspended(self) -> bool:
        """Say whether the run is paused and no process waits with it."""
        # Asked for by somebody else: its process goes on until its next task, and then leaves.
        return self.leaves() and not self.details.get("requested")

    def leaves(self) -> bool:
        """Say whether the run is paused in such a way that its process ends."""
        return self.is_paused() and self.details.get("pause_reschedule") is True

    def is_cancelling(self) -> bool:
        """Say whether the run was asked to stop."""
        return self.type is StateType.CANCELLING

    def is_cancelled(self) -> bool:
        """Say whether the run was cancelled."""
        return self.type is StateType.CANCELLED

    def is_completed(self) -> bool:
        """Say whether the run completed."""
        return self.type is StateType.COMPLETED

    def is_failed(self) -> bool:
        """Say whether the run failed."""
        return self.type is StateType.FAILED

    def is_crashed(self) -> bool:
        """Say whether the run's process ended before the run did."""
        return self.type is StateType.CRASHED

    def is_final(self) -> bool:
        """Say whether the run has ended."""
        return self.type in TERMINAL

    def result(self, raise_on_failure: bool = True) -> Any:
        """Give the run's value, or raise what it ended with.

        The value is there in the process that ran it. With `raise_on_failure=False` the exception
        of a run that has ended is given back instead. Raises the run's own exception, else
        FailedRun, CrashedRun, CancelledRun, PausedRun, UnfinishedRun, UpstreamError, MissingResult.
        """
        __tracebackhide__ = True
        kept = self.__dict__
        if "_value" in kept:
            return kept["_value"]
        error = kept.get("_error")
        if not isinstance(error, Exception):
            error, cause = _without_value(self), error
            error.__cause__ = cause
        if raise_on_failure or not (self.is_final() or self.name == "NotReady"):
            raise error
        return error


def keep(state: State, value: Any = None, *, error: BaseException | None = None) -> State:
    """Keep a value, or the exception there is instead, beside a state of this process."""
    # Not a field: it is never compared, stored or sent.
    if error is None:
        state.__dict__["_value"] = value
    else:
        state.__dict__["_error"] = error
    return state


def error_of(state: State) -> BaseException | None:
    """Give the exception kept beside a state."""
    return state.__dict__.get("_error")


_NO_VALUE: dict[StateType, type[exceptions.RunError]] = {
    StateType.COMPLETED: exceptions.MissingResult,
    StateType.FAILED: exceptions.FailedRun,
    StateType.CRASHED: exceptions.CrashedRun,
    StateType.CANCELLED: exceptions.CancelledRun,
    StateType.PAUSED: exceptions.PausedRun,
}


_HINTS: dict[StateType, str] = {
    StateType.COMPLETED: "Run it with `persist_result=True`, and keep NBFLOW_HOME/results.",
    StateType.PAUSED: "Resume it: `nbflow flow-run resume RUN`, or `resume_flow_run(id)`.",
}


def _without_value(state: State) -> exceptions.RunError:
    kind = _NO_VALUE.get(state.type, exceptions.UnfinishedRun)
    said = None if state.is_completed() else state.message or None
    if said is None and kind is exceptions.UnfinishedRun:
        said = f"The run is {state.name}; it has not finished."
    return kind(said, hint=_HINTS.get(state.type))


def Scheduled(due_at: datetime | None = None, **kw: Any) -> State:
    """Make a state of a run that waits for its time (`due_at`: aware; now when left out)."""
    at = kw.pop("at", None) or clock.now()
    details = {**kw.pop("details", {}), "due_at": (due_at or at).isoformat()}
    return State(StateType.SCHEDULED, at=at, details=details, **kw)


def Late(due_at: datetime, **kw: Any) -> State:
    """Make a state of a run that was due and has not started."""
    return Scheduled(due_at, name="Late", **kw)


def AwaitingRetry(due_at: datetime, **kw: Any) -> State:
    """Make a state of a run that failed and will be tried again at `due_at`."""
    return Scheduled(due_at, name="AwaitingRetry", **kw)


def AwaitingConcurrencySlot(due_at: datetime | None = None, **kw: Any) -> State:
    """Make a state of a run that waits for its place under a limit."""
    return Scheduled(due_at, name="AwaitingConcurrencySlot", **kw)


def Resuming(due_at: datetime | None = None, **kw: Any) -> State:
    """Make a state of a suspended run that may go on: as a new attempt, from the top."""
    return Scheduled(due_at, name="Resuming", **kw)


def Pending(**kw: Any) -> State:
    """Make a state of a run that was claimed and has not begun."""
    return State(StateType.PENDING, **kw)


def Submitting(**kw: Any) -> State:
    """Make a state of a run whose worker is about to start it."""
    return State(StateType.PENDING, name="Submitting", **kw)


def InfrastructurePending(**kw: Any) -> State:
    """Make a state of a run whose process was asked for and has not spoken yet."""
    return State(StateType.PENDING, name="InfrastructurePending", **kw)


def NotReady(**kw: Any) -> State:
    """Make a state of a task run that will not start: what it waits for did not complete."""
    return State(StateType.PENDING, name="NotReady", **kw)


def Running(**kw: Any) -> State:
    """Make a state of a run that is running."""
    return State(StateType.RUNNING, **kw)


def Retrying(**kw: Any) -> State:
    """Make a state of a run that is running again after a failure."""
    return State(StateType.RUNNING, name="Retrying", **kw)


def Rerunning(**kw: Any) -> State:
    """Make a state of a run that had ended and runs again because somebody asked for it."""
    return State(StateType.RUNNING, name="Rerunning", **kw)


def Paused(
    pause_key: str | None = None,
    *,
    timeout_seconds: float | None = None,
    pause_timeout: datetime | None = None,
    reschedule: bool = False,
    **kw: Any,
) -> State:
    """Make a state of a run that waits to be resumed.

    Args:
        pause_key: names the pause within its run, so that it is answered once; the state's own id
            when left out.
        timeout_seconds: the run fails when it is not resumed within so many seconds; or
        pause_timeout: until this instant. Neither: it waits for ever.
        reschedule: no process waits (Suspended).
    """
    at = kw.pop("at", None) or clock.now()
    made = kw.pop("id", None) or uuid7()
    details = {**kw.pop("details", {}), "pause_key": pause_key or made}
    if timeout_seconds is not None:
        pause_timeout = at + timedelta(seconds=timeout_seconds)
    if pause_timeout is not None:
        details["pause_timeout"] = pause_timeout.isoformat()
    if reschedule:
        details["pause_reschedule"] = True
    return State(StateType.PAUSED, at=at, id=made, details=details, **kw)


def Suspended(pause_key: str | None = None, **kw: Any) -> State:
    """Make a state of a run whose process has ended until it is resumed (as `Paused` takes)."""
    return Paused(pause_key, reschedule=True, **{"name": "Suspended", **kw})


def pause_timeout(state: State) -> datetime | None:
    """Give until when a paused run waits to be resumed; None: for ever, or it is not paused."""
    text = state.details.get("pause_timeout") if state.is_paused() else None
    return datetime.fromisoformat(text) if text else None


def Cancelling(**kw: Any) -> State:
    """Make a state of a run that was asked to stop."""
    return State(StateType.CANCELLING, **kw)


def Cancelled(**kw: Any) -> State:
    """Make a state of a run that was cancelled."""
    return State(StateType.CANCELLED, **kw)


def Completed(**kw: Any) -> State:
    """Make a state of a run that completed."""
    return State(StateType.COMPLETED, **kw)


def Cached(**kw: Any) -> State:
    """Make a state of a task run whose result was there already: its body was not called."""
    return State(StateType.COMPLETED, name="Cached", **kw)


def RolledBack(**kw: Any) -> State:
    """Make a state of a task run that completed and whose transaction was undone."""
    return State(StateType.COMPLETED, name="RolledBack", **kw)


def Failed(**kw: Any) -> State:
    """Make a state of a run whose code raised."""
    return State(StateType.FAILED, **kw)


def TimedOut(**kw: Any) -> State:
    """Make a state of a run that took longer than it may."""
    return State(StateType.FAILED, name="TimedOut", **kw)


def Crashed(**kw: Any) -> State:
    """Make a state of a run whose process ended before the run did."""
    return State(StateType.CRASHED, **kw)
