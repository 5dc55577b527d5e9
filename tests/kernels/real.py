"""A real kernel as the tests of this folder use one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from nbflow.kernels.provisioner import PreforkProvisioner, manager_for

MARKER = "run-1"


class Kernel:
    """A started kernel and the channels to it."""

    def __init__(self, manager: Any, client: Any) -> None:
        self.manager = manager
        self.client = client
        self.provisioner: PreforkProvisioner = manager.provisioner
        self.pid: int = manager.provisioner.pid

    @property
    def parked(self) -> bool | None:
        return getattr(self.provisioner.process, "parked", None)

    async def reply(self, kind: str, content: dict[str, Any], channel: str = "shell") -> Any:
        message = self.client.session.msg(kind, content)
        getattr(self.client, f"{channel}_channel").send(message)
        while True:
            got = await getattr(self.client, f"get_{channel}_msg")(timeout=60)
            if got["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                return got["content"]

    async def run(self, code: str, **asked: str) -> Any:
        """Run code; give the values of the expressions that were asked for."""
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        reply = await self.reply("execute_request", {**content, "user_expressions": asked})
        assert reply["status"] == "ok", reply
        values = {
            name: value["data"]["text/plain"] for name, value in reply["user_expressions"].items()
        }
        return {name: eval(text, {}) for name, text in values.items()}

    async def ended(self) -> int | None:
        """Wait until the process is gone."""
        loop = asyncio.get_running_loop()
        gone = loop.create_future()
        pidfd = os.dup(self.provisioner.process.fileno())
        loop.add_reader(pidfd, lambda: gone.done() or gone.set_result(None))
        try:
            await asyncio.wait_for(gone, 60)
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)
        return await self.provisioner.poll()


@asynccontextmanager
async def kernel(
    name: str = "python3",
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    manager: Any = None,
    replenish: bool = True,
) -> AsyncIterator[Kernel]:
    """Start a run's kernel, and end it."""
    made: Any = manager or manager_for(name)
    environment = {**os.environ, "NBFLOW_ATTEMPT": MARKER, **(env or {})}
    arguments = ["--HistoryManager.hist_file=:memory:"]
    await made.start_kernel(env=environment, cwd=cwd, extra_arguments=arguments)
    client = made.client()
    client.start_channels(hb=False)
    try:
        started = Kernel(made, client)
        await started.reply("kernel_info_request", {})
        if replenish and isinstance(made.provisioner, PreforkProvisioner):
            made.provisioner.answered()
        yield started
    finally:
        client.stop_channels()
        await made.shutdown_kernel(now=True)
