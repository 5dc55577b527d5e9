"""What a worker's token and a run's token open, and what neither does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from nbflow.model import clock, ids, states
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.tokens import NewToken
from nbflow.model.wire import jsonable
from nbflow.model.workers import NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners
from nbflow_jupyter.routes import ROUTES
from nbflow_jupyter.running import Running
from nbflow_jupyter.tokens import OPENS


@pytest.fixture
def backend(running: Running) -> Orchestrator:
    return running.orchestrator


@pytest.fixture
def as_holder(ask: Any) -> Any:
    """`await as_holder(secret)("GET", "flow-runs")`."""

    def holder(secret: str, scheme: str = "Bearer") -> Any:
        async def asked(verb: str, route: str, **more: Any) -> Any:
            return await ask(verb, route, headers={"Authorization": f"{scheme} {secret}"}, **more)

        return asked

    return holder


def secret(backend: Orchestrator, **said: Any) -> str:
    return backend.create_token(NewToken(f"token-{ids.uuid7()[-12:]}", **said)).secret


def worker_of(pool: str, **said: Any) -> dict[str, Any]:
    made = ids.uuid7()
    new = NewWorker("elsewhere", pool, owners.current(worker_id=made), 4, made, **said)
    return jsonable(new)


def waiting(backend: Orchestrator, pool: str) -> FlowRun:
    now = clock.now()
    new = NewFlowRun("x", kind="notebook", state=states.Scheduled(now), due_at=now, work_pool=pool,
                     path="/x.ipynb")  # fmt: skip
    return backend.create_flow_run(new)


async def claimed(backend: Orchestrator, asked: Any, pool: str) -> FlowRun:
    """A run of a pool that a worker registered with this token holds."""
    run = waiting(backend, pool)
    me = worker_of(pool)
    assert (await asked("POST", "workers", body=me)).status == 201
    told = await asked("POST", f"workers/{me['id']}/claim", body={"limit": 1})
    assert [claim["run"]["id"] for claim in told.json] == [run.id]
    return backend.read_flow_run(run.id)


def test_what_is_opened_is_a_route() -> None:
    there = {(verb, route.path) for route in ROUTES for verb in route.verbs}
    assert not {*OPENS} - there


@pytest.mark.parametrize("scheme", ["Bearer", "token"])
async def test_a_worker_registers_claims_and_reports_with_its_token(
    backend: Orchestrator, as_holder: Any, scheme: str
) -> None:
    asked = as_holder(secret(backend, work_pool="far"), scheme)
    run = await claimed(backend, asked, "far")
    word = {"state": jsonable(states.Running()), "attempt": run.attempt}
    told = await asked("POST", f"flow-runs/{run.id}/propose", body=word)
    assert (told.status, told.json["verdict"]) == (200, "accept")
    assert (await asked("GET", f"flow-runs/{run.id}")).json["state"]["name"] == "Running"


async def test_every_other_route_is_closed_to_it(backend: Orchestrator, as_holder: Any) -> None:
    asked = as_holder(secret(backend))
    refused = 0
    for route in ROUTES:
        if route.path in ("changes/stream", "events/stream"):
            continue
        for verb in route.verbs:
            if "worker" in OPENS.get((verb, route.path), ()):
                continue
            path = route.path.replace("{", "").replace("}", "")
            told = await asked(verb.upper(), path, raw=b"" if verb in ("post", "put") else None)
            assert told.status == 403, (verb, route.path, told.json)
            refused += 1
    assert refused > 30


async def test_it_does_not_reach_another_workers_run(backend: Orchestrator, as_holder: Any) -> None:
    run = await claimed(backend, as_holder(secret(backend)), "near")
    other = as_holder(secret(backend))
    for verb, path, body in (
        ("GET", f"flow-runs/{run.id}", None),
        ("POST", f"flow-runs/{run.id}/propose", {"state": jsonable(states.Failed())}),
        ("POST", f"flow-runs/{run.id}/token", {"attempt": run.attempt}),
        ("POST", "records", {"logs": [{"flow_run_id": run.id, "at": "2026-01-01T00:00:00Z",
                                       "level": 20, "message": "x"}]}),
    ):  # fmt: skip
        told = await other(verb, path, body=body)
        assert (told.status, told.json["code"]) == (403, "token.beyond"), path
    assert backend.read_flow_run(run.id).state.is_pending()


async def test_it_serves_its_pool_only(backend: Orchestrator, as_holder: Any) -> None:
    asked = as_holder(secret(backend, work_pool="gpu"))
    told = await asked("POST", "workers", body=worker_of("cpu"))
    assert (told.status, told.json["code"], told.json["field"]) == (403, "token.pool", "work_pool")


async def test_revoked_expired_and_made_up_tokens_open_nothing(
    backend: Orchestrator, as_holder: Any, ask: Any
) -> None:
    made = backend.create_token(NewToken("gone"))
    assert (await as_holder(made.secret)("GET", "version")).status == 200
    assert (await ask("DELETE", "tokens/gone")).json["revoked_at"]
    short = backend.create_token(
        NewToken("short", expires_at=clock.now() + timedelta(milliseconds=1))
    )
    for word in (made.secret, short.secret, "nbfw_" + "x" * 43):
        told = await as_holder(word)("GET", "version")
        assert (told.status, told.json["code"]) == (403, "token.invalid")


async def test_a_secret_is_shown_once_and_kept_nowhere(
    backend: Orchestrator, ask: Any, home: Any
) -> None:
    told = await ask("POST", "tokens", body={"name": "lab", "work_pool": "gpu"})
    assert told.status == 201
    word = told.json["secret"]
    assert len(word) > 40
    listed = await ask("GET", "tokens")
    assert word not in str(listed.json)
    assert [t["name"] for t in listed.json["rows"]] == ["lab"]
    backend.database.engine.dispose()
    assert not [p for p in home.rglob("*") if p.is_file() and word.encode() in p.read_bytes()]


async def test_a_runs_token_reaches_its_run_and_children_and_dies_with_it(
    backend: Orchestrator, as_holder: Any
) -> None:
    asked = as_holder(secret(backend))
    run = await claimed(backend, asked, "near")
    backend.propose(run.id, states.Running(), attempt=run.attempt)
    made = await asked("POST", f"flow-runs/{run.id}/token", body={"attempt": run.attempt})
    inside = as_holder(made.json["secret"])
    child = jsonable(NewFlowRun("child", parent_flow_run_id=run.id))
    assert (await inside("POST", "flow-runs", body=child)).status == 201
    assert (await inside("GET", f"flow-runs/{child['id']}")).status == 200
    alone = jsonable(NewFlowRun("alone"))
    assert (await inside("POST", "flow-runs", body=alone)).json["code"] == "token.beyond"
    other = waiting(backend, "near")
    assert (await inside("GET", f"flow-runs/{other.id}")).json["code"] == "token.beyond"
    assert (await inside("POST", "variables", body={"name": "v", "value": 1})).status == 201
    assert (await inside("GET", "flow-runs")).status == 403
    assert (await inside("POST", "tokens", body={"name": "mine"})).status == 403
    backend.propose(run.id, states.Completed(), attempt=run.attempt)
    told = await inside("GET", f"flow-runs/{run.id}")
    assert (told.status, told.json["code"]) == (403, "token.invalid")


async def test_a_worker_of_another_version_is_refused(backend: Orchestrator, ask: Any) -> None:
    told = await ask("POST", "workers", body=worker_of("far", version="9.1.0"))
    assert (told.status, told.json["code"]) == (409, "worker.version")
    assert "9.1.0" in told.json["message"]
    assert "pip install" in told.json["hint"]
