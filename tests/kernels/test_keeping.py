"""A failed run's kernel stays, answers, and ends in time, whoever of its run is still there."""

from __future__ import annotations

import json
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from nbformat.v4 import new_code_cell, new_notebook

from nbflow.cli.main import main
from nbflow.connect import connect
from nbflow.kernels import keeping
from nbflow.kernels.forking import available
from nbflow.kernels.standby import Standby
from nbflow.model.run_options import RunOptions
from nbflow.model.runs import NewFlowRun
from nbflow.model.states import State
from nbflow.notebook.running import run_now
from nbflow.store import kept_kernels, owners
from nbflow.store.kept_kernels import KeptKernel

pytestmark = pytest.mark.skipif(not available(), reason="kernels are kept on Linux only")


@pytest.fixture(params=["started", "forked"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    monkeypatch.setenv("NBFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NBFLOW_TERMINATE_SECONDS", "0.5")
    standing_by = Standby() if request.param == "forked" else None
    yield tmp_path
    if standing_by is not None:
        standing_by.close()
    for kept in kept_kernels.all_here():
        keeping.end(kept)


def run(place: Path, *sources: str, seconds: float = 60.0) -> tuple[State, KeptKernel | None]:
    spec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    nb = new_notebook(cells=[new_code_cell(s) for s in sources], metadata={"kernelspec": spec})
    path = place / "n.ipynb"
    nbformat.write(nb, path)
    backend = connect()
    options = RunOptions(keep_kernel_seconds=seconds).to_json()
    new = NewFlowRun(flow_name="n", name="n", path=str(path), options=options)
    made = backend.create_flow_run(new)
    state = run_now(backend, made.id, made.attempt)
    return state, kept_kernels.of_attempt(made.id, made.attempt)


def value(kept: KeptKernel, expression: str) -> Any:
    """Ask a kept kernel through its connection file, as a console does."""
    client = BlockingKernelClient()
    client.load_connection_file(str(kept.file))
    client.start_channels(stdin=False, hb=False)
    try:
        reply = client.execute("", user_expressions={"v": expression}, reply=True, timeout=60)
        return eval(reply["content"]["user_expressions"]["v"]["data"]["text/plain"], {})
    finally:
        client.stop_channels()


def gone(pid: int, seconds: float = 60.0) -> bool:
    """Wait until a process has ended."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    ended = bool(poller.poll(seconds * 1000))
    os.close(pidfd)
    return ended


def test_it_stays_with_its_variables_and_what_it_started(place: Path) -> None:
    state, kept = run(place, "import os, subprocess\nx = 41\np = subprocess.Popen(['sleep', '99'])",
                      "1 / 0")  # fmt: skip
    assert kept is not None
    assert state.details["kept_kernel"] == {"id": kept.id, "until": kept.until.isoformat()}
    assert owners.sweep(kept.marker) == 0, "a sweep spares what is kept"
    assert value(kept, "x + 1") == 42
    child = value(kept, "p.pid")
    keeping.end(kept)
    assert gone(kept.pid)
    assert gone(child)
    assert gone(kept.keeper.pid)
    assert kept_kernels.all_here() == ()


def test_it_ends_in_time_though_it_is_busy(place: Path) -> None:
    _state, kept = run(place, "1 / 0", seconds=2.0)
    assert kept is not None
    client = BlockingKernelClient()
    client.load_connection_file(str(kept.file))
    client.start_channels(stdin=False, hb=False)
    client.execute(
        "import signal\nsignal.signal(15, signal.SIG_IGN)\nprint('on' * 100_000)\n9**9**9"
    )
    assert gone(kept.pid)
    client.stop_channels()
    assert gone(kept.keeper.pid)
    assert not kept.file.exists()


def test_what_it_writes_outside_the_protocol_never_blocks_it(place: Path) -> None:
    _state, kept = run(place, "1 / 0")
    assert kept is not None
    code = "len([os.write(2, b'x' * 1000) for _ in range(300)])"
    assert value(kept, f"[__import__('sys'), globals().update(os=__import__('os')), {code}][2]")


def test_it_ends_with_the_keeper_when_that_is_asked_to(place: Path) -> None:
    _state, kept = run(place, "1 / 0")
    assert kept is not None
    os.kill(kept.keeper.pid, signal.SIGTERM)
    assert gone(kept.pid)


def test_a_run_that_does_not_fail_keeps_nothing(place: Path) -> None:
    state, kept = run(place, "x = 1")
    assert state.is_completed()
    assert kept is None


def test_a_kernel_that_died_is_not_kept(place: Path) -> None:
    state, kept = run(place, "import os; os.kill(os.getpid(), 9)")
    assert state.is_crashed()
    assert kept is None


def test_the_command_line_says_how_to_attach_and_ends_it(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _state, kept = run(place, "1 / 0")
    assert kept is not None
    main(["flow-run", "kernel", kept.flow_run_id])
    assert f"jupyter console --existing {kept.file}" in capsys.readouterr().out
    main(["flow-run", "kernel", kept.flow_run_id, "--end", "--output", "json"])
    assert json.loads(capsys.readouterr().out)["id"] == kept.id
    assert gone(kept.pid)
    assert main(["flow-run", "kernel", kept.flow_run_id]) != 0
    assert "No kernel of run n is kept" in capsys.readouterr().err


def test_only_a_forked_kernel_ends_with_a_killed_keeper_at_once(
    place: Path, request: pytest.FixtureRequest
) -> None:
    _state, kept = run(place, "1 / 0")
    assert kept is not None
    os.kill(kept.keeper.pid, signal.SIGKILL)
    assert gone(kept.keeper.pid)
    if "[forked]" in request.node.name:
        assert gone(kept.pid)
    else:
        assert owners.sweep(kept.marker) == 1, "the next sweep spares nothing that nobody keeps"
