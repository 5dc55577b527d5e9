"""`State.result`: the value, the run's own exception, or the one that says why there is none."""

from __future__ import annotations

import pytest

from nbflow import exceptions, flow, states
from nbflow.model import pauses
from nbflow.model.states import keep


def test_a_kept_value_is_given():
    assert keep(states.Completed(), 3).result() == 3
    assert keep(states.Completed(), None).result() is None


def test_a_state_made_by_hand_may_hold_its_value_or_exception():
    assert states.Completed(data=3).result() == 3
    assert states.Completed(data=None).result() is None
    with pytest.raises(ValueError, match="own"):
        states.Failed(message="why", data=ValueError("own")).result()
    with pytest.raises(exceptions.InvalidInput, match="exception"):
        states.Failed(data="why")


def test_a_flow_gives_the_value_of_the_state_it_returns(home):
    @flow
    def by_hand():
        return states.Completed(data={"rows": 3}, message="three rows")

    assert by_hand() == {"rows": 3}
    assert by_hand(return_state=True).message == "three rows"


def test_a_kept_exception_is_raised_or_given():
    error = ValueError("own")
    state = keep(states.Failed(), error=error)
    with pytest.raises(ValueError, match="own"):
        state.result()
    assert state.result(raise_on_failure=False) is error


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (states.Completed(), exceptions.MissingResult),
        (states.Failed(message="why"), exceptions.FailedRun),
        (states.Crashed(message="why"), exceptions.CrashedRun),
        (states.Cancelled(message="why"), exceptions.CancelledRun),
        (states.Paused(message="why"), exceptions.PausedRun),
        (states.Suspended(message="why"), exceptions.PausedRun),
        (states.Cancelling(message="why"), exceptions.UnfinishedRun),
        (states.Resuming(message="why"), exceptions.UnfinishedRun),
        (states.Pending(message="why"), exceptions.UnfinishedRun),
        (states.Running(message="why"), exceptions.UnfinishedRun),
    ],
)
def test_without_a_value_the_state_says_why(state, error):
    with pytest.raises(error) as caught:
        state.result()
    if state.message:
        assert "why" in str(caught.value)
    if state.is_final():
        assert isinstance(state.result(raise_on_failure=False), error)
    else:
        with pytest.raises(error):
            state.result(raise_on_failure=False)


def test_an_exit_is_wrapped_so_that_looking_at_it_ends_nothing():
    state = keep(states.Crashed(message="exit"), error=SystemExit(1))
    with pytest.raises(exceptions.CrashedRun) as caught:
        state.result()
    assert isinstance(caught.value.__cause__, SystemExit)


def test_what_is_kept_is_no_part_of_the_state():
    state = states.Completed()
    same = states.State(state.type, at=state.at, id=state.id)
    assert keep(state, 3) == same


def test_every_name_has_its_type():
    made = {
        "SCHEDULED": [
            states.Scheduled(), states.AwaitingConcurrencySlot(), states.Resuming(),
            states.Late(states.Scheduled().at), states.AwaitingRetry(states.Scheduled().at),
        ],
        "PENDING": [
            states.Pending(), states.NotReady(), states.Submitting(),
            states.InfrastructurePending(),
        ],
        "RUNNING": [states.Running(), states.Retrying(), states.Rerunning()],
        "PAUSED": [states.Paused(), states.Suspended()],
        "COMPLETED": [states.Completed(), states.Cached(), states.RolledBack()],
        "FAILED": [states.Failed(), states.TimedOut()],
        "CRASHED": [states.Crashed()],
    }  # fmt: skip
    for kind, members in made.items():
        assert {state.type.value for state in members} == {kind}
        assert len({state.name for state in members}) == len(members)


def test_what_is_paused_says_until_when_and_whether_a_process_waits():
    paused = states.Paused("k", timeout_seconds=60)
    assert pauses.end_of(paused) > paused.at
    assert (paused.is_paused(), paused.is_suspended()) == (True, False)
    assert states.Suspended().is_suspended()
    asked = states.Suspended(details={"requested": True})
    assert (asked.is_suspended(), asked.leaves()) == (False, True)
    with pytest.raises(exceptions.PausedRun, match="flow-run resume"):
        paused.result()


@pytest.mark.parametrize("seconds", [-1, -5e16, 5e133, float("nan"), float("inf"), "soon"])
@pytest.mark.parametrize("make", [states.Paused, states.Suspended])
def test_a_pause_of_no_length_of_time_is_refused(make, seconds):
    with pytest.raises(exceptions.InvalidInput) as refused:
        make(timeout_seconds=seconds)
    assert refused.value.field == "timeout_seconds"
