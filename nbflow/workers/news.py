"""News over HTTP: what tells a worker elsewhere to look again. Beside the store `Hints` do."""

from __future__ import annotations

import threading
from collections.abc import Callable

from nbflow import settings
from nbflow.exceptions import NbflowError
from nbflow.model import clock

#: how long one question for news may wait for its answer
_ASK_SECONDS = 20
#: after a question that failed
_PAUSE_SECONDS = 1.0


class News:
    """Asks a server for news, in a thread: each question is answered when there is some.

    Args:
        ask: gives the number of the latest news after one, waiting at most so many seconds.
        tell: called when there is news.
    """

    def __init__(self, ask: Callable[[int, int], int], tell: Callable[[], None]) -> None:
        self._ask = ask
        self._tell = tell
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="nbflow-news", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more; the last question may still be open, which holds up nobody."""
        self._stopping.set()

    def _keep(self) -> None:
        since = 0
        while not self._stopping.is_set():
            began = clock.monotonic()
            try:
                latest = self._ask(since, _ASK_SECONDS)
            except NbflowError:
                self._stopping.wait(min(_PAUSE_SECONDS, settings.heartbeat_seconds))
                continue
            if latest != since:
                since = latest
                self._tell()
            elif clock.monotonic() - began < _PAUSE_SECONDS:  # a server that does not let us wait
                self._stopping.wait(_PAUSE_SECONDS)
