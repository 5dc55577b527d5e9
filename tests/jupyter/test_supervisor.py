"""The worker beside the server: there, there again when it died, gone with the server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbflow import settings
from nbflow.model import clock
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.reaper import Reaper
from nbflow_jupyter.supervisor import Supervisor


@pytest.fixture
def supervisor(orchestrator: Orchestrator, caplog: Any) -> Iterator[Supervisor]:
    import logging

    with settings.temporary(worker_pool="mine", worker_limit=3, drain_seconds=5.0):
        made = Supervisor(logging.getLogger("nbflow.test"))
        made.start()
        yield made
        made.stop()


def test_a_worker_is_there_and_leaves_with_the_server(
    supervisor: Supervisor, orchestrator: Orchestrator, wait_for: Any, home: Path
) -> None:
    (worker,) = wait_for(lambda: orchestrator.list_workers().rows)
    assert (worker.work_pool, worker.limit, worker.owner.pid) == ("mine", 3, supervisor.pid)
    process = psutil.Process(worker.owner.pid)
    assert "NBFLOW_API_TOKEN" not in process.environ()
    assert os.getsid(worker.owner.pid) != os.getsid(0)
    supervisor.stop()
    assert not process.is_running()
    assert orchestrator.list_workers().rows == ()
    assert "serves pool mine" in (home / "worker.log").read_text()


def test_a_worker_that_died_is_replaced(
    supervisor: Supervisor, orchestrator: Orchestrator, wait_for: Any, caplog: Any
) -> None:
    (first,) = wait_for(lambda: orchestrator.list_workers().rows)
    os.kill(first.owner.pid, signal.SIGKILL)
    reaper = Reaper(orchestrator)

    def replaced() -> bool:
        reaper.run_once(clock.now())
        return [w.id for w in orchestrator.list_workers().rows if w.id != first.id] != []

    wait_for(replaced)
    assert first.id not in [worker.id for worker in orchestrator.list_workers().rows]
    assert "nbflow's worker ended (exit code -9)" in caplog.text
    told = supervisor.health()
    assert (told.pid, told.restarts) == (supervisor.pid, 1)
    assert "exit code -9" in (told.problem or "")


def test_a_worker_leaves_when_its_server_is_gone(
    supervisor: Supervisor, orchestrator: Orchestrator, wait_for: Any
) -> None:
    (worker,) = wait_for(lambda: orchestrator.list_workers().rows)
    process = supervisor._process
    assert process is not None
    assert process.stdin is not None
    supervisor._stopping.set()  # as if nobody were there to start another
    process.stdin.close()
    wait_for(lambda: not orchestrator.list_workers().rows)
    wait_for(lambda: not psutil.pid_exists(worker.owner.pid) or supervisor.pid is None)
