"""Five processes claim as fast as they can: each run is given once, and many a second.

`make faults` (`NBFLOW_FAULTS_FULL=1`) claims 10,000 runs: there the floors count, by the clock or,
where others use the machine, by the claims' own CPU time. Beside other tests a tenth of them does.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from nbflow import settings
from nbflow.model import states
from nbflow.model.runs import NewFlowRun
from nbflow.model.workers import NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

FULL = "NBFLOW_FAULTS_FULL" in os.environ
RUNS = 10_000 if FULL else 400
PROCESSES = 5

pytestmark = pytest.mark.timeout(600)


def claim_all(url: str, batch: int, told: int, go: int) -> None:
    """Claim until nothing is left; tell how many, and the seconds of CPU that took."""
    store = Orchestrator(url)
    worker = store.register_worker(NewWorker("w", "p", owners.current(), batch))
    os.read(go, 1)
    began = time.process_time()
    given: list[str] = []
    while claims := store.claim_flow_runs(worker.id, batch):
        given += [claim.run.id for claim in claims]
    os.write(told, f"{len(given)} {time.process_time() - began}\n".encode())
    store.close()


@pytest.mark.parametrize(
    ("kind", "synchronous", "batch", "floor"),
    [
        ("sqlite", "NORMAL", 10, 500),
        ("sqlite", "FULL", 1, 60),
        ("postgresql", "", 10, 300),
    ],
)
def test_five_processes_claim_each_run_once(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    kind: str,
    synchronous: str,
    batch: int,
    floor: int,
) -> None:
    url = f"sqlite:///{tmp_path}/a.sqlite"
    if kind == "postgresql":
        cluster: Any = request.getfixturevalue("durable_postgresql")
        url = cluster.create(f"claims{batch}")
    with settings.temporary(home=str(tmp_path), sqlite_synchronous=synchronous or "NORMAL"):
        prepare(url)
        began_reading, go = os.pipe()
        listening, told = os.pipe()
        children = [fork(url, batch, told, began_reading) for _ in range(PROCESSES)]
        began = time.perf_counter()
        os.write(go, b"." * PROCESSES)
        for child in children:
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        took = time.perf_counter() - began
        said = [line.split() for line in os.read(listening, 4096).decode().splitlines()]
        for end in (began_reading, go, listening, told):
            os.close(end)
    given = sum(int(count) for count, _ in said)
    cpu = sum(float(seconds) for _, seconds in said)
    print(
        f"{kind} {synchronous} batch {batch}: {given / took:,.0f} claims/s,"
        f" {cpu / given * 1e6:,.0f} µs of CPU each"
    )
    assert given == RUNS
    least = floor if FULL else floor / 10
    assert given / took >= least or given / cpu >= least


def prepare(url: str) -> None:
    store = Orchestrator(url)
    for start in range(0, RUNS, 500):
        store.create_flow_runs(
            [
                NewFlowRun("due", state=states.Scheduled(), work_pool="p", path="/x.ipynb")
                for _ in range(start, min(start + 500, RUNS))
            ]
        )
    store.close()


def fork(url: str, batch: int, told: int, go: int) -> int:
    child = os.fork()
    if not child:
        code = 1
        try:
            claim_all(url, batch, told, go)
            code = 0
        finally:
            os._exit(code)
    return child
