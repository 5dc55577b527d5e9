"""Which flow run a task belongs to when no flow is around it: the kernel's session, or the run that
started this process. Also how a run without a function (a session) is opened here.
"""

from __future__ import annotations

import atexit
import os
import threading
from dataclasses import dataclass, replace

from nbflow import connect, context
from nbflow.context import FlowRunContext
from nbflow.engine import lease, logs, recorder
from nbflow.engine.held import HeldRun
from nbflow.exceptions import Aborted, NotFound
from nbflow.model import states
from nbflow.model.runs import NewFlowRun
from nbflow.model.states import State
from nbflow.model.verdicts import Accept
from nbflow.task_runners.threads import ThreadPoolTaskRunner

#: how long a process that ends waits for the authority to take its last records
_EXIT_PATIENCE_SECONDS = 5.0


def flow_run_here() -> FlowRunContext | None:
    """Give the flow run that a task called here belongs to; None: it needs one of its own."""
    here = context.here()
    if here is not None:
        return here.flow_context
    return context.ambient()


class HostedRun(HeldRun):
    """A flow run without a function: tasks called in this process may join it.

    Open it, give `context` to `nbflow.context.ambient` (or enter it), and end it with `finish`.
    Raises what creating and beginning a run raises.
    """

    def __init__(self, new: NewFlowRun) -> None:
        super().__init__()
        self.create(new)
        verdict = self.begin()
        if not isinstance(verdict, Accept):
            self.close()
            raise Aborted(verdict.reason)
        self.context = FlowRunContext(
            self.run,
            recorder=self.recorder,
            hold=self.hold,
            task_runner=ThreadPoolTaskRunner(),
        )

    def finish(self, state: State | None = None) -> State:
        """Wait for submitted tasks, send all records and end the run; Completed unless said."""
        self.context.task_runner.close(cancel=self.hold.reason is not None)
        try:
            return self.end(state or states.Completed())
        finally:
            self.close()


@dataclass(frozen=True)
class _Joined:
    """What this process was told of the run that started it."""

    pid: int
    flow_run_id: str
    attempt: int


_lock = threading.Lock()
_joined: dict[_Joined, FlowRunContext | None] = {}


def joined() -> FlowRunContext | None:
    """Give the run that started this process (`NBFLOW_FLOW_RUN_ID`, `NBFLOW_ATTEMPT`), or None."""
    flow_run_id = os.environ.get("NBFLOW_FLOW_RUN_ID")
    if not flow_run_id:
        return None
    attempt = os.environ.get("NBFLOW_ATTEMPT", "1").rpartition("-")[2]
    told = _Joined(os.getpid(), flow_run_id, int(attempt) if attempt.isdecimal() else 1)
    with _lock:
        if told not in _joined:
            _joined[told] = _join(told)
        return _joined[told]


def _join(told: _Joined) -> FlowRunContext | None:
    backend = connect.connect()
    try:
        run = backend.read_flow_run(told.flow_run_id)
    except NotFound:  # the variable outlived its run
        return None
    logs.set_up()
    kept = recorder.open_for(backend)
    runner = ThreadPoolTaskRunner()
    atexit.register(_leave, kept, runner)
    return FlowRunContext(
        replace(run, attempt=told.attempt),
        recorder=kept,
        hold=lease.hold(run.id, told.attempt, backend=None),  # its own process renews it
        task_runner=runner,
    )


def _leave(kept: recorder.Recorder, runner: ThreadPoolTaskRunner) -> None:
    runner.close()
    kept.drain(_EXIT_PATIENCE_SECONDS)
    recorder.release(kept)
