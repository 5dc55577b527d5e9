"""The whole path through a server of its own process: deployed, scheduled, run, seen, stopped."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import httpx

from nbflow.client.http import HttpBackend
from nbflow.model.backend import RunFilter


def write(file: Path, *sources: str) -> str:
    """Write a notebook of some code cells; give its contents path."""
    cells = [
        {"cell_type": "code", "id": f"c{n}", "source": source, "metadata": {}, "outputs": [],
         "execution_count": None}
        for n, source in enumerate(sources)
    ]  # fmt: skip
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}}
    file.write_text(json.dumps({**notebook, "cells": cells}))
    return file.name


def ask(server: Any, verb: str, route: str, **said: Any) -> Any:
    headers = {"Authorization": f"token {server.token}"}
    reply = httpx.request(
        verb, f"{server.url}nbflow/api/{route}", headers=headers, timeout=60, **said
    )
    reply.raise_for_status()
    return reply.json()


def test_a_scheduled_notebook_runs_with_nothing_else_started(
    serving: Any, tmp_path: Path, wait_for: Any
) -> None:
    with serving(tmp_path) as server:
        path = write(server.root / "a.ipynb", "print('hello')", "6 * 7")
        timing = {"interval": 1}
        said = {"path": path, "schedules": [{"timing": timing, "overlap": "cancel_new"}]}
        made = ask(server, "POST", "deployments", json=said)
        backend = HttpBackend(server.url, server.token)
        where = RunFilter(deployment_id=made["id"], state=("COMPLETED",))
        done = wait_for(lambda: backend.list_flow_runs(where).rows, seconds=60)[-1]
        assert done.schedule_id == made["schedules"][0]["id"]
        assert done.created_by == "schedule"
        cells = [t for t in backend.list_task_runs(done.id) if t.kind == "cell"]
        assert [t.state.name for t in cells] == ["Completed", "Completed"]
        shown = ask(server, "GET", f"flow-runs/{done.id}/notebook")["cells"]
        assert shown[0]["outputs"][0]["text"] == "hello\n"
        assert shown[1]["outputs"][0]["data"]["text/plain"] == "42"
        assert ask(server, "GET", "health")["scheduler"]["pid"] == server.process.pid


def test_a_server_that_is_stopped_lets_its_runs_finish(
    serving: Any, tmp_path: Path, wait_for: Any
) -> None:
    with serving(tmp_path) as server:
        go = tmp_path / "go"
        waits = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)"
        path = write(server.root / "a.ipynb", waits)
        run = ask(server, "POST", "flow-runs/run-notebook", json={"path": path})
        backend = HttpBackend(server.url, server.token)
        wait_for(lambda: backend.read_flow_run(run["id"]).state.is_running(), seconds=60)
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "stopping" in server.log.read_text())
        assert server.process.poll() is None
        go.touch()
        server.process.wait(60)
        assert not list((server.home / "servers").iterdir())
    with serving(tmp_path, NBFLOW_WORKER="0") as again:
        backend = HttpBackend(again.url, again.token)
        assert backend.read_flow_run(run["id"]).state.is_completed()
        assert backend.list_workers().rows == ()
