"""Two real Jupyter servers on one store, one killed half-way: every due instant is run once.

`NBFLOW_FAULT_SECONDS` sets for how long the schedule fires (10 s in `make test`, 60 s in
`make faults`). The schedule: every second, catch-up `all`, overlap `enqueue`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbflow import deployments
from nbflow.model.deployments import DeploymentChange
from nbflow.model.runs import FlowRun
from nbflow.orchestration.orchestrator import Orchestrator

SECONDS = int(os.environ.get("NBFLOW_FAULT_SECONDS", "6"))
TOKEN = "two-servers"
Wait = Callable[..., object]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def a_server(home: Path, folder: Path, name: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A headless Jupyter server with nbflow; ended at the end, if it is still there."""
    port = free_port()
    runtime = folder / f"runtime-{name}"
    env = os.environ | {
        "NBFLOW_HOME": str(home),
        "JUPYTER_RUNTIME_DIR": str(runtime),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    command = [
        *(sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}"),
        "--ServerApp.jpserver_extensions={'nbflow': True}",
    ]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield process, f"http://127.0.0.1:{port}/nbflow/api/"
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def healthy(url: str) -> bool:
    try:
        answer = httpx.get(f"{url}health", headers={"Authorization": f"token {TOKEN}"}, timeout=5)
    except httpx.HTTPError:
        return False
    return answer.status_code == 200 and bool(answer.json()["workers"])


def every_run(orchestrator: Orchestrator) -> list[FlowRun]:
    runs: list[FlowRun] = []
    cursor: str | None = None
    while True:
        page = orchestrator.list_flow_runs(limit=200, cursor=cursor)
        runs += page.rows
        cursor = page.cursor
        if cursor is None:
            return sorted(runs, key=lambda run: run.due_at or run.created_at)


def marked_processes(runs: list[FlowRun]) -> list[int]:
    """Processes that still carry the marker of one of these runs' attempts."""
    import psutil

    wanted = {f"{run.id}-{n}" for run in runs for n in range(1, run.attempt + 1)}
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("NBFLOW_ATTEMPT") in wanted:
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


@pytest.mark.timeout(600)
def test_every_due_instant_is_run_once_though_a_server_is_killed(
    tmp_path: Path, orchestrator: Orchestrator, home: Path, wait_for: Wait
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    notebook = new_notebook(cells=[new_code_cell("print('ran')")])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, work / "tick.ipynb")
    with ExitStack() as stack:
        (first, first_url), (_, second_url) = (
            stack.enter_context(a_server(home, tmp_path, name)) for name in ("one", "two")
        )
        for url in (first_url, second_url):
            wait_for(lambda url=url: healthy(url), seconds=90, what=f"{url} up, with a worker")
        began = time.monotonic()
        made = deployments.deploy(work / "tick.ipynb", interval=1, catchup="all", overlap="enqueue")
        wait_for(lambda: len(every_run(orchestrator)) >= SECONDS // 2, seconds=SECONDS + 120)
        first.kill()
        first.wait()
        wait_for(lambda: len(every_run(orchestrator)) >= SECONDS, seconds=SECONDS + 120)
        orchestrator.update_deployment(made.id, DeploymentChange(paused=True))
        wait_for(
            lambda: all(run.state.is_final() for run in every_run(orchestrator)),
            seconds=300,
            what="every run ended",
        )
        took = time.monotonic() - began
    runs = every_run(orchestrator)
    report(runs, took)
    instants = [run.due_at for run in runs]
    assert len(runs) >= SECONDS
    assert instants == consecutive(instants[0], len(runs))
    assert marked_processes(runs) == []


def consecutive(first: datetime | None, count: int) -> list[datetime]:
    """The instants there should be: one a second, none missing, none twice."""
    assert first is not None
    return [first + timedelta(seconds=i) for i in range(count)]


def report(runs: list[FlowRun], took: float) -> None:
    ended: dict[str, int] = {}
    for run in runs:
        ended[run.state.name] = ended.get(run.state.name, 0) + 1
    print(
        f"\ntwo servers, one killed with -9: {len(runs)} due instants, {len(runs)} runs, "
        f"{len({run.due_at for run in runs})} different; ended {ended}; all over {took:.0f} s "
        "after the deployment"
    )
