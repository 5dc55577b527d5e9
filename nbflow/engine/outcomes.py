"""Outcomes: the state a run ends in, from what its function returned or raised.

The return value or the exception decides. A returned state or future is taken over; a returned
collection of them is judged as a whole: all completed → COMPLETED; any cancelled → CANCELLED;
otherwise FAILED. With `fail_on_task_failure` a flow that returns None is judged like a collection
of all it called.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from typing import Any

from nbflow.annotations import quote
from nbflow.engine import interrupts
from nbflow.engine.interrupts import Cancellation, Terminated
from nbflow.engine.lease import Hold, Suspension
from nbflow.engine.timeouts import Overrun
from nbflow.exceptions import (
    Aborted,
    CancelledRun,
    FailedRun,
    Leaving,
    PausedRun,
    Stop,
    TimedOutRun,
    UpstreamError,
)
from nbflow.futures import Future
from nbflow.model import masking, states, texts
from nbflow.model.states import State, StateType, error_of, keep
from nbflow.task_runners.elsewhere import WorkerLost

#: modules whose frames stand between a call and the function called
_OURS = ("nbflow.engine.", "nbflow.flows", "nbflow.tasks")
_PLAIN = frozenset({type(None), int, float, str, bytes, bool, dict})


def refers(value: Any) -> bool:
    """Say whether a returned value speaks of other runs: a state, a future, or only such."""
    if type(value) in _PLAIN:
        return False
    if isinstance(value, (State, Future, quote)):
        return True
    if not isinstance(value, (list, tuple, set, frozenset)) or not value:
        return False
    return all(isinstance(item, (State, Future)) for item in value)


def of_value(value: Any) -> State:
    """Give the final state of a run whose function returned; waits for returned futures."""
    if isinstance(value, quote):
        return keep(states.Completed(), value.value)
    if not refers(value):
        return keep(states.Completed(), value)
    if isinstance(value, (State, Future)):
        return _taken_over(_state(value))
    return _of_several([_state(item) for item in value])


def of_flow_error(error: BaseException, hold: Hold) -> State:
    """Give the state of a flow run whose function raised: it may only leave this process."""
    if isinstance(error, Stop) and hold.reason is None:
        return keep(states.Completed(message=_left_early(error, "It was stopped")), None)
    left = hold.reason is None and isinstance(error, (Suspension, UpstreamError))
    if left and hold.suspension is not None:
        state = hold.suspension
        said = state.message or "The run is suspended."
        return keep(state, error=PausedRun(said, hint=states.RESUME_HINT))
    return of_error(error, hold)


def of_error(error: BaseException, hold: Hold | None = None) -> State:
    """Give the final state of a run whose function raised."""
    if isinstance(error, Suspension) and (hold is None or hold.reason is None):
        return keep(states.Cancelled(message="The run was suspended."), error=error)
    if hold is not None and hold.reason == "lost":
        error = Aborted("Another attempt holds this run; this process had lost its lease.")
        return keep(states.Crashed(message=error.message), error=error)
    if isinstance(error, Cancellation) or (hold is not None and hold.reason is not None):
        return keep(
            states.Cancelled(message="It was asked to stop."), error=Cancellation("cancelled")
        )
    if isinstance(error, Leaving):
        return _of_leaving(error)
    if isinstance(error, Overrun):
        return _of_overrun(error)
    if isinstance(error, KeyboardInterrupt):
        return keep(states.Cancelled(message="Interrupted from the keyboard."), error=error)
    if _cancelled_by_loop(error):
        if interrupts.terminated:  # the loop's way to end: its task has to end as one cancelled
            return keep(states.Crashed(message=_ended_by(Terminated())), error=error)
        return keep(states.Cancelled(message="Its asyncio task was cancelled."), error=error)
    _begin_traceback_in_user_code(error)
    message = texts.of_error(error)
    if isinstance(error, Exception):
        return keep(states.Failed(message=message, details=_cause(error)), error=error)
    return keep(states.Crashed(message=_ended_by(error), details=_cause(error)), error=error)


def _of_leaving(error: Leaving) -> State:
    if isinstance(error, Stop):  # the flow run around it is to hear of it
        said = _left_early(error, "It completed the run")
        return keep(states.Stopped(message=said), error=error)
    return keep(states.Skipped(message=_left_early(error, "It was skipped")), None)


def _left_early(error: Leaving, otherwise: str) -> str:
    return texts.safe(str(error.reason)) if error.reason else f"{otherwise}."


def _of_overrun(error: Overrun) -> State:
    if not error.home:  # on its way to the run whose limit it was: nothing here may be tried again
        message = "A run around it ran out of time."
        return keep(states.Cancelled(message=message), error=error)
    message = f"It took longer than {error.seconds:g} s."
    if error.left_behind is not None:
        message += f" Its code cannot be interrupted: it was left behind on {error.left_behind}."
    return keep(states.TimedOut(message=message), error=TimedOutRun(message))


def hand_out(state: State, *, return_state: bool) -> Any:
    """Give the caller of a run its state, or its value, or raise what it raised."""
    __tracebackhide__ = True
    beside = state.__dict__
    if "_value" in beside and "_error" not in beside:
        return state if return_state else beside["_value"]
    error = error_of(state)
    if error is not None and not (return_state and isinstance(error, Exception)):
        raise error  # an interrupt or an exit is never only looked at: it goes on
    return state if return_state else state.result()


def _state(item: State | Future[Any]) -> State:
    if isinstance(item, Future):
        item.wait()
    return item.state if isinstance(item, Future) else item


def _taken_over(state: State) -> State:
    """Give a copy with an id of its own: one state object may be returned by many runs."""
    if not state.is_final():
        message = state.message or f"It returned a state that is not final: {state.name}."
        error = error_of(state) or FailedRun(message)
        return keep(states.Failed(message=texts.safe(message)), error=error)
    name, message = texts.safe(state.name), texts.safe(state.message)
    copy = State(state.type, name, message, details=masking.mask_json(state.details))
    copy.__dict__.update({k: v for k, v in state.__dict__.items() if k in states.BESIDE})
    if error_of(copy) is not None and not isinstance(error_of(copy), Exception):
        error = CancelledRun(state.message) if state.is_cancelled() else FailedRun(state.message)
        return keep(copy, error=error)
    return copy


def _of_several(members: list[State]) -> State:
    count = Counter(member.type for member in members)
    total = len(members)
    if count[StateType.COMPLETED] == total:
        message = f"All {total} completed." if total > 1 else "It completed."
        return keep(states.Completed(message=message), members)
    if count[StateType.CANCELLED]:
        message = f"{count[StateType.CANCELLED]}/{total} were cancelled."
        return keep(states.Cancelled(message=message), error=CancelledRun(message))
    bad = next(member for member in members if not member.is_completed())
    unfinished = sum(not member.is_final() for member in members)
    failed = total - count[StateType.COMPLETED] - unfinished
    parts = [f"{failed}/{total} failed."] if failed else []
    parts += [f"{unfinished}/{total} did not finish."] if unfinished else []
    message = " ".join(parts)
    error = bad.result(raise_on_failure=False) if bad.is_final() else error_of(bad)
    return keep(states.Failed(message=message), error=error or FailedRun(message))


class Tally:
    """How the runs that one attempt called have ended: what `fail_on_task_failure` judges."""

    def __init__(self) -> None:
        self._completed = 0
        self._others: dict[str, State] = {}
        self._lock = threading.Lock()

    def ended(self, run_id: str, state: State) -> None:
        """Note a run's latest state; one that never started counts as well."""
        with self._lock:
            if state.is_completed():
                self._others.pop(run_id, None)
                self._completed += 1
            else:
                self._others[run_id] = state

    def state(self) -> State:
        """Give the state of a flow that returned None."""
        members = [*self._others.values(), *[_COMPLETED] * self._completed]
        return _of_several(members) if self._others else keep(states.Completed(), None)


_COMPLETED = states.Completed()


def _cancelled_by_loop(error: BaseException) -> bool:
    asyncio = sys.modules.get("asyncio")  # not loaded: nothing of it can have been raised
    return asyncio is not None and isinstance(error, asyncio.CancelledError)


def _begin_traceback_in_user_code(error: BaseException) -> None:
    """Leave out of a traceback how the engine got to the function that raised."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__", "").startswith(_OURS):
        frames = frames.tb_next
    if frames is not None:
        error.__traceback__ = frames


def _cause(error: BaseException) -> dict[str, str]:
    return {"cause": type(error).__qualname__}


def _ended_by(error: BaseException) -> str:
    if isinstance(error, Terminated):
        return "The process was told to terminate (SIGTERM)."
    if isinstance(error, WorkerLost):
        return str(error)
    if isinstance(error, SystemExit):
        return f"sys.exit({error.code!r}) was called." if error.code else "sys.exit() was called."
    return texts.of_error(error)
