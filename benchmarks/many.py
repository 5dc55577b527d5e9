"""Twenty notebooks at once: nbflow's worker and jupyter-scheduler, each in a server of its own."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from benchmarks import peers, served
from benchmarks.report import Table, at_least, verdict
from nbflow import settings
from nbflow.model import states
from nbflow.model.runs import NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator

COUNT, _RUNS, _PEER_RUNS = 20, 3, 1
_CPU, _MEMORY = 5.0, 600.0
#: the last process may still be counted after its run has ended
_SETTLE_SECONDS = 2.0
_ALL_SECONDS = 300.0
_TOKEN = "benchmark"
#: what jupyter-scheduler calls the ends of a job
_ENDS = ("COMPLETED", "FAILED", "STOPPED")


@dataclass(frozen=True)
class Burst:
    """What twenty notebooks at once cost: seconds until the last ended, CPU, MiB, failures."""

    wall: float
    cpu: float
    memory: float
    failed: int


def tables() -> tuple[Table, ...]:
    """Measure, the two in turn; give the table."""
    ours: list[Burst] = []
    theirs: list[Burst] = []
    for turn in range(_RUNS):
        with _nbflow() as burst:
            ours.append(burst())
        if turn < _PEER_RUNS:
            with _jupyter_scheduler() as burst:
                theirs.append(burst())
        print(f"  many: turn {turn + 1} done", file=sys.stderr, flush=True)
    cpu, memory = _median(ours, "cpu"), _median(ours, "memory")
    budget = f"≤ 5 s: {verdict(cpu, _CPU)}; ≤ 600 MiB: {verdict(memory, _MEMORY)}"
    ratio = _median(theirs, "cpu") / cpu
    return (
        Table(
            f"{COUNT} notebooks of one cell at once",
            (
                "CPU of the server's process tree from the first request on; the highest",
                "proportional memory of the same tree (pages that processes share count once),",
                f"the server's own included. nbflow's worker runs {settings.worker_limit} at a",
                "time, jupyter-scheduler all. Failed: runs that did not complete.",
            ),
            ("system", "all done", "CPU", "memory", "failed", "budget"),
            (
                ("nbflow", *_shown(ours), f"{budget}; {ratio:.0f}× less: {at_least(ratio, 10)}"),
                ("jupyter-scheduler", *_shown(theirs), ""),
            ),
        ),
    )


Measure = Callable[[], Burst]


@contextmanager
def _nbflow() -> Iterator[Measure]:
    with served.nbflow_server() as (tree, home):
        backend, notebook = Orchestrator(), _notebook(home)
        _run(backend, notebook, 1)  # the first is slower
        time.sleep(_SETTLE_SECONDS)
        yield lambda: _cost(tree, lambda: _run(backend, notebook, COUNT))
        backend.close()


def _run(backend: Orchestrator, notebook: Path, count: int) -> int:
    """Have a worker run a notebook so many times; give how many did not complete."""
    runs = [
        backend.create_flow_run(
            NewFlowRun(
                f"nb-{at}",
                kind="notebook",
                state=states.Scheduled(),
                path=str(notebook),
                kernel_name="python3",
                work_pool="default",
            )
        )
        for at in range(count)
    ]
    ended: dict[str, states.State] = {}

    def look() -> bool:
        for run in runs:
            state = backend.read_flow_run(run.id).state if run.id not in ended else None
            if state is not None and state.is_final():
                ended[run.id] = state
        time.sleep(0.1)
        return len(ended) == count

    served.until(look, _ALL_SECONDS)
    return sum(not state.is_completed() for state in ended.values())


@contextmanager
def _jupyter_scheduler() -> Iterator[Measure]:
    python = peers.python("jupyter-scheduler")
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-", ignore_cleanup_errors=True) as folder:
        root, data = Path(folder, "root"), Path(folder, "DATA")
        root.mkdir()
        data.mkdir()
        shutil.copy(_notebook(Path(folder)), root / "one.ipynb")
        port = served.free_port()
        options = {
            "ServerApp.jpserver_extensions": {"jupyter_scheduler": True},
            "ServerApp.port": port,
            "ServerApp.root_dir": root,
            "IdentityProvider.token": _TOKEN,
        }
        command = [str(python), "-m", "jupyter_server", "--allow-root", "--no-browser"]
        command += [f"--{name}={value}" for name, value in options.items()]
        places = {f"JUPYTER_{kind}_DIR": f"{folder}/{kind}" for kind in ("DATA", "RUNTIME")}
        places["PATH"] = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
        with served.running(command, folder, **places) as tree, _client(port) as client:
            served.until(lambda: _answers(client), 60.0)
            _post(client, 1)
            time.sleep(_SETTLE_SECONDS)
            yield lambda: _cost(tree, lambda: _post(client, COUNT))


def _client(port: int) -> httpx.Client:
    return httpx.Client(
        base_url=f"http://127.0.0.1:{port}/scheduler/",
        headers={"Authorization": f"token {_TOKEN}"},
        timeout=60.0,
    )


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("runtime_environments").is_success
    except httpx.HTTPError:
        return False


def _post(client: httpx.Client, count: int) -> int:
    """Create so many jobs and wait for them; give how many did not complete."""
    environment = client.get("runtime_environments").json()[0]["name"]
    asked: dict[str, Any] = {
        "input_uri": "one.ipynb",
        "runtime_environment_name": environment,
        "output_formats": ["ipynb"],
    }
    jobs = [
        client.post("jobs", json={**asked, "name": f"job-{at}"}).raise_for_status().json()["job_id"]
        for at in range(count)
    ]
    ended: dict[str, str] = {}

    def look() -> bool:
        time.sleep(0.25)
        for job in client.get("jobs").json()["jobs"]:
            begun = job["status"] != "STOPPED" or job.get("start_time")
            if job["job_id"] in jobs and begun and job["status"] in _ENDS:
                ended[job["job_id"]] = job["status"]
        return len(ended) == count

    served.until(look, _ALL_SECONDS)
    return sum(status != "COMPLETED" for status in ended.values())


def _cost(tree: served.Tree, work: Callable[[], int]) -> Burst:
    cpu, begun = tree.cpu(), time.monotonic()
    tree.memory()
    failed = work()
    wall = time.monotonic() - begun
    time.sleep(_SETTLE_SECONDS)
    return Burst(wall, tree.cpu() - cpu, tree.memory(), failed)


def _notebook(folder: Path) -> Path:
    path = folder / "one.ipynb"
    nb = new_notebook(cells=[new_code_cell("1 + 1")])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "Python", "language": "python"}
    path.write_text(json.dumps(nb), encoding="utf-8")
    nbformat.validate(nb)
    return path


def _median(bursts: list[Burst], of: str) -> float:
    return statistics.median(getattr(burst, of) for burst in bursts)


def _shown(bursts: list[Burst]) -> tuple[str, str, str, str]:
    failed = sum(burst.failed for burst in bursts)
    return (
        f"{_median(bursts, 'wall'):.1f} s",
        f"{_median(bursts, 'cpu'):.1f} s",
        f"{_median(bursts, 'memory'):,.0f} MiB",
        f"{failed} of {COUNT * len(bursts)}",
    )
