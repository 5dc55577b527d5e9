"""An event loop on a thread of its own, for the `async` tasks a task runner is given."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
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
        most: how many jobs run at once, those aside that await a future; None: all.
        ended: called, on the loop, with each job that has ended.
    """

    def __init__(self, most: int | None, *, ended: Callable[[AsyncJob], None]) -> None:
        self._loop = asyncio.new_event_loop()
        self._most = most
        self._ended = ended
        self._waiting: deque[AsyncJob] = deque()  # this and all below: the loop's thread only
        self._parked = 0
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself keeps only weak references
        threading.Thread(target=self._run, name="nbflow-task-loop", daemon=True).start()

    def start(self, job: AsyncJob) -> None:
        """Begin a job (from any thread)."""
        self._loop.call_soon_threadsafe(self._add, job)

    def cancel(self) -> None:
        """Cancel every job that has not ended."""
        self._loop.call_soon_threadsafe(self._cancel)

    def close(self) -> None:
        """End the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def park(self) -> None:
        """Note that a job only awaits a future now; another may take its place."""
        self._parked += 1
        self._begin()

    def unpark(self) -> None:
        """Note that it goes on."""
        self._parked -= 1

    def _run(self) -> None:
        futures.thread.loop = True
        futures.thread.pool = self
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def _add(self, job: AsyncJob) -> None:
        self._waiting.append(job)
        self._begin()

    def _begin(self) -> None:
        while self._waiting and (
            self._most is None or len(self._tasks) - self._parked < self._most
        ):
            job = self._waiting.popleft()
            task = self._loop.create_task(job.arun(), context=job.context)
            self._tasks.add(task)
            task.add_done_callback(lambda task, job=job: self._end(task, job))

    def _cancel(self) -> None:
        while self._waiting:
            job = self._waiting.popleft()
            job.drop()
            self._ended(job)
        for task in self._tasks:
            task.cancel()

    def _end(self, task: asyncio.Task[Any], job: AsyncJob) -> None:
        self._tasks.discard(task)
        if task.cancelled():  # before its first step: nothing of it ran
            job.drop()
        self._ended(job)
        self._begin()
