"""`ProcessPoolTaskRunner`: the functions of submitted tasks run in processes of their own.

Processes are started by loky: fresh interpreters, no fork, and nothing of a notebook's kernel in
them. Each makes one call at a time for a thread of this process, so one that dies or has to be
killed takes no other task with it.
"""

from __future__ import annotations

import os
import selectors
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from multiprocessing import util
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model import clock
from nbflow.task_runners import child
from nbflow.task_runners.elsewhere import GRACE_SECONDS, CallStopped, Entry, WorkerLost
from nbflow.task_runners.threads import ThreadPoolTaskRunner

#: how long an idle process may take to leave before it is killed
_LEAVE_SECONDS = 5.0

_HINTS = {
    signal.SIGKILL: " Often the system was out of memory: let fewer tasks run at once "
    "(max_workers), or give them less data.",
    signal.SIGSEGV: " Code outside Python did it: an extension module, or a library it calls.",
}


class ProcessPoolTaskRunner(ThreadPoolTaskRunner):
    """Run submitted tasks in other processes of this machine.

    Functions and classes defined in a cell or a script travel by value, those of importable modules
    by name. Arguments and results are pickled. A task whose process dies is Crashed, and only that
    task; one that is cancelled or takes too long has its process interrupted, then killed.

    Args:
        max_workers: how many processes; as many as there are processors when left out.
        initializer: called once in each process before its first task.
        initargs: what it is called with. Raises InvalidInput.
    """

    elsewhere = True

    def __init__(
        self,
        max_workers: int | None = None,
        initializer: Callable[..., Any] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        super().__init__(max_workers)
        if initializer is not None and not callable(initializer):
            raise InvalidInput("initializer must be a function.", field="initializer")
        self.initializer = initializer
        self.initargs = tuple(initargs)
        self.luggage: bytes | None = None
        self._most = max_workers or _processors()
        self._limit = self._base = self._most
        self._free = threading.Semaphore(self._most)
        self._workers: set[_Worker] = set()
        self._resting: list[_Worker] = []  # the one used last is taken first: it is warm

    def __repr__(self) -> str:
        return f"ProcessPoolTaskRunner(max_workers={self.max_workers})"

    def duplicate(self) -> ProcessPoolTaskRunner:
        """Give a fresh runner of the same kind: each flow run has its own."""
        return ProcessPoolTaskRunner(self.max_workers, self.initializer, self.initargs)

    def call(
        self, entry: Entry, parcel: bytes, *, what: str, timeout: float | None
    ) -> bytes | memoryview:
        """Call `entry(parcel)` in a process; give what it returned.

        Raises WorkerLost, CallStopped, TimeoutError.
        """
        with self._free:
            worker = self._borrow(entry)
            try:
                if self._closed:  # cancelled: a runner that only closes waits for this call
                    raise CallStopped
                return worker.call(parcel, what=what, timeout=timeout)
            finally:
                self._give_back(worker)

    def cancel(self) -> None:
        """Drop the jobs that have not begun, end the others' processes, and take no more."""
        super().cancel()
        with self._lock:
            busy = [worker for worker in self._workers if worker not in self._resting]
        for worker in busy:
            worker.interrupt()
        if busy:
            ladder = partial(_kill_late, busy, clock.monotonic() + GRACE_SECONDS)
            threading.Thread(target=ladder, name="nbflow-ending", daemon=True).start()

    def close(self, *, cancel: bool = False, timeout: float | None = None) -> bool:
        """Wait for every job, then end threads and processes; say whether all ended in time."""
        quiet = super().close(cancel=cancel, timeout=timeout)
        with self._lock:
            workers, self._workers = self._workers, set()
            self._resting = []
        for worker in workers:
            worker.leave()
        until = clock.monotonic() + _LEAVE_SECONDS
        for worker in workers:
            worker.end(until - clock.monotonic() if quiet else 0.0)
        return quiet

    def _borrow(self, entry: Entry) -> _Worker:
        with self._lock:
            while self._resting:
                worker = self._resting.pop()
                if worker.alive():
                    return worker
                self._workers.discard(worker)  # killed while it had nothing to do
        worker = _Worker(entry, _initializer(self.initializer, self.initargs))
        with self._lock:
            self._workers.add(worker)
        return worker

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            if worker.usable and worker in self._workers:
                self._resting.append(worker)
                return
            self._workers.discard(worker)
        worker.end(0.0)


class _Worker:
    """One process, and the pipe to it. One thread at a time calls it."""

    def __init__(self, entry: Entry, initializer: bytes | None) -> None:
        from loky.backend import get_context  # 20 ms: only where processes are wanted

        context: Any = get_context("loky")
        self._pipe, there = context.Pipe()
        held, self._lifeline = context.Pipe(duplex=False)
        self._process = context.Process(
            target=child.serve, args=(entry, there, held, initializer), name="nbflow-task-process"
        )
        self._process.start()
        there.close()
        held.close()
        self._gone = _death_of(self._process)
        self._events = selectors.DefaultSelector()  # `multiprocessing.connection.wait` makes one
        for source in (self._pipe, self._gone):
            self._events.register(source, selectors.EVENT_READ)
        # multiprocessing waits at exit for processes that nobody ended
        util.Finalize(self, _kill_tree, args=(self._process,), exitpriority=10)
        self._ready = self._stopped = False
        self.quiet = threading.Event()
        self.usable = True

    def alive(self) -> bool:
        """Say whether the process is there."""
        return self._process.is_alive()

    def call(self, parcel: bytes, *, what: str, timeout: float | None) -> memoryview:
        """Make a call in the process."""
        self.usable = False
        try:
            if not self._ready:  # the time to start is not the call's
                self._content(self._exchange(None, None), what)
                self._ready = True
            answer = self._exchange(parcel, timeout)
        finally:
            self.quiet.set()
        if answer is None:
            raise TimeoutError
        self.usable = answer[:1] == child.ANSWERED
        return self._content(answer, what)

    def _content(self, answer: bytes | None, what: str) -> memoryview:
        """Give what an answer says, or raise what became of the call."""
        answer = answer or b""
        kind, content = answer[:1], memoryview(answer)[1:]
        if self._stopped:
            raise CallStopped
        if kind == child.ANSWERED:
            return content
        if kind == child.INTERRUPTED:  # Ctrl-C in a terminal reaches every process
            raise KeyboardInterrupt
        raise WorkerLost(bytes(content).decode() if content else self._epitaph(what))

    def interrupt(self) -> None:
        """Interrupt the call, from another thread: no other follows."""
        self._stopped = True
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """Kill the process and all it started."""
        self.usable = False
        _kill_tree(self._process)

    def leave(self) -> None:
        """Tell the process to leave."""
        self._events.close()
        self._pipe.close()

    def end(self, seconds: float) -> None:
        """Wait until the process has ended, then kill it; let go of what belongs to it."""
        if seconds > 0:
            self._process.join(seconds)
        self.kill()
        self._process.join()
        self.leave()
        self._lifeline.close()
        if self._gone != self._process.sentinel:
            os.close(self._gone)

    def _exchange(self, parcel: bytes | None, timeout: float | None) -> bytes | None:
        """Give the answer; nothing when the process died; None when it is late, and was ended."""
        try:
            if parcel is not None:
                self._pipe.send_bytes(parcel)
            ready = self._events.select(timeout)
            if not ready:
                self._end_call()
                return None
            answered = any(key.fileobj is self._pipe for key, _ in ready)
            return self._pipe.recv_bytes() if answered else b""
        except (EOFError, OSError):  # it died between two of these
            return b""

    def _end_call(self) -> None:
        self._signal(signal.SIGINT)
        if not self._events.select(GRACE_SECONDS):
            return self.kill()
        with suppress(EOFError, OSError):  # it died of it
            self.usable = bool(self._pipe.recv_bytes())

    def _signal(self, number: int) -> None:
        pid = self._process.pid
        if pid is not None and self.alive():
            with suppress(OSError):
                os.kill(pid, number)

    def _epitaph(self, what: str) -> str:
        self._process.join(_LEAVE_SECONDS)
        code = self._process.exitcode
        if code is None:
            how = "no longer answers."
        elif code >= 0:
            how = f"ended itself with exit code {code}."
        else:
            how = f"was killed by {signal.Signals(-code).name}.{_HINTS.get(-code, '')}"
        return f"The process that ran {what} (pid {self._process.pid}) {how}"


def _kill_late(workers: list[_Worker], until: float) -> None:
    """Kill the processes whose call an interrupt did not end in time."""
    for worker in workers:
        if not worker.quiet.wait(max(until - clock.monotonic(), 0.0)):
            worker.kill()


def _kill_tree(process: Any) -> None:
    from loky.backend.utils import kill_process_tree

    if process.is_alive():
        with suppress(OSError):
            kill_process_tree(process)


def _death_of(process: Any) -> int:
    """Give something to wait on that is ready when the process is dead.

    The sentinel of multiprocessing is a pipe, which a forked grandchild keeps open.
    """
    try:
        return os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        return process.sentinel


def _initializer(fn: Callable[..., Any] | None, args: tuple[Any, ...]) -> bytes | None:
    if fn is None:
        return None
    import cloudpickle

    try:
        return cloudpickle.dumps((fn, args))
    except Exception as error:
        raise InvalidInput(
            f"initializer or initargs cannot be sent to a process: {error}.", field="initializer"
        ) from error


def _processors() -> int:
    from loky import cpu_count

    return cpu_count()
