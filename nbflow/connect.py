"""The door: choose the authority. No other file knows that there are two kinds.

`NBFLOW_API_URL` set: over HTTP. Else: the store itself, opened once per process; runs whose process
is gone are then called so. Also how to rest until something there may have changed.
"""

from __future__ import annotations

import gc
import logging
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from nbflow import kernel_secrets, settings
from nbflow.exceptions import NbflowError
from nbflow.model import masking

if TYPE_CHECKING:
    from nbflow.model.backend import Backend
    from nbflow.orchestration.orchestrator import Orchestrator

#: how often commits of other processes are looked for
LOOK_SECONDS = 0.1

T = TypeVar("T")

_log = logging.getLogger("nbflow")

_lock = threading.Lock()
_open: dict[tuple[int, str], Backend] = {}
#: known to this process before it was forked, without a connection: by address
_handed_on: dict[str, Backend] = {}


def connect() -> Backend:
    """Give the Backend this process talks to, the same one each time.

    Raises SchemaMismatch (the store is another version's), StoreBusy, Unreachable.
    """
    key = (os.getpid(), settings.api_url or settings.store_url())
    with _lock:
        if key not in _open:
            _open[key] = _connect()
        return _open[key]


def _connect() -> Backend:
    masking.register_settings()
    kernel_secrets.begin()
    if settings.api_url:
        from nbflow.client.http import HttpBackend
        from nbflow.store import homes

        found = HttpBackend(settings.api_url, token=settings.api_token)
        found.fingerprint = homes.fingerprint
        return found
    if settings.store_url() in _handed_on:
        return _handed_on.pop(settings.store_url())
    with _no_collection():
        from nbflow.orchestration import reaping
        from nbflow.orchestration.orchestrator import Orchestrator

    opened = Orchestrator()
    try:
        reaping.end_dead(opened)
    except NbflowError as error:  # whoever opens it next looks again
        _log.debug("Lost runs could not be looked for: %s", error)
    return opened


@contextmanager
def _no_collection() -> Generator[None, None, None]:
    """Let no garbage be looked for: an import drops nothing, and a tenth of its time went there."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class Rests:
    """Rests, each until the store may have changed: a hint, the caller looks for itself.

    Commits to a store on this machine are noticed within `LOOK_SECONDS`; a server is asked again
    after `seconds`.
    """

    def __init__(self, backend: Backend, seconds: float) -> None:
        watch = getattr(backend, "watch", None)
        self._watch = None if watch is None else watch()
        self._looks = 1 if watch is None else max(round(seconds / LOOK_SECONDS), 1)
        self._seconds = seconds if watch is None else LOOK_SECONDS

    def rest(self) -> Generator[float, None, None]:
        """Give the pauses of one rest, in seconds; it ends early when something was committed."""
        for _ in range(self._looks):
            yield self._seconds
            if self._watch is not None and self._watch.moved():
                return

    def close(self) -> None:
        """Let go of the store."""
        if self._watch is not None:
            self._watch.close()


def wait_out(waiting: Generator[float, None, T], rest: Callable[[float], None]) -> T:
    """Carry out a wait told as pauses, in seconds; give what it ends with."""
    while True:
        try:
            seconds = next(waiting)
        except StopIteration as end:
            return end.value
        rest(seconds)


async def await_out(waiting: Generator[float, None, T], check: Callable[[], None]) -> T:
    """Carry out a wait on the running event loop; `check` may end it, after each pause."""
    import asyncio

    while True:
        try:
            seconds = next(waiting)
        except StopIteration as end:
            return end.value
        await asyncio.sleep(seconds)
        check()


def hand_on(rehearsed: Orchestrator) -> None:
    """Let children forked from here begin with this store, moved to the address of the real one."""
    rehearsed.database.move(settings.store_url())
    _handed_on[settings.store_url()] = rehearsed


def forget(one: Backend | None = None) -> None:
    """Close and forget one of this process's backends, or all (tests, and a fork's child)."""
    with _lock:
        for key, backend in list(_open.items()):
            if one is None or backend is one:
                close = getattr(backend, "close", None)
                if close is not None:
                    close()
                del _open[key]
