"""Pausing, suspending, resuming and trying again: each rule with its facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbflow.model import states
from nbflow.model.runs import FlowRun
from nbflow.model.states import TERMINAL, State, StateType
from nbflow.model.verdicts import Abort, Accept, Verdict
from nbflow.rules.flow import answered, judge
from nbflow.rules.transitions import AGAIN, ALLOWED

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOON = NOW + timedelta(seconds=60)
QUESTION: dict[str, Any] = {"input": {"schema": {"type": "object"}}}


def a_run(state: State, **kw: Any) -> FlowRun:
    given: dict[str, Any] = {"kind": "flow", "attempt": 1, "created_at": NOW, "due_at": NOW, **kw}
    return FlowRun(id="r", name="quiet-owl", flow_name="f", state=state, **given)


def taken(verdict: Verdict) -> State:
    assert isinstance(verdict, Accept), verdict
    return verdict.state


# -- into a pause -----------------------------------------------------------------------------


@pytest.mark.parametrize("before", list(StateType))
def test_only_what_runs_can_be_paused(before: StateType) -> None:
    run = a_run(State(before, at=NOW))
    verdict = judge(run, states.Paused("1", at=NOW), now=NOW, attempt=1)
    assert isinstance(verdict, Accept) == (before is StateType.RUNNING)


@pytest.mark.parametrize("kw", [{"parent_flow_run_id": "p"}, {"kind": "session"}])
def test_a_called_run_is_not_suspended_by_itself(kw: dict[str, Any]) -> None:
    run = a_run(states.Running(at=NOW), **kw)
    verdict = judge(run, states.Suspended("1"), now=NOW, attempt=1)
    assert isinstance(verdict, Abort)
    assert "no other run called" in verdict.reason


def test_an_answered_pause_is_not_asked_again() -> None:
    run = a_run(states.Running(at=NOW))
    again = judge(run, states.Paused("1"), now=NOW, attempt=1, answered=frozenset({"1"}))
    assert taken(again) is run.state
    other = judge(run, states.Paused("2"), now=NOW, attempt=1, answered=frozenset({"1"}))
    assert taken(other).is_paused()


def test_a_suspension_answered_while_its_process_was_leaving_starts_over() -> None:
    run = a_run(states.Running(at=NOW))
    verdict = judge(run, states.Suspended("1"), now=NOW, attempt=1, answered=frozenset({"1"}))
    assert taken(verdict).name == "Resuming"


def test_somebody_else_s_suspension_waits_for_the_process_to_leave() -> None:
    asked = taken(judge(a_run(states.Running(at=NOW)), states.Suspended("k", at=NOW), now=NOW))
    assert asked.is_paused()
    assert not asked.is_suspended()
    confirmed = judge(a_run(asked), states.Suspended("k"), now=NOW, attempt=1)
    assert taken(confirmed).is_suspended()


def test_a_cell_that_suspends_its_run_has_not_failed() -> None:
    asked = taken(judge(a_run(states.Running(at=NOW)), states.Suspended("k", at=NOW), now=NOW))
    raised = states.Failed(message="cell 2", details={"ename": "Suspension"})
    after = taken(judge(a_run(asked, kind="notebook"), raised, now=NOW, attempt=1))
    assert after.is_suspended()
    assert after.id != asked.id


# -- out of a pause ---------------------------------------------------------------------------


@pytest.mark.parametrize("after", list(StateType))
def test_from_a_pause_a_run_goes_on_or_ends(after: StateType) -> None:
    verdict = judge(a_run(states.Paused("1", at=NOW)), State(after, at=NOW), now=NOW, attempt=1)
    goes = {StateType.RUNNING, StateType.SCHEDULED, StateType.CANCELLING, *TERMINAL}
    assert isinstance(verdict, Accept) == (after in goes)


@pytest.mark.parametrize("wanted", [states.Running(), states.Resuming(NOW)])
def test_past_its_timeout_a_pause_fails(wanted: State) -> None:
    paused = states.Paused("1", at=NOW, timeout_seconds=60)
    in_time = judge(a_run(paused), wanted, now=NOW + timedelta(seconds=59), asked="resume")
    assert taken(in_time) is wanted
    after = taken(judge(a_run(paused, retries=3), wanted, now=SOON, asked="resume"))
    assert (after.type, after.details["cause"]) == (StateType.FAILED, "FlowPauseTimeout")
    assert "nobody resumed it" in after.message


def test_a_pause_without_timeout_waits_for_ever() -> None:
    years = NOW + timedelta(days=4000)
    verdict = judge(a_run(states.Paused("1", at=NOW)), states.Running(), now=years)
    assert taken(verdict).is_running()


def test_a_pause_that_asks_goes_on_only_with_its_answer() -> None:
    run = a_run(states.Paused("1", at=NOW, details=QUESTION))
    assert isinstance(judge(run, states.Running(), now=NOW, attempt=1), Abort)
    assert taken(judge(run, states.Running(), now=NOW, asked="resume")).is_running()


def test_a_pause_in_vain_is_not_retried_but_a_failure_while_paused_is() -> None:
    run = a_run(states.Paused("1", at=NOW, timeout_seconds=60), retries=2)
    vain = states.Failed(details={"cause": "FlowPauseTimeout"})
    assert taken(judge(run, vain, now=NOW, attempt=1)).is_failed()
    own = states.Failed(details={"cause": "ValueError"})
    assert taken(judge(run, own, now=NOW, attempt=1)).name == "AwaitingRetry"
    assert taken(judge(run, own, now=SOON, attempt=1)).is_failed()


# -- cancelling -------------------------------------------------------------------------------


def test_a_suspended_run_is_cancelled_at_once_a_paused_one_is_told() -> None:
    suspended = a_run(states.Suspended("1", at=NOW))
    assert taken(judge(suspended, states.Cancelling(), now=NOW)).is_cancelled()
    paused = a_run(states.Paused("1", at=NOW))
    assert taken(judge(paused, states.Cancelling(), now=NOW)).is_cancelling()


@pytest.mark.parametrize("after", list(StateType))
def test_what_is_cancelling_can_only_be_cancelled(after: StateType) -> None:
    run = a_run(states.Cancelling(at=NOW))
    verdict = judge(run, State(after, at=NOW), now=NOW, attempt=1)
    if isinstance(verdict, Accept):
        assert verdict.state.type in (StateType.CANCELLING, StateType.CANCELLED)
    else:
        assert after not in TERMINAL


# -- once more --------------------------------------------------------------------------------


@pytest.mark.parametrize("end", sorted(TERMINAL))
@pytest.mark.parametrize("after", list(StateType))
def test_only_a_retry_leaves_an_end_and_never_a_completed_one(
    end: StateType, after: StateType
) -> None:
    run = a_run(State(end, at=NOW))
    said = judge(run, State(after, at=NOW), now=NOW, attempt=1)
    assert isinstance(said, Abort) or taken(said) is run.state
    if after is StateType.SCHEDULED:
        asked = judge(run, State(after, at=NOW), now=NOW, asked="retry")
        assert isinstance(asked, Accept) == (end in AGAIN)


def test_a_session_is_not_tried_again() -> None:
    run = a_run(states.Crashed(at=NOW), kind="session")
    assert isinstance(judge(run, states.AwaitingRetry(NOW), now=NOW, asked="retry"), Abort)


@pytest.mark.parametrize("before", [states.Running(), states.Pending(), states.Completed()])
def test_only_what_waits_can_be_late(before: State) -> None:
    assert isinstance(judge(a_run(before), states.Late(NOW), now=NOW), Abort)


# -- which pauses were answered ---------------------------------------------------------------


def path(*went: State) -> list[State]:
    return [replace(state, at=NOW + timedelta(seconds=n)) for n, state in enumerate(went)]


def test_a_pause_is_answered_once_the_run_went_on() -> None:
    running = states.Running()
    assert answered(path(running, states.Paused("1"))) == frozenset()
    assert answered(path(running, states.Paused("1"), running)) == {"1"}
    assert answered(path(running, states.Suspended("1"), states.Resuming(NOW))) == {"1"}
    asked = states.Suspended("1", details={"requested": True})
    assert answered(path(running, asked, states.Suspended("1"))) == frozenset()
    assert answered(path(running, states.Paused("1"), states.Cancelling())) == frozenset()


def test_a_retry_by_hand_asks_everything_anew_a_retry_of_its_own_does_not() -> None:
    went = [states.Running(), states.Paused("1"), states.Running()]
    assert answered(path(*went, states.AwaitingRetry(NOW), states.Retrying())) == {"1"}
    assert answered(path(*went, states.Failed(), states.AwaitingRetry(NOW))) == frozenset()


def test_the_diagram_lets_no_end_be_left_by_itself() -> None:
    assert all(not ALLOWED[end] for end in TERMINAL)
