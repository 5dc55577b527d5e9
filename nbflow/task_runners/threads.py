"""`ThreadPoolTaskRunner`: submitted tasks run on threads of this process, `async` ones on a loop.

Threads are added while jobs wait and the processors are idle, so a thousand quick tasks share a few
threads and a thousand sleeping ones do not queue. What a job is, this file does not know.
"""

from __future__ import annotations

import logging
import os
import threading
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Protocol, Self

from nbflow import futures
from nbflow.exceptions import InvalidInput
from nbflow.model import clock

if TYPE_CHECKING:
    from nbflow.task_runners.loop import AsyncJob, LoopThread

_log = logging.getLogger("nbflow.engine")

#: threads at once when nothing else is said
MOST_THREADS = 256
#: how long jobs wait for a thread before the processors are looked at
GROW_SECONDS = 0.005
#: below this share of one processor in use, the running jobs are waiting for something
IDLE_SHARE = 0.5


class Job(Protocol):
    """Something to run once. `drop` is called instead when it will never run."""

    def __call__(self) -> None:
        """Run."""
        ...

    def drop(self) -> None:
        """Note that it will never run."""
        ...


class ThreadPoolTaskRunner:
    """Run submitted tasks on threads (the default).

    A task that waits for other tasks does not count: its thread is replaced until it goes on.

    Args:
        max_workers: how many tasks run at once; 256 when left out. Raises InvalidInput below 1.
    """

    #: whether calls are made in other processes (`task_runners.elsewhere`)
    elsewhere = False
    #: whether a task has ended when it has been submitted
    at_once = False

    def __init__(self, max_workers: int | None = None) -> None:
        self.max_workers = _checked(max_workers)
        self._limit = max_workers or MOST_THREADS
        self._base = min(self._limit, max(4, os.cpu_count() or 1))
        self._lock = allocate_lock()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._idle: deque[None] = deque()  # one token for each thread that waits for a job
        self._threads = 0
        self._parked = 0
        self._unfinished: set[object] = set()
        self._later: set[Job] = set()  # of these, those that something else lets begin
        self._quiet: threading.Event | None = None
        self._grower: threading.Thread | None = None
        self._loop: LoopThread | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"ThreadPoolTaskRunner(max_workers={self.max_workers})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(cancel=kind is not None)

    def duplicate(self) -> ThreadPoolTaskRunner:
        """Give a fresh runner of the same kind: each flow run has its own."""
        return ThreadPoolTaskRunner(self.max_workers)

    def start(self, job: Job) -> None:
        """Run a job on a thread as soon as one is free."""
        if not self._begin(job):
            return job.drop()
        self._put(job)

    def start_later(self, job: Job) -> Callable[[], None]:
        """Count a job that may not begin yet; give what lets it. Until then it takes no thread."""
        with self._lock:
            self._later.add(job)
        if not self._begin(job):
            self._drop_later()
        return partial(self._let_begin, job)

    def _let_begin(self, job: Job) -> None:
        with self._lock:
            if job not in self._later:  # it has begun, or never will
                return
            self._later.discard(job)
        self._put(job)

    def _put(self, job: Job) -> None:
        try:
            self._jobs.put(job)
        except BaseException:  # Ctrl-C: nobody may wait for a job that is not there
            self._finish(job)
            raise
        try:
            self._idle.pop()
        except IndexError:
            self._grow()

    def start_async(self, job: AsyncJob) -> None:
        """Run an `async` job on this runner's event loop."""
        loop = self._event_loop()
        if not self._begin(job):
            return job.drop()
        try:
            loop.start(job)
        except BaseException:
            self._finish(job)
            raise

    def cancel(self) -> None:
        """Drop the jobs that have not begun, cancel the `async` ones, and take no more."""
        self._closed = True
        if self._loop is not None:
            self._loop.cancel()
        while (job := self._next_waiting()) is not None:
            job.drop()
            self._finish(job)
        self._drop_later()

    def _drop_later(self) -> None:
        with self._lock:
            dropped, self._later = self._later, set()
        for job in dropped:
            job.drop()
            self._finish(job)

    def close(self, *, cancel: bool = False, timeout: float | None = None) -> bool:
        """Wait for every job, then end the threads; say whether all ended in time."""
        if cancel:
            self.cancel()
        quiet = self._wait_quiet(timeout)
        for _ in range(self._threads):
            self._jobs.put(None)
        if self._loop is not None:
            self._loop.close()
        return quiet

    def park(self) -> None:
        """Note that a thread only waits now; another may take its place."""
        with self._lock:
            self._parked += 1
        if not self._jobs.empty():
            self._grow()

    def unpark(self) -> None:
        """Note that a waiting thread goes on."""
        with self._lock:
            self._parked -= 1

    def _event_loop(self) -> LoopThread:
        from nbflow.task_runners.loop import LoopThread  # asyncio costs 40 ms: only for async tasks

        with self._lock:
            if self._loop is None:
                self._loop = LoopThread(self.max_workers, ended=self._finish)
            return self._loop

    def _begin(self, job: object) -> bool:
        with self._lock:
            if self._closed:
                return False
            self._unfinished.add(job)
            return True

    def _finish(self, job: object) -> None:
        with self._lock:
            self._unfinished.discard(job)
            if not self._unfinished and self._quiet is not None:
                self._quiet.set()

    def _wait_quiet(self, timeout: float | None) -> bool:
        with self._lock:
            if not self._unfinished:
                self._closed = True
                return True
            self._quiet = quiet = threading.Event()
        if not quiet.wait(timeout):
            return False
        # a job's callback may have started another meanwhile
        return self._wait_quiet(timeout)

    def _next_waiting(self) -> Job | None:
        try:
            return self._jobs.get_nowait()
        except Empty:
            return None

    def _grow(self) -> None:
        with self._lock:
            working = self._threads - self._parked
            if working < self._base:
                self._threads += 1
            elif working < self._limit and self._grower is None:
                self._grower = threading.Thread(
                    target=self._watch, name="nbflow-task-runner", daemon=True
                )
                self._grower.start()
                return
            else:
                return
        threading.Thread(target=self._work, name="nbflow-task", daemon=True).start()

    def _watch(self) -> None:
        """Add threads while jobs wait and the processors have nothing to do."""
        pause = threading.Event()
        while True:
            since, used = clock.monotonic(), clock.cpu_seconds()
            pause.wait(GROW_SECONDS)
            with self._lock:
                room = self._limit - (self._threads - self._parked)
                waiting = self._jobs.qsize()
                if self._closed or room <= 0 or waiting == 0:
                    self._grower = None
                    return
                share = (clock.cpu_seconds() - used) / (clock.monotonic() - since)
                more = min(waiting, room, self._threads) if share < IDLE_SHARE else 0
                self._threads += more
            for _ in range(more):
                threading.Thread(target=self._work, name="nbflow-task", daemon=True).start()

    def _work(self) -> None:
        futures.thread.pool = self
        while (job := self._take()) is not None:
            try:
                job()
            except BaseException:  # a job tells its own errors; the thread must outlive the rest
                _log.exception("A job of a task runner failed.")
            finally:
                self._finish(job)
                del job  # its result must not live until the next one comes

    def _take(self) -> Job | None:
        # A thread that replaced a waiting one leaves when that one goes on.
        if self._threads - self._parked > self._limit and self._leave():
            return None
        try:
            job = self._jobs.get_nowait()
        except Empty:
            self._idle.append(None)
            job = self._jobs.get()
        if job is None:
            with self._lock:
                self._threads -= 1
        return job

    def _leave(self) -> bool:
        with self._lock:
            over = self._threads - self._parked > self._limit
            if over:
                self._threads -= 1
            return over


#: Prefect 2's name
ConcurrentTaskRunner = ThreadPoolTaskRunner


def _checked(max_workers: Any) -> int | None:
    whole = isinstance(max_workers, int) and not isinstance(max_workers, bool)
    if max_workers is not None and not (whole and max_workers >= 1):
        raise InvalidInput(
            f"max_workers is {max_workers!r}; it must be 1 or more.", field="max_workers"
        )
    return max_workers
