"""`State.result`: the value, the run's own exception, or the one that says why there is none."""

from __future__ import annotations

import pytest

from nbflow import exceptions, states
from nbflow.model.states import keep


def test_a_kept_value_is_given():
    assert keep(states.Completed(), 3).result() == 3
    assert keep(states.Completed(), None).result() is None


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
