"""Where a run stands: `State`, a value that is never changed, and its named constructors.

The type is the machine's word and decides what may follow (`rules.transitions`); the name is the
user's word. What may happen to a run is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from typing import Any

from nbflow import exceptions
from nbflow.model import clock, pauses
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

    def __getattr__(self, name: str) -> Any:
        # Only reached when the attribute is not there yet: `entered` leaves `at` to who asks.
        if name != "at" or "_micros" not in self.__dict__:
            raise AttributeError(f"A State has no attribute {name!r}.")
        at = self.__dict__["at"] = clock.instant(self.__dict__["_micros"])
        return at

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        # By name: what is shown of a state stands above it.
        return import_module("nbflow.model.cards").of_state(self).bundle()

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

        The value is there in the process that ran it; elsewhere it is read from where it was
        stored. With `raise_on_failure=False` the exception of a run that has ended is given back
        instead. Raises the run's own exception, else
        FailedRun, CrashedRun, CancelledRun, PausedRun, UnfinishedRun, UpstreamError, MissingResult.
        """
        __tracebackhide__ = True
        kept = self.__dict__
        if "_value" in kept:
            return kept["_value"]
        if "_load" in kept:
            return kept["_load"]()
        if self.result_key is not None:
            # By name: what reads results stands above everything that knows states.
            return import_module("nbflow.results").of_key(self.result_key)
        error = kept.get("_error")
        if isinstance(error, exceptions.Stop):
            raise error  # whoever waits for a task that completed the flow run leaves it too
        if self.name == "Skipped" and self.is_completed():
            return None
        if not isinstance(error, Exception):
            error, cause = _without_value(self), error
            error.__cause__ = cause
        if raise_on_failure or not (self.is_final() or self.name == "NotReady"):
            raise error
        return error

    @property
    def result_key(self) -> str | None:
        """Give the key the run's value was stored under, if it was and this state knows."""
        return self.__dict__.get("_key") or self.details.get("result")


_new = object.__new__
_now_micros = clock.now_micros
_PLAIN = {
    kind.value: {"type": kind, "name": kind.value.capitalize(), "message": "", "id": "",
                 "details": _nothing()}
    for kind in StateType
}  # fmt: skip


def entered(kind: StateType) -> State:
    """Make a state that is entered now and says no more than its type; a proposal needs an id.

    Every call of a task makes three: this costs a tenth of `State(kind)`.
    """
    state = _new(State)
    inside = state.__dict__
    inside.update(_PLAIN[kind._value_])
    inside["_micros"] = _now_micros()
    return state


def pending() -> State:
    """Make the state most runs begin in: Pending, now, at a third of what `State(…)` costs."""
    state = entered(StateType.PENDING)
    state.__dict__["id"] = uuid7()
    return state


def micros_of(state: State) -> int:
    """Give when a state was entered, as the store keeps it."""
    found = state.__dict__.get("_micros")
    return clock.micros(state.at) if found is None else found


def keep(state: State, value: Any = None, *, error: BaseException | None = None) -> State:
    """Keep a value, or the exception there is instead, beside a state of this process."""
    # Not a field: it is never compared, stored or sent.
    if error is None:
        state.__dict__["_value"] = value
    else:
        state.__dict__["_error"] = error
    return state


#: what may be kept beside a state; none of it is a field
BESIDE = frozenset({"_value", "_load", "_key", "_error"})


def lend(state: State, load: Callable[[], Any]) -> State:
    """Keep, instead of a value, how to read it from where it is stored."""
    state.__dict__.pop("_value", None)
    state.__dict__["_load"] = load
    return state


def has_value(state: State) -> bool:
    """Say whether a state of this process has a value to give."""
    return "_value" in state.__dict__ or "_load" in state.__dict__


def value_of(state: State) -> Any:
    """Give the value of a state of this process that has one."""
    inside = state.__dict__
    return inside["_value"] if "_value" in inside else state.result()


def with_value_of(before: State, state: State) -> State:
    """Give a state the value that was kept beside another."""
    for name in ("_value", "_load"):
        if name in before.__dict__:
            state.__dict__[name] = before.__dict__[name]
    return state


def told(state: State, message: str) -> State:
    """Give a state of this process, not yet taken, with another message."""
    return with_value_of(state, replace(state, message=message))


def named(state: State, key: str) -> State:
    """Give a state of this process, not yet taken, that names its result's key."""
    return with_value_of(state, replace(state, details={**state.details, "result": key}))


def read_back(state: State, key: str | None) -> State:
    """Note beside a state that was read back under which key its value is stored."""
    if key is not None:
        state.__dict__["_key"] = key
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


RESUME_HINT = "Resume it: `nbflow flow-run resume RUN`, `resume_flow_run(id)` or `FLOW.resume(id)`."
_HINTS: dict[StateType, str] = {
    StateType.COMPLETED: "Run it with `persist_result=True`, and keep NBFLOW_HOME/results.",
    StateType.PAUSED: RESUME_HINT,
}


def _without_value(state: State) -> exceptions.RunError:
    kind = _NO_VALUE.get(state.type, exceptions.UnfinishedRun)
    said = state.message or None
    if state.is_completed():
        said = f"The run completed, but its result was not kept. {state.message}".strip()
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

    Raises InvalidInput.
    """
    at = kw.pop("at", None) or clock.now()
    made = kw.pop("id", None) or uuid7()
    details = {**kw.pop("details", {}), "pause_key": pause_key or made}
    if timeout_seconds is not None:
        pause_timeout = pauses.end_after(timeout_seconds, at=at)
    if pause_timeout is not None:
        details["pause_timeout"] = pause_timeout.isoformat()
    if reschedule:
        details["pause_reschedule"] = True
    return State(StateType.PAUSED, at=at, id=made, details=details, **kw)


def Suspended(pause_key: str | None = None, **kw: Any) -> State:
    """Make a state of a run whose process has ended until it is resumed (as `Paused` takes)."""
    kw.setdefault("name", "Suspended")
    return Paused(pause_key, reschedule=True, **kw)


def Cancelling(**kw: Any) -> State:
    """Make a state of a run that was asked to stop."""
    return State(StateType.CANCELLING, **kw)


def Cancelled(**kw: Any) -> State:
    """Make a state of a run that was cancelled."""
    return State(StateType.CANCELLED, **kw)


_UNSAID: Any = object()


def Completed(*, data: Any = _UNSAID, **kw: Any) -> State:
    """Make a state of a run that completed; `data` is the value it gives."""
    state = State(StateType.COMPLETED, **kw)
    return state if data is _UNSAID else keep(state, data)


def Cached(**kw: Any) -> State:
    """Make a state of a task run whose result was there already: its body was not called."""
    return State(StateType.COMPLETED, name="Cached", **kw)


def Skipped(**kw: Any) -> State:
    """Make a state of a run that its own code left before it had anything to give."""
    return State(StateType.COMPLETED, name="Skipped", **kw)


def Stopped(**kw: Any) -> State:
    """Make a state of a task run that completed its flow run: nothing after it runs."""
    return State(StateType.COMPLETED, name="Stopped", **kw)


def RolledBack(**kw: Any) -> State:
    """Make a state of a task run that completed and whose transaction was undone."""
    return State(StateType.COMPLETED, name="RolledBack", **kw)


def Failed(*, data: Any = None, **kw: Any) -> State:
    """Make a state of a run whose code raised; `data` is the exception. Raises InvalidInput."""
    if data is not None and not isinstance(data, BaseException):
        raise exceptions.InvalidInput(
            f"data is {type(data).__name__}; a failed state holds the exception.", field="data"
        )
    state = State(StateType.FAILED, **kw)
    return state if data is None else keep(state, error=data)


def TimedOut(**kw: Any) -> State:
    """Make a state of a run that took longer than it may."""
    return State(StateType.FAILED, name="TimedOut", **kw)


def Crashed(**kw: Any) -> State:
    """Make a state of a run whose process ended before the run did."""
    return State(StateType.CRASHED, **kw)
