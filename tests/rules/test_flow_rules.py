"""The state diagram, every pair of it, and each rule with its facts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from nbflow.model import states
from nbflow.model.runs import FlowRun, TaskRun
from nbflow.model.states import TERMINAL, State, StateType
from nbflow.model.verdicts import Abort, Accept, Wait
from nbflow.rules.flow import judge
from nbflow.rules.task import judge_task
from nbflow.rules.transitions import ALLOWED

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_run(state: State, **kw: object) -> FlowRun:
    given: dict = {"kind": "flow", "attempt": 1, "created_at": NOW, "due_at": NOW, **kw}
    return FlowRun(id="r", name="quiet-owl", flow_name="f", state=state, **given)


def a_task(state: State) -> TaskRun:
    return TaskRun("t", "r", "k", "n", "task", state, NOW)


PAIRS = [(a, b) for a in StateType for b in StateType]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_every_pair_is_answered_as_the_table_says(before: StateType, after: StateType) -> None:
    run = a_run(State(before, at=NOW))
    verdict = judge(run, State(after, at=NOW), now=NOW)
    if isinstance(verdict, Accept) and verdict.state.id != run.state.id:
        assert verdict.state.type in ALLOWED[before]
    if after in ALLOWED[before]:
        assert isinstance(verdict, Accept)


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_every_pair_of_a_task_is_answered_as_the_table_says(
    before: StateType, after: StateType
) -> None:
    verdict = judge_task(a_task(State(before, at=NOW)), State(after, at=NOW))
    assert isinstance(verdict, Accept) == (after in ALLOWED[before])


@pytest.mark.parametrize("end", sorted(TERMINAL))
@pytest.mark.parametrize("after", list(StateType))
def test_what_has_ended_stays_as_it_ended(end: StateType, after: StateType) -> None:
    run = a_run(State(end, at=NOW))
    verdict = judge(run, State(after, at=NOW), now=NOW)
    assert isinstance(verdict, Abort) or (
        isinstance(verdict, Accept) and verdict.state == run.state
    )


def test_the_same_proposal_twice_is_one_transition() -> None:
    running = states.Running(at=NOW)
    verdict = judge(a_run(running), running, now=NOW, attempt=1)
    assert verdict == Accept(running)


def test_an_old_attempt_is_fenced() -> None:
    verdict = judge(
        a_run(states.Running(at=NOW), attempt=2), states.Completed(), now=NOW, attempt=1
    )
    assert isinstance(verdict, Abort)
    assert "attempt 2" in verdict.reason


def test_a_second_worker_loses() -> None:
    verdict = judge(a_run(states.Pending(at=NOW)), states.Pending(), now=NOW)
    assert isinstance(verdict, Abort)


def test_a_run_waits_until_it_is_due() -> None:
    run = a_run(states.Scheduled(NOW + timedelta(seconds=5), at=NOW), attempt=0)
    assert judge(run, states.Pending(), now=NOW) == Wait(5.0, "The run is not due yet.")


def test_a_retry_waits_for_its_own_time_not_the_run_s() -> None:
    run = a_run(states.AwaitingRetry(NOW + timedelta(seconds=9), at=NOW), due_at=NOW)
    assert isinstance(judge(run, states.Running(), now=NOW), Wait)
    later = NOW + timedelta(seconds=9)
    assert isinstance(judge(run, states.Running(), now=later), Accept)


def test_cancelling_what_nobody_claimed_cancels_it_at_once() -> None:
    run = a_run(states.Scheduled(NOW, at=NOW), attempt=0)
    verdict = judge(run, states.Cancelling(at=NOW), now=NOW)
    assert isinstance(verdict, Accept)
    assert verdict.state.type is StateType.CANCELLED


@pytest.mark.parametrize("end", [states.Completed, states.Failed, states.Crashed])
def test_a_cancel_that_was_asked_first_wins(end: Callable[..., State]) -> None:
    verdict = judge(a_run(states.Cancelling(at=NOW)), end(message="why"), now=NOW, attempt=1)
    assert isinstance(verdict, Accept)
    assert verdict.state.type is StateType.CANCELLED
    assert "why" in verdict.state.message


def test_a_cancelling_run_cannot_run() -> None:
    verdict = judge(a_run(states.Cancelling(at=NOW)), states.Running(), now=NOW, attempt=1)
    assert isinstance(verdict, Abort)


def test_cancelling_twice_is_the_same_request() -> None:
    run = a_run(states.Cancelling(at=NOW))
    assert judge(run, states.Cancelling(), now=NOW) == Accept(run.state)
    ended = a_run(states.Cancelled(at=NOW))
    assert judge(ended, states.Cancelling(), now=NOW) == Accept(ended.state)


def test_a_failure_with_tries_left_awaits_its_retry() -> None:
    run = a_run(states.Running(at=NOW), retries=2, retry_delay_seconds=30.0)
    verdict = judge(run, states.Failed(message="boom"), now=NOW, attempt=1)
    assert isinstance(verdict, Accept)
    assert verdict.state.name == "AwaitingRetry"
    assert verdict.state.details["due_at"] == (NOW + timedelta(seconds=30)).isoformat()
    assert "boom" in verdict.state.message


@pytest.mark.parametrize(
    ("drawn", "seconds"),
    [(3.5, 3.5), (0, 0), ("soon", 30), (-1, 30), (float("nan"), 30), (1e300, 30), (None, 30)],
)
def test_a_failure_may_say_how_long_after_it_the_next_try_is(drawn: object, seconds: float) -> None:
    run = a_run(states.Running(at=NOW), retries=2, retry_delay_seconds=30.0)
    failed = states.Failed(details={} if drawn is None else {"retry_delay": drawn})
    verdict = judge(run, failed, now=NOW, attempt=1)
    assert isinstance(verdict, Accept)
    due_at = datetime.fromisoformat(verdict.state.details["due_at"])
    assert due_at - NOW == timedelta(seconds=seconds)


def test_a_failure_may_say_that_it_must_not_be_tried_again() -> None:
    run = a_run(states.Running(at=NOW), retries=2)
    failed = states.Failed(details={"retriable": False})
    verdict = judge(run, failed, now=NOW, attempt=1)
    assert isinstance(verdict, Accept)
    assert verdict.state.is_failed()


def test_the_last_failure_fails() -> None:
    run = a_run(states.Running(at=NOW), retries=2, attempt=3)
    verdict = judge(run, states.Failed(), now=NOW, attempt=3)
    assert isinstance(verdict, Accept)
    assert verdict.state.type is StateType.FAILED


def test_a_crash_is_not_retried() -> None:
    verdict = judge(a_run(states.Running(at=NOW), retries=5), states.Crashed(), now=NOW, attempt=1)
    assert isinstance(verdict, Accept)
    assert verdict.state.type is StateType.CRASHED


@pytest.mark.parametrize("end", [states.Crashed, states.Failed, states.Cancelled])
def test_a_session_only_ever_completes(end: Callable[..., State]) -> None:
    run = a_run(states.Running(at=NOW), kind="session")
    verdict = judge(run, end(), now=NOW)
    assert isinstance(verdict, Accept)
    assert verdict.state.type is StateType.COMPLETED


def test_a_task_that_is_not_ready_never_starts() -> None:
    verdict = judge_task(a_task(states.NotReady(at=NOW)), states.Running())
    assert isinstance(verdict, Abort)
