"""`SequentialTaskRunner`: a submitted task runs at once, where it is submitted."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from nbflow import futures

if TYPE_CHECKING:
    from nbflow.task_runners.loop import AsyncJob
    from nbflow.task_runners.threads import Job


class SequentialTaskRunner:
    """Run each submitted task to its end before `submit` returns: one after the other, in order.

    An `async` task runs on an event loop of its own, so this works inside a running one.
    """

    elsewhere = False
    at_once = True

    def __init__(self) -> None:
        self._closed = False

    def __repr__(self) -> str:
        return "SequentialTaskRunner()"

    def __enter__(self) -> SequentialTaskRunner:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(cancel=kind is not None)

    def duplicate(self) -> SequentialTaskRunner:
        """Give a fresh runner of the same kind: each flow run has its own."""
        return SequentialTaskRunner()

    def start(self, job: Job) -> None:
        """Run a job now."""
        if self._closed:
            job.drop()
        else:
            job()

    def start_async(self, job: AsyncJob) -> None:
        """Run an `async` job now, to its end."""
        if self._closed:
            return job.drop()
        alone = _Alone(job)
        alone.start()
        try:
            alone.join()
        except BaseException:  # Ctrl-C: the job has to hear of it
            alone.cancel()
            alone.join()
            raise

    def cancel(self) -> None:
        """Take no more jobs."""
        self._closed = True

    def close(self, *, cancel: bool = False, timeout: float | None = None) -> bool:
        """Say whether all jobs have ended: they have."""
        return True


class _Alone(threading.Thread):
    """One `async` job on an event loop on a thread of its own."""

    def __init__(self, job: AsyncJob) -> None:
        super().__init__(name="nbflow-task-alone", daemon=True)
        self._job = job
        self._loop = asyncio.new_event_loop()

    def run(self) -> None:
        futures.thread.loop = True
        self._task = self._loop.create_task(self._job.arun(), context=self._job.context)
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:  # before its first step: nothing of it ran
            self._job.drop()
        finally:
            self._loop.close()

    def cancel(self) -> None:
        """Cancel the job."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks()])
