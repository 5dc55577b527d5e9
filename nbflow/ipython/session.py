"""The kernel's session: the flow run that tasks run by hand join.

It opens with the first of them and completes when the kernel ends; what a kernel killed with -9
leaves is completed by the reaper. Nothing here is asked in a kernel that executes a notebook's run.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from nbflow.context import FlowRunContext
from nbflow.model import states
from nbflow.model.runs import NewFlowRun

if TYPE_CHECKING:
    from nbflow.engine.hosting import HostedRun

#: how long submitted tasks may go on once the kernel is asked to end
_EXIT_SECONDS = 2.0


class Session:
    """The session of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._run: HostedRun | None = None

    def context(self) -> FlowRunContext:
        """Give the session's flow run, opened if it is not. Raises what creating a run raises."""
        with self._lock:
            run = self._run
            if run is not None and run.hold.reason is not None:
                run.finish()  # it was cancelled, or taken for dead: another one begins
                run = None
            if run is None:
                run = self._run = _open()
            return run.context

    def end(self) -> None:
        """Complete the session: the kernel ends."""
        with self._lock:
            run, self._run = self._run, None
        # A forked child leaves its parent's session alone.
        if run is not None and os.getpid() == self._pid:
            run.context.task_runner.close(cancel=True, timeout=_EXIT_SECONDS)
            run.finish(states.Completed(message="The kernel ended."))


_session = Session()
atexit.register(_session.end)


def context() -> FlowRunContext:
    """Give the flow run of this kernel's session."""
    return _session.context()


def notebook() -> Path | None:
    """Give the notebook this kernel was started for, if the front end says so."""
    shell = sys.modules["__main__"].__dict__
    told = os.environ.get("JPY_SESSION_NAME") or shell.get("__vsc_ipynb_file__")
    return Path(str(told)) if told else None


def _open() -> HostedRun:
    from nbflow.engine.hosting import HostedRun

    path = notebook()
    name = path.stem if path and path.stem else "kernel"
    known = path is not None and path.is_absolute()
    return HostedRun(NewFlowRun(name, kind="session", name=name, path=str(path) if known else None))
