"""Kernels kept after a failure, among the Jupyter server's own: listed, attached to, shut down.

Each is taken in under its own id through the provisioner `nbflow-kept`, wherever it was kept for
this home folder, and disappears when it has ended. No setting of the server is needed; a server
whose kernels are elsewhere (a gateway) takes none in.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from nbflow.exceptions import Conflict
from nbflow.kernels import keeping
from nbflow.kernels.adopting import KeptSpecs
from nbflow.store import kept_kernels, owners
from nbflow.store.kept_kernels import KeptKernel

#: how often it is looked whether a kernel has come
_LOOK_SECONDS = 1.0


class KeptKernels:
    """The kept kernels of one server. Used on its event loop."""

    def __init__(self, kernels: Any, log: logging.Logger) -> None:
        self._kernels = kernels
        self._log = log
        self._seen_at = 0.0
        self._here: dict[str, KeptKernel] = {}
        self._entering: dict[str, KeptKernel] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        # who asks for a kernel that is being taken in waits until it is there
        self._one_by_one = asyncio.Lock()
        self._watching: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to take kernels in."""
        if not isinstance(self._kernels, AsyncMappingKernelManager) or not hasattr(
            os, "pidfd_open"
        ):
            return
        self._make = self._kernels.kernel_manager_factory
        self._kernels.kernel_manager_factory = self._manager
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Leave the kernels to their keepers: they outlive this server."""
        if self._watching is None:
            return
        self._watching.cancel()
        await asyncio.wait({self._watching})
        self._kernels.kernel_manager_factory = self._make
        for kernel_id in tuple(self._here):
            if kernel_id in self._kernels:
                self._kernels.stop_watching_activity(kernel_id)
                self._kernels.remove_kernel(kernel_id)

    async def take_in(self, kept: KeptKernel) -> None:
        """List a kept kernel. Raises Conflict: it has ended, or this server takes none in."""
        if self._watching is None:
            raise Conflict("This server's kernels are elsewhere.", code="kernel.elsewhere")
        async with self._one_by_one:
            if kept.id not in self._here:
                await self._enter(kept)

    async def _enter(self, kept: KeptKernel) -> None:
        self._here[kept.id] = self._entering[kept.id] = kept
        try:
            await self._kernels.start_kernel(kernel_id=kept.id, kernel_name=kept.name)
        except Exception as error:
            del self._here[kept.id]
            raise Conflict(f"The kernel has ended: {error}", code="kernel.ended") from error
        finally:
            self._entering.pop(kept.id, None)
        self._await_end(kept.id)

    def _manager(self, *args: Any, **kwargs: Any) -> Any:
        """Make a kernel's manager: the server's own, told about a kernel that is taken in."""
        name = Path(kwargs.get("connection_file", "")).stem
        kept = self._entering.pop(name.removeprefix("kernel-"), None)
        if kept is None:
            return self._make(*args, **kwargs)
        kwargs["kernel_spec_manager"] = KeptSpecs(
            kept=kept, known=self._kernels.kernel_spec_manager
        )
        manager = self._make(*args, **kwargs, autorestart=False)
        manager.restart_kernel = _refuse_restart
        return manager

    def _await_end(self, kernel_id: str) -> None:
        """Take it off the list as soon as it ends, whoever ends it."""
        loop = asyncio.get_running_loop()
        pidfd = os.dup(self._kernels.get_kernel(kernel_id).provisioner.pidfd)

        def ended() -> None:
            loop.remove_reader(pidfd)
            os.close(pidfd)
            task = loop.create_task(self._leave(kernel_id))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

        loop.add_reader(pidfd, ended)

    async def _leave(self, kernel_id: str) -> None:
        self._here.pop(kernel_id, None)
        if kernel_id in self._kernels:  # else it was shut down here
            await self._kernels.shutdown_kernel(kernel_id, now=True)

    async def _watch(self) -> None:
        while True:
            changed_at = kept_kernels.changed_at()
            if changed_at != self._seen_at:
                self._seen_at = changed_at
                for kept in kept_kernels.all_here():
                    await self._look_at(kept)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look_at(self, kept: KeptKernel) -> None:
        kept_well = owners.alive(kept.keeper)
        if kept_well is None:  # on another machine
            return
        if not kept_well:
            await asyncio.to_thread(keeping.end, kept)  # nobody else would
            return
        try:
            await self.take_in(kept)
        except Conflict as error:
            self._log.info("kernel %s of run %s: %s", kept.id, kept.flow_run_id, error)


async def _refuse_restart(*_args: Any, **_kwargs: Any) -> None:
    raise Conflict(
        "A kernel kept after a failure cannot be started again.",
        code="kernel.kept", hint="Shut it down and resume the run, or run the notebook again.",
    )  # fmt: skip
