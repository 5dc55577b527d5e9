"""Kernel provisioner `nbflow-kept`: a kernel that is already there, taken in by a kernel manager.

It speaks to the kernel that `store.kept_kernels` tells of, signals and watches its process, and
starts nothing: a kernel that was kept cannot be started again.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from traitlets import Instance, Unicode

from nbflow.exceptions import Conflict
from nbflow.store import kept_kernels, owners
from nbflow.store.kept_kernels import KeptKernel

#: longer than any kernel is kept: it ends when its time is over, not when it is idle
_NEVER_SECONDS = 10 * 365 * 86_400


class KeptSpecs(KernelSpecManager):
    """Gives a kept kernel's kernelspec: the one it was started with, and this provisioner."""

    kept = Instance(KeptKernel)
    known: Any = Instance(KernelSpecManager)

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Give it."""
        try:
            spec = self.known.get_kernel_spec(kernel_name)
        except KeyError:
            spec = KernelSpec(display_name=kernel_name, language="")
        config = {"file": str(self.kept.file)}
        spec.metadata = {
            **spec.metadata,
            "kernel_provisioner": {"provisioner_name": "nbflow-kept", "config": config},
            "cull_idle_timeout": _NEVER_SECONDS,
        }
        return spec


class KeptKernelProvisioner(KernelProvisionerBase):
    """Stands for the process of a kept kernel.

    Attributes:
        file: its connection file.
        pidfd: readable when it has ended.
    """

    file = Unicode(config=True)
    pidfd = -1
    _pid = 0

    @property
    def has_process(self) -> bool:
        """Say whether it was taken in."""
        return self.pidfd >= 0

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Give a command that is never carried out. Raises Conflict: it was there already."""
        if self._pid:
            raise Conflict(
                "A kernel kept after a failure cannot be started again.",
                code="kernel.kept", hint="Run the notebook again, or resume its run.",
            )  # fmt: skip
        kwargs.pop("extra_arguments", None)
        return {**kwargs, "cmd": []}

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Take the kernel in. Raises ProcessLookupError, OSError: it has ended."""
        kept = kept_kernels.in_folder(Path(self.file).parent)
        if kept is None or not owners.alive(kept.process):
            raise OSError("The kernel was kept, and has ended.")
        self.pidfd = os.pidfd_open(kept.pid)
        self._pid = kept.pid
        self.connection_info = cast("KernelConnectionInfo", kept.connection())
        return self.connection_info

    async def poll(self) -> int | None:
        """Give None while it lives; how it ended nobody knows."""
        if not self.has_process:
            return 0
        try:
            signal.pidfd_send_signal(self.pidfd, 0)
        except ProcessLookupError:
            return 0
        return None

    async def wait(self) -> int | None:
        """Wait until it has ended."""
        if self.has_process:
            loop = asyncio.get_running_loop()
            ended = loop.create_future()
            watched = os.dup(self.pidfd)
            loop.add_reader(watched, lambda: ended.done() or ended.set_result(None))
            try:
                await ended
            finally:
                loop.remove_reader(watched)
                os.close(watched)
            self._close()
        return 0

    async def send_signal(self, signum: int) -> None:
        """Signal its process group."""
        if await self.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._pid, signum)

    async def kill(self, restart: bool = False) -> None:
        """End it; its keeper ends what it started."""
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        """Ask it to end."""
        await self.send_signal(signal.SIGTERM)

    async def cleanup(self, restart: bool = False) -> None:
        """Free what is held here; the kernel goes on, if it does."""
        self._close()

    def _close(self) -> None:
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1
