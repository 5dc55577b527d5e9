"""What may happen to a flow run, in the order the rules are asked: `FLOW_RULES` is the policy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from nbflow.model import clock, pauses, states
from nbflow.model.ids import uuid7
from nbflow.model.runs import FlowRun
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import Abort, Accept, Verdict, Wait
from nbflow.rules import late
from nbflow.rules.transitions import (
    AGAIN,
    Transition,
    first,
    only_in_the_diagram,
    same_request_twice,
)

_S = StateType
#: the cause told by a wait for the next try after a crash
CRASH = "crash"
#: seconds between two tries at most: ten years, so that no sum of dates overflows
_LONGEST_DELAY = 315_360_000.0


def old_attempts_are_fenced(t: Transition) -> Verdict | None:
    """A process that lost its claim may not write: another attempt may be running."""
    if t.attempt is not None and t.attempt != t.run.attempt:
        return Abort(f"Attempt {t.attempt} was replaced by attempt {t.run.attempt}.", t.run.state)
    return None


def given_back_is_not_begun(t: Transition) -> Verdict | None:
    """A claim that was given back belongs to nobody: whoever held it may not go on with it."""
    run = t.run
    given_back = run.state.type is _S.SCHEDULED and isinstance(run, FlowRun) and run.work_pool
    if given_back and t.attempt is not None and t.to.type is not _S.CANCELLING:
        return Abort("It waits for a worker: this claim was given back.", run.state)
    return None


def cancelling_again_changes_nothing(t: Transition) -> Verdict | None:
    """To cancel what is cancelling or cancelled is the same request."""
    if t.to.type is _S.CANCELLING and t.run.state.type in (_S.CANCELLING, _S.CANCELLED):
        return Accept(t.run.state)
    return None


def ended_stays_ended(t: Transition) -> Verdict | None:
    """Nothing a process or a service says moves a run out of a final state; a retry may."""
    if not t.run.state.is_final():
        return None
    if t.asked == "retry" and t.run.state.type in AGAIN and getattr(t.run, "kind", "") != "session":
        return Accept(t.to)
    if t.asked == "accept" and late.LATE in t.run.state.details:
        return Accept(t.to)
    return Abort(f"The run has already ended: {t.run.state.name}.", t.run.state)


def cancel_without_process(t: Transition) -> Verdict | None:
    """A run no process works on has nothing to stop: it is cancelled at once."""
    idle = t.run.state.type is _S.SCHEDULED or t.run.state.is_suspended()
    if t.to.type is _S.CANCELLING and idle:
        return Accept(
            states.Cancelled(message=t.to.message or "Cancelled before it started.", at=t.to.at)
        )
    return None


def cancel_wins(t: Transition) -> Verdict | None:
    """The request to cancel came first: however the process ended, the run was cancelled."""
    if t.run.state.type is _S.CANCELLING and t.to.is_final() and not t.to.is_cancelled():
        message = f"Cancelled ({t.to.name}: {t.to.message})" if t.to.message else "Cancelled."
        return Accept(states.Cancelled(message=message, at=t.to.at))
    return None


def sessions_just_end(t: Transition) -> Verdict | None:
    """The tasks run by hand in a kernel make no failure of the kernel's end."""
    if getattr(t.run, "kind", "") == "session" and t.to.is_final() and not t.to.is_completed():
        return Accept(states.Completed(message="The kernel ended.", at=t.to.at))
    return None


def late_while_it_waits(t: Transition) -> Verdict | None:
    """Only a run that still waits for its time can be called Late."""
    if t.to.name == "Late" and t.run.state.type is not _S.SCHEDULED:
        return Abort(f"A run that is {t.run.state.name} is not late.", t.run.state)
    return None


def suspension_is_confirmed(t: Transition) -> Verdict | None:
    """The process of a run that was suspended by somebody else has come to a task, and leaves."""
    same = t.to.details.get("pause_key") == t.run.state.details.get("pause_key")
    if t.run.state.leaves() and t.to.is_suspended() and t.attempt is not None and same:
        return Accept(t.to)
    return None


def suspension_explains_the_end(t: Transition) -> Verdict | None:
    """A cell that suspends its notebook's run can only raise: the kernel's end is no failure."""
    raised = t.to.details.get("ename") == "Suspension"
    if t.run.state.leaves() and t.attempt is not None and t.to.is_final() and raised:
        return Accept(confirmed(t.run.state, at=t.to.at))
    return None


def answered_is_not_asked_again(t: Transition) -> Verdict | None:
    """A pause that was resumed is passed over when its run is executed again from the top."""
    if not t.to.is_paused() or t.to.details.get("pause_key") not in t.answered:
        return None
    if t.to.is_suspended():  # resumed by somebody while its process was leaving
        return Accept(states.Resuming(t.now, message="It was resumed.", at=t.to.at))
    return Accept(t.run.state)


def pause_needs_a_process(t: Transition) -> Verdict | None:
    """What runs can be paused; what cannot be executed again from its top is not suspended."""
    if not t.to.is_paused():
        return None
    if t.run.state.type is not _S.RUNNING:
        return Abort(
            f"Only a run that is Running can be paused; this is {t.run.state.name}.", t.run.state
        )
    if not t.to.leaves():
        return None
    if getattr(t.run, "kind", "") == "session" or getattr(t.run, "parent_flow_run_id", None):
        return Abort("Only a run that no other run called can be suspended.", t.run.state)
    if t.attempt is None:
        return Accept(replace(t.to, details={**t.to.details, "requested": True}))
    return None


def a_pause_ends_in_time(t: Transition) -> Verdict | None:
    """Past its timeout a paused run fails, whoever wants it to go on."""
    until = pauses.end_of(t.run.state)
    if until is None or until > t.now or t.to.type not in (_S.RUNNING, _S.SCHEDULED):
        return None
    return Accept(timed_out(t.run.state, at=t.to.at))


def an_answer_is_checked(t: Transition) -> Verdict | None:
    """A pause that asks for input goes on only through `resume`, which brings it."""
    asks = t.run.state.is_paused() and "input" in t.run.state.details
    if asks and t.to.type in (_S.RUNNING, _S.SCHEDULED) and t.asked != "resume":
        return Abort("The run waits for input: resume it with its answer.", t.run.state)
    return None


def not_before_due(t: Transition) -> Verdict | None:
    """A run never starts early; the proposer is told how long to wait."""
    due_at = due(t.run) if isinstance(t.run, FlowRun) else None
    starts = t.run.state.type is _S.SCHEDULED and t.to.type in (_S.PENDING, _S.RUNNING)
    if starts and due_at is not None and due_at > t.now:
        return Wait((due_at - t.now).total_seconds(), "The run is not due yet.")
    return None


def retry_failures(t: Transition) -> Verdict | None:
    """A failure with tries left becomes a wait; a crash does not (notebooks have side effects)."""
    run = t.run
    if not isinstance(run, FlowRun) or t.to.type is not _S.FAILED:
        return None
    failed_while_running = run.state.type is _S.RUNNING or (
        run.state.is_paused() and not _out_of_time(run.state, t.now)
    )
    in_vain = t.to.details.get("cause") == "FlowPauseTimeout"
    final = in_vain or t.to.details.get("retriable") is False
    if not failed_while_running or final or run.attempt > run.retries:
        return None
    due_at = t.now + timedelta(seconds=_retry_delay(run, t.to))
    message = f"Attempt {run.attempt} of {run.retries + 1} failed: {t.to.message}"
    return Accept(states.AwaitingRetry(due_at, message=message, at=t.to.at))


def retry_crashes(t: Transition) -> Verdict | None:
    """A crash is tried again where its deployment or run says so, and a worker can do it."""
    run = t.run
    if not isinstance(run, FlowRun) or t.to.type is not _S.CRASHED:
        return None
    began = run.state.type in (_S.PENDING, _S.RUNNING, _S.PAUSED)
    if not began or run.work_pool is None or run.crash_retries < 1:
        return None
    if t.to.details.get("retriable") is False:
        return None
    due_at = t.now + timedelta(seconds=run.retry_delay_seconds)
    message = f"Attempt {run.attempt} crashed, and is tried again: {t.to.message}"
    details = {"cause": CRASH, "crash": t.to.details.get("cause")}
    return Accept(states.AwaitingRetry(due_at, message=message, at=t.to.at, details=details))


FLOW_RULES = (
    same_request_twice,
    old_attempts_are_fenced,
    given_back_is_not_begun,
    cancelling_again_changes_nothing,
    ended_stays_ended,
    cancel_without_process,
    cancel_wins,
    sessions_just_end,
    late_while_it_waits,
    suspension_is_confirmed,
    suspension_explains_the_end,
    answered_is_not_asked_again,
    pause_needs_a_process,
    a_pause_ends_in_time,
    an_answer_is_checked,
    not_before_due,
    retry_failures,
    retry_crashes,
    only_in_the_diagram,
)


def judge(
    run: FlowRun,
    to: State,
    *,
    now: datetime,
    attempt: int | None = None,
    asked: Literal["retry", "resume", "accept"] | None = None,
    answered: frozenset[str] = frozenset(),
) -> Verdict:
    """Say what becomes of a state proposed for a flow run (the facts are `Transition`'s)."""
    return first(FLOW_RULES, Transition(run, to, now, attempt, asked, answered))


def answered(history: Iterable[State]) -> frozenset[str]:
    """Give the keys of the pauses that were resumed; a run that ended and is retried asks anew."""
    keys: set[str] = set()
    paused: State | None = None
    for state in history:
        if state.is_final():
            keys.clear()
        elif paused is not None and not state.is_paused() and not state.is_cancelling():
            keys.add(str(paused.details.get("pause_key")))
        paused = state if state.is_paused() else None
    return frozenset(keys)


def timed_out(state: State, *, at: datetime) -> State:
    """Give the state of a run whose pause nobody ended in time."""
    until = pauses.end_of(state)
    message = f"It was paused until {until:%Y-%m-%d %H:%M:%S} UTC, and nobody resumed it."
    return states.Failed(message=message, at=at, details={"cause": "FlowPauseTimeout"})


def confirmed(state: State, *, at: datetime | None = None) -> State:
    """Give the state of a run that was suspended from outside, once its process leaves."""
    details = {name: value for name, value in state.details.items() if name != "requested"}
    return replace(state, id=uuid7(), at=at or clock.now(), details=details)


def _out_of_time(state: State, now: datetime) -> bool:
    until = pauses.end_of(state)
    return until is not None and until <= now


def _retry_delay(run: FlowRun, failed: State) -> float:
    """Give the seconds to the next try: as the process drew them, else the run's own."""
    drawn = failed.details.get("retry_delay")
    if isinstance(drawn, (int, float)) and 0 <= drawn <= _LONGEST_DELAY:
        return float(drawn)
    return run.retry_delay_seconds


def due(run: FlowRun) -> datetime | None:
    """Give the instant a waiting run may start: its state's own (a retry's), else the run's."""
    text = run.state.details.get("due_at")
    return datetime.fromisoformat(text) if text else run.due_at
