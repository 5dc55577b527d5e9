"""How a run is asked to stop while its cells run: signals, a lease, the death of the process above.

Only the asking lives here; the ladder from interrupt to kill is climbed in `kernel`.
"""

from __future__ import annotations

import os
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Literal

from nbflow import settings
from nbflow.store import owners

Reason = Literal["cancelled", "lost", "interrupt", "terminate", "orphaned", "timeout"]

#: what is left of an orphan after this many seconds is killed
ORPHAN_SECONDS = 1.5
#: from interrupt to kill for an orphan, so that it can still write down what happened
_ORPHAN_GRACE = 0.3
_GOODBYE_SECONDS = 5.0


class Stop:
    """A request to end a run, made from a signal handler or any thread.

    Attributes:
        reason: why, in the word of whoever asked first; None until it is asked.
        urgent: asked for again by the same, or terminated meanwhile: skip the rest of the ladder.
    """

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self.urgent = False
        self._asked: set[Reason] = set()
        self._any = threading.Event()
        self._done = threading.Event()
        self._listener: Callable[[], None] | None = None

    def ask(self, reason: Reason) -> None:
        """Ask for the end."""
        firm = reason in ("terminate", "orphaned")
        # Two signals sent one after the other may be heard in either order.
        again = reason in self._asked or "terminate" in self._asked
        self.urgent |= self.reason is not None and (firm or again)
        self.reason = self.reason or reason
        self._asked.add(reason)
        self._any.set()
        listener = self._listener
        if listener is not None:
            listener()

    def wait(self, seconds: float) -> bool:
        """Wait for the request, at most so long; say whether it was made."""
        return self._any.wait(seconds)

    @contextmanager
    def heard_by(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call `listener`, from any thread, when the end is asked for; now if it has been."""
        self._listener = listener
        try:
            if self.reason is not None:
                listener()
            yield
        finally:
            self._listener = None

    def graces(self) -> tuple[float, float]:
        """Give the seconds from interrupt to terminate and from there to kill."""
        if "orphaned" in self._asked:
            return _ORPHAN_GRACE, 0.0
        return settings.interrupt_seconds, settings.terminate_seconds

    def goodbye_seconds(self) -> float:
        """Give how long a kernel may take to end by itself (its atexit hooks)."""
        return _ORPHAN_GRACE if "orphaned" in self._asked else _GOODBYE_SECONDS

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM as the request, in the main thread; elsewhere nothing changes."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        reasons: dict[int, Reason] = {signal.SIGINT: "interrupt", signal.SIGTERM: "terminate"}

        def handle(number: int, _frame: FrameType | None) -> None:
            self.ask(reasons[number])

        before = {number: signal.signal(number, handle) for number in reasons}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def after(self, seconds: float | None) -> Iterator[None]:
        """Take it as the request that the code inside has run for so long; None: it may."""
        if seconds is None:
            yield
            return
        timer = threading.Timer(seconds, self.ask, ("timeout",))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @contextmanager
    def on_orphaned(self, marker: str) -> Iterator[None]:
        """Take the end of standard input, if it is a pipe, as the death of the process above.

        Should the run not end by itself within `ORPHAN_SECONDS`, whatever carries `marker` is
        killed and this process exits.
        """
        if _is_pipe(0):
            name = "nbflow-control-pipe"
            threading.Thread(target=self._watch, args=(marker,), name=name, daemon=True).start()
        try:
            yield
        finally:
            self._done.set()

    def _watch(self, marker: str) -> None:
        while os.read(0, 4096):
            continue
        self.ask("orphaned")
        if not self._done.wait(ORPHAN_SECONDS):
            owners.sweep(marker)
            os._exit(1)


def _is_pipe(descriptor: int) -> bool:
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
