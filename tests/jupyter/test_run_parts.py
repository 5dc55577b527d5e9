"""What REST alone does with many runs: a log as a file, many creates at once, strict queries."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

from nbflow.model import clock
from nbflow.model.runs import Batch, LogEntry
from nbflow_jupyter.running import Running

CREATES = 40


@pytest.fixture
def fetched(app: Any, http_server_client: Any, jp_auth_header: Any, jp_base_url: str) -> Any:
    """`await fetched(path)` gives the text a path answers."""

    async def fetch(path: str) -> str:
        url = f"{jp_base_url}nbflow/api/{path}"
        response = await http_server_client.fetch(url, headers=jp_auth_header, request_timeout=60)
        return response.body.decode()

    return fetch


async def test_a_log_is_downloaded_whole_as_text_and_as_json(
    ask: Any, running: Running, fetched: Any
) -> None:
    run = (await ask("POST", "flow-runs", body={"flow_name": "talks"})).json
    at = clock.now()
    lines = tuple(
        LogEntry(run["id"], at + timedelta(milliseconds=n), 20, f"line {n}\nsecond")
        for n in range(2500)
    )
    running.orchestrator.record(Batch(logs=lines))
    path = f"flow-runs/{run['id']}/logs/download"
    text = (await fetched(path)).splitlines()
    assert len(text) == 2500  # a message is one line, whatever is in it
    assert text[7].endswith("INFO    nbflow line 7\\nsecond")
    told = (await fetched(f"{path}?format=ndjson&search=line%20249")).splitlines()
    assert [json.loads(line)["message"].split("\n")[0] for line in told] == [
        "line 249",
        *(f"line {n}" for n in range(2490, 2500)),
    ]


async def test_creates_at_once_are_each_answered_for_themselves(ask: Any) -> None:
    def body(number: int) -> dict[str, Any]:
        # every fifth cannot begin like that
        state = {"type": "RUNNING"} if number % 5 == 0 else {"type": "PENDING"}
        return {"flow_name": "many", "name": f"run-{number}", "state": state}

    replies = await asyncio.gather(
        *(ask("POST", "flow-runs", body=body(number)) for number in range(CREATES))
    )
    assert [reply.status for reply in replies] == [
        422 if number % 5 == 0 else 201 for number in range(CREATES)
    ]
    made = [reply.json["name"] for reply in replies if reply.status == 201]
    assert made == [f"run-{number}" for number in range(CREATES) if number % 5]
    count = (await ask("GET", "flow-runs/count", flow_name="many")).json
    assert count == {"count": len(made), "complete": True}
