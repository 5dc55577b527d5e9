"""A run that was given up unheard may have ended well: that is noted, and counts if accepted."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow.exceptions import Conflict, NotFound
from nbflow.model import ids, states
from nbflow.model.backend import Backend
from nbflow.model.runs import FlowRun
from nbflow.model.states import State
from nbflow.model.verdicts import Abort

LOST = {"cause": "owner_lost"}


def given_up(backend: Backend, make: Any, **details: Any) -> FlowRun:
    run = make.run()
    backend.propose(run.id, states.Running(), attempt=1)
    crashed = states.Crashed(message="Nobody was heard.", details={**LOST, **details})
    backend.propose(run.id, crashed, attempt=1)
    return backend.read_flow_run(run.id)


@pytest.mark.parametrize("word", [states.Completed(message="All 3."), states.Failed(message="No")])
def test_an_end_heard_late_is_noted_and_counts_when_it_is_accepted(
    backend: Backend, make: Any, word: State
) -> None:
    run = given_up(backend, make)
    verdict = backend.propose(run.id, word, attempt=1)
    assert isinstance(verdict, Abort)
    noted = backend.read_flow_run(run.id)
    assert noted.state.is_crashed()
    assert noted.state.id == run.state.id
    assert noted.state.message.startswith(f"{run.state.message} It was heard of again: it ended")
    assert noted.state.details["late"]["name"] == word.name
    assert backend.list_states(run.id)[-1].details == noted.state.details
    accepted = backend.accept_flow_run(run.id)
    assert (accepted.state.type, accepted.state.name) == (word.type, word.name)
    assert accepted.state.message.startswith(word.message)
    assert [s.name for s in backend.list_states(run.id)][-2:] == ["Crashed", word.name]
    assert backend.accept_flow_run(run.id).state.id == accepted.state.id  # asked twice, done once
    if word.is_failed():
        assert backend.retry_flow_run(run.id).state.is_scheduled()


def test_only_the_first_word_of_the_attempt_that_was_given_up_is_noted(
    backend: Backend, make: Any
) -> None:
    run = given_up(backend, make)
    for word, attempt in (
        (states.Completed(), None), (states.Completed(), 2), (states.Crashed(), 1),
        (states.Running(), 1),
    ):  # fmt: skip
        backend.propose(run.id, word, attempt=attempt)
        assert "late" not in backend.read_flow_run(run.id).state.details
    backend.propose(run.id, states.Failed(message="first"), attempt=1)
    backend.propose(run.id, states.Completed(message="second"), attempt=1)
    assert backend.read_flow_run(run.id).state.details["late"]["message"] == "first"


def test_without_such_a_word_there_is_nothing_to_accept(backend: Backend, make: Any) -> None:
    run = given_up(backend, make)
    crashed = make.run()
    backend.propose(crashed.id, states.Crashed(message="killed"), attempt=1)
    backend.propose(crashed.id, states.Completed(), attempt=1)
    for flow_run_id in (run.id, crashed.id):
        with pytest.raises(Conflict) as refused:
            backend.accept_flow_run(flow_run_id)
        assert (refused.value.code, refused.value.field) == ("run.not_late", "state")
        assert backend.read_flow_run(flow_run_id).state.is_crashed()
    with pytest.raises(NotFound):
        backend.accept_flow_run(ids.uuid7())


def test_a_run_tried_again_takes_no_late_word(backend: Backend, make: Any) -> None:
    run = given_up(backend, make)
    backend.retry_flow_run(run.id)
    backend.propose(run.id, states.Completed(), attempt=1)
    assert backend.read_flow_run(run.id).state.is_scheduled()
    with pytest.raises(Conflict):
        backend.accept_flow_run(run.id)
