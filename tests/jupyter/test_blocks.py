"""Blocks over REST: secrets leave by one door, and who may open it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbflow.model import states
from nbflow.model.blocks import NewBlock, NewBlockSchema, NewBlockType
from nbflow.model.masking import MASK
from nbflow.model.runs import NewFlowRun
from nbflow.model.tokens import NewToken
from nbflow.model.workers import NewWorker
from nbflow.store import owners
from nbflow_jupyter.running import Running

FIELDS = {"type": "object", "properties": {"value": {}}, "secret_fields": ["value"]}


@pytest.fixture
def kept(running: Running) -> str:
    """A block with a secret."""
    backend = running.orchestrator
    backend.register_block_type(NewBlockType("hidden", "Hidden"))
    backend.register_block_schema(NewBlockSchema("hidden", FIELDS))
    return backend.save_block(NewBlock("hidden", "one", {"value": "opensesame"})).id


def sent(secret: str) -> dict[str, str]:
    return {"Authorization": f"token {secret}"}


async def test_a_secret_is_in_one_answer_only(ask: Any, kept: str) -> None:
    read = await ask("GET", f"blocks/{kept}")
    assert read.json["data"] == {"value": MASK}
    listed = await ask("GET", "blocks", type="hidden")
    changes = await ask("GET", "changes", since=0)
    again = await ask(
        "POST",
        "blocks",
        body={"type_slug": "hidden", "name": "one", "data": {"value": MASK}, "overwrite": True},
    )
    assert again.status == 201
    for reply in (read, listed, changes, again):
        assert "opensesame" not in str(reply.json)
    opened = await ask("POST", f"blocks/{kept}/open", body={})
    assert opened.json["document"]["data"] == {"value": "opensesame"}
    assert opened.json["secrets"] == ["opensesame"]


async def test_an_edit_of_an_older_version_is_refused(ask: Any, kept: str) -> None:
    path = f"blocks/{kept}"
    read = await ask("GET", path)
    tag = {"If-Match": read.headers["Etag"]}
    assert (
        await ask("PATCH", path, body={"data": {"value": "another"}}, headers=tag)
    ).status == 200
    stale = await ask("PATCH", path, body={"data": {"value": "newer"}}, headers=tag)
    assert (stale.status, stale.json["code"]) == (412, "edit.stale")


async def test_a_run_opens_blocks_while_it_is_live(ask: Any, running: Running, kept: str) -> None:
    backend = running.orchestrator
    run = backend.create_flow_run(NewFlowRun("x", state=states.Pending(), owner=owners.current()))
    token = sent(backend.create_run_token(run.id, run.attempt).secret)
    opened = await ask(
        "POST", f"blocks/{kept}/open", body={"flow_run_id": "made-up"}, headers=token
    )
    assert opened.json["secrets"] == ["opensesame"]
    last = backend.changes(0, limit=1000).events[-1]
    assert (last.kind, last.row["flow_run_id"]) == ("block.opened", run.id)
    refused = await ask("DELETE", f"blocks/{kept}", headers=token)
    assert refused.status == 403
    backend.propose(run.id, states.Running(), attempt=1)
    backend.propose(run.id, states.Completed(), attempt=1)
    late = await ask("POST", f"blocks/{kept}/open", body={}, headers=token)
    assert (late.status, late.json["code"]) == (403, "token.invalid")


async def test_a_worker_opens_what_the_jobs_of_its_runs_name(
    ask: Any, running: Running, kept: str
) -> None:
    backend = running.orchestrator
    made = backend.create_token(NewToken("far"))
    token = sent(made.secret)
    path = f"blocks/{kept}/open"
    said = {"X": "{{ nbflow.blocks.hidden.one.value }}"}
    runs = [_held(backend, made, job) for job in ({"env": said}, {})]
    replies = [
        await ask("POST", path, body={"flow_run_id": run}, headers=token) for run in (*runs, None)
    ]
    assert [reply.status for reply in replies] == [200, 403, 403]
    assert replies[0].json["secrets"] == ["opensesame"]


def _held(backend: Any, token: Any, job: dict[str, Any]) -> str:
    """A run that the token's worker has claimed."""
    pool = f"p-{len(job)}"
    worker = backend.register_worker(
        NewWorker("far", pool, owners.current(), 4), token_id=token.token.id
    )
    new = NewFlowRun(
        "x", kind="notebook", state=states.Scheduled(), path="/x.ipynb", work_pool=pool,
        job_variables=job,
    )  # fmt: skip
    run = backend.create_flow_run(new)
    backend.propose(run.id, states.Pending(), owner=owners.current(worker_id=worker.id))
    return run.id


Ask = Callable[..., Any]


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "code"),
    [
        ("POST", "blocks", {"type_slug": "none", "name": "x", "data": {}}, 404,
         "block_type.not_found"),
        ("POST", "blocks", {"type_slug": "hidden", "name": "X", "data": {}}, 422, "block.name"),
        ("POST", "blocks", {"type_slug": "hidden", "name": "x", "data": []}, 422, "field.invalid"),
        ("POST", "blocks", {"type_slug": "hidden", "name": "x", "data": {"a": 1}}, 422,
         "block.unknown"),
        ("GET", "blocks/hidden-none", None, 404, "block.not_found"),
        ("POST", "block-types/hidden/schemas", {"type_slug": "x", "fields": {}}, 422,
         "block_schema.type"),
        ("POST", "block-types", {"slug": "a", "name": "a", "logo_url": "javascript:x"}, 422,
         "block_type.url"),
        ("DELETE", "block-types/hidden", None, 409, "block_type.in_use"),
    ],
)  # fmt: skip
async def test_bad_input_gets_a_clear_answer(
    ask: Any, kept: str, verb: str, path: str, body: Any, status: int, code: str
) -> None:
    reply = await ask(verb, path, body=body)
    assert reply.status == status, reply
    assert (reply.json["code"], bool(reply.json["message"])) == (code, True)


async def test_each_event_of_a_block_says_who_did_it_and_no_secret(
    ask: Any, running: Running
) -> None:
    backend = running.orchestrator
    backend.register_block_type(NewBlockType("hidden", "Hidden"))
    backend.register_block_schema(NewBlockSchema("hidden", FIELDS))
    said = {"type_slug": "hidden", "name": "two", "data": {"value": "opensesame"}}
    made = (await ask("POST", "blocks", body=said)).json["id"]
    await ask("PATCH", f"blocks/{made}", body={"data": {"value": "abracadabra"}})
    await ask("POST", f"blocks/{made}/open", body={})
    await ask("DELETE", f"blocks/{made}")
    told = (await ask("GET", "changes", since=0)).json["events"]
    mine = [event for event in told if event["resource_id"] == made]
    verbs = [event["kind"].removeprefix("block.") for event in mine]
    assert verbs == ["created", "updated", "opened", "deleted"]
    [who] = {event["row"]["by"] for event in mine}
    assert who
    assert not any(secret in str(mine) for secret in ("opensesame", "abracadabra"))
    listed = await ask("GET", "events", resource=f"nbflow.block.{made}")
    assert {view["payload"]["by"] for view in listed.json["rows"]} == {who}
