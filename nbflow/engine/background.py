"""A thread that sleeps until it is woken, lets a moment pass so that more may come, and works."""

from __future__ import annotations

import threading
from collections.abc import Callable

from nbflow import settings


class Background:
    """A daemon thread, started when it is first woken.

    Args:
        name: the thread's.
        setting: the setting that says how many seconds pass between being woken and the work.
        work: called on the thread; says whether there is more to do.
    """

    def __init__(self, name: str, setting: str, work: Callable[[], bool]) -> None:
        self.awake = False
        self._name = name
        self._setting = setting
        self._work = work
        self._lock = threading.RLock()  # a signal handler may log while this thread wakes ours
        self._woken = threading.Event()
        self._hurried = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def wake(self) -> None:
        """Wake the thread; what its caller did before is seen by the work that follows."""
        with self._lock:
            if self.awake or self._closed:
                return
            self.awake = self._thread is not None or self._start()
        self._woken.set()

    def hurry(self) -> None:
        """Let no more time pass before the work."""
        if not self._hurried.is_set():
            self._hurried.set()

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._woken.set()
        self._hurried.set()

    def _start(self) -> bool:
        self._thread = thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down: whoever closes us does the work
            self._thread = None
            return False
        return True

    def _run(self) -> None:
        while not self._closed and self._woken.wait() and not self._closed:
            self._hurried.wait(getattr(settings, self._setting))
            self._woken.clear()
            self._hurried.clear()
            self.awake = False  # before the work: what comes while it lasts wakes the thread again
            if self._work():
                self.wake()
