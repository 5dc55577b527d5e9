"""For users' tests: a store of their own that is gone afterwards.

    @pytest.fixture(autouse=True, scope="session")
    def nbflow_store():
        with nbflow_test_harness() as backend:
            yield backend

`task.fn(…)` and `flow.fn(…)` call the functions themselves, without any run; there
`nbflow.logging.disable_run_logger()` silences `get_run_logger()`, and variables named
`NBFLOW__RUNTIME__FLOW_RUN__…` stand in for `nbflow.runtime`.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from nbflow import connect, context, settings
from nbflow.model import clock, masking
from nbflow.model.backend import Backend

#: how long what goes on in the background may take to end
_PATIENCE_SECONDS = 10.0
#: threads that serve the whole process, whatever its store
_SHARED = frozenset({"nbflow-lease", "nbflow-slots", "nbflow-timeouts"})
#: what says that this process works for a run of another store
_OF_A_RUN = ("NBFLOW_FLOW_RUN_ID", "NBFLOW_ATTEMPT")


@contextmanager
def nbflow_test_harness(**values: Any) -> Generator[Backend, None, None]:
    """Run what is inside against a temporary home folder and store; give its Backend.

    May be nested, and used in `async` code: it is a plain `with`. No server is started; what
    asks for one gets the temporary store. Afterwards the folder and the threads are gone, settings
    and registered secrets are as before.

    Args:
        values: settings that hold inside (`nbflow.settings.temporary` takes the same).
    """
    with (
        tempfile.TemporaryDirectory(prefix="nbflow-test-", ignore_cleanup_errors=True) as home,
        settings.temporary(**{"home": home, "database_url": "", "api_url": "", **values}),
        masking.forgetting(),
        _outside_any_run(),
    ):
        before = set(threading.enumerate())
        backend = connect.connect()
        try:
            yield backend
        finally:
            _await_threads(before)
            connect.forget(backend)


@contextmanager
def _outside_any_run() -> Iterator[None]:
    before = {name: os.environ.pop(name) for name in _OF_A_RUN if name in os.environ}
    token = context.enter(None)
    try:
        yield
    finally:
        context.leave(token)
        os.environ.update(before)


def _await_threads(before: set[threading.Thread]) -> None:
    """Let what was started inside come to its end: a task's thread, the end of a run."""
    deadline = clock.monotonic() + _PATIENCE_SECONDS
    for thread in set(threading.enumerate()) - before - {threading.current_thread()}:
        if thread.name.startswith("nbflow-") and thread.name not in _SHARED:
            thread.join(max(deadline - clock.monotonic(), 0.0))
