"""The two authorities that make the same promise, and what the suite makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nbflow import settings
from nbflow.client.http import HttpBackend
from nbflow.model import deploying, ids, states
from nbflow.model.backend import Backend
from nbflow.model.deploying import DeployRequest, KernelSpec
from nbflow.model.deployments import Deployment, NewDeployment
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.workers import NewWorker, Worker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

KERNELS = {"python3": KernelSpec("python3", "Python 3", "python", ("python", "-m", "ipykernel"))}


def notebook_text(parameters: str = "n = 1  # how many") -> str:
    """A notebook with a parameters cell and one that uses it."""
    cells = [
        {
            "cell_type": "code",
            "id": "p",
            "source": parameters,
            "metadata": {"tags": ["parameters"]},
        },
        {"cell_type": "code", "id": "a", "source": "print(n)", "metadata": {}},
    ]
    for cell in cells:
        cell.update(outputs=[], execution_count=None)
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": cells}
    )


@pytest.fixture(scope="module")
def server(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A real Jupyter server whose services are off: the suite alone moves its runs."""
    home = tmp_path_factory.mktemp("served")
    with serving(home, NBFLOW_SCHEDULER="0", NBFLOW_WORKER="0") as found:
        yield found


@pytest.fixture(params=["sqlite", "postgresql", "http"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """The authority: over a SQLite file, a PostgreSQL database, and a Jupyter server."""
    if request.param == "http":
        found = request.getfixturevalue("server")
        client = HttpBackend(found.url, found.token)
        yield client
        client.close()
        return
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    with settings.temporary(home=str(tmp_path / "home"), database_url=url):
        orchestrator = Orchestrator()
        yield orchestrator
        orchestrator.close()


@dataclass
class Make:
    """Makes what tests speak of, each under a name of its own."""

    backend: Backend
    folder: Path

    def run(self, **said: Any) -> FlowRun:
        """A run that its maker runs."""
        return self.backend.create_flow_run(NewFlowRun("by-hand", **said))

    def waiting(self, pool: str, **said: Any) -> FlowRun:
        """A run that waits for a worker of a pool, due now unless said otherwise."""
        due_at = said.pop("due_at", None)
        new = NewFlowRun(
            "waiting",
            kind="notebook",
            state=states.Scheduled(due_at),
            due_at=due_at,
            work_pool=pool,
            path=str(self.folder / "x.ipynb"),
            **said,
        )
        return self.backend.create_flow_run(new)

    def new_deployment(self, **said: Any) -> NewDeployment:
        """What is said to deploy a notebook to a pool of its own."""
        name = said.pop("name", f"deployed-{ids.uuid7()[-12:]}")
        path = str(said.pop("path", self.folder / f"{name}.ipynb"))
        text = said.pop("content", notebook_text())
        request = DeployRequest(path=path, name=name, work_pool=said.pop("pool", name), **said)
        host = owners.current().host
        return deploying.deployment_of(
            request, notebook_text=text, path=path, kernels=KERNELS, host=host
        )

    def deployment(self, **said: Any) -> Deployment:
        """A deployment with a pool of its own."""
        return self.backend.deploy(self.new_deployment(**said))

    def run_of(self, deployment: Deployment, **said: Any) -> FlowRun:
        """A run of a deployment that is due."""
        new = NewFlowRun(
            deployment.flow_name, state=states.Scheduled(), deployment_id=deployment.id, **said
        )
        return self.backend.create_flow_run(new)

    def worker(self, pool: str, limit: int = 4) -> Worker:
        """A worker that is this process."""
        made = ids.uuid7()
        owner = owners.current(worker_id=made)
        return self.backend.register_worker(NewWorker("tester", pool, owner, limit, made))


@pytest.fixture
def make(backend: Backend, tmp_path: Path) -> Make:
    return Make(backend, tmp_path)


@pytest.fixture
def pool() -> str:
    """A pool no other test has."""
    return f"pool-{ids.uuid7()[-12:]}"


@pytest.fixture
def end(backend: Backend) -> Callable[[FlowRun], FlowRun]:
    """Take a run that has begun to its end."""

    def ended(run: FlowRun) -> FlowRun:
        for state in (states.Running(), states.Completed()):
            backend.propose(run.id, state, attempt=run.attempt)
        return backend.read_flow_run(run.id)

    return ended
