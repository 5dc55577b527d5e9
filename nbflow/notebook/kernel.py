"""A kernel's process as the run that started it sees it: begun, watched, interrupted, ended.

Nothing here speaks the Jupyter protocol: that is `client`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from nbflow.kernels import keeping
from nbflow.kernels.forking import Forked
from nbflow.notebook.stopping import Stop
from nbflow.store.kept_kernels import KeptKernel

#: what is kept of what the process writes outside the protocol
_TAIL_BYTES = 4096
#: how long a process that has closed its channels may take to be gone
_HUNG_UP_SECONDS = 0.2
#: how long a killed process may take to be gone
_KILL_SECONDS = 5.0


class KernelProcess:
    """A kernel's process, used on one event loop.

    Attributes:
        dead: done as soon as the process has ended.
        exit_code: negative for a signal; None while it lives, or where it cannot be known.
        kept: it is another process's now, and stays when the run has ended.
        start_note: why it was not forked, where one might have expected that.
    """

    def __init__(self, manager: Any, stop: Stop) -> None:
        self.manager = manager
        self.stop = stop
        self.exit_code: int | None = None
        self.kept = False
        self.start_note = ""
        loop = asyncio.get_running_loop()
        self.dead: asyncio.Future[None] = loop.create_future()
        self.stopping: asyncio.Future[None] = loop.create_future()
        self.urgent: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._tail = b""
        self._watch: asyncio.Task[None] | None = None
        self._tail_pipe: int | None = None

    def hear_stop(self) -> None:
        """Take in, from any thread, that the run was asked to stop."""
        self._loop.call_soon_threadsafe(settle, self.stopping)
        if self.stop.urgent:
            self._loop.call_soon_threadsafe(settle, self.urgent)

    def last_words(self) -> str:
        """Give the last line the process wrote to its own output, outside the protocol."""
        lines = self._tail.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else ""

    def wrote(self, text: str) -> bool:
        """Say whether its own output has a text in it."""
        with suppress(BlockingIOError):
            while self._tail_pipe is not None:
                self._read_tail()
        return text.encode() in self._tail

    def answered(self) -> None:
        """Take note that it answers: what it wrote is no news, and another may be made ready."""
        self._tail = b""
        self.start_note = getattr(self.manager.provisioner, "note", "")
        getattr(self.manager.provisioner, "answered", lambda: None)()

    async def start(self, *, cwd: str | None, env: Mapping[str, str], arguments: list[str]) -> None:
        """Start the process in its own session. Raises OSError when its program is not there."""
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        self._tail_pipe = ours
        self._loop.add_reader(ours, self._read_tail)
        try:
            await self.manager.start_kernel(
                cwd=cwd, env=dict(env), stdout=theirs, stderr=theirs, extra_arguments=arguments
            )
        finally:
            os.close(theirs)
        self._watch = asyncio.ensure_future(self._until_dead())

    def keep(self, **where: Any) -> KeptKernel:
        """Hand the process over to one that keeps it for a while. Raises OSError."""
        made = keeping.keep(self.manager, output=self._tail_pipe, **where)
        self.kept = True
        return made

    async def interrupt(self, ended: asyncio.Future[Any]) -> bool:
        """Climb from interrupt to terminate to kill until `ended` or dead. True: it was killed."""
        to_terminate, to_kill = self.stop.graces()
        rungs = ((signal.SIGINT, to_terminate), (signal.SIGTERM, to_kill))
        for number, grace in rungs:
            if number == signal.SIGINT:
                await self.manager.interrupt_kernel()
            else:
                await self.manager.signal_kernel(number)
            waited = {ended, self.dead, self.urgent}
            await asyncio.wait(waited, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return False
            if self.dead.done():
                return number != signal.SIGINT
            if self.urgent.done():
                break
        await self._kill()
        return True

    async def end(self, patience: float, hung_up: asyncio.Future[Any] | None = None) -> None:
        """End the process, asked first and given `patience` seconds, and free what it held.

        `hung_up` is done when the process closes its channels, the last thing it does: ipykernel 7
        may then wait ten seconds for a thread that has ended (a race in its IOStream.flush).
        """
        if self._watch is not None and not self.dead.done() and not self.kept:
            await self.manager.request_shutdown()
            news = {self.dead, self.urgent} | ({hung_up} if hung_up else set())
            await asyncio.wait(news, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if hung_up is not None and hung_up.done():
                await asyncio.wait({self.dead}, timeout=_HUNG_UP_SECONDS)
            if not self.dead.done():
                await self._kill()
        if self._watch is not None:
            self._watch.cancel()
        await self.manager.cleanup_resources()
        self._close_tail()

    async def _kill(self) -> None:
        await self.manager.signal_kernel(signal.SIGKILL)
        await asyncio.wait({self.dead}, timeout=_KILL_SECONDS)

    async def _until_dead(self) -> None:
        """Notice the end of the process when it happens, or, of a remote one, within a second."""
        process = getattr(self.manager.provisioner, "process", None)
        pid = getattr(self.manager.provisioner, "pid", None)
        if isinstance(process, Forked):  # once it has ended its number may be another's
            await self._ended(os.dup(process.fileno()))
        elif pid and hasattr(os, "pidfd_open"):
            await self._ended(os.pidfd_open(pid))
        while await self.manager.is_alive():  # noqa: ASYNC110 - far processes send no event
            await asyncio.sleep(1.0)
        process = getattr(self.manager.provisioner, "process", None)
        self.exit_code = getattr(process, "returncode", None)
        settle(self.dead)

    async def _ended(self, pidfd: int) -> None:
        ended: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(pidfd, settle, ended)
        try:
            await ended
        finally:
            self._loop.remove_reader(pidfd)
            os.close(pidfd)

    def _read_tail(self) -> None:
        assert self._tail_pipe is not None
        data = os.read(self._tail_pipe, 65_536)
        self._tail = (self._tail + data)[-_TAIL_BYTES:]
        if not data:
            self._close_tail()

    def _close_tail(self) -> None:
        if self._tail_pipe is not None:
            self._loop.remove_reader(self._tail_pipe)
            os.close(self._tail_pipe)
            self._tail_pipe = None


def settle(future: asyncio.Future[None]) -> None:
    """Make a future done, if it is not yet."""
    if not future.done():
        future.set_result(None)
