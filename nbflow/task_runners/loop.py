"""An event loop on a thread of its own, for the `async` tasks a task runner is given."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol

from nbflow import futures


class AsyncJob(Protocol):
    """Something to await once, in its own context. `drop` is called when it will never run."""

    context: Context

    async def arun(self) -> None:
        """Run."""
        ...

    def drop(self) -> None:
        """Note that it will never run."""
        ...


class LoopThread:
    """An event loop that runs until it is closed.

    Args:
        most: how many jobs run at once; None: all.
        ended: called, on the loop, with each job that has ended.
    """

    def __init__(self, most: int | None, *, ended: Callable[[AsyncJob], None]) -> None:
        self._loop = asyncio.new_event_loop()
        self._slots = None if most is None else asyncio.Semaphore(most)
        self._ended = ended
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself keeps only weak references
        threading.Thread(target=self._run, name="nbflow-task-loop", daemon=True).start()

    def start(self, job: AsyncJob) -> None:
        """Begin a job (from any thread)."""
        self._loop.call_soon_threadsafe(self._begin, job)

    def cancel(self) -> None:
        """Cancel every job that has not ended."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])

    def close(self) -> None:
        """End the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self) -> None:
        futures.thread.loop = True
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def _begin(self, job: AsyncJob) -> None:
        task = self._loop.create_task(self._bounded(job), context=job.context)
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._end(task, job))

    async def _bounded(self, job: AsyncJob) -> None:
        if self._slots is None:
            return await job.arun()
        async with self._slots:
            await job.arun()

    def _end(self, task: asyncio.Task[Any], job: AsyncJob) -> None:
        self._tasks.discard(task)
        if task.cancelled():  # before its first step: nothing of it ran
            job.drop()
        self._ended(job)
