from __future__ import annotations

import asyncio
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest

from nbflow.kernels.forking import available
from nbflow.kernels.provisioner import expect, manager_for
from nbflow.kernels.standby import Standby
from nbflow.store import owners
from tests.kernels.real import MARKER, kernel

pytestmark = [
    pytest.mark.skipif(not available(), reason="kernels are forked on Linux only"),
    pytest.mark.usefixtures("standing_by"),
]

Test = Callable[..., Coroutine[Any, Any, None]]


def on_a_loop(test: Test) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def zygote(standing_by: Standby) -> psutil.Process:
    server = [*standing_by._servers.values()][-1]
    assert server.process is not None
    return psutil.Process(server.process.pid)


@on_a_loop
async def test_a_kernel_that_stands_by_becomes_the_one_that_was_asked_for(tmp_path: Path) -> None:
    env = {"JPY_SESSION_NAME": "a.ipynb", "ONLY": "this"}
    async with kernel() as first:
        assert first.parked is False
    async with kernel(env=env, cwd=str(tmp_path)) as taken:
        assert taken.parked is True
        seen = await taken.run(
            "import os, sys", env="dict(os.environ)", cwd="os.getcwd()", argv="sys.argv[1]"
        )
        wanted = {**os.environ, "NBFLOW_ATTEMPT": MARKER, **env}
        backend = "module://matplotlib_inline.backend_inline"
        expected = {**wanted, "MPLBACKEND": backend}
        names = ("ONLY", "JPY_SESSION_NAME", "NBFLOW_ATTEMPT", "HOME", "MPLBACKEND")
        assert [seen["env"][n] for n in names] == [expected[n] for n in names]
        assert "JPY_PARENT_PID" not in seen["env"]
        assert seen["cwd"] == str(tmp_path)
        assert os.getsid(taken.pid) == taken.pid
        assert psutil.Process(taken.pid).environ()["NBFLOW_ATTEMPT"] == MARKER


@on_a_loop
async def test_siblings_draw_different_numbers() -> None:
    drawn = []
    for _ in range(3):
        async with kernel() as one:
            drawn.append(
                await one.run(
                    "import random, numpy as np, uuid",
                    python="random.random()",
                    numpy="float(np.random.random())",
                    unique="str(uuid.uuid4())",
                )
            )
    assert len({d["python"] for d in drawn}) == 3
    assert len({d["numpy"] for d in drawn}) == 3


@on_a_loop
async def test_start_up_files_run_with_what_the_run_was_given(tmp_path: Path) -> None:
    folder = Path(os.environ["IPYTHONDIR"]) / "profile_default/startup"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "00-here.py"
    file.write_text("import os\nhere = os.getpid(), os.environ['ONLY'], os.getcwd()\n")
    try:
        for _ in range(2):
            async with kernel(env={"ONLY": "this"}, cwd=str(tmp_path)) as one:
                seen = await one.run("", here="here")
                assert seen["here"] == (one.pid, "this", str(tmp_path))
    finally:
        file.unlink()


@on_a_loop
async def test_where_files_configure_ipython_none_stands_by() -> None:
    async with kernel() as one:
        assert one.parked is not None
    file = Path(os.environ["IPYTHONDIR"]) / "profile_default/ipython_kernel_config.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("import os\nc.IPKernelApp.exec_lines = ['x = ' + repr(os.environ['ONLY'])]\n")
    try:
        async with kernel(env={"ONLY": "this"}) as one:
            assert one.parked is False
            assert (await one.run("", x="x"))["x"] == "this"
    finally:
        file.unlink()


@on_a_loop
async def test_it_can_all_a_kernel_can() -> None:
    async with kernel() as one:
        await one.run("import asyncio\nx = await asyncio.sleep(0, 'there')\nassert x == 'there'")
        await one.run("!true\n%time 1")
        found = await one.reply("complete_request", {"code": "asyncio.slee", "cursor_pos": 12})
        assert "sleep" in " ".join(found["matches"])
        asked = {"type": "request", "seq": 1, "command": "debugInfo", "arguments": {}}
        told = await one.reply("debug_request", asked, "control")
        assert told["success"], told
        asked = {"type": "request", "seq": 2, "command": "initialize", "arguments": {}}
        told = await one.reply("debug_request", asked, "control")
        assert told["success"], told
        made = await one.reply("create_subshell_request", {}, "control")
        assert made["status"] == "ok"
        await one.run(
            "import comm, os, signal\n"
            "c = comm.create_comm(target_name='t')\n"
            "pid = os.fork()\n"
            "if pid == 0: os._exit(3)\n"
            "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3\n"
            "assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL\n"
            "import subprocess, sys\n"
            "assert subprocess.run([sys.executable, '-c', 'exit(4)']).returncode == 4\n"
            "import multiprocessing\n"
            "with multiprocessing.Pool(1) as pool: assert pool.map(abs, [-1]) == [1]\n"
        )


@on_a_loop
async def test_a_plot_is_shown_though_pyplot_was_imported_before_the_fork() -> None:
    async with kernel() as one:
        seen = await one.run(
            "import sys; before = 'matplotlib.pyplot' in sys.modules\n"
            "import matplotlib.pyplot as plt; plt.plot([1, 2])",
            before="before",
            backend="plt.get_backend()",
        )
        assert seen["before"]
        assert "inline" in seen["backend"]
        while True:
            message = await one.client.get_iopub_msg(timeout=60)
            if message["msg_type"] == "display_data":
                assert "image/png" in message["content"]["data"]
                break


@on_a_loop
async def test_it_is_interrupted_like_any_kernel() -> None:
    async with kernel() as one:
        code = {"code": "print('in'); import time; time.sleep(60)", "silent": False}
        running = asyncio.ensure_future(one.reply("execute_request", code))
        while (await one.client.get_iopub_msg(timeout=60))["msg_type"] != "stream":
            pass
        await one.manager.interrupt_kernel()
        reply = await asyncio.wait_for(running, 60)
        assert (reply["status"], reply["ename"]) == ("error", "KeyboardInterrupt")
        await one.run("assert True")


@on_a_loop
async def test_a_killed_kernel_is_noticed_and_its_end_known() -> None:
    async with kernel() as one:
        assert await one.provisioner.poll() is None
        os.kill(one.pid, signal.SIGKILL)
        assert await one.ended() == -signal.SIGKILL
        assert not psutil.pid_exists(one.pid), "its parent has buried it"


@on_a_loop
async def test_it_ends_by_itself_when_it_is_asked_to() -> None:
    async with kernel() as one:
        await one.manager.request_shutdown()
        assert await one.ended() == 0


@on_a_loop
async def test_it_is_found_and_ended_by_the_marker() -> None:
    async with kernel(env={"NBFLOW_ATTEMPT": "found-7"}) as one:
        await one.run("import subprocess\np = subprocess.Popen(['sleep', '60'])")
        assert owners.sweep("found-7") == 2
        assert await one.ended() == -signal.SIGKILL


def test_it_ends_with_the_process_that_asked_for_it() -> None:
    code = """if True:
        import asyncio, os, signal
        from tests.kernels.real import kernel
        async def main():
            async with kernel() as one:
                print(one.pid, one.parked, flush=True)
                await one.run("import time")
                os.kill(os.getpid(), signal.SIGKILL)
        asyncio.run(main())
    """
    root = Path(__file__).parents[2]
    asker = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False
    )
    pid, parked = asker.stdout.split()
    assert parked in ("True", "False"), asker.stderr
    try:
        psutil.Process(int(pid)).wait(60)
    except psutil.NoSuchProcess:
        pass


@on_a_loop
async def test_a_killed_zygote_takes_those_with_it_that_stand_by_and_no_run(
    standing_by: Standby,
) -> None:
    async with kernel() as one:
        await one.run("x = 1")
        parent = zygote(standing_by)
        others = [child for child in parent.children() if child.pid != one.pid]
        parent.kill()
        assert not psutil.wait_procs(others, timeout=60)[1]
        assert (await one.run("", x="x"))["x"] == 1
        os.kill(one.pid, signal.SIGKILL)
        await one.ended()
        assert one.provisioner.process.returncode is None, "nobody can know how"
        assert await one.provisioner.poll() is not None
    async with kernel() as another:
        assert another.parked is False
        await another.run("assert True")


@on_a_loop
async def test_fifty_kernels_leave_nothing_behind(standing_by: Standby) -> None:
    async with kernel() as one:
        await one.run("1")
    parent, here = zygote(standing_by), psutil.Process()
    before = here.num_fds(), parent.num_fds()
    for _ in range(50):
        async with kernel():
            pass
    async with kernel(replenish=False) as one:
        await one.run("1")
    assert here.num_fds() - before[0] <= 2
    assert parent.num_fds() - before[1] <= 2
    assert len(parent.children()) <= 1


def test_a_kernel_can_be_expected(standing_by: Standby) -> None:
    expect("python3")

    async def take() -> None:
        async with kernel(replenish=False):
            pass
        async with kernel(replenish=False):
            pass
        expect("python3")
        async with kernel() as one:
            assert one.parked

    asyncio.run(take())


def _kernelspec(folder: Path, argv: list[str], **spec: Any) -> None:
    folder.mkdir(parents=True)
    said = {"argv": argv, "display_name": folder.name, "language": "python", **spec}
    (folder / "kernel.json").write_text(json.dumps(said))


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["sh", "-c", "exec {python} -m ipykernel_launcher -f {{connection_file}}"], "directly"),
        (["{python}", "-R", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "with -R"),
    ],
)
def test_another_kernelspec_starts_normally(
    argv: list[str], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [word.replace("{python}", sys.executable).replace("{{", "{") for word in argv]
    words = [word.replace("}}", "}") for word in words]
    _kernelspec(tmp_path / "kernels/odd", words)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    async def start() -> None:
        async with kernel("odd") as one:
            assert one.parked is None
            assert why in one.provisioner.why_not
            assert one.provisioner.note.startswith("The kernel was started, not forked: ")
            await one.run("assert True")

    asyncio.run(start())


@on_a_loop
async def test_an_environment_that_must_be_there_at_the_start_starts_normally() -> None:
    async with kernel(env={"PYTHONPATH": "/elsewhere"}) as one:
        assert one.provisioner.why_not == "its environment has another PYTHONPATH"
        seen = await one.run("import sys", there="'/elsewhere' in sys.path")
        assert seen["there"]


def test_what_is_installed_meanwhile_is_what_a_kernel_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    _kernelspec(tmp_path / "kernels/own", argv, env={"PYTHONPATH": str(packages)})
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))

    async def start() -> None:
        async with kernel("own") as one:
            assert one.parked is False
        (packages / "fresh.py").write_text("x = 1")
        async with kernel("own") as one:
            assert one.parked is None
            assert "packages were installed" in one.provisioner.note
            assert (await one.run("import fresh", x="fresh.x"))["x"] == 1
        async with kernel("own") as one:
            assert one.parked is False, "forked from a zygote that began anew"

    asyncio.run(start())


def test_where_another_provisioner_is_chosen_it_starts_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", "elsewhere")
    assert manager_for("python3").provisioner is None


@on_a_loop
async def test_without_a_worker_a_kernel_starts_normally_and_without_a_word(
    tmp_path: Path,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBFLOW_HOME", str(tmp_path))
        async with kernel() as one:
            assert one.parked is None
            assert one.provisioner.note == ""


def test_folders_of_the_dead_are_removed_and_others_are_not(
    standing_by: Standby, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A worker that begins removes what killed ones left, of homes that are gone, too."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = tmp_path / f"nbflow-kernels-{gone.pid}-a"
    heard = tmp_path / f"nbflow-kernels-{gone.pid}-b"  # of another container, with other numbers
    alive = tmp_path / f"nbflow-kernels-{os.getpid()}-c"
    strange = tmp_path / "nbflow-kernels-notes"
    for folder in (dead, heard, alive, strange):
        folder.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(heard / "s"))
        listener.listen()
        monkeypatch.setenv("NBFLOW_HOME", str(tmp_path / "home"))
        Standby().close()
    assert sorted(tmp_path.glob("nbflow-kernels-*")) == sorted([alive, heard, strange])
