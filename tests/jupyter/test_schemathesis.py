"""The API asked at random what its own description says may be asked, on a real server.

Schemathesis makes the requests, right ones and wrong ones: no answer is a server's error, every
status and body is as described, what breaks the schema is refused, other verbs are not taken, no
request is answered without its token, what was deleted is gone and what was made is there.

`make test` asks a few of each operation, `make faults` (`NBFLOW_FAULTS_FULL=1`) 150, and every
edge of every schema. That a request fits its schema does not make it right (a path that is no
notebook): `positive_data_acceptance` is not asked for.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from nbflow_jupyter import openapi, routes

FULL = "NBFLOW_FAULTS_FULL" in os.environ
EXAMPLES = 150 if FULL else 3
SEED = "5"
#: these wait on purpose: for news of a run, for its end, for changes
WAITS = ("/changes", "/workers/{worker_id}/news", "/flow-runs/{flow_run_id}/logs/download")
VERBS = sum(len(path) for path in openapi.document(routes.ROUTES)["paths"].values())


@pytest.fixture(scope="module")
def server(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real server whose services are off."""
    folder = tmp_path_factory.mktemp("schemathesis")
    with serving(folder, NBFLOW_SCHEDULER="0", NBFLOW_WORKER="0") as served:
        yield served


def ask(server: Any, verb: str, route: str, **said: Any) -> Any:
    headers = {"Authorization": f"token {server.token}"}
    reply = httpx.request(
        verb, f"{server.url}nbflow/api/{route}", headers=headers, timeout=60, **said
    )
    reply.raise_for_status()
    return reply.json() if reply.content else None


def explored(server: Any, folder: Path, *options: str) -> str:
    """Let schemathesis explore the server; give what it told, when it found nothing."""
    described = folder / "openapi.json"
    described.write_text(json.dumps(ask(server, "GET", "openapi.json")))
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", str(described)),
        *("--url", f"{server.url}nbflow/api", "-H", f"Authorization: token {server.token}"),
        *("--max-examples", str(EXAMPLES), "--seed", SEED, "--continue-on-failure", "--no-color"),
        *("--exclude-checks", "positive_data_acceptance"),
        *(word for path in WAITS for word in ("--exclude-path", path)),
        *("--warnings", "off", "--request-timeout", "30", "--generation-database", "none"),
        *options,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    print(told := done.stdout[-3000:])
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-3000:]
    log = server.log.read_text(errors="replace")
    assert "Traceback" not in log
    assert not re.search(r"\] 500 ", log)
    return told


def count_of(told: str) -> int:
    found = re.search(r"Tested: (\d+)", told)
    assert found is not None, told
    return int(found.group(1))


@pytest.mark.timeout(1500)
def test_every_operation_is_as_described(server: Any, tmp_path: Path) -> None:
    phases = "coverage,fuzzing" if FULL else "fuzzing"
    told = explored(server, tmp_path, "--phases", phases)
    assert count_of(told) == VERBS - len(WAITS)


@pytest.mark.timeout(1500)
def test_what_is_there_is_answered_as_described(server: Any, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(_config(furnished(server)))
    phases = "coverage,fuzzing" if FULL else "fuzzing"
    told = explored(server, tmp_path, "--phases", phases, "--exclude-method", "DELETE")
    assert count_of(told) > VERBS / 2


@pytest.mark.timeout(1500)
def test_one_request_after_the_other(server: Any, tmp_path: Path) -> None:
    some = [] if FULL else ["--include-path-regex", "^/(variables|concurrency-limits|work-pools)"]
    told = explored(server, tmp_path, "--phases", "stateful", *some)
    assert "No issues found" in told


def _config(known: dict[str, str]) -> str:
    lines = (f'"path.{name}" = {json.dumps(value)}' for name, value in known.items())
    return "[parameters]\n" + "\n".join(lines) + "\n"


def furnished(server: Any) -> dict[str, str]:
    """Make one of each noun, all of one name; give the parts of addresses that lead to them."""
    cell = {"cell_type": "code", "id": "p", "source": "n = 1", "metadata": {}, "outputs": []}
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}}
    cells = [{**cell, "execution_count": None}]
    (server.root / "kept.ipynb").write_text(json.dumps({**notebook, "cells": cells}))
    said = {"path": "kept.ipynb", "schedules": [{"timing": {"interval": 3600}}]}
    deployed = ask(server, "POST", "deployments", json=said)
    for noun, body in [
        ("variables", {"name": "kept", "value": 1}),
        ("concurrency-limits", {"name": "kept", "limit": 1}),
        ("work-pools", {"name": "kept"}),
        ("tokens", {"name": "kept"}),
    ]:
        ask(server, "POST", noun, json=body)
    run = ask(server, "POST", "flow-runs", json={"flow_name": "kept"})
    artifact = {"kind": "markdown", "data": "x", "key": "kept", "flow_run_id": run["id"]}
    ask(server, "POST", "records", json={"artifacts": [artifact]})
    return {
        "flow_run_id": run["id"],
        "name_or_id": "kept",
        "name": "kept",
        "queue": "default",
        "schedule_id": deployed["schedules"][0]["id"],
        "digest": deployed["snapshot"],
        "key_or_id": "kept",
        "version": "1",
        "attempt": "1",
    }


def test_every_route_is_described_and_the_reverse(server: Any) -> None:
    served = ask(server, "GET", "openapi.json")["paths"]
    registered = {(f"/{route.path}", verb) for route in routes.ROUTES for verb in route.verbs}
    assert registered == {(path, verb) for path, verbs in served.items() for verb in verbs}
