"""Kernels kept after a failure, in a real server: listed, used, shut down, gone in time."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_server.serverapp import ServerApp
from tornado.websocket import WebSocketClientConnection

from nbflow.connect import connect
from nbflow.kernels import keeping
from nbflow.kernels.forking import available
from nbflow.model.run_options import RunOptions
from nbflow.model.runs import NewFlowRun
from nbflow.notebook.running import run_now
from nbflow.store import kept_kernels, owners
from nbflow.store.kept_kernels import KeptKernel

pytestmark = [
    pytest.mark.skipif(not available(), reason="kernels are kept on Linux only"),
    pytest.mark.usefixtures("without_worker"),
]


def fail(path: Path, seconds: float) -> KeptKernel:
    """Run a notebook that fails, and keep its kernel."""
    backend = connect()
    options = RunOptions(keep_kernel_seconds=seconds).to_json()
    new = NewFlowRun(flow_name="fails", name="fails", path=str(path), options=options)
    run = backend.create_flow_run(new)
    state = run_now(backend, run.id, run.attempt)
    assert state.is_failed(), state
    kept = kept_kernels.of_attempt(run.id, run.attempt)
    assert kept is not None
    assert state.details["kept_kernel"] == {"id": kept.id, "until": kept.until.isoformat()}
    return kept


@pytest.fixture
def failing(write_notebook: Callable[..., Path]) -> Path:
    return write_notebook("fails.ipynb", "x = 41", "1 / 0")


def ended(pid: int) -> bool:
    """Say whether a process has ended; this one may be the parent that did not look yet."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def until(fact: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not fact():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.05)


async def listed(jp_fetch: Any) -> list[str]:
    reply = await jp_fetch("api", "kernels")
    return [kernel["id"] for kernel in json.loads(reply.body)]


async def execute(socket: WebSocketClientConnection, code: str) -> str:
    """Run code over the server's websocket; give what it prints."""
    header = {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "s",
              "version": "5.3", "date": ""}  # fmt: skip
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
    await socket.write_message(json.dumps({**message, "channel": "shell", "buffers": []}))
    while True:
        got = json.loads(str(await socket.read_message()))
        if got["parent_header"].get("msg_id") == "1" and got["msg_type"] == "stream":
            return got["content"]["text"]


async def test_a_kept_kernel_is_one_of_the_servers(
    app: ServerApp, ask: Any, jp_fetch: Any, jp_ws_fetch: Any, failing: Path
) -> None:
    kept = await asyncio.to_thread(fail, failing, 60.0)
    mode = kept.file.stat().st_mode
    assert mode & 0o777 == 0o600
    reply = await ask("POST", f"flow-runs/{kept.flow_run_id}/kernel")
    assert (reply.status, reply.json["id"]) == (200, kept.id)
    assert reply.json["connection_file"] == str(kept.file)
    assert kept.id in await listed(jp_fetch)

    socket = await jp_ws_fetch("api", "kernels", kept.id, "channels")
    assert await execute(socket, "print(x + 1)") == "42\n"
    socket.close()

    restarted = await jp_fetch(
        "api", "kernels", kept.id, "restart", method="POST", body="{}", raise_error=False
    )
    assert restarted.code == 500
    assert not ended(kept.pid), "it was not ended by the attempt"

    manager: Any = app.kernel_manager.get_kernel(kept.id)
    assert manager.kernel_spec.metadata["cull_idle_timeout"] > 7 * 86_400

    await jp_fetch("api", "kernels", kept.id, method="DELETE")
    await until(lambda: ended(kept.pid))
    assert kept.id not in await listed(jp_fetch)
    await until(lambda: not kept.file.exists())
    reply = await ask("POST", f"flow-runs/{kept.flow_run_id}/kernel")
    assert (reply.status, reply.json["code"]) == (404, "kernel.not_kept")


async def test_it_is_listed_by_itself_and_gone_when_its_time_is_over(
    app: ServerApp, jp_fetch: Any, failing: Path
) -> None:
    kept = await asyncio.to_thread(fail, failing, 3.0)
    await until(lambda: kept.id in app.kernel_manager)
    assert kept.id in await listed(jp_fetch)
    await until(lambda: kept.id not in app.kernel_manager)
    assert ended(kept.pid)
    await until(lambda: not kept.file.exists())
    assert not owners.alive(kept.keeper)


async def test_it_outlives_the_server(app: ServerApp, ask: Any, failing: Path) -> None:
    kept = await asyncio.to_thread(fail, failing, 60.0)
    await ask("POST", f"flow-runs/{kept.flow_run_id}/kernel")
    await app.cleanup_extensions()
    await app.cleanup_kernels()
    assert not ended(kept.pid)
    assert owners.sweep(kept.marker) == 0, "nothing of the run was left but what is kept"
    os.kill(kept.keeper.pid, 15)
    await until(lambda: ended(kept.pid))
    assert not kept.file.exists()


async def test_it_can_be_ended_by_hand(app: ServerApp, failing: Path) -> None:
    kept = await asyncio.to_thread(fail, failing, 60.0)
    await asyncio.to_thread(keeping.end, kept)
    assert ended(kept.pid)
    await until(lambda: not owners.alive(kept.keeper))
