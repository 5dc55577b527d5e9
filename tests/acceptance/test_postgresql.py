"""A Jupyter server and its worker, over PostgreSQL: a deployed notebook runs to its end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbflow import settings
from nbflow.client.http import HttpBackend
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.states import Scheduled, StateType
from nbflow.orchestration.orchestrator import Orchestrator

SOURCES = [
    "n = 2",
    "from nbflow import flow, task\n\n@task\ndef double(x):\n    return 2 * x\n",
    "%load_ext nbflow",
    "%%task doubled\nsaid = double(n)",
    "print('twice', said)",
]


def write_notebook(path: Path) -> None:
    cells = [new_code_cell(source, id=f"c{at}") for at, source in enumerate(SOURCES)]
    cells[0].metadata["tags"] = ["parameters"]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": spec}), path)


@pytest.mark.timeout(300)
def test_a_deployed_notebook_runs_over_postgresql(
    serving: Callable[..., AbstractContextManager[Any]],
    postgresql_url: str,
    tmp_path: Path,
    wait_for: Callable[..., Any],
) -> None:
    with serving(tmp_path, NBFLOW_DATABASE_URL=postgresql_url) as server:
        write_notebook(server.root / "twice.ipynb")
        client = HttpBackend(server.url, server.token)
        said = {"path": "twice.ipynb", "parameters": {"n": 21}}
        headers = {"Authorization": f"token {server.token}"}
        answer = httpx.post(f"{client.url}deployments", json=said, headers=headers)
        assert answer.status_code in (200, 201), answer.text
        made = answer.json()
        run = client.create_flow_run(
            NewFlowRun(made["flow_name"], state=Scheduled(), deployment_id=made["id"])
        )

        def ended() -> FlowRun | None:
            found = client.read_flow_run(run.id)
            return found if found.state.is_final() else None

        found = wait_for(ended, seconds=90, what="the end of the run")
        assert found.state.type is StateType.COMPLETED, (found.state, server.log.read_text())
        tasks = {task.name: task for task in client.list_task_runs(run.id)}
        assert all(task.state.type is StateType.COMPLETED for task in tasks.values())
        assert "doubled" in tasks
        client.close()
    assert not list(server.home.glob("*.sqlite"))
    with settings.temporary(home=str(server.home)):
        store = Orchestrator(postgresql_url)
        assert store.read_flow_run(run.id).state.name == "Completed"
        store.close()
