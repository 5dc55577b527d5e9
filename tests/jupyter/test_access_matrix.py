"""Who may ask what: every verb of every route, asked of a real server by every identity.

`access_matrix.txt` is the committed word; `python scripts/access_matrix.py` writes it anew.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.auth.identity import IdentityProvider, User
from traitlets.config import Config

from nbflow.model import states
from nbflow.model.runs import NewFlowRun
from nbflow.model.tokens import NewToken
from nbflow.store import owners
from nbflow_jupyter import routes
from nbflow_jupyter.authorizers import NbflowReadOnlyAuthorizer, NbflowRolesAuthorizer
from nbflow_jupyter.running import Running

FILE = Path(__file__).with_name("access_matrix.txt")
SCRIPT = Path(__file__).parents[2] / "scripts" / "access_matrix.py"
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

ROLES = {
    "jpserver_extensions": {"nbflow": True},
    "authorizer_class": NbflowRolesAuthorizer,
}


class Named(IdentityProvider):
    """Believes who says a name."""

    def get_user(self, handler: Any) -> User | None:
        """Give who the header names; nobody without it."""
        name = handler.request.headers.get("X-User")
        return User(username=name) if name else None

    def is_token_authenticated(self, handler: Any) -> bool:
        """Say that no browser asks."""
        return True


@pytest.fixture
def jp_server_config() -> Config:
    people = {"authors": ["author"], "operators": ["operator"]}
    server = {**ROLES, "identity_provider_class": Named}
    return Config({"ServerApp": server, "NbflowRolesAuthorizer": people})


def script() -> Any:
    spec = importlib.util.spec_from_file_location("access_matrix", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_matrix_is_what_the_code_says() -> None:
    assert FILE.read_text(encoding="utf-8") == script().matrix(), f"run python {SCRIPT.name}"


def expected() -> dict[tuple[str, str, str], bool]:
    """Read the file: by verb, path and identity, who gets past the door."""
    head, *lines = FILE.read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        verb, path, _resource, _action, *answers = line.split()
        for identity, answer in zip(head.split(), answers, strict=True):
            found[verb, path, identity] = answer == "yes"
    return found


def headers_of(running: Running) -> dict[str, dict[str, str]]:
    """Give what each identity sends."""
    backend = running.orchestrator
    run = backend.create_flow_run(
        NewFlowRun("matrix", state=states.Pending(), owner=owners.current())
    )
    made = {
        "worker": backend.create_token(NewToken("matrix")),
        "run": backend.create_run_token(run.id, run.attempt),
    }
    return {
        "anonymous": {"Authorization": ""},
        **{name: {"X-User": name, "Authorization": ""} for name in script().PEOPLE},
        **{name: {"Authorization": f"token {one.secret}"} for name, one in made.items()},
    }


def past_the_door(reply: Any) -> bool:
    """Say whether the identity may ask this; what a token asks of others is refused behind it."""
    return reply.status != 403 or (reply.json or {}).get("code") == "token.beyond"


async def test_the_server_answers_as_the_matrix_says(ask: Any, running: Running) -> None:
    sent, allowed, asked = headers_of(running), expected(), 0
    for route in routes.ROUTES:
        path = route.path.replace("{", "").replace("}", "")
        for verb in VERBS:
            body = {} if verb in ("POST", "PUT", "PATCH") else None
            for identity, headers in sent.items():
                reply = await ask(verb, path, body=body, headers=headers)
                asked += 1
                assert reply.status < 500, (verb, path, identity, reply)
                if verb.lower() in route.verbs:
                    may = allowed[verb, route.path, identity]
                    assert past_the_door(reply) == may, (verb, path, identity, reply)
                else:  # nobody does; strangers and tokens do not even learn that
                    person = identity in script().PEOPLE
                    assert reply.status == (405 if person else 403), (verb, path, identity)
    print(f"{asked} questions of 6 identities to {len(routes.ROUTES)} routes, 0 answers astray")


async def test_an_operator_runs_what_is_deployed_and_brings_no_code(
    ask: Any, write_notebook: Any
) -> None:
    write_notebook("a.ipynb")
    author = {"X-User": "author", "Authorization": ""}
    operator = {"X-User": "operator", "Authorization": ""}
    made = await ask("POST", "deployments", body={"path": "a.ipynb"}, headers=author)
    assert (made.status, made.json["created_by"]) == (201, "author")
    run = await ask("POST", "deployments/a/run", body={"parameters": {"n": 2}}, headers=operator)
    assert (run.status, run.json["created_by"]) == (201, "operator")
    wrong = await ask("POST", "deployments/a/run", body={"parameters": {"m": 2}}, headers=operator)
    assert wrong.status == 422
    code = [
        ("deployments/a/run", {"job_variables": {"env": {"PYTHONPATH": "/evil"}}}),
        ("flow-runs", {"flow_name": "x", "kind": "notebook", "state": {"type": "SCHEDULED"},
                       "path": "/evil.ipynb", "work_pool": "default"}),
        ("flow-runs/run-notebook", {"path": "a.ipynb"}),
        ("records", {}),
        ("deployments", {"path": "a.ipynb"}),
    ]  # fmt: skip
    for path, body in code:
        reply = await ask("POST", path, body=body, headers=operator)
        assert (reply.status, reply.json["code"]) == (403, "forbidden"), path


async def test_a_replay_needs_the_permission_of_the_request(ask: Any) -> None:
    key = {"Idempotency-Key": "the-same", "Authorization": ""}
    said = {"name": "secret-plan", "value": 1}
    first = await ask("POST", "variables", body=said, headers={**key, "X-User": "author"})
    assert first.status == 201
    for name in ("viewer", "operator"):
        reply = await ask("POST", "variables", body=said, headers={**key, "X-User": name})
        assert (reply.status, reply.json["code"]) == (403, "forbidden")
    again = await ask("POST", "variables", body=said, headers={**key, "X-User": "author"})
    assert again.json == first.json


class TestReadOnly:
    @pytest.fixture
    def jp_server_config(self) -> Config:
        server = {**ROLES, "authorizer_class": NbflowReadOnlyAuthorizer}
        return Config({"ServerApp": server})

    async def test_everybody_looks_and_nobody_changes(self, ask: Any) -> None:
        for route in routes.ROUTES:
            path = route.path.replace("{", "").replace("}", "")
            for verb, operation in route.verbs.items():
                body = {} if verb in ("post", "patch", "put") else None
                reply = await ask(verb.upper(), path, body=body)
                assert (reply.status != 403) == operation.may.endswith(" read"), (verb, path)
