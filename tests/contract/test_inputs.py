"""What `Inputs` promises, asked of both authorities: pause, answer, resume, try again."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow.exceptions import Conflict, InvalidInput, NotFound
from nbflow.model import ids, states
from nbflow.model.backend import Backend
from nbflow.model.inputs import MOST_BYTES, RunInput, answer_key
from nbflow.model.runs import FlowRun
from nbflow.model.verdicts import Abort, Accept
from nbflow.model.workers import Held
from nbflow.store import owners

SCHEMA = {
    "type": "object",
    "properties": {"approve": {"type": "boolean"}, "rows": {"type": "integer", "minimum": 1}},
    "required": ["approve"],
    "additionalProperties": False,
}


def asking(key: str = "1", **kw: Any) -> states.State:
    return states.Paused(key, details={"input": {"schema": SCHEMA}}, **kw)


def running(backend: Backend, make: Any, **said: Any) -> FlowRun:
    run = make.run(owner=owners.current(), **said)
    backend.propose(run.id, states.Running(), attempt=1, owner=owners.current())
    return backend.read_flow_run(run.id)


def test_a_paused_run_keeps_its_process_and_goes_on_in_the_same_attempt(
    backend: Backend, make: Any
) -> None:
    run = running(backend, make)
    backend.propose(run.id, states.Paused("1", timeout_seconds=60), attempt=1)
    paused = backend.read_flow_run(run.id)
    assert (paused.state.name, paused.owner) == ("Paused", run.owner)
    assert backend.heartbeat((Held(run.id, 1),)).paused == (run.id,)
    resumed = backend.resume_flow_run(run.id)
    assert (resumed.state.name, resumed.attempt) == ("Running", 1)
    assert backend.heartbeat((Held(run.id, 1),)).paused == ()


def test_only_a_running_run_can_be_paused(backend: Backend, make: Any) -> None:
    run = make.run()
    verdict = backend.propose(run.id, states.Paused("1"), attempt=1)
    assert isinstance(verdict, Abort)
    assert "Running" in verdict.reason


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        (None, "input.missing", "approve"),
        ({}, "input.missing", "approve"),
        ({"approve": "yes"}, "input.type", "approve"),
        ({"approve": True, "rows": 0}, "input.value", "rows"),
        ({"approve": True, "other": 1}, "input.unknown", "other"),
    ],
)
def test_a_wrong_answer_is_refused_by_field_and_the_run_is_still_paused(
    backend: Backend, make: Any, given: Any, code: str, field: str
) -> None:
    run = running(backend, make)
    backend.propose(run.id, asking(), attempt=1)
    with pytest.raises(InvalidInput) as refused:
        backend.resume_flow_run(run.id, given)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert refused.value.status == 422
    assert backend.read_flow_run(run.id).state.is_paused()
    assert backend.list_inputs(run.id) == ()


def test_the_right_answer_is_kept_under_the_pause_s_key(backend: Backend, make: Any) -> None:
    run = running(backend, make)
    backend.propose(run.id, asking("approval"), attempt=1)
    backend.resume_flow_run(run.id, {"approve": True, "rows": 3.0})
    (answer,) = backend.list_inputs(run.id, prefix=answer_key("approval"))
    assert answer.value == {"approve": True, "rows": 3}
    assert backend.read_flow_run(run.id).state.is_running()


def test_an_answer_nobody_asked_for_is_refused(backend: Backend, make: Any) -> None:
    run = running(backend, make)
    backend.propose(run.id, states.Paused("1"), attempt=1)
    with pytest.raises(InvalidInput) as refused:
        backend.resume_flow_run(run.id, {"approve": True})
    assert refused.value.code == "input.unwanted"
    assert backend.read_flow_run(run.id).state.is_paused()


def test_a_question_is_not_got_round_by_a_plain_proposal(backend: Backend, make: Any) -> None:
    run = running(backend, make)
    backend.propose(run.id, asking(), attempt=1)
    assert isinstance(backend.propose(run.id, states.Running(), attempt=1), Abort)


def test_what_is_not_paused_is_not_resumed(backend: Backend, make: Any) -> None:
    run = running(backend, make)
    with pytest.raises(Conflict) as refused:
        backend.resume_flow_run(run.id)
    assert refused.value.code == "run.not_paused"
    for ask in (backend.resume_flow_run, backend.retry_flow_run, backend.list_inputs):
        with pytest.raises(NotFound):
            ask(ids.uuid7())


def test_too_late_an_answer_fails_the_run(backend: Backend, make: Any) -> None:
    run = running(backend, make)
    backend.propose(run.id, states.Paused("1", timeout_seconds=0), attempt=1)
    with pytest.raises(Conflict, match="nobody resumed it"):
        backend.resume_flow_run(run.id)
    ended = backend.read_flow_run(run.id)
    assert (ended.state.name, ended.state.details["cause"]) == ("Failed", "FlowPauseTimeout")


def test_a_pause_is_asked_once_in_a_run(backend: Backend, make: Any) -> None:
    run = running(backend, make)
    backend.propose(run.id, states.Paused("1"), attempt=1)
    backend.resume_flow_run(run.id)
    again = backend.propose(run.id, states.Paused("1"), attempt=1)
    assert isinstance(again, Accept)
    assert again.state.is_running()
    assert backend.read_flow_run(run.id).state.is_running()
    other = backend.propose(run.id, states.Paused("2"), attempt=1)
    assert isinstance(other, Accept)
    assert other.state.is_paused()


def test_a_suspended_run_has_no_process_and_starts_again_as_a_new_attempt(
    backend: Backend, make: Any
) -> None:
    run = running(backend, make, retries=1)
    backend.propose(run.id, states.Suspended("1"), attempt=1)
    suspended = backend.read_flow_run(run.id)
    assert (suspended.owner, suspended.lease_until) == (None, None)
    assert backend.heartbeat((Held(run.id, 1),)).lost == (run.id,)
    assert backend.resume_flow_run(run.id).state.name == "Resuming"
    me = owners.current()
    assert backend.propose(run.id, states.Running(), attempt=1, owner=me) == Accept(
        backend.read_flow_run(run.id).state, 2
    )
    # and none of its own tries is used up
    backend.propose(run.id, states.Failed(message="boom"), attempt=2)
    assert backend.read_flow_run(run.id).state.name == "AwaitingRetry"


def test_somebody_else_s_suspension_takes_effect_when_the_process_leaves(
    backend: Backend, make: Any
) -> None:
    run = running(backend, make)
    backend.propose(run.id, states.Suspended("k"))
    asked = backend.read_flow_run(run.id)
    assert (asked.state.name, asked.owner) == ("Suspended", run.owner)
    assert backend.heartbeat((Held(run.id, 1),)).paused == (run.id,)
    backend.propose(run.id, states.Suspended("k"), attempt=1)
    assert backend.read_flow_run(run.id).owner is None


def test_a_suspension_resumed_in_time_never_took_place(backend: Backend, make: Any) -> None:
    run = running(backend, make)
    backend.propose(run.id, states.Suspended("k"))
    assert backend.resume_flow_run(run.id).state.name == "Running"
    assert backend.read_flow_run(run.id).attempt == 1


def test_a_called_run_is_not_suspended_by_itself(backend: Backend, make: Any) -> None:
    parent = running(backend, make)
    child = running(backend, make, parent_flow_run_id=parent.id)
    assert isinstance(backend.propose(child.id, states.Suspended("1")), Abort)


def test_cancelling_reaches_the_runs_a_run_called(backend: Backend, make: Any) -> None:
    parent = running(backend, make)
    child = running(backend, make, parent_flow_run_id=parent.id)
    grandchild = running(backend, make, parent_flow_run_id=child.id)
    backend.propose(parent.id, states.Cancelling(message="enough"))
    found = [backend.read_flow_run(run.id).state for run in (child, grandchild)]
    assert [state.name for state in found] == ["Cancelling", "Cancelling"]
    assert parent.name in found[0].message


@pytest.mark.parametrize("end", [states.Failed, states.Crashed, states.Cancelled])
def test_what_did_not_complete_is_tried_again_with_its_parameters(
    backend: Backend, make: Any, end: Any
) -> None:
    run = running(backend, make, parameters={"n": 1})
    backend.propose(run.id, end(message="why"), attempt=1)
    again = backend.retry_flow_run(run.id)
    assert (again.state.name, again.ended_at, again.parameters) == (
        "AwaitingRetry", None, {"n": 1},
    )  # fmt: skip
    assert backend.retry_flow_run(run.id).state.id == again.state.id  # asked twice, asked once
    verdict = backend.propose(run.id, states.Rerunning(), attempt=1, owner=owners.current())
    assert isinstance(verdict, Accept)
    assert verdict.attempt == 2
    failed = backend.propose(run.id, states.Failed(), attempt=2)
    assert isinstance(failed, Accept)
    assert failed.state.is_failed()


def test_a_worker_takes_a_run_of_its_pool_that_is_tried_again(
    backend: Backend, make: Any, pool: str
) -> None:
    waiting, worker = make.waiting(pool), make.worker(pool)
    (claim,) = backend.claim_flow_runs(worker.id, 1)
    backend.propose(waiting.id, states.Crashed(message="gone"), attempt=claim.attempt)
    backend.retry_flow_run(waiting.id)
    (again,) = backend.claim_flow_runs(worker.id, 1)
    assert (again.run.id, again.attempt) == (waiting.id, 2)


def test_a_completed_run_stands_and_a_live_one_goes_on(
    backend: Backend, make: Any, end: Any
) -> None:
    with pytest.raises(Conflict) as refused:
        backend.retry_flow_run(end(make.run()).id)
    assert refused.value.code == "run.completed"
    with pytest.raises(Conflict) as refused:
        backend.retry_flow_run(running(backend, make).id)
    assert refused.value.code == "run.live"


def test_inputs_come_in_the_order_they_were_sent(backend: Backend, make: Any) -> None:
    run = make.run()
    for n in range(5):
        backend.send_input(RunInput(run.id, f"greeting-{n}", {"n": n}, "nbflow.flow-run.x"))
    backend.send_input(RunInput(run.id, "other", None))
    found = backend.list_inputs(run.id, prefix="greeting-")
    assert [item.value for item in found] == [{"n": n} for n in range(5)]
    assert found[0].sender == "nbflow.flow-run.x"
    later = backend.list_inputs(run.id, prefix="greeting-", after=found[2].id)
    assert [item.value for item in later] == [{"n": 3}, {"n": 4}]
    assert len(backend.list_inputs(run.id, limit=2)) == 2


def test_an_input_sent_twice_is_one(backend: Backend, make: Any) -> None:
    given = RunInput(make.run().id, "k", 1)
    backend.send_input(given)
    backend.send_input(given)
    assert len(backend.list_inputs(given.flow_run_id)) == 1


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("", 1, "input.key"),
        ("k" * 256, 1, "input.key"),
        ("a\nb", 1, "input.key"),
        ("k", "x" * MOST_BYTES, "input.too_large"),
    ],
)
def test_an_input_that_cannot_be_kept_is_refused(
    backend: Backend, make: Any, key: str, value: Any, code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.send_input(RunInput(make.run().id, key, value))
    assert refused.value.code == code


def test_what_was_said_to_a_run_goes_with_it(backend: Backend, make: Any, end: Any) -> None:
    run = make.run()
    backend.send_input(RunInput(run.id, "k", 1))
    backend.delete_flow_run(end(run).id)
    with pytest.raises(NotFound):
        backend.list_inputs(run.id)


def ended_notebook(backend: Backend, make: Any, **fields: Any) -> Any:
    run = make.run(kind="notebook", path="/nb.ipynb", owner=owners.current(), **fields)
    backend.propose(run.id, states.Running(), attempt=1)
    backend.propose(run.id, states.Failed(message="why"), attempt=1)
    return run


def test_a_notebook_run_is_told_how_to_begin_again_for_one_attempt(
    backend: Backend, make: Any
) -> None:
    run = ended_notebook(backend, make, options={"checkpoint": "cell"})
    asked = {"resume": True, "resume_from": "clean", "resume_source": "current"}
    again = backend.retry_flow_run(run.id, asked)
    assert again.options == {
        "checkpoint": "cell", "resume_from": "clean", "resume_source": "current",
    }  # fmt: skip
    from_top = backend.retry_flow_run(run.id)  # the last word counts
    assert from_top.options == {"checkpoint": "cell", "resume": False}
    backend.propose(run.id, states.Rerunning(), attempt=1, owner=owners.current())
    backend.propose(run.id, states.Crashed(message="again"), attempt=2)
    resumed = backend.retry_flow_run(run.id, {"resume": True})
    assert resumed.options == {"checkpoint": "cell"}


def test_an_automatic_retry_forgets_where_a_person_let_the_last_attempt_begin(
    backend: Backend, make: Any
) -> None:
    run = ended_notebook(backend, make)
    backend.retry_flow_run(run.id, {"resume_from": "9"})
    backend.propose(run.id, states.Running(), attempt=1, owner=owners.current())
    ended = backend.propose(run.id, states.Failed(message="once more"), attempt=2)
    assert isinstance(ended, Accept)
    assert backend.read_flow_run(run.id).options == {"resume_from": "9"}  # what this attempt did
    again = backend.retry_flow_run(run.id, {"resume": True})
    assert again.options == {}


def test_a_notebook_run_without_a_pool_is_given_to_one(
    backend: Backend, make: Any, pool: str
) -> None:
    run = ended_notebook(backend, make)
    backend.retry_flow_run(run.id, {"resume": True}, work_pool=pool)
    (claim,) = backend.claim_flow_runs(make.worker(pool).id, 1)
    assert (claim.run.id, claim.attempt) == (run.id, 2)


@pytest.mark.parametrize(
    ("options", "field"),
    [({"resume_source": "tomorrow"}, "resume_source"), ({"cells": ["a"]}, "cells")],
)
def test_what_cannot_be_asked_of_another_attempt_is_refused(
    backend: Backend, make: Any, options: dict[str, Any], field: str
) -> None:
    run = ended_notebook(backend, make)
    with pytest.raises(InvalidInput) as refused:
        backend.retry_flow_run(run.id, options)
    assert str(refused.value.field).removeprefix("options.") == field
    assert backend.read_flow_run(run.id).state.is_failed()


def test_the_run_of_a_function_has_no_cells_to_begin_with(backend: Backend, make: Any) -> None:
    run = running(backend, make)
    backend.propose(run.id, states.Failed(message="why"), attempt=1)
    with pytest.raises(InvalidInput) as refused:
        backend.retry_flow_run(run.id, {"resume_from": "clean"})
    assert refused.value.code == "run.no_notebook"
