"""A run's kernel finds no secret of nbflow or Jupyter: not in its environment, nor in /proc."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from nbformat.v4 import new_code_cell, new_notebook, writes

from nbflow.kernels import forking
from nbflow.model import states
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator

pytestmark = pytest.mark.skipif(not forking.available(), reason="/proc is Linux's")

Wait = Callable[..., object]

SECRET = "hush-" + "1f6d0c"
NAMES = (
    "JUPYTER_TOKEN", "JPY_API_TOKEN", "JUPYTERHUB_API_TOKEN", "JUPYTERHUB_COOKIE_SECRET",
    "NBFLOW_SECRET_KEYS", "PGPASSWORD",
)  # fmt: skip
#: what a cell can find of the secret, put together there so that it does not find itself
LOOKS = """
import json, os, pathlib
secret = b"hush-" + b"1f6d0c"
def holds(path):
    try:
        return secret in path.read_bytes()
    except OSError:
        return False
found = [n for n, v in os.environ.items() if secret.decode() in v]
found += [str(p) for p in pathlib.Path("/proc").glob("[0-9]*/environ") if holds(p)]
found += [str(p) for p in pathlib.Path("/proc").glob("[0-9]*/cmdline") if holds(p)]
from jupyter_core.paths import jupyter_runtime_dir
found += [str(p) for p in pathlib.Path(jupyter_runtime_dir()).glob("*") if holds(p)]
said = {"found": found, "AWS_PROFILE": os.environ.get("AWS_PROFILE"),
        "home": os.environ["NBFLOW_HOME"], "url": os.environ["NBFLOW_DATABASE_URL"]}
pathlib.Path("said.json").write_text(json.dumps(said))
"""


@pytest.fixture
def store(postgresql: Any, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[Orchestrator]:
    url = postgresql.create(f"secrets{uuid4().hex}").replace("nbflow@", f"nbflow:{SECRET}@")
    monkeypatch.setenv("NBFLOW_DATABASE_URL", url)
    opened = Orchestrator()
    yield opened
    opened.close()


@pytest.mark.parametrize("warm", [True, False], ids=["forked", "started"])
def test_no_secret_reaches_a_kernel(
    warm: bool, store: Orchestrator, tmp_path: Path, wait_for: Wait
) -> None:
    path = tmp_path / "looks.ipynb"
    path.write_text(writes(new_notebook(cells=[new_code_cell(LOOKS)])), encoding="utf-8")
    run = store.create_flow_run(
        NewFlowRun("looks", kind="notebook", state=states.Scheduled(), path=str(path),
                   kernel_name="python3", work_pool="default")
    )  # fmt: skip
    env = (
        os.environ
        | dict.fromkeys(NAMES, SECRET)
        | {
            "AWS_PROFILE": "science",
            "NBFLOW_DRAIN_SECONDS": "1",
        }
    )
    if not warm:
        env |= {"NBFLOW_EXECUTOR_IDLE_SECONDS": "0", "NBFLOW_KERNEL_STANDBY": "0"}
    command = [sys.executable, "-m", "nbflow.workers", "--pool", "default", "--watch-stdin"]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, env=env)
    try:

        def ended() -> FlowRun | None:
            found = store.read_flow_run(run.id)
            return found if found.state.is_final() else None

        found = wait_for(ended, seconds=60)
        assert isinstance(found, FlowRun)
        assert found.state.is_completed(), found.state.message
    finally:
        assert worker.stdin is not None
        worker.stdin.close()
        worker.wait(60)
    said = json.loads((tmp_path / "said.json").read_text())
    assert said["found"] == []
    assert said["AWS_PROFILE"] == "science"
    assert said["url"] == os.environ["NBFLOW_DATABASE_URL"].replace(f":{SECRET}", "")
