"""Tokens: made, listed without their secrets, revoked; the same over both authorities."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from nbflow.exceptions import Conflict, InvalidInput, NotFound
from nbflow.model import clock, ids, states
from nbflow.model.backend import Backend
from nbflow.model.tokens import NewToken, digest, presented


def test_a_token_is_made_listed_and_revoked(backend: Backend) -> None:
    name = f"lab-{ids.uuid7()[-8:]}"
    until = clock.now() + timedelta(days=30)
    made = backend.create_token(NewToken(name, "gpu", until))
    assert len(made.secret) >= 43
    assert (made.token.name, made.token.work_pool, made.token.expires_at) == (name, "gpu", until)
    assert made.secret not in repr(backend.list_tokens().rows)
    with pytest.raises(Conflict, match="already"):
        backend.create_token(NewToken(name))
    assert backend.revoke_token(name).revoked_at is not None
    again = backend.create_token(NewToken(name))  # the name is free
    assert again.secret != made.secret
    assert backend.revoke_token(again.token.id).revoked_at is not None


@pytest.mark.parametrize(
    ("new", "field"),
    [(NewToken(""), "name"), (NewToken("x", ""), "work_pool"),
     (NewToken("x", expires_at=clock.now() - timedelta(days=1)), "expires_at")],
)  # fmt: skip
def test_wrong_tokens_are_refused(backend: Backend, new: NewToken, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.create_token(new)
    assert refused.value.field == field


def test_a_token_that_is_not_there_cannot_be_revoked(backend: Backend) -> None:
    with pytest.raises(NotFound):
        backend.revoke_token("nobody")


def test_a_run_gets_a_token_only_while_its_attempt_lives(backend: Backend, make: Any) -> None:
    run = make.run()
    assert backend.create_run_token(run.id, run.attempt).token.flow_run_id == run.id
    with pytest.raises(Conflict):
        backend.create_run_token(run.id, run.attempt + 1)
    for state in (states.Running(), states.Completed()):
        backend.propose(run.id, state, attempt=run.attempt)
    with pytest.raises(Conflict):
        backend.create_run_token(run.id, run.attempt)


def test_only_nbflows_own_tokens_are_taken_for_such() -> None:
    assert presented("Bearer nbfw_abc") == "nbfw_abc"
    assert presented("token  nbfr_abc ") == "nbfr_abc"
    assert presented("token secret") is None
    assert presented("Basic nbfw_abc") is None
    assert presented("") is None
    assert digest("a") != digest("b")
