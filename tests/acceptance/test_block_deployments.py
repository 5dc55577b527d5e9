"""Deployments made of blocks: code in a storage, executed as an infrastructure block says, by a
real agent. Nothing of the folder the code was built in is there any more when it runs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow import connect
from nbflow.client.http import HttpBackend
from nbflow.deployments import Deployment, run_deployment
from nbflow.exceptions import InvalidInput, NbflowError, NotFound
from nbflow.filesystems import LocalFileSystem
from nbflow.infrastructure import Kernel, Process
from nbflow.model import states
from nbflow.model.runs import FlowRun
from nbflow.model.work_pools import NewWorkPool
from nbflow.orchestration.orchestrator import Orchestrator

Wait = Callable[..., Any]

PATIENCE = 60.0

FLOW = """
    import os
    from pathlib import Path
    from nbflow import flow
    from helpers import rate

    @flow
    def total(n: int = 2):
        "Multiply."
        here = sorted(p.relative_to(".").as_posix() for p in Path(".").rglob("*") if p.is_file())
        told = [os.environ.get(name, "") for name in ("REGION", "STAGE")]
        data = Path("data/a.csv").read_text()
        return {"sum": n * rate(), "here": here, "told": told, "data": data, "cwd": os.getcwd()}
"""


@pytest.fixture
def store(home: Path) -> Orchestrator:
    backend = connect.connect()
    assert isinstance(backend, Orchestrator)
    return backend


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a flow, what it needs, and what is not to be uploaded."""
    folder = tmp_path / "project"
    for path, text in {
        "etl.py": textwrap.dedent(FLOW),
        "helpers.py": "def rate():\n    return 21\n",
        "data/a.csv": "1,2",
        "data/secret.key": "hands off",
        ".git/config": "",
        ".nbflowignore": "*.key\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def agent(store: Orchestrator) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start agents; those that are left are ended."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str, wait: bool = False) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "nbflow", "agent", "start", *words]
        process = subprocess.Popen(command, env=os.environ | {"NBFLOW_EXECUTOR_IDLE_SECONDS": "0"})
        started.append(process)
        if wait:
            assert process.wait(PATIENCE) == 0
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def nbflow(*words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", *words], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done


def due(name: str, **said: Any) -> FlowRun:
    """Have a deployment run, and leave it to whoever takes it."""
    return run_deployment(name, timeout=0, **said)


def ended(store: Orchestrator, run: FlowRun) -> FlowRun:
    return store.read_flow_run(run.id)


def test_behaviour_26_build_apply_and_an_agent_runs_it_with_its_storage_block(
    store: Orchestrator, project: Path, tmp_path: Path, agent: Callable[..., Any]
) -> None:
    bucket = tmp_path / "bucket"
    LocalFileSystem(basepath=str(bucket)).save("code")
    Process(env={"REGION": "eu", "STAGE": "test"}).save("plain")
    nbflow(
        "deployment", "build", "etl.py:total", "-n", "legacy", "-q", "night", "-t", "old",
        "-sb", "local-file-system/code/v1", "-ib", "process/plain", "--override", "env.STAGE=live",
        "--param", "n=3", "-o", "deployment.yaml",
    )  # fmt: skip
    kept = {p.relative_to(bucket).as_posix() for p in bucket.rglob("*") if p.is_file()}
    assert kept == {"v1/etl.py", "v1/helpers.py", "v1/data/a.csv", "v1/.nbflowignore"}
    text = (project / "deployment.yaml").read_text()
    assert 'name: "legacy"' in text
    assert text.index("infra_overrides") < text.index("DO NOT EDIT")
    nbflow("deployment", "apply", "deployment.yaml")
    made = store.read_deployment("legacy")
    assert (made.work_pool, made.work_queue) == ("default-agent-pool", "night")
    assert store.read_work_pool("default-agent-pool").type == "agent"
    project.rename(tmp_path / "gone")
    os.chdir(tmp_path)
    waiting = due("legacy")
    agent("-q", "night", "--run-once", wait=True)
    run = ended(store, waiting)
    assert run.state.is_completed(), run.state.message
    result = run.state.result()
    assert (result["sum"], result["data"], result["told"]) == (63, "1,2", ["eu", "live"])
    assert "data/secret.key" not in result["here"]
    assert "helpers.py" in result["here"]
    assert result["cwd"].startswith(str(Path(os.environ["NBFLOW_HOME"]).resolve()))
    assert not Path(result["cwd"]).exists()  # it completed: what was downloaded is gone


def test_a_notebook_runs_from_storage_in_the_kernel_of_its_infrastructure(
    store: Orchestrator, project: Path, tmp_path: Path, agent: Callable[..., Any]
) -> None:
    from nbformat.v4 import new_code_cell, new_notebook

    cells = [new_code_cell("from helpers import rate\nprint('rate', rate())", id="a")]
    nb = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": ""}})
    (project / "nb").mkdir()
    (project / "nb" / "report.ipynb").write_text(json.dumps(nb))
    (project / "nb" / "helpers.py").write_text("def rate():\n    return 5\n")
    storage = LocalFileSystem(basepath=str(tmp_path / "bucket"))
    storage.save("code")
    made = Deployment.build_from_flow(
        "nb/report.ipynb", "report", storage=storage, infrastructure=Kernel(kernel="python3"),
        apply=True,
    )  # fmt: skip
    assert made.flow_name == "report"
    project.rename(tmp_path / "gone")
    os.chdir(tmp_path)
    waiting = due("report")
    agent("--run-once", "--hide-welcome", wait=True)
    run = ended(store, waiting)
    assert run.state.is_completed(), run.state.message
    names = [task.state.name for task in store.list_task_runs(run.id)]
    assert names == ["Completed"]


def test_an_agent_serves_queues_that_begin_so_also_those_made_later(
    store: Orchestrator, project: Path, agent: Callable[..., Any], wait_for: Wait
) -> None:
    process = agent("-m", "dev-", "-p", "mine")
    wait_for(lambda: store.list_workers().rows, what="the agent")
    assert store.read_work_pool("mine").type == "agent"
    for queue in ("dev-later", "prod"):
        Deployment.build_from_flow(
            "etl.py:total", queue, work_pool_name="mine", work_queue_name=queue, apply=True
        )
    prod, dev = due("prod"), due("dev-later")
    wait_for(lambda: ended(store, dev).state.is_final(), seconds=PATIENCE)
    assert ended(store, dev).state.is_completed()
    assert ended(store, prod).state.is_scheduled()
    assert {q.name for q in store.list_work_queues("mine").rows} == {"default", "dev-later", "prod"}
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_an_agent_starts_a_blocks_own_command_and_cancels_its_run(
    store: Orchestrator, project: Path, tmp_path: Path, agent: Callable[..., Any], wait_for: Wait
) -> None:
    started = tmp_path / "started"
    (project / "slow.py").write_text(
        "import os, threading\nfrom pathlib import Path\nfrom nbflow import flow\n"
        f"@flow\ndef slow():\n    Path({str(started)!r}).write_text(os.environ['WRAPPED'])\n"
        "    threading.Event().wait(60)\n"
    )
    command = ["env", "WRAPPED=yes", sys.executable, "-m", "nbflow.notebook.execute"]
    Process(command=command).save("wrapped")
    Deployment.build_from_flow("slow.py:slow", "slow", infrastructure="process/wrapped", apply=True)
    waiting = due("slow")
    agent("--limit", "1")
    wait_for(started.exists, seconds=PATIENCE, what="the run")
    assert started.read_text() == "yes"
    store.propose(waiting.id, states.Cancelling())
    wait_for(lambda: ended(store, waiting).state.is_final(), what="the end")
    assert ended(store, waiting).state.is_cancelled()


def test_an_agent_elsewhere_opens_the_storage_with_its_runs_token_alone(
    home: Path,
    project: Path,
    tmp_path: Path,
    serving: Callable[..., Any],
    agent: Callable[..., subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    wait_for: Wait,
) -> None:
    with serving(tmp_path / "server", NBFLOW_WORKER="0") as server:
        monkeypatch.setenv("NBFLOW_API_URL", server.url)
        monkeypatch.setenv("NBFLOW_API_TOKEN", server.token)
        connect.forget()
        LocalFileSystem(basepath=str(tmp_path / "bucket")).save("code")
        Process(env={"REGION": "eu"}).save("far")
        Deployment.build_from_flow(
            "etl.py:total", "far", storage="local-file-system/code", infrastructure="process/far",
            infra_overrides={"env.STAGE": "live"}, apply=True,
        )  # fmt: skip
        run = due("far")
        said = nbflow("token", "create", "far-away", "--pool", "default-agent-pool", "--output",
                      "json")  # fmt: skip
        monkeypatch.setenv("NBFLOW_API_TOKEN", json.loads(said.stdout)["secret"])
        monkeypatch.delenv("NBFLOW_API_URL")
        process = agent("-q", "default", "--api", server.url)
        backend = HttpBackend(server.url, server.token)
        wait_for(lambda: backend.read_flow_run(run.id).state.is_final(), seconds=PATIENCE)
        state = backend.read_flow_run(run.id).state
        assert state.is_completed(), state.message
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_a_run_whose_storage_was_deleted_fails_and_says_so(
    store: Orchestrator, project: Path, tmp_path: Path, agent: Callable[..., Any]
) -> None:
    LocalFileSystem(basepath=str(tmp_path / "bucket")).save("code")
    Process().save("plain")
    said: dict[str, dict[str, Any]] = {
        "no-block": {"storage": "local-file-system/code"},
        "no-infra": {"infrastructure": "process/plain"},
    }
    for name, fields in said.items():
        Deployment.build_from_flow("etl.py:total", name, apply=True, **fields)
    waiting = [due("no-block"), due("no-infra")]
    store.delete_block("local-file-system/code")
    store.delete_block("process/plain")
    agent("--run-once", wait=True)
    no_block, no_infra = (ended(store, one).state for one in waiting)
    assert no_block.is_failed()
    assert "no block 'local-file-system/code'" in no_block.message
    assert no_infra.is_crashed()
    assert "process/plain" in no_infra.message


def test_what_cannot_work_is_refused_before_anything_is_made(
    store: Orchestrator, project: Path, tmp_path: Path
) -> None:
    Process().save("plain")
    LocalFileSystem(basepath=str(tmp_path / "bucket")).save("code")
    store.create_work_pool(NewWorkPool("typed"))
    build = Deployment.build_from_flow
    cases: tuple[tuple[dict[str, Any], type[NbflowError], str | None], ...] = (
        ({"storage": "local-file-system/none"}, NotFound, "block.not_found"),
        ({"storage": "process/plain"}, InvalidInput, "storage.type"),
        ({"storage": "local-file-system/code/../../x"}, InvalidInput, "path.outside"),
        ({"storage": LocalFileSystem(basepath="/tmp")}, InvalidInput, "storage.unsaved"),
        ({"infrastructure": "docker/x"}, InvalidInput, "infrastructure.type"),
        ({"infrastructure": "process/none"}, NotFound, "block.not_found"),
        (
            {"infrastructure": "process", "work_pool_name": "typed"},
            InvalidInput,
            "infrastructure.pool",
        ),
        ({"infra_overrides": {"image": "x"}}, InvalidInput, "job_variables.unknown"),
        ({"infra_overrides": {"env.LD_PRELOAD": "x"}}, InvalidInput, "job_variables.env"),
        ({"colour": "red"}, InvalidInput, "field.unknown"),
        ({"path": str(tmp_path)}, NotFound, None),
    )
    for fields, error, code in cases:
        with pytest.raises(error) as caught:
            build("etl.py:total", "bad", apply=True, **fields)
        assert code in (None, caught.value.code), fields
    assert not store.list_deployments().rows
