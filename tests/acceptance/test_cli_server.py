"""`nbflow server start` and `nbflow worker start`, and the commands that ask what they run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

NBFLOW = [sys.executable, "-m", "nbflow"]
TOKEN = "a-token-of-this-test"


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook with a parameter and two cells."""
    cells = [
        {"cell_type": "code", "id": f"cell-{at}", "metadata": {"tags": tags}, "source": source,
         "outputs": [], "execution_count": None}
        for at, (source, tags) in enumerate([("rows = 3", ["parameters"]), ("print(rows)", [])])
    ]  # fmt: skip
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}}
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
    path = tmp_path / "sales.ipynb"
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def nbflow(*words: object, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NBFLOW, *map(str, words)], env={**os.environ, **more}, capture_output=True, text=True,
        timeout=290,
    )  # fmt: skip


@pytest.fixture
def server(home: Path, tmp_path: Path, wait_for: Callable[..., Any]) -> Iterator[str]:
    """The address of a server that `nbflow server start` started."""
    port = _free_port()
    words = ["server", "start", "--port", str(port), "--root-dir", str(tmp_path)]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*NBFLOW, *words, "--", "--allow-root"], stdout=log, stderr=log,
            env={**os.environ, "JUPYTER_TOKEN": TOKEN},
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}/"
    try:
        wait_for(lambda: _worker_is_there(url, process), seconds=60, what="the server's worker")
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _worker_is_there(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the server ended"
    request = urllib.request.Request(
        f"{url}nbflow/api/health", headers={"Authorization": f"token {TOKEN}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bool(json.load(answer)["workers"])
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.mark.parametrize("over_http", [False, True], ids=["store", "http"])
def test_a_server_runs_what_is_deployed(server: str, notebook: Path, over_http: bool) -> None:
    door = {"NBFLOW_API_URL": server, "NBFLOW_API_TOKEN": TOKEN} if over_http else {}
    deployed = nbflow("deploy", notebook, "--cron", "0 7 * * *", **door)
    assert (deployed.returncode, deployed.stderr) == (0, "")

    ran = nbflow("deployment", "run", "sales", "-p", "rows=7", "--watch", **door)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "Completed: " in ran.stdout

    (run,) = json.loads(nbflow("flow-run", "ls", "--output", "json", **door).stdout)
    whole = json.loads(nbflow("flow-run", "inspect", run["id"], "--output", "json", **door).stdout)
    assert [state["type"] for state in whole["states"]][-2:] == ["RUNNING", "COMPLETED"]
    executed = json.loads(Path(whole["executed_notebook"]).read_text(encoding="utf-8"))
    assert executed["cells"][-1]["outputs"][0]["text"] == "7\n"

    doctor = nbflow("doctor", "--output", "json", **door)
    running = [line for line in json.loads(doctor.stdout) if line["check"] == "running"]
    assert [line["level"] for line in running] == ["OK", "OK"]

    refused = nbflow("deployment", "run", "sales", "-p", "rows=many", **door)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def test_a_server_that_is_not_there_is_said_to_be(home: Path) -> None:
    said = nbflow("flow-run", "ls", NBFLOW_API_URL=f"http://127.0.0.1:{_free_port()}/")
    assert (said.returncode, said.stdout, said.stderr.count("\n")) == (1, "", 1)


def test_a_worker_serves_its_pool_until_it_is_told_to_stop(home: Path, notebook: Path) -> None:
    assert "`nbflow worker start --pool big`" in nbflow("deploy", notebook, "--pool", "big").stderr
    words = ["worker", "start", "--pool", "big", "--name", "hercules"]
    worker = subprocess.Popen([*NBFLOW, *words], stderr=subprocess.PIPE, text=True)
    try:
        assert worker.stderr is not None
        assert "worker hercules serves pool big" in worker.stderr.readline()
        ran = nbflow("deployment", "run", "sales", "--watch")
        assert (ran.returncode, ran.stderr) == (0, "")
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)
    assert worker.returncode == 0
    assert "No worker" in nbflow("deployment", "run", "sales").stderr
