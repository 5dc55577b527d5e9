"""`nbflow run` beside a worker: a warm process does it, and nobody can tell but by the clock."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbflow.kernels import forking
from nbflow.kernels.forking import NotForked
from nbflow.model.runs import FlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.workers import executors

Wait = Callable[..., Any]

pytestmark = pytest.mark.skipif(not forking.available(), reason="forks are for Linux")

NBFLOW = [sys.executable, "-m", "nbflow"]
WAITS = "import threading\nprint('here', flush=True)\nthreading.Event().wait(600)"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder beside which a worker stands, ready to fork."""
    home = tmp_path_factory.mktemp("settled") / "home"
    env = os.environ | {"NBFLOW_HOME": str(home)}
    command = [sys.executable, "-m", "nbflow.workers", "--watch-stdin"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=env)
    yield home
    assert process.stdin is not None
    process.stdin.close()
    process.wait(60)


@pytest.fixture
def warm(
    home: Path, settled: Path, monkeypatch: pytest.MonkeyPatch, wait_for: Wait
) -> Orchestrator:
    """The store of that home folder, once its worker can fork."""
    monkeypatch.setenv("NBFLOW_HOME", str(settled))
    wait_for(_can_fork, seconds=60, what="the warm process")
    return Orchestrator()


def _can_fork() -> bool:
    for talk in executors.find():
        try:
            child = forking.ask(talk, ["nothing", "builtins:len"], env=os.environ)
        except NotForked:
            talk.close()
            continue
        return child.wait(60) == 0
    return False


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[..., Path]:
    def write(*sources: str) -> Path:
        cells = [
            {"cell_type": "code", "id": f"c{at}", "metadata": {}, "source": source, "outputs": [],
             "execution_count": None}
            for at, source in enumerate(sources)
        ]  # fmt: skip
        path = tmp_path / "nb.ipynb"
        path.write_text(
            json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
        )
        return path

    return write


def run(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [*NBFLOW, "run", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, **options)


def last(warm: Orchestrator) -> FlowRun:
    return warm.list_flow_runs(limit=1).rows[0]


def printed(path: Path) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join("".join(out.get("text", "")) for out in cell["outputs"]) for cell in cells]


def test_what_is_printed_and_the_exit_code_are_those_of_a_cold_run(
    warm: Orchestrator, notebook: Callable[..., Path], tmp_path: Path
) -> None:
    path = notebook("print('before')", "1 / 0", "3")
    here = run(path, "--name", "one")
    cold = run(path, "--name", "one", env=os.environ | {"NBFLOW_HOME": str(tmp_path / "cold")})
    assert here.returncode == cold.returncode == 1
    assert here.stderr == cold.stderr == ""
    same = [re.sub(r"\(0[0-9a-f-]+\)|\d+\.\d+ s", "…", said.stdout) for said in (here, cold)]
    assert same[0] == same[1]
    assert "ZeroDivisionError" in same[0]


def test_a_refusal_is_the_same_one_line_with_code_2(
    warm: Orchestrator, notebook: Callable[..., Path]
) -> None:
    said = run(notebook("1"), "-k", "no-such")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.startswith("nbflow: There is no kernel 'no-such' here.")
    assert len(said.stderr.splitlines()) == 1


def test_the_shell_s_environment_folder_and_mask_reach_the_run(
    warm: Orchestrator, notebook: Callable[..., Path], tmp_path: Path
) -> None:
    path = notebook("import os\nprint(os.environ['MINE'], os.environ.get('NBFLOW_API_TOKEN'))")
    env = os.environ | {"MINE": "its own", "NBFLOW_API_TOKEN": "a-secret-token-1"}
    said = run("nb.ipynb", cwd=tmp_path, env=env, umask=0o077)
    assert said.returncode == 0, said.stdout + said.stderr
    target = tmp_path / "nb-executed.ipynb"
    assert printed(target) == ["its own None\n"]
    assert target.stat().st_mode & 0o777 == 0o600
    assert path.read_text().count("its own") == 0


def test_little_is_imported_where_somebody_else_does_the_work(
    warm: Orchestrator, notebook: Callable[..., Path]
) -> None:
    script = """
import sys
from nbflow.cli.main import main
code = main(["run", sys.argv[1]])
heavy = {"sqlalchemy", "papermill", "jupyter_client", "rich", "asyncio"} & set(sys.modules)
print(code, sorted(heavy))
"""
    command = [sys.executable, "-c", script, str(notebook("1"))]
    said = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert said.stdout.splitlines()[-1] == "0 []", said.stdout + said.stderr


def test_ctrl_c_cancels_the_run(
    warm: Orchestrator, notebook: Callable[..., Path], wait_for: Wait
) -> None:
    process = begin(warm, notebook(WAITS), wait_for)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert last(warm).state.is_cancelled()
    assert "Cancelled" in out


def test_a_run_ends_with_the_program_that_asked_for_it(
    warm: Orchestrator, notebook: Callable[..., Path], wait_for: Wait
) -> None:
    process = begin(warm, notebook(WAITS), wait_for)
    process.kill()
    process.communicate()
    ended = last(warm)
    wait_for(lambda: warm.read_flow_run(ended.id).state.is_final(), seconds=60)
    assert warm.read_flow_run(ended.id).state.is_crashed()
    wait_for(lambda: not _marked(ended), seconds=60, what="the end of its processes")


def test_another_setting_of_python_means_a_run_of_one_s_own(
    warm: Orchestrator, notebook: Callable[..., Path]
) -> None:
    path = notebook("import sys\nprint(sys.flags.optimize)")
    said = run(path, env=os.environ | {"PYTHONOPTIMIZE": "1"})
    assert said.returncode == 0, said.stdout + said.stderr
    assert printed(path.with_name("nb-executed.ipynb")) == ["1\n"]


def begin(warm: Orchestrator, path: Path, wait_for: Wait) -> subprocess.Popen[str]:
    """Start a run, and wait for its first cell."""
    before = {found.id for found in warm.list_flow_runs(limit=50).rows}
    process = subprocess.Popen(
        [*NBFLOW, "run", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def runs() -> bool:
        new = [found for found in warm.list_flow_runs(limit=50).rows if found.id not in before]
        return any(c.state.is_running() for found in new for c in warm.list_task_runs(found.id))

    wait_for(runs, seconds=60)
    return process


def _marked(run: FlowRun) -> list[int]:
    found: list[int] = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("NBFLOW_ATTEMPT", "").startswith(run.id):
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found
