"""Time limits: ending a call that takes too long, also one that blocks.

- On the main thread a signal ends it, so `time.sleep`, a socket's `recv` and every call that heeds
  EINTR end too. In a notebook's kernel the same.
- Elsewhere the call has a thread of its own, where an exception is raised; if it does not arrive
  (a call into C that blocks), the thread is left behind and struck again until it ends.
- On an event loop the task is cancelled; code of it that keeps the loop from running gets the
  signal or the exception.

What becomes of the run is not decided here (`outcomes`). SIGURG is the signal: by default it is
ignored, so that one that arrives late, when the handler is gone, does no harm.
"""

from __future__ import annotations

import contextvars
import heapq
import itertools
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, Protocol, TypeVar

from nbflow import futures
from nbflow.engine import interrupts
from nbflow.model import clock

T = TypeVar("T")

#: how long code that was told to end may clean up before it is told again
GRACE_SECONDS = 5.0
#: how soon a stroke that came at a bad moment is repeated
SOON_SECONDS = 0.01
#: how long a thread of its own is given to end after the stroke
LANDING_SECONDS = 0.5

#: code of nbflow in which an exception from outside would leave things half done
_MACHINERY = frozenset(
    {"nbflow.engine.drive", "nbflow.engine.timeouts", "nbflow.engine.interrupts", "nbflow.context"}
)
_HELPING = frozenset({"contextlib", "heapq", "threading"})


class Overrun(BaseException):
    """A call's time was up. Not an Exception, so that `except Exception` lets it through.

    Attributes:
        seconds: the limit.
        watch: the call whose limit it is.
        home: whether the run whose limit it was has been reached; before, it only passes through.
        left_behind: the name of the thread whose code goes on, if it could not be ended.
    """

    def __init__(self, seconds: float = 0.0, watch: Any = None) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        self.watch = watch
        self.home = False
        self.left_behind: str | None = None


class _Watch(Protocol):
    """A call with a deadline."""

    ended: bool

    def strike(self) -> float:
        """Tell the call to end (from the watchman's thread); give the seconds to the next time."""
        ...


class _Watchman:
    """The one thread that strikes calls whose time is up."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, _Watch]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, watch: _Watch, due: float) -> None:
        """Strike a call at an instant of the monotonic clock."""
        with self._changed:
            heapq.heappush(self._due, (due, next(self._numbers), watch))
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="nbflow-timeouts", daemon=True
                )
                self._thread.start()
            elif self._due[0][2] is watch:
                self._changed.notify()

    def _run(self) -> None:
        while (watch := self._next()) is not None:
            again = watch.strike()
            if not watch.ended:
                self.add(watch, clock.monotonic() + again)

    def _next(self) -> _Watch | None:
        """Wait for the next call whose time is up; None when none is left."""
        with self._changed:
            while self._due:
                due, _, watch = self._due[0]
                left = due - clock.monotonic()
                if watch.ended or left <= 0:
                    heapq.heappop(self._due)
                    if not watch.ended:
                        return watch
                else:
                    self._changed.wait(left)
            self._thread = None
            return None


_watchman = _Watchman()


def call(work: Callable[[], T], seconds: float) -> T:
    """Call something that may take so many seconds. Raises Overrun, `home`."""
    if threading.current_thread() is threading.main_thread():
        return _OnMain(seconds).call(work)
    return _OnItsOwn(work, seconds).call()


async def acall(work: Callable[[], Awaitable[T]], seconds: float) -> T:
    """Await something that may take so many seconds. Raises Overrun, `home`."""
    return await _OnLoop(seconds).call(work)


# -- the main thread --------------------------------------------------------------------------
#: calls on the main thread or its event loop, outermost first; only the main thread changes it
_on_main: list[_OnMain | _OnLoop] = []
_before: Any = signal.SIG_DFL


def _enter(watch: _OnMain | _OnLoop) -> None:
    global _before
    if not _on_main:
        _before = signal.signal(signal.SIGURG, _struck)
    _on_main.append(watch)


def _leave(watch: _OnMain | _OnLoop) -> None:
    _on_main.remove(watch)
    if not _on_main:
        signal.signal(signal.SIGURG, _before or signal.SIG_DFL)


def _send() -> None:
    main = threading.main_thread().ident
    if main is not None:
        signal.pthread_kill(main, signal.SIGURG)


def _struck(number: int, frame: FrameType | None) -> None:
    for watch in _on_main:
        if watch.overdue and not watch.ended and watch.strikes_here():
            if interrupts.are_held_back() or _in_machinery(frame):
                return  # the watchman soon comes again
            watch.overdue = False
            watch.landed_at = clock.monotonic()
            raise Overrun(watch.seconds, watch)


def _in_machinery(frame: FrameType | None) -> bool:
    """Say whether code runs that an exception from outside would leave half done."""
    while frame is not None and frame.f_globals.get("__name__") in _HELPING:
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__") in _MACHINERY


class _OnMain:
    """A call on the main thread."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.ended = False
        self.overdue = False
        self.landed_at: float | None = None
        self._pause = SOON_SECONDS

    def call(self, work: Callable[[], T]) -> T:
        """Call it."""
        _enter(self)
        try:
            _watchman.add(self, clock.monotonic() + self.seconds)
            return work()
        except Overrun as overrun:
            overrun.home = overrun.home or overrun.watch is self
            raise
        finally:
            self.ended = True
            _leave(self)

    def strike(self) -> float:
        """Send the signal; again soon, for it may have come at a bad moment."""
        left = _grace_left(self.landed_at)
        if left > 0:
            return left
        self.overdue = True
        _send()
        self._pause = min(self._pause * 2, 1.0)
        return self._pause

    def strikes_here(self) -> bool:
        """Say whether the code that runs now is this call's."""
        return True


def _grace_left(landed_at: float | None) -> float:
    return 0.0 if landed_at is None else landed_at + GRACE_SECONDS - clock.monotonic()


# -- another thread ---------------------------------------------------------------------------
class _OnItsOwn:
    """A call on a thread made for it, so that its caller can go on without it."""

    def __init__(self, work: Callable[[], Any], seconds: float) -> None:
        self.ended = False
        self._work = work
        self._seconds = seconds
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._value: Any = None
        self._error: BaseException | None = None
        self._pool = futures.thread.pool
        self._thread = threading.Thread(
            target=contextvars.copy_context().run,
            args=(self._run,),
            name=f"{threading.current_thread().name}-limited",
            daemon=True,
        )

    def call(self) -> Any:
        """Call it and wait, no longer than it may take."""
        self._thread.start()
        _watchman.add(self, clock.monotonic() + self._seconds)
        if not self._done.wait(self._seconds + LANDING_SECONDS):
            overrun = Overrun(self._seconds, self)
            overrun.home, overrun.left_behind = True, self._thread.name
            raise overrun
        error = self._error
        if isinstance(error, Overrun):
            error.home, error.seconds = True, self._seconds
        if error is not None:
            raise error
        return self._value

    def strike(self) -> float:
        """Raise Overrun in the thread."""
        with self._lock:
            ident = self._thread.ident
            if self.ended or ident is None or interrupts.raise_in(ident, Overrun):
                return GRACE_SECONDS
        return SOON_SECONDS

    def _run(self) -> None:
        futures.thread.pool = self._pool  # to wait in here is to wait in that pool's thread
        try:
            self._value = self._work()
        except BaseException as error:
            self._error = error
        while not self._done.is_set():
            try:
                self._end()
            except Overrun:  # struck a moment too late
                continue

    def _end(self) -> None:
        with self._lock:
            self.ended = True
        interrupts.spare(threading.get_ident())
        self._done.set()


# -- an event loop ----------------------------------------------------------------------------
class _OnLoop:
    """A call awaited on the running event loop."""

    def __init__(self, seconds: float) -> None:
        import asyncio

        self.seconds = seconds
        self.ended = False
        self.overdue = False
        self.landed_at: float | None = None
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._cancels = 0
        self._asked = False
        self._thread = threading.get_ident()
        self._on_main = threading.current_thread() is threading.main_thread()

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """Await it."""
        import asyncio

        if self._on_main:
            _enter(self)
        try:
            _watchman.add(self, clock.monotonic() + self.seconds)
            return await work()
        except asyncio.CancelledError:
            if self._only_ours():
                overrun = Overrun(self.seconds, self)
                overrun.home = True
                raise overrun from None
            raise
        except Overrun as overrun:
            overrun.seconds = overrun.seconds or self.seconds
            overrun.home = overrun.home or overrun.watch in (self, None)
            raise
        finally:
            self.ended = True
            if self._on_main:
                _leave(self)

    def strike(self) -> float:
        """Cancel the task; if the loop does not come to it, its own code blocks it: signal."""
        left = _grace_left(self.landed_at)
        if left > 0:
            return left
        if self._asked and self._on_main:
            self.overdue = True
            _send()
        elif self._asked and self.strikes_here():
            interrupts.raise_in(self._thread, Overrun)
        elif not self._asked:
            self._asked = True
            try:
                self._loop.call_soon_threadsafe(self._cancel)
            except RuntimeError:  # the loop was closed around it
                self.ended = True
        return 0.1

    def strikes_here(self) -> bool:
        """Say whether the code that runs now is this call's."""
        import asyncio

        return asyncio.current_task(self._loop) is self._task

    def _cancel(self) -> None:
        self._asked, self.landed_at = False, clock.monotonic()
        if not self.ended and self._task is not None:
            self._cancels += 1
            self._task.cancel()

    def _only_ours(self) -> bool:
        """Take back our own requests to cancel; say whether there was no other."""
        task = self._task
        if task is None or not self._cancels:
            return False
        for _ in range(self._cancels):
            task.uncancel()
        return task.cancelling() == 0


def _after_fork() -> None:
    global _watchman
    _watchman = _Watchman()
    _on_main.clear()


os.register_at_fork(after_in_child=_after_fork)
