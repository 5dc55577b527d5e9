"""Flows of scripts and modules, deployed, and run by a real worker process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow import connect, deploy, flow
from nbflow.deployments import again, arun_deployment, run_deployment
from nbflow.exceptions import InvalidInput
from nbflow.model import ids, states
from nbflow.model.backend import RunFilter
from nbflow.model.deployments import DeploymentChange
from nbflow.model.runs import FlowRun
from nbflow.orchestration.orchestrator import Orchestrator

Wait = Callable[..., Any]

#: what a run may take on a busy machine
PATIENCE = 60.0


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One home for the tests of this file, so that one worker serves them."""
    home = tmp_path_factory.mktemp("deployed") / "home"
    patch = pytest.MonkeyPatch()
    patch.setenv("NBFLOW_HOME", str(home))
    for name in ("NBFLOW_API_URL", "NBFLOW_DATABASE_URL", "NBFLOW_FLOW_RUN_ID", "NBFLOW_ATTEMPT"):
        patch.delenv(name, raising=False)
    yield home
    connect.forget()
    patch.undo()


@pytest.fixture(scope="module")
def worker(shared_home: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "nbflow.workers", "--pool", "default", "--limit", "3"]
    env = os.environ | {"NBFLOW_INTERRUPT_SECONDS": "2", "NBFLOW_TERMINATE_SECONDS": "1"}
    process = subprocess.Popen([*command, "--watch-stdin"], stdin=subprocess.PIPE, env=env)
    yield process
    assert process.stdin is not None
    process.stdin.close()
    process.wait(60)


@pytest.fixture
def store(shared_home: Path, worker: object) -> Orchestrator:
    backend = connect.connect()
    assert isinstance(backend, Orchestrator)
    return backend


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., str]:
    """`script("@flow\\ndef total(): …", "total")`: the entrypoint of a flow in a new file."""

    def write(body: str, flow_name: str, name: str = "etl.py") -> str:
        head = "import os, threading\nfrom pathlib import Path\nfrom nbflow import flow, task\n"
        (tmp_path / name).write_text(head + textwrap.dedent(body), encoding="utf-8")
        return f"{tmp_path / name}:{flow_name}"

    return write


def unique() -> str:
    return f"d-{ids.uuid7()[-12:]}"


def run(name: str, **said: Any) -> FlowRun:
    return run_deployment(name, timeout=said.pop("timeout", PATIENCE), **said)


TOTAL = """
    @task
    def add(a, b):
        return a + b

    @flow
    def total(n: int, label: str = "x") -> int:
        "Add one."
        print(os.getcwd())
        return add(n, 1)
"""


# -- entrypoints --------------------------------------------------------------------------------
def test_a_flow_of_a_script_runs_with_its_parameters_and_gives_its_result(
    store: Orchestrator, script: Callable[..., str]
) -> None:
    made = deploy(script(TOTAL, "total"), name=unique(), parameters={"n": 4})
    assert (made.flow_name, made.entrypoint, made.source) == ("total", "etl.py:total", "snapshot")
    assert made.parameter_schema["required"] == ["n"]
    ended = run(made.name, parameters={"n": 41})
    assert ended.state.is_completed(), ended.state.message
    assert (ended.state.result(), ended.kind, ended.deployment_version) == (42, "flow", 1)
    assert [t.name for t in store.list_task_runs(ended.id)] == ["add-0"]
    names = [s.name for s in store.list_states(ended.id)]
    assert names == ["Scheduled", "Pending", "Running", "Completed"]


def test_a_flow_of_a_module_is_imported_from_where_it_was_deployed(
    store: Orchestrator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "prices.py").write_text("RATE = 3\n")
    code = "from nbflow import flow\nfrom .prices import RATE\n@flow\ndef tax(n: int = 2):\n"
    (package / "jobs.py").write_text(code + "    return n * RATE\n")
    monkeypatch.chdir(tmp_path)
    made = deploy("shop.jobs:tax", name=unique())
    assert (made.path, made.source) == (str(tmp_path), "live")
    assert run(made.name).state.result() == 6
    (package / "jobs.py").write_text(code + "    return -n\n")
    assert store.read_drift(made.id).files[0].change == "changed"
    assert run(made.name).state.result() == -2


def test_a_snapshot_runs_what_was_deployed_and_live_what_lies_there(
    store: Orchestrator, script: Callable[..., str], tmp_path: Path
) -> None:
    body = "@flow\ndef answer():\n    return Path.cwd().name, {!r}\n"
    entrypoint = script(body.format("old"), "answer")
    kept = deploy(entrypoint, name=unique())
    live = deploy(entrypoint, name=unique(), source="live")
    script(body.format("new"), "answer")
    assert run(kept.name).state.result() == (tmp_path.name, "old")
    assert run(live.name).state.result() == (tmp_path.name, "new")
    found = store.read_drift(kept.id)
    assert (found.drifted, found.files[0].lines_added, found.files[0].lines_removed) == (True, 1, 1)
    assert store.deploy(again(kept)).version == 2
    assert run(kept.name).state.result()[1] == "new"
    assert store.rollback_deployment(kept.id, 1).version == 3
    assert run(kept.name).state.result()[1] == "old"


def test_included_files_are_those_of_the_snapshot_under_their_own_paths(
    store: Orchestrator, script: Callable[..., str], tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.txt").write_text("deployed")
    (tmp_path / "data/b.txt").write_text("beside")
    (tmp_path / "helper.py").write_text("def read():\n    return open('data/a.txt').read()\n")
    body = """
        @flow
        def reads():
            import helper
            Path("out.txt").write_text("x")
            return helper.read(), open("data/b.txt").read(), os.getcwd()
    """
    made = deploy(script(body, "reads"), name=unique(), include=["data/a.*", "helper.py"])
    assert sorted(made.files) == ["data/a.txt", "helper.py"]
    assert run(made.name).state.result() == ("deployed", "beside", str(tmp_path))
    (tmp_path / "data/a.txt").write_text("changed")
    (tmp_path / "out.txt").unlink()
    ended = run(made.name)
    first, second, folder = ended.state.result()
    assert (first, second) == ("deployed", "beside")
    assert folder.endswith("/files")
    assert not (tmp_path / "out.txt").exists()
    assert (tmp_path / "data/a.txt").read_text() == "changed"
    lines = [line.message for line in store.list_logs(ended.id).rows]
    assert any("'data/a.txt': changed since it was deployed" in line for line in lines)


@pytest.mark.parametrize("source", ["snapshot", "live"])
def test_a_script_that_is_gone_fails_only_what_is_read_when_it_starts(
    store: Orchestrator, script: Callable[..., str], tmp_path: Path, source: Any
) -> None:
    made = deploy(script(TOTAL, "total"), name=unique(), parameters={"n": 1}, source=source)
    (tmp_path / "etl.py").unlink()
    ended = run(made.name)
    if source == "snapshot":
        assert ended.state.result() == 2
        return
    assert ended.state.is_failed()
    assert ended.state.details["cause"] == "entrypoint.missing"
    assert str(tmp_path / "etl.py") in ended.state.message


def test_a_changed_signature_fails_the_run_before_it_starts(
    store: Orchestrator, script: Callable[..., str]
) -> None:
    made = deploy(script(TOTAL, "total"), name=unique(), parameters={"n": 1}, source="live")
    script(TOTAL.replace("n: int", "count: int").replace("add(n", "add(count"), "total")
    ended = run(made.name)
    assert ended.state.details["cause"] == "signature.changed"
    assert "parameter 'n' is gone" in ended.state.message
    names = [s.name for s in store.list_states(ended.id)]
    assert names == ["Scheduled", "Pending", "Failed"]


def test_code_that_cannot_be_imported_fails_with_its_reason(
    store: Orchestrator, script: Callable[..., str]
) -> None:
    made = deploy(script(TOTAL, "total"), name=unique(), parameters={"n": 1}, source="live")
    script("import no_such_module\n", "total")
    ended = run(made.name)
    assert ended.state.details["cause"] == "entrypoint.import"
    assert "no_such_module" in ended.state.message


def test_undeclared_parameters_pass_where_the_schema_is_not_enforced(
    store: Orchestrator, script: Callable[..., str]
) -> None:
    body = "@flow\ndef takes(n: int = 1, **more):\n    return n, more\n"
    made = deploy(script(body, "takes"), name=unique(), enforce_parameter_schema=False)
    assert run(made.name, parameters={"n": "7", "x": 1}).state.result() == (7, {"x": 1})


# -- tries, and ends ----------------------------------------------------------------------------
FLAKY = """
    @task
    def counted(path):
        with open(path, "a") as file:
            file.write("x")
        return Path(path).read_text()

    @flow
    def flaky(path: str, good: int):
        kept = counted(path)
        with open(path + ".tries", "a") as file:
            file.write("x")
        tries = len(Path(path + ".tries").read_text())
        if tries < good:
            raise ValueError(f"try {tries}")
        return kept, tries
"""


def test_a_failed_run_is_tried_again_by_the_deployments_retries_and_repeats_no_task(
    store: Orchestrator, script: Callable[..., str], tmp_path: Path
) -> None:
    made = deploy(script(FLAKY, "flaky"), name=unique(), retries=2, retry_delay_seconds=0.1)
    ended = run(made.name, parameters={"path": str(tmp_path / "t"), "good": 3})
    assert ended.state.is_completed(), ended.state.message
    assert (ended.state.result(), ended.attempt) == (("x", 3), 3)
    names = [s.name for s in store.list_states(ended.id) if s.name != "Pending"]
    assert names[:4] == ["Scheduled", "Running", "AwaitingRetry", "Retrying"]
    few = deploy(script(FLAKY, "flaky"), name=unique())
    ended = run(few.name, parameters={"path": str(tmp_path / "u"), "good": 2})
    assert (ended.state.name, ended.attempt) == ("Failed", 1)
    store.retry_flow_run(ended.id)
    waiting = lambda: store.read_flow_run(ended.id).state.is_completed()  # noqa: E731
    until(waiting)
    assert store.read_flow_run(ended.id).state.result() == ("x", 2)
    assert "Rerunning" in [s.name for s in store.list_states(ended.id)]


def until(fact: Callable[[], bool], seconds: float = PATIENCE) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if fact():
            return
        pause.wait(0.05)
    raise AssertionError("it did not come about")


WAITS = """
    @flow
    def waits(path: str):
        Path(path).write_text(str(os.getpid()))
        threading.Event().wait(600)

    @flow
    async def awaits(path: str):
        import asyncio
        Path(path).write_text(str(os.getpid()))
        await asyncio.sleep(600)
"""


@pytest.mark.parametrize("name", ["waits", "awaits"])
def test_a_cancelled_run_ends_cancelled(
    store: Orchestrator, script: Callable[..., str], tmp_path: Path, name: str
) -> None:
    made = deploy(script(WAITS, name), name=unique())
    begun = run(made.name, parameters={"path": str(tmp_path / "pid")}, timeout=0)
    until(lambda: (tmp_path / "pid").exists())
    store.propose(begun.id, states.Cancelling())
    until(lambda: store.read_flow_run(begun.id).state.is_final(), 20)
    assert store.read_flow_run(begun.id).state.is_cancelled()


def test_a_killed_process_is_a_crash(
    store: Orchestrator, script: Callable[..., str], tmp_path: Path
) -> None:
    made = deploy(script(WAITS, "waits"), name=unique())
    begun = run(made.name, parameters={"path": str(tmp_path / "pid")}, timeout=0)
    until(lambda: (tmp_path / "pid").exists() and bool((tmp_path / "pid").read_text()))
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    until(lambda: store.read_flow_run(begun.id).state.is_final(), 20)
    assert store.read_flow_run(begun.id).state.type == "CRASHED"


# -- run_deployment -----------------------------------------------------------------------------
def test_behaviour_25_timeouts_of_run_deployment(
    store: Orchestrator, script: Callable[..., str], tmp_path: Path
) -> None:
    made = deploy(script(WAITS, "waits"), name=unique())
    at_once = run_deployment(made.name, {"path": str(tmp_path / "a")}, timeout=0)
    assert at_once.state.name == "Scheduled"
    at_timeout = run_deployment(made.name, {"path": str(tmp_path / "b")}, timeout=0.3)
    assert not at_timeout.state.is_final()
    for each in (at_once, at_timeout):
        store.propose(each.id, states.Cancelling())
    failing = deploy(script("@flow\ndef fails():\n    1 / 0\n", "fails", "bad.py"), name=unique())
    ended = run_deployment(failing.name, timeout=None)
    assert (ended.state.name, "division by zero" in ended.state.message) == ("Failed", True)


def test_behaviour_25_idempotency_key_of_run_deployment(
    store: Orchestrator, script: Callable[..., str]
) -> None:
    made = deploy(script(TOTAL, "total"), name=unique(), parameters={"n": 1})
    one = run(made.name, idempotency_key=f"key-{made.id}")
    two = run(made.name, idempotency_key=f"key-{made.id}", timeout=0)
    assert (one.id, one.state.result()) == (two.id, 2)


def test_behaviour_25_parent_link_of_run_deployment(
    store: Orchestrator, script: Callable[..., str]
) -> None:
    made = deploy(script(TOTAL, "total"), name=unique(), parameters={"n": 1})
    tries: list[FlowRun] = []

    from nbflow import task

    @task
    def five() -> int:
        return 5

    @flow(retries=1)
    def parent() -> FlowRun:
        child = run(made.name, parameters={"n": five.submit()})
        tries.append(child)
        if len(tries) == 1:
            raise ValueError("once more")
        return child

    child = parent()
    assert child.state.result() == 6
    assert [one.id for one in tries] == [child.id, child.id]  # found again, not run twice
    above = store.read_flow_run(child.parent_flow_run_id or "")
    assert above.flow_name == "parent"
    by_key = {t.key: t for t in store.list_task_runs(above.id)}
    tracking = by_key[f"flow:{made.flow_name}"]
    assert (tracking.state.type, len(tracking.upstream)) == ("COMPLETED", 1)
    alone = run(made.name, as_subflow=False, timeout=0)
    assert alone.parent_flow_run_id is None
    where = RunFilter(parent_flow_run_id=above.id, sessions=True)
    assert [one.id for one in store.list_flow_runs(where).rows] == [child.id]


def test_behaviour_25_the_task_run_follows_a_child_that_is_not_waited_for(
    store: Orchestrator, script: Callable[..., str]
) -> None:
    made = deploy(script(TOTAL, "total"), name=unique(), parameters={"n": 1})

    @flow
    def forgetful() -> FlowRun:
        return run_deployment(made.name, timeout=0)

    child = forgetful()
    assert not child.state.is_final()
    assert child.parent_task_run_id is not None
    until(lambda: store.read_flow_run(child.id).state.is_final())
    (tracking,) = store.read_task_runs([child.parent_task_run_id])
    ended = store.read_flow_run(child.id).state
    assert (tracking.state.name, tracking.state.at) == ("Completed", ended.at)
    assert tracking.state.details["child_flow_run_id"] == child.id
    assert tracking.ended_at == ended.at


async def _within(name: str) -> FlowRun:
    return await arun_deployment(name, timeout=PATIENCE)


def test_arun_deployment_awaits(store: Orchestrator, script: Callable[..., str]) -> None:
    import asyncio

    made = deploy(script(TOTAL, "total"), name=unique(), parameters={"n": 1})
    assert asyncio.run(_within(f"total/{made.name}")).state.result() == 2


# -- serve --------------------------------------------------------------------------------------
def test_serve_runs_what_is_due_and_asked_and_pauses_its_schedules_at_the_end(
    store: Orchestrator, script: Callable[..., str], tmp_path: Path
) -> None:
    entrypoint = script(TOTAL, "total")
    name = unique()
    words = [
        "serve", entrypoint, "--name", name, "-p", "n=1", "--every", "2s", "--timezone", "UTC",
    ]  # fmt: skip
    command = [sys.executable, "-m", "nbflow", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        until(lambda: any(d.name == name for d in store.list_deployments().rows))
        asked = run(name, parameters={"n": 9})
        assert asked.state.result() == 10
        where = RunFilter(deployment_id=asked.deployment_id, state=("COMPLETED",))
        until(lambda: any(r.schedule_id for r in store.list_flow_runs(where).rows))
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out.decode()
    made = store.read_deployment(name)
    assert (made.made_by, [s.active for s in made.schedules]) == ("cli", [False])
    assert f"Serving '{name}'" in out.decode()


def test_what_nbflow_has_not_is_said_clearly(shared_home: Path) -> None:
    with pytest.raises(InvalidInput, match="makes no images") as refused:
        deploy("etl.py:total", image="x")
    assert (refused.value.field, refused.value.code) == ("image", "deploy.not_here")


def test_a_run_keeps_the_version_it_was_made_with(
    store: Orchestrator, script: Callable[..., str]
) -> None:
    made = deploy(script(TOTAL, "total"), name=unique(), parameters={"n": 1})
    store.update_deployment(made.id, DeploymentChange(tags=("new",)))
    ended = run(made.name)
    assert (ended.deployment_version, ended.tags) == (2, ("new",))
