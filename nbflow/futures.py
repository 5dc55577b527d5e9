"""Futures: the result of a task that runs elsewhere, and waiting for several of them.

How a task is run is the engine's business; where, the task runner's. A waiting thread of a task
runner tells its pool, which may then start another: waiting inside a task cannot stall the rest.
Who waits for whom is noted, so that task runs that wait for each other hear of it.
"""

from __future__ import annotations

import logging
import threading
from _thread import allocate_lock
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from nbflow import context
from nbflow.exceptions import InvalidInput, NbflowError
from nbflow.model import clock
from nbflow.model.runs import TaskRun
from nbflow.model.states import State

T = TypeVar("T")

_log = logging.getLogger("nbflow.futures")


class Work(Protocol):
    """The call a future is the result of."""

    @property
    def id(self) -> str:
        """Give the task run's id."""
        ...

    @property
    def name(self) -> str:
        """Give the task run's name."""
        ...

    @property
    def state(self) -> State:
        """Give where the task run stands."""
        ...

    @property
    def run(self) -> TaskRun:
        """Give the task run as it now is."""
        ...

    def publish(self) -> None:
        """Make sure that what was recorded of it survives this process."""
        ...


class Pool(Protocol):
    """What runs jobs, so many at once, and wants to know which of them only wait."""

    def park(self) -> None:
        """Note that a job only waits now."""
        ...

    def unpark(self) -> None:
        """Note that it goes on."""
        ...


class _Thread(threading.local):
    pool: Pool | None = None
    loop: bool = False


#: what the current thread is: one of a pool, or the one that runs a task runner's event loop
thread = _Thread()


class Future(Generic[T]):
    """The result, in time, of a task run."""

    __slots__ = ("_callbacks", "_final", "_lock", "_work", "on_loop")

    def __init__(self, work: Work, *, on_loop: bool = False) -> None:
        self._work = work
        self._final: State | None = None
        self._lock = allocate_lock()
        self._callbacks: list[Callable[[Future[T]], None]] = []
        self.on_loop = on_loop

    def __repr__(self) -> str:
        return f"<Future {self.name}: {self.state.name}>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from nbflow.model import cards

        return cards.of_task_run("future", self.task_run).bundle()

    @property
    def task_run_id(self) -> str:
        """Give the task run's id."""
        return self._work.id

    @property
    def task_run(self) -> TaskRun:
        """Give the task run as it now is."""
        return self._work.run

    @property
    def name(self) -> str:
        """Give the task run's name."""
        return self._work.name

    @property
    def state(self) -> State:
        """Give where the task run stands now."""
        return self._final or self._work.state

    def done(self) -> bool:
        """Say whether the task run has ended, or will never start."""
        return self._final is not None

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the task run has ended, at most `timeout` seconds.

        Raises NbflowError when it waits, itself or through others, for the run that waits here.
        """
        if self._final is None:
            self._wait(timeout)

    def wait_as(self, me: str | None) -> None:
        """Wait as the task run with the id `me` (the engine only)."""
        if self._final is None:
            self._wait(None, me)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> T:
        """Wait for the task and give what it returned, or raise what it raised.

        With `raise_on_failure=False` the exception is given back. Raises TimeoutError after
        `timeout` seconds, UpstreamError when something the task needed did not complete.
        """
        if self._final is None and not self._wait(timeout):
            raise TimeoutError(f"{self.name} has not ended after {timeout} s.")
        assert self._final is not None
        self._work.publish()
        return self._final.result(raise_on_failure)

    def __await__(self) -> Generator[Any, None, T]:
        import asyncio

        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def wake(_: Future[T]) -> None:
            loop.call_soon_threadsafe(ended.set)

        self.add_done_callback(wake)
        with _needing(_me(), self), parked():
            yield from ended.wait().__await__()
        return self.result()

    def add_done_callback(self, callback: Callable[[Future[T]], None]) -> None:
        """Call `callback(future)` once the task run has ended; at once if it already has."""
        with self._lock:
            if self._final is None:
                self._callbacks.append(callback)
                return
        self._tell(callback)

    def settle(self, state: State) -> None:
        """Give the future its final state (the engine only)."""
        with self._lock:
            self._final = state
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self._tell(callback)

    def _tell(self, callback: Callable[[Future[T]], None]) -> None:
        try:
            callback(self)
        except Exception:  # somebody else's callback must not keep the others from being told
            _log.exception("A callback of %s failed.", self.name)

    def _wait(self, timeout: float | None, me: str | None = None) -> bool:
        if self.on_loop and thread.loop:
            raise NbflowError(
                f"Waiting for {self.name} here would stop the event loop that runs it.",
                code="future.deadlock",
                hint="Write `await future` instead.",
            )
        if timeout is not None:  # such a wait ends by itself: it is nobody's deadlock
            return self._ended_within(timeout)
        with _needing(me or _me(), self):
            return self._ended_within(None)

    def _ended_within(self, timeout: float | None) -> bool:
        gate = _Gate()
        self.add_done_callback(gate.open)
        return gate.wait(timeout)


class _Gate:
    """One thread's wait for one event. Whoever opens it also takes the thread off the parked."""

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()
        self._pool = thread.pool
        self._parked = [True]
        if self._pool is not None:
            self._pool.park()

    def open(self, _: object = None) -> None:
        """Let the thread go on."""
        self._unpark()
        self._lock.release()

    def wait(self, timeout: float | None) -> bool:
        """Wait; say whether the gate was opened."""
        try:
            return self._lock.acquire(timeout=-1 if timeout is None else max(timeout, 0))
        finally:
            self._unpark()

    def _unpark(self) -> None:
        # list.pop is atomic: the opener and a waiter that gave up must not both count
        try:
            self._parked.pop()
        except IndexError:
            return
        if self._pool is not None:
            self._pool.unpark()


@contextmanager
def parked() -> Iterator[None]:
    """Let the pool of this thread know that the job only waits while the code inside runs."""
    pool = thread.pool
    if pool is None:
        yield
        return
    pool.park()
    try:
        yield
    finally:
        pool.unpark()


# -- who waits for whom -----------------------------------------------------------------------
_needs: dict[str, list[Future[Any]]] = {}
_needs_lock = threading.Lock()


def _me() -> str | None:
    """Give the id of the task run that waits: the one around this code, or around its flow run."""
    here = context.here()
    while isinstance(here, context.FlowRunContext):
        here = here.around
    return None if here is None else here.task_run_id


@contextmanager
def _needing(me: str | None, future: Future[Any]) -> Iterator[None]:
    """Note that a task run needs a future while the code inside waits for it."""
    if me is None:
        yield
        return
    # Noted and looked at under one lock: of those that close a circle, the last one sees it.
    with _needs_lock:
        circle = _way(future, me)
        if circle is None:
            _needs.setdefault(me, []).append(future)
    if circle is not None:
        raise NbflowError(
            f"A task run that waits for {' → '.join(circle)} would wait for itself.",
            code="future.deadlock",
            hint="Break the circle: none of these task runs could ever end.",
        )
    try:
        yield
    finally:
        with _needs_lock:
            _needs[me].remove(future)
            if not _needs[me]:
                del _needs[me]


def _way(start: Future[Any], me: str) -> list[str] | None:
    """Give the names on the way from a future to the task run it waits for, if that is `me`."""
    ways, seen = [(start, [start.name])], set[str]()
    while ways:
        future, names = ways.pop()
        if future.task_run_id == me:
            return names
        if future.done() or future.task_run_id in seen:
            continue
        seen.add(future.task_run_id)
        ways += [(next_, [*names, next_.name]) for next_ in _needs.get(future.task_run_id, ())]
    return None


# -- several ----------------------------------------------------------------------------------
class FutureList(list[Future[T]]):
    """The futures of a `map`, in its order."""

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from nbflow.model import cards

        kind = f"{len(self):,} futures, {sum(one.done() for one in self):,} done"
        return cards.of_task_runs(kind, [one.task_run for one in self]).bundle()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until all have ended, at most `timeout` seconds together."""
        wait(self, timeout)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[T]:
        """Wait for all and give what they returned, in order, or raise what the first one raised.

        With `raise_on_failure=False` exceptions stand in their places. Raises TimeoutError after
        `timeout` seconds, saying how many have not ended.
        """
        if timeout is not None and (left := wait(self, timeout).not_done):
            raise _late(len(left), len(self), timeout)
        return [future.result(raise_on_failure=raise_on_failure) for future in self]


class Waited(NamedTuple):
    """Which futures have ended, and which have not."""

    done: set[Future[Any]]
    not_done: set[Future[Any]]


def wait(futures: Iterable[Future[Any]], timeout: float | None = None) -> Waited:
    """Wait until all have ended, at most `timeout` seconds; give `(done, not_done)`."""
    waiting = list(futures)
    deadline = _deadline(timeout)
    for future in waiting:
        future.wait(_left(deadline))
    done = {future for future in waiting if future.done()}
    return Waited(done, set(waiting) - done)


def as_completed(
    futures: Iterable[Future[Any]], timeout: float | None = None
) -> Iterator[Future[Any]]:
    """Give futures in the order they end. Raises TimeoutError, saying how many have not."""
    waiting = set(futures)
    return _as_completed(waiting, _deadline(timeout), timeout)


def _as_completed(
    waiting: set[Future[Any]], deadline: float | None, timeout: float | None
) -> Iterator[Future[Any]]:
    ended: SimpleQueue[Future[Any]] = SimpleQueue()
    total = len(waiting)
    for future in waiting:
        future.add_done_callback(ended.put)
    for still in range(total, 0, -1):
        future = _next(ended, deadline)
        if future is None:
            raise _late(still, total, timeout)
        yield future


def _late(unfinished: int, total: int, timeout: float | None) -> TimeoutError:
    return TimeoutError(f"{unfinished} of {total} futures have not ended after {timeout} s.")


def _next(ended: SimpleQueue[Future[Any]], deadline: float | None) -> Future[Any] | None:
    if not ended.empty():
        return _get(ended, deadline)
    with parked():
        return _get(ended, deadline)


def _get(ended: SimpleQueue[Future[Any]], deadline: float | None) -> Future[Any] | None:
    try:
        return ended.get(timeout=_left(deadline))
    except Empty:
        return None


def _deadline(timeout: float | None) -> float | None:
    if timeout is None:
        return None
    if timeout < 0:
        raise InvalidInput(f"A timeout of {timeout} s is in the past.", field="timeout")
    return clock.monotonic() + timeout


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(deadline - clock.monotonic(), 0.0)
