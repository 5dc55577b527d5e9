"""What may happen to a flow run, in the order the rules are asked: `FLOW_RULES` is the policy."""

from __future__ import annotations

from datetime import datetime, timedelta

from nbflow.model import states
from nbflow.model.runs import FlowRun
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import Abort, Accept, Verdict, Wait
from nbflow.rules.transitions import Transition, first, only_in_the_diagram, same_request_twice

_S = StateType


def old_attempts_are_fenced(t: Transition) -> Verdict | None:
    """A process that lost its claim may not write: another attempt may be running."""
    if t.attempt is not None and t.attempt != t.run.attempt:
        return Abort(f"Attempt {t.attempt} was replaced by attempt {t.run.attempt}.", t.run.state)
    return None


def cancelling_again_changes_nothing(t: Transition) -> Verdict | None:
    """To cancel what is cancelling or cancelled is the same request."""
    if t.to.type is _S.CANCELLING and t.run.state.type in (_S.CANCELLING, _S.CANCELLED):
        return Accept(t.run.state)
    return None


def ended_stays_ended(t: Transition) -> Verdict | None:
    """Nothing a process or a service says moves a run out of a final state."""
    if t.run.state.is_final():
        return Abort(f"The run has already ended: {t.run.state.name}.", t.run.state)
    return None


def cancel_without_process(t: Transition) -> Verdict | None:
    """A run nobody has claimed has nothing to stop: it is cancelled at once."""
    if t.to.type is _S.CANCELLING and t.run.state.type is _S.SCHEDULED:
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
    if run.state.type is not _S.RUNNING or run.attempt > run.retries:
        return None
    due_at = t.now + timedelta(seconds=run.retry_delay_seconds)
    message = f"Attempt {run.attempt} of {run.retries + 1} failed: {t.to.message}"
    return Accept(states.AwaitingRetry(due_at, message=message, at=t.to.at))


FLOW_RULES = (
    same_request_twice,
    old_attempts_are_fenced,
    cancelling_again_changes_nothing,
    ended_stays_ended,
    cancel_without_process,
    cancel_wins,
    sessions_just_end,
    not_before_due,
    retry_failures,
    only_in_the_diagram,
)


def judge(run: FlowRun, to: State, *, now: datetime, attempt: int | None = None) -> Verdict:
    """Say what becomes of a state proposed for a flow run."""
    return first(FLOW_RULES, Transition(run, to, now, attempt))


def due(run: FlowRun) -> datetime | None:
    """Give the instant a waiting run may start: its state's own (a retry's), else the run's."""
    text = run.state.details.get("due_at")
    return datetime.fromisoformat(text) if text else run.due_at
