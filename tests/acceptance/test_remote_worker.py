"""A worker on another machine: another home, another host name, and nothing of the server's disk.

The worker lives in namespaces of its own: its host is called otherwise, and where the server's
folders are it finds empty ones. So whatever it knows of them came over HTTP.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from nbflow.client.http import HttpBackend
from nbflow.exceptions import Forbidden
from nbflow.model.runs import FlowRun
from nbflow.store.result_files import checked
from tests.faults.proxy import Proxy

Wait = Callable[..., Any]
NBFLOW = [sys.executable, "-m", "nbflow"]
QUICK = {
    "NBFLOW_HEARTBEAT_SECONDS": "1",
    "NBFLOW_LEASE_SECONDS": "6",
    "NBFLOW_INTERRUPT_SECONDS": "2",
    "NBFLOW_TERMINATE_SECONDS": "1",
    "NBFLOW_DRAIN_SECONDS": "2",
}
CELLS = (
    "n = 3",
    "import threading\nfor i in range(n):\n    print('tick', i, flush=True)\n"
    "    threading.Event().wait(0.4)",
    "# nbflow: task table --returns rows\nrows = [f'{i:0>600}' for i in range(2000 * n)]",
    "from nbflow.artifacts import create_markdown_artifact\n"
    "_ = create_markdown_artifact(f'# {len(rows)} rows', key='far-report')",
    "from nbflow.variables import Variable\n"
    "assert Variable.get('ready', default=False), 'nobody is ready'\nprint(len(rows), 'rows')",
)


@contextmanager
def elsewhere(
    home: Path, server: Any, secret: str, *words: str, **env: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker on a machine that has nothing of the server's."""
    home.mkdir(parents=True, exist_ok=True)
    hide = " && ".join(
        f"mount -t tmpfs none {shlex.quote(str(path))}" for path in (server.home, server.root)
    )
    start = shlex.join([*NBFLOW, "worker", "start", "--pool", "far", *words])
    script = f"hostname far-away && {hide} && exec {start}"
    kept = {k: v for k, v in os.environ.items() if not k.startswith("NBFLOW_")}
    log = home.parent / f"{home.name}.log"
    with log.open("ab") as said:
        process = subprocess.Popen(
            ["unshare", "--uts", "--mount", "sh", "-c", script],
            env={**kept, **QUICK, "NBFLOW_HOME": str(home / "nbflow"), "NBFLOW_API_URL": server.url,
                 "NBFLOW_API_TOKEN": secret, "JUPYTER_TOKEN": "not-for-kernels",
                 "PGPASSWORD": "not-for-kernels", **env},
            cwd=home, stdout=said, stderr=said,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def _apart() -> None:
    tried = subprocess.run(
        ["unshare", "--uts", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True
    )
    if tried.returncode:
        pytest.skip("namespaces need rights that this user has not")


@pytest.fixture(scope="module")
def server(serving: Any, tmp_path_factory: pytest.TempPathFactory, _apart: None) -> Iterator[Any]:
    with serving(tmp_path_factory.mktemp("server"), NBFLOW_WORKER="0", **QUICK) as found:
        yield found


@pytest.fixture(scope="module")
def backend(server: Any) -> Iterator[HttpBackend]:
    client = HttpBackend(server.url, server.token)
    yield client
    client.close()


@pytest.fixture(scope="module")
def secret(server: Any) -> str:
    """A worker's token, made by command."""
    made = subprocess.run(
        [*NBFLOW, "token", "create", "far-away", "--pool", "far", "--expires", "30d",
         "--output", "json"],
        env={**os.environ, "NBFLOW_API_URL": server.url, "NBFLOW_API_TOKEN": server.token},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(made.stdout)["secret"]


def deploy(server: Any, name: str, *cells: str, **said: Any) -> None:
    """Deploy a notebook of some cells to the pool "far"; the first holds parameters."""
    made = [
        {"cell_type": "code", "id": f"c{at}", "source": source, "outputs": [],
         "metadata": {} if at else {"tags": ["parameters"]}, "execution_count": None}
        for at, source in enumerate(cells)
    ]  # fmt: skip
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": made}
    (server.root / f"{name}.ipynb").write_text(json.dumps(notebook))
    body = {"path": f"{name}.ipynb", "name": name, "work_pool": "far", **said}
    _ask(server, "POST", "deployments", json=body).raise_for_status()


def run_of(server: Any, name: str) -> str:
    return _ask(server, "POST", f"deployments/{name}/run", json={}).raise_for_status().json()["id"]


def _ask(server: Any, verb: str, path: str, **more: Any) -> httpx.Response:
    headers = {"Authorization": f"token {server.token}"}
    url = f"{server.url.rstrip('/')}/nbflow/api/{path}"
    return httpx.request(verb, url, headers=headers, timeout=30, **more)


def outputs(server: Any, run_id: str) -> str:
    """What a run's executed notebook shows now."""
    told = _ask(server, "GET", f"flow-runs/{run_id}/notebook")
    return json.dumps([c.get("outputs") for c in told.json()["cells"]]) if told.is_success else ""


def ended(backend: HttpBackend, run_id: str) -> Callable[[], FlowRun | None]:
    def look() -> FlowRun | None:
        found = backend.read_flow_run(run_id)
        return found if found.state.is_final() else None

    return look


def test_a_run_elsewhere_is_seen_live_fails_and_is_resumed_by_another_worker(
    server: Any, backend: HttpBackend, secret: str, tmp_path: Path, wait_for: Wait
) -> None:
    deploy(server, "report", *CELLS)
    with elsewhere(tmp_path / "b", server, secret):
        run_id = run_of(server, "report")
        wait_for(
            lambda: (
                "tick 0" in outputs(server, run_id)
                and backend.read_flow_run(run_id).state.is_running()
            ),
            seconds=60,
            what="live output",
        )
        failed = wait_for(ended(backend, run_id), seconds=60)
        assert failed.state.is_failed(), failed.state.message
        assert failed.owner.host == "far-away"
    _ask(server, "POST", "variables", json={"name": "ready", "value": True}).raise_for_status()
    with elsewhere(tmp_path / "c", server, secret):
        _ask(server, "POST", f"flow-runs/{run_id}/retry", json={"resume": True}).raise_for_status()
        done = wait_for(
            lambda: (r := ended(backend, run_id)()) and r.attempt == 2 and r, seconds=60
        )
        assert done.state.is_completed(), done.state.message
    cells = {task.name: task.state.name for task in backend.list_task_runs(run_id)}
    assert [*cells.values()].count("Cached") == 4, cells
    assert "6000 rows" in outputs(server, run_id)
    _result_is_with_the_server(server, backend, run_id)
    shown = _ask(server, "GET", "artifacts/far-report").json()
    assert shown["data"] == "# 6000 rows"
    lines = [line.message for line in backend.list_logs(run_id).rows]
    assert any("The run goes on at" in line for line in lines), lines
    assert not list((tmp_path / "c/nbflow/runs").glob("*")), "a completed run leaves no files there"


def _result_is_with_the_server(server: Any, backend: HttpBackend, run_id: str) -> None:
    big = [record for record in backend.list_results(run_id).rows if record.location]
    assert len(big) == 1
    data = (server.home / str(big[0].location)).read_bytes()
    assert len(checked(data, big[0])) > 3_000_000
    got = _ask(server, "GET", f"results/{big[0].key}/content")
    assert got.content == data


def test_a_kernel_elsewhere_is_given_no_token_but_its_runs(
    server: Any, backend: HttpBackend, secret: str, tmp_path: Path, wait_for: Wait
) -> None:
    # Backwards: a token as it is would be masked in the output.
    look = "import os\nprint(sorted((k, v[::-1]) for k, v in os.environ.items() "
    deploy(server, "env", "n = 1", look + "if 'TOKEN' in k or 'PASSWORD' in k))")
    with elsewhere(tmp_path / "b", server, secret):
        run_id = run_of(server, "env")
        assert wait_for(ended(backend, run_id), seconds=60).state.is_completed()
    shown = outputs(server, run_id)[::-1]
    assert "not-for-kernels" not in shown
    assert secret not in shown
    found = re.search(r"nbfr_[\w-]{43}", shown)
    assert found, shown
    with pytest.raises(Forbidden, match="has ended"):  # so whoever reads it there opens nothing
        HttpBackend(server.url, found[0]).read_flow_run(run_id)


def test_a_cancel_is_heard_within_a_second(
    server: Any, backend: HttpBackend, secret: str, tmp_path: Path, wait_for: Wait
) -> None:
    deploy(server, "long", "n = 1", "import threading\nprint('on')\nthreading.Event().wait(60)")
    with elsewhere(tmp_path / "b", server, secret, NBFLOW_HEARTBEAT_SECONDS="5",
                   NBFLOW_LEASE_SECONDS="30"):  # fmt: skip
        run_id = run_of(server, "long")
        wait_for(lambda: "on" in outputs(server, run_id), seconds=60)
        _ask(server, "POST", f"flow-runs/{run_id}/cancel").raise_for_status()
        done = wait_for(ended(backend, run_id), seconds=60)
    states = backend.list_states(run_id)
    asked = next(state.at for state in states if state.is_cancelling())
    heard = (done.state.at - asked).total_seconds()
    print(f"cancel heard and done in {heard:.2f} s")
    assert done.state.is_cancelled()
    assert heard < 4.5, "less than a heartbeat: it was news"


def test_a_run_goes_on_while_the_server_cannot_be_reached_and_catches_up(
    server: Any, backend: HttpBackend, secret: str, tmp_path: Path, wait_for: Wait
) -> None:
    ticks = "import threading\nfor i in range(8):\n    print('tick', i, flush=True)\n"
    deploy(server, "cut", "n = 1", ticks + "    threading.Event().wait(0.5)", "print('last')")
    line = Proxy(urlsplit(server.url).port or 80)
    through = replace(
        server, url=server.url.replace(str(urlsplit(server.url).port), str(line.port))
    )
    with elsewhere(tmp_path / "b", through, secret, NBFLOW_LEASE_SECONDS="30"):
        run_id = run_of(server, "cut")
        wait_for(lambda: "tick 1" in outputs(server, run_id), seconds=60)
        line.cut("drop")
        journal = next((tmp_path / "b").glob(f"nbflow/runs/{run_id}/1/journal.jsonl"))
        wait_for(lambda: "last" in journal.read_text(), seconds=60, what="the run's end there")
        assert "tick 7" not in outputs(server, run_id)
        assert backend.read_flow_run(run_id).state.is_running()
        line.cut("pass")
        done = wait_for(ended(backend, run_id), seconds=60)
        assert done.state.is_completed(), done.state.message
    line.close()
    shown = outputs(server, run_id)
    assert all(f"tick {i}" in shown for i in range(8))
    assert "last" in shown


def test_what_ends_beyond_a_cut_line_is_kept_and_counts_when_it_is_accepted(
    server: Any, backend: HttpBackend, secret: str, tmp_path: Path, wait_for: Wait
) -> None:
    go = tmp_path / "go"
    waits = "import os, threading\nwhile not os.path.exists(go):\n    threading.Event().wait(0.1)"
    deploy(server, "late", f"go = {str(go)!r}", "print('on', flush=True)", waits,
           "# nbflow: task table --returns rows\nrows = [f'{i:0>600}' for i in range(2000)]",
           "print('over', len(rows))")  # fmt: skip
    line = Proxy(urlsplit(server.url).port or 80)
    through = replace(
        server, url=server.url.replace(str(urlsplit(server.url).port), str(line.port))
    )
    with elsewhere(tmp_path / "b", through, secret):
        run_id = run_of(server, "late")
        wait_for(lambda: "on" in outputs(server, run_id), seconds=60)
        line.cut("drop")
        given_up = wait_for(ended(backend, run_id), seconds=60)
        assert given_up.state.details["cause"] == "owner_lost"
        go.touch()
        journal = next((tmp_path / "b").glob(f"nbflow/runs/{run_id}/1/journal.jsonl"))
        wait_for(lambda: '"finish"' in journal.read_text(), seconds=60, what="the end there")
        line.cut("pass")
        noted = lambda: "late" in backend.read_flow_run(run_id).state.details  # noqa: E731
        wait_for(noted, seconds=60, what="the word of its end")
    assert backend.read_flow_run(run_id).state.is_crashed()  # nobody has accepted it
    command = [*NBFLOW, "flow-run", "accept", run_id, "--output", "json"]
    env = {**os.environ, "NBFLOW_API_URL": server.url, "NBFLOW_API_TOKEN": server.token}
    said = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout)["state"]["type"] == "COMPLETED"
    assert "over 2000" in outputs(server, run_id)
    tasks = {task.name: task.state.name for task in backend.list_task_runs(run_id)}
    assert tasks["table"] == "Completed"
    assert set(tasks.values()) == {"Completed"}
    line.close()


def test_a_machine_that_stood_still_too_long_ends_its_attempt_before_that_goes_on(
    server: Any, backend: HttpBackend, secret: str, tmp_path: Path, wait_for: Wait
) -> None:
    go, told = tmp_path / "go", tmp_path / "told"
    cell = (
        "import os, threading\n"
        "def tell(what):\n"
        "    with open(told, 'a') as file:\n"
        "        print(os.environ['NBFLOW_ATTEMPT'][37:], what, file=file)\n"
        "tell('began')\n"
        "while not os.path.exists(go):\n    threading.Event().wait(0.1)\n"
        "tell('went on')"
    )
    deploy(server, "still", f"go, told = {str(go)!r}, {str(told)!r}", cell, crash_retries=1)
    with elsewhere(tmp_path / "b", server, secret) as first:
        run_id = run_of(server, "still")
        wait_for(lambda: told.exists() and told.read_text(), seconds=60)
        tree = [first.pid, *(p.pid for p in psutil.Process(first.pid).children(recursive=True))]
        for pid in tree:
            os.kill(pid, signal.SIGSTOP)
        with elsewhere(tmp_path / "c", server, secret):
            wait_for(lambda: "2 began" in told.read_text(), seconds=60)
            for pid in tree:
                os.kill(pid, signal.SIGCONT)
            wait_for(lambda: not marked(f"{run_id}-1"), seconds=60, what="the first one's end")
            assert marked(f"{run_id}-2")
            go.touch()
            done = wait_for(ended(backend, run_id), seconds=60)
    assert (done.state.name, done.attempt) == ("Completed", 2)
    assert told.read_text().splitlines() == ["1 began", "2 began", "2 went on"]


def marked(attempt: str) -> list[int]:
    """The processes of an attempt."""
    found: list[int] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("NBFLOW_ATTEMPT") == attempt:
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


def test_a_worker_killed_there_is_noticed_and_its_successor_goes_on(
    server: Any, backend: HttpBackend, secret: str, tmp_path: Path, wait_for: Wait
) -> None:
    deploy(server, "lasting", "n = 1", "import threading\nprint('on')\nthreading.Event().wait(60)")
    deploy(server, "short", "n = 1", "print(n)")
    with elsewhere(tmp_path / "b", server, secret) as process:
        run_id = run_of(server, "lasting")
        wait_for(lambda: "on" in outputs(server, run_id), seconds=60)
        tree = [process.pid, *(p.pid for p in psutil.Process(process.pid).children(recursive=True))]
        for pid in tree:  # the machine is gone, not only the worker: nobody there says a word
            with suppress(ProcessLookupError):  # ended with its parent
                os.kill(pid, signal.SIGKILL)
        done = wait_for(ended(backend, run_id), seconds=60)
        assert done.state.is_crashed(), done.state.message
    with elsewhere(tmp_path / "b", server, secret):
        done = wait_for(ended(backend, run_of(server, "short")), seconds=60)
        assert done.state.is_completed(), done.state.message
