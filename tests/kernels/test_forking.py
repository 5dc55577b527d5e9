from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbflow.kernels.forking import Forked, ForkServer, NotForked, available
from nbflow.store import owners

pytestmark = pytest.mark.skipif(not available(), reason="children are forked on Linux only")

_MAIN = str(Path(__file__).with_name("forked_main.py"))
ENV = {"PATH": os.environ["PATH"], "NBFLOW_ATTEMPT": "run-1", "ONLY": "this"}


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    made = ForkServer(f"{_MAIN}:facts", lifeline=True)
    yield made
    made.close()


def _serve(function: str, **options: Any) -> ForkServer:
    return ForkServer(f"{_MAIN}:{function}", **options)


def _fork(
    server: ForkServer, *argv: str, env: dict[str, str] = ENV, cwd: str | None = None
) -> tuple[Forked, int]:
    """Fork a child whose output can be read; give it and the reading end."""
    reading, writing = os.pipe()
    try:
        child = server.fork(["facts", *argv], env=env, cwd=cwd, fds=(0, writing, writing))
    finally:
        os.close(writing)
    return child, reading


def _facts(
    server: ForkServer, *argv: str, env: dict[str, str] = ENV, cwd: str | None = None
) -> dict[str, Any]:
    child, reading = _fork(server, *argv, env=env, cwd=cwd)
    with open(reading) as file:
        line = file.readline()
    child.wait(60)
    child.close()
    return json.loads(line)


def test_a_child_is_a_process_of_its_own(server: ForkServer, tmp_path: Path) -> None:
    facts = _facts(server, "0", "x", cwd=str(tmp_path))
    assert facts["env"] == ENV
    assert facts["argv"] == ["0", "x"]
    assert facts["cwd"] == str(tmp_path)
    assert facts["session"]
    assert facts["threads"] == [1, 1]


def test_the_exit_code_is_what_main_returns(server: ForkServer) -> None:
    child, reading = _fork(server, "7")
    assert child.wait(60) == 7
    assert child.returncode == 7
    os.close(reading)
    child.close()


def test_siblings_draw_different_numbers(server: ForkServer) -> None:
    first, second = _facts(server)["drawn"], _facts(server)["drawn"]
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_a_child_holds_nothing_of_its_parents(server: ForkServer) -> None:
    child, reading = _fork(server)
    before = _facts(server)["open"]
    child.wait(60)
    os.close(reading)
    child.close()
    after = _facts(server)["open"]
    kinds = [[name.split(":")[0] for name in names] for names in (before, after)]
    assert kinds[0] == kinds[1]
    # the conversation it may speak on, and the lifeline
    assert kinds[0].count("socket") == 1
    assert not any("anon_inode" in name for name in before)


def test_a_child_is_found_by_the_marker_in_its_environment() -> None:
    server = _serve("wait")
    marker = f"run-{os.getpid()}-1"
    stdin, hold = os.pipe()
    reading, writing = os.pipe()
    child = server.fork([], env={**ENV, "NBFLOW_ATTEMPT": marker}, fds=(stdin, writing, writing))
    assert os.read(reading, 4) == b"here"
    assert psutil.Process(child.pid).environ()["NBFLOW_ATTEMPT"] == marker
    assert owners.sweep(marker) == 1
    assert child.wait(60) == -signal.SIGKILL
    for descriptor in (stdin, hold, reading, writing):
        os.close(descriptor)
    child.close()
    server.close()


def test_a_child_ends_with_its_lifeline_even_while_it_holds_the_interpreter() -> None:
    server = _serve("grind", lifeline=True)
    child, reading = _fork(server)
    assert os.read(reading, 4) == b"here"
    watched = os.pidfd_open(child.pid)
    copy = os.dup(child.lifeline or 0)
    child.close()
    os.close(copy)
    poller = select.poll()
    poller.register(watched, select.POLLIN)
    assert poller.poll(5000)
    os.close(watched)
    os.close(reading)
    server.close()


def test_a_killed_child_is_noticed_at_once() -> None:
    server = _serve("wait")
    stdin, hold = os.pipe()
    child = server.fork([], env=ENV, fds=(stdin, 1, 2))
    assert child.poll() is None
    child.kill()
    assert child.wait(60) == -signal.SIGKILL
    os.close(stdin)
    os.close(hold)
    child.close()
    server.close()


def test_a_parked_child_gets_its_environment_when_it_is_taken() -> None:
    server = _serve("facts", standby=1)
    server.replenish()
    server.ready()
    facts = _facts(server)
    assert facts["env"] == ENV
    child, reading = _fork(server)
    assert not child.parked, "another one stands by only when that is asked for"
    child.replenish()
    child.wait(60)
    os.close(reading)
    child.close()
    child, reading = _fork(server)
    assert child.parked
    child.wait(60)
    os.close(reading)
    child.close()
    server.close()


def test_those_who_stand_by_end_with_the_server() -> None:
    server = _serve("facts", standby=2)
    server.replenish()
    server.ready()
    assert server.process is not None
    child, reading = _fork(server)
    parked = psutil.Process(server.process.pid).children()
    assert parked
    server.process.kill()
    assert not psutil.wait_procs(parked, timeout=60)[1]
    os.close(reading)
    child.close()
    server.close()


def test_a_server_that_rests_long_enough_ends_and_starts_again() -> None:
    server = _serve("facts", standby=1, idle_seconds=0.05)
    _facts(server)
    assert server.process is not None
    server.process.wait(60)
    assert _facts(server)["env"] == ENV
    server.close()


def test_a_killed_server_starts_again(server: ForkServer) -> None:
    _facts(server)
    assert server.process is not None
    server.process.kill()
    server.process.wait()
    assert _facts(server)["env"] == ENV


def test_what_cannot_be_forked_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotForked, match="No module named 'nothing_here'"):
        ForkServer("nothing_here:main").fork([], env={})
    with pytest.raises(NotForked, match="No such file"):
        ForkServer("x:y", python=[str(tmp_path / "python")]).fork([], env={})
    threaded = tmp_path / "threaded.py"
    threaded.write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    server = ForkServer(f"{_MAIN}:facts", preload=["threaded"], env=env)
    with pytest.raises(NotForked, match="importing threaded starts a thread"):
        server.fork([], env={})


def test_an_environment_larger_than_a_packet_arrives(server: ForkServer) -> None:
    large = {**ENV, "LARGE": "x" * 120_000, "ODD": "\udcff"}
    assert _facts(server, env=large)["env"] == large


def test_fifty_children_leave_nothing_behind(
    server: ForkServer, wait_for: Callable[..., object]
) -> None:
    _facts(server)
    assert server.process is not None
    parent = psutil.Process(server.process.pid)
    before = (parent.num_fds(), psutil.Process().num_fds())
    for _ in range(50):
        child, reading = _fork(server)
        child.wait(60)
        os.close(reading)
        child.close()
    _facts(server)
    assert psutil.Process().num_fds() <= before[1]
    # it tells of a child's end, and clears away after
    wait_for(lambda: parent.num_fds() <= before[0] and not parent.children(), what="a clean parent")


def test_only_the_standard_library_is_needed() -> None:
    code = (
        "import sys; sys.argv=['z','0']; import runpy; "
        f"m=runpy.run_path({str(Path(_MAIN).parents[2] / 'nbflow/kernels/zygote.py')!r});"
        "assert not [n for n in sys.modules if n.startswith('nbflow')]"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
