"""The API's description: every route is in it and nothing else, and answers are as it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from jsonschema import Draft202012Validator

from nbflow_jupyter import openapi, routes
from nbflow_jupyter.handlers import system

DOCUMENT = openapi.document(routes.ROUTES)
API_MD = Path(__file__).parents[2] / "docs" / "api.md"


def test_every_route_that_is_registered_is_described_and_the_reverse() -> None:
    registered = {handler for _, handler in routes.handlers()} - {system.Nothing}
    assert registered == {route.handler for route in routes.ROUTES}
    described = {(path, verb) for path, verbs in DOCUMENT["paths"].items() for verb in verbs}
    assert described == {(f"/{r.path}", verb) for r in routes.ROUTES for verb in r.verbs}


def test_every_verb_a_handler_has_is_in_the_table() -> None:
    for route in routes.ROUTES:
        has = {verb.lower() for verb in route.handler.verbs()} - {"options"}  # type: ignore[attr-defined]
        assert has == set(route.verbs), route.path


def test_the_documentation_lists_the_same_routes_and_rights() -> None:
    documented: dict[tuple[str, str], str] = {}
    for line in API_MD.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if len(cells) != 4 or not cells[0].startswith("`"):
            continue
        path = re.sub(r"/(ID|X|Y|SHA256)\b", "/{}", cells[0].strip("`"))
        verbs = re.findall(r"GET|POST|PUT|PATCH|DELETE|websocket", cells[1])
        resource, _, actions = cells[3].strip("| ").partition(" ")
        for verb, action in zip(verbs, actions.split(" · "), strict=True):
            word = "get" if verb == "websocket" else verb.lower()
            documented[path, word] = f"{resource} {action}"
    assert documented == {
        (re.sub(r"\{\w+\}", "{}", route.path), verb): operation.may
        for route in routes.ROUTES
        for verb, operation in route.verbs.items()
    }


def test_every_schema_is_a_schema_and_every_reference_leads_somewhere() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    names = set(re.findall(r"#/components/schemas/([\w-]+)", str(DOCUMENT)))
    assert names <= set(DOCUMENT["components"]["schemas"])
    operations = [verb for verbs in DOCUMENT["paths"].values() for verb in verbs.values()]
    ids = [operation["operationId"] for operation in operations]
    assert len(set(ids)) == len(ids)
    assert all(operation["summary"].endswith(".") for operation in operations)
    for path, verbs in DOCUMENT["paths"].items():
        for operation in verbs.values():
            said = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert said == set(re.findall(r"\{(\w+)\}", path))


@pytest.fixture
def conforms() -> Any:
    """Check an answer against what is said of it."""

    def check(path: str, verb: str, reply: Any) -> None:
        said = DOCUMENT["paths"][path][verb]["responses"]
        content = (said.get(str(reply.status)) or said["default"])["content"]
        schema = {**content["application/json"]["schema"], "components": DOCUMENT["components"]}
        jsonschema.validate(reply.json, schema, cls=Draft202012Validator)

    return check


async def test_answers_are_as_described(ask: Any, conforms: Any, write_notebook: Any) -> None:
    write_notebook("a.ipynb")
    served = (await ask("GET", "openapi.json")).json
    assert served == DOCUMENT
    timings = [{"cron": "@daily"}, {"interval": 90}, {"rrule": "FREQ=DAILY"}]
    said = {"path": "a.ipynb", "schedules": [{"timing": timing} for timing in timings]}
    conforms("/deployments", "post", await ask("POST", "deployments", body=said))
    run = await ask("POST", "deployments/a/run", body={})
    conforms("/deployments/{name_or_id}/run", "post", run)
    there = f"flow-runs/{run.json['id']}"
    conforms("/flow-runs/{flow_run_id}/cancel", "post", await ask("POST", f"{there}/cancel"))
    state = {"type": "RUNNING", "name": "Running"}
    refused = await ask("POST", f"{there}/propose", body={"state": state})
    conforms("/flow-runs/{flow_run_id}/propose", "post", refused)
    await ask("POST", "flow-runs", body={"flow_name": "x"})
    for path in (
        *("health", "version", "flow-runs", "deployments", "work-pools", "workers", "changes"),
        "artifacts",
    ):
        conforms(f"/{path}", "get", await ask("GET", path))
    for part in ("states", "task-runs", "logs", "artifacts", "notebook"):
        path = f"/flow-runs/{{flow_run_id}}/{part}"
        conforms(path, "get", await ask("GET", f"{there}/{part}"))
    inspected = await ask("GET", "notebooks/inspect", path="a.ipynb")
    conforms("/notebooks/inspect", "get", inspected)
    graph = await ask("GET", "notebooks/graph", path="a.ipynb")
    conforms("/notebooks/graph", "get", graph)
