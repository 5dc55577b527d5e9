"""The door: choose the authority. No other file knows that there are two kinds.

`NBFLOW_API_URL` set: over HTTP. Else: the store itself, opened once per process.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from nbflow import settings

if TYPE_CHECKING:
    from nbflow.model.backend import Backend

_lock = threading.Lock()
_open: dict[tuple[int, str], Backend] = {}


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
    if settings.api_url:
        from nbflow.client.http import HttpBackend

        return HttpBackend(settings.api_url, token=settings.api_token)
    from nbflow.orchestration.orchestrator import Orchestrator

    return Orchestrator()


def forget() -> None:
    """Close and forget this process's backends (tests, and a fork's child)."""
    with _lock:
        for backend in _open.values():
            close = getattr(backend, "close", None)
            if close is not None:
                close()
        _open.clear()
