"""Task runners of every kind, over engines that are started once: a cluster in this process's
charge, and one of a scheduler and a worker in processes of their own, over TCP on loopback.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow.task_runners import (
    DaskTaskRunner,
    ProcessPoolTaskRunner,
    SequentialTaskRunner,
    ThreadPoolTaskRunner,
)

KINDS = ("threads", "sequential", "processes", "dask", "dask-address")


@pytest.fixture(scope="session")
def local_cluster() -> Iterator[Any]:
    """A Dask cluster of two workers, its scheduler in this process."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def scheduler_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Dask scheduler; it and its worker are processes of their own."""
    pytest.importorskip("distributed", reason="Dask is not installed")
    folder: Path = tmp_path_factory.mktemp("dask")
    said, log = folder / "scheduler.json", folder / "log"
    common = ["--scheduler-file", str(said), "--host", "127.0.0.1", "--no-dashboard"]
    local = ["--nworkers", "1", "--nthreads", "1", "--local-directory", str(folder)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NBFLOW_")}
    with log.open("wb") as out:

        def start(program: str, *options: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", f"distributed.cli.dask_{program}", *options]
            return subprocess.Popen(command, stdout=out, stderr=out, env=kept)

        scheduler = start("scheduler", "--port", "0", *common)
        worker = start("worker", *common, *local)
    try:
        yield _address(said, scheduler, log)
    finally:
        for process in (worker, scheduler):
            process.terminate()
        for process in (worker, scheduler):
            try:
                process.wait(20)
            finally:
                process.kill()


def _address(said: Path, scheduler: subprocess.Popen[bytes], log: Path) -> str:
    pause = threading.Event()
    while not (said.exists() and said.read_text()):
        assert scheduler.poll() is None, log.read_text()
        pause.wait(0.05)
    return json.loads(said.read_text())["address"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of task runner the test is about."""
    return request.param


@pytest.fixture
def make(kind: str, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """`make(max_workers=…)`: a task runner of this kind."""

    def made(max_workers: int = 2) -> Any:
        if kind == "threads":
            return ThreadPoolTaskRunner(max_workers)
        if kind == "sequential":
            return SequentialTaskRunner()
        if kind == "processes":
            return ProcessPoolTaskRunner(max_workers)
        if kind == "dask":
            return DaskTaskRunner(cluster=request.getfixturevalue("local_cluster"))
        return DaskTaskRunner(request.getfixturevalue("scheduler_address"))

    return made
