"""A request sent twice is done once: the header Idempotency-Key."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from nbflow.model import clock, ids
from nbflow.orchestration import requests
from nbflow_jupyter import once, routes
from nbflow_jupyter.running import Running

NEW = {"flow_name": "x"}
SCOPE = "POST /user/a%40b/nbflow/api/flow-runs"


def key() -> dict[str, str]:
    return {"Idempotency-Key": ids.uuid7()}


CREATING = [
    ("flow-runs", NEW),
    ("flow-runs/run-notebook", {"path": "a.ipynb"}),
    ("deployments", {"path": "a.ipynb", "replace": True}),
    ("deployments/kept/run", {}),
    ("concurrency-limits", {"name": "once", "limit": 1}),
    ("variables", {"name": "once", "value": 1}),
    ("work-pools", {"name": "once"}),
]


@pytest.mark.parametrize(("route", "body"), CREATING)
async def test_a_second_request_gets_the_first_answer(
    ask: Any, write_notebook: Any, route: str, body: Any
) -> None:
    write_notebook("a.ipynb")
    await ask("POST", "deployments", body={"path": "a.ipynb", "name": "kept"})
    same = key()
    first = await ask("POST", route, body=body, headers=same)
    assert (first.status, first.headers.get("Idempotent-Replay")) == (201, None)
    again = await asyncio.gather(*(ask("POST", route, body=body, headers=same) for _ in range(5)))
    assert {(reply.status, reply.headers["Idempotent-Replay"]) for reply in again} == {
        (200, "true")
    }
    assert all(reply.json == first.json for reply in again)


async def test_of_requests_at_the_same_time_one_is_made(ask: Any, running: Running) -> None:
    same = key()
    replies = await asyncio.gather(
        *(ask("POST", "variables", body={"name": "v", "value": 1}, headers=same) for _ in range(20))
    )
    assert sorted(reply.status for reply in replies) == [200] * 19 + [201]
    assert len({reply.json["id"] for reply in replies}) == 1
    assert running.turns._lines == {}  # nothing is kept in memory


async def test_the_same_key_with_another_body_is_a_conflict(ask: Any) -> None:
    same = key()
    assert (await ask("POST", "flow-runs", body=NEW, headers=same)).status == 201
    reply = await ask("POST", "flow-runs", body={**NEW, "name": "y"}, headers=same)
    assert (reply.status, reply.json["code"]) == (409, "idempotency.mismatch")
    assert reply.json["field"] == "Idempotency-Key"
    spaced = await ask("POST", "flow-runs", raw=b'{ "flow_name":"x" }', headers=same)
    assert spaced.status == 200  # it says the same
    assert len((await ask("GET", "flow-runs")).json["rows"]) == 1


async def test_a_request_that_was_refused_may_be_made_again(ask: Any) -> None:
    same = key()
    said = {"name": "v", "value": 1}
    wrong = await ask("POST", "variables", body={**said, "name": "V"}, headers=same)
    assert wrong.status == 422
    assert (await ask("POST", "variables", body=said, headers=same)).status == 201


async def test_what_was_done_before_the_server_died_is_not_done_again(
    ask: Any, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, same = running.orchestrator, key()
    monkeypatch.setattr(once, "_PATIENCE_SECONDS", 0.2)
    # The server dies after its commit, before it keeps the answer.
    monkeypatch.setattr(backend, "end_request", lambda *said: None)
    said = {"name": "v", "value": 1, "overwrite": True}
    first = await ask("POST", "variables", body=said, headers=same)
    assert first.status == 201
    monkeypatch.undo()
    monkeypatch.setattr(once, "_PATIENCE_SECONDS", 0.2)
    reply = await ask("POST", "variables", body=said, headers=same)
    assert (reply.status, reply.json["code"]) == (409, "idempotency.answer_lost")
    assert (await ask("GET", "variables/v")).json["updated_at"] == first.json["updated_at"]


async def test_a_request_another_server_began_is_waited_for_then_left_to_it(
    ask: Any, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, same = running.orchestrator, key()
    digest = once._digest(b'{"flow_name": "x"}')
    assert backend.begin_request(same["Idempotency-Key"], SCOPE, digest) is None
    monkeypatch.setattr(once, "_PATIENCE_SECONDS", 0.2)
    reply = await ask("POST", "flow-runs", body=NEW, headers=same)
    assert (reply.status, reply.json["code"]) == (409, "idempotency.under_way")
    waiting = asyncio.ensure_future(ask("POST", "flow-runs", body=NEW, headers=same))
    backend.end_request(same["Idempotency-Key"], SCOPE, 201, '{"id":"theirs"}')
    assert (await waiting).json == {"id": "theirs"}


async def test_a_request_of_a_server_that_died_is_taken_over(ask: Any, running: Running) -> None:
    backend, same = running.orchestrator, key()
    digest = once._digest(b'{"flow_name": "x"}')
    long_ago = clock.now() - timedelta(seconds=requests._ABANDONED_SECONDS + 1)
    with clock.frozen(long_ago):
        backend.begin_request(same["Idempotency-Key"], SCOPE, digest)
    assert (await ask("POST", "flow-runs", body=NEW, headers=same)).status == 201


async def test_old_answers_are_pruned(ask: Any, running: Running) -> None:
    same = key()
    await ask("POST", "flow-runs", body=NEW, headers=same)
    backend, later = running.orchestrator, clock.now() + timedelta(days=8)
    assert [one.count for one in backend.prune(["requests"], now=clock.now())] == [0]
    assert [one.count for one in backend.prune(["requests"], now=later)] == [1]


@pytest.mark.parametrize("wrong", ["", " ", "x" * 10_000])
async def test_a_key_that_is_none_is_refused(ask: Any, wrong: str) -> None:
    reply = await ask("POST", "flow-runs", body=NEW, headers={"Idempotency-Key": wrong})
    assert (reply.status, reply.json["code"]) == (422, "idempotency.invalid")


#: these may be sent again as they are, or answer with a secret, which is kept nowhere
REPEATABLE = {
    "flow-runs/{flow_run_id}/kernel", "flow-runs/{flow_run_id}/tokens",
    "flow-runs/{flow_run_id}/token", "tokens",
    "workers", "workers/tokens", "worker-tokens",
    "block-types/{slug}/schemas",  # the checksum of what is sent is its key
}  # fmt: skip


def test_whatever_creates_honours_the_key() -> None:
    for route in routes.ROUTES:
        made = route.verbs.get("post")
        if made is not None and made.status == 201 and route.path not in REPEATABLE:
            assert getattr(route.handler.post, "honours_key", False), route.path  # type: ignore[attr-defined]
