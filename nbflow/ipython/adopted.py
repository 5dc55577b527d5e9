"""A magic cell in an executed notebook: its executor keeps the task run, so none is made here.

What the magic's line asks for is carried out in the kernel, never by both; how it goes is told to
the executor (`model.cell_reports`), which writes it down. The cell's outputs are always stored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from nbflow.context import FlowRunContext, Recorded
from nbflow.engine import hosting, lease, outcomes
from nbflow.engine.drive import adrive, drive
from nbflow.engine.steps import task_life
from nbflow.engine.task_call import TaskCall
from nbflow.exceptions import NbflowError
from nbflow.ipython.hosts import AsTask, CellTask, TaskCell
from nbflow.ipython.reporting import send
from nbflow.model import states
from nbflow.model.cell_reports import CellReport
from nbflow.model.events import NewEvent
from nbflow.model.results import ResultRecord
from nbflow.model.runs import Artifact, FlowRun, LogEntry
from nbflow.model.states import State, StateType
from nbflow.store.spool import OUTAGES
from nbflow.task_runners.threads import ThreadPoolTaskRunner

_log = logging.getLogger("nbflow.ipython")

#: how long the end of a cell waits for the store to take its outputs
_PATIENCE_SECONDS = 5.0


class Adopted(AsTask):
    """Runs a body that already is a task run."""

    def __init__(self, cell: TaskCell) -> None:
        super().__init__(cell)
        self._flow = _flow()
        self.keeps = not isinstance(self._flow.recorder, _Nowhere)

    def _run_task(self, task: CellTask) -> State:
        call = self._adopt(task)
        state = drive(task_life(call))
        call.publish()
        return outcomes.hand_out(state, return_state=True)

    async def _arun_task(self, task: CellTask) -> State:
        call = self._adopt(task)
        state = await adrive(task_life(call))
        call.publish()
        return outcomes.hand_out(state, return_state=True)

    def _adopt(self, task: CellTask) -> TaskCall:
        call = _Call(task, self._flow, self._tell)
        request = getattr(self.cell.shell, "parent_header", None) or {}
        call.id = request.get("metadata", {}).get("nbflow_task_run_id") or call.id
        return call

    def _tell(self, call: TaskCall) -> None:
        """Tell the executor how the cell stands."""
        report = _report(call)
        if report is None:
            return
        if report.result_key is not None:
            names = self.cell.data.outputs if report.state_name == "Cached" else self.outputs
            report = CellReport(**{**report.content(), "outputs": names})
            self._flow.recorder.drain(_PATIENCE_SECONDS)  # stored before Completed is told
        send(self.cell.shell, report)


class _Call(TaskCall):
    """A task run that is told, not recorded; the runs it calls are recorded as ever."""

    def __init__(
        self, task: CellTask, flow: FlowRunContext, tell: Callable[[TaskCall], None]
    ) -> None:
        self._tell = tell
        super().__init__(task, flow, (), {})

    @property
    def recorder(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Give what its records go to."""
        return self._telling

    @recorder.setter
    def recorder(self, own: Any) -> None:
        self._telling = _Telling(own, self)

    def tell(self) -> None:
        """Tell how it stands."""
        self._tell(self)


class _Telling:
    """A recorder that hears of one task run and tells it instead."""

    def __init__(self, own: Any, call: _Call) -> None:
        self._own = own
        self._call = call

    def task(self, run: Recorded) -> None:
        """Record a task run as it now is."""
        if run is self._call:
            self._call.tell()
        else:
            self._own.task(run)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


def _report(call: TaskCall) -> CellReport | None:
    """Give what there is to tell of a task run as it now is."""
    state, kept = call.state, call.kept
    name = _name(state)
    if name is None:
        return None
    if not state.is_final():
        kept = None
    return CellReport(
        name,
        state.message,
        max(call.attempt, 1),
        result_key=None if kept is None else kept.result_key,
        note=None if kept is None else kept.note,
    )


def _name(state: State) -> str | None:
    if state.type is StateType.RUNNING:
        return "Running"
    if state.name == "AwaitingRetry":
        return "Retrying"
    if state.type is StateType.CRASHED:
        return "Failed"
    return state.name if state.is_final() else None


# -- the run around -----------------------------------------------------------------------------
def _flow() -> FlowRunContext:
    """Give the run that executes this kernel; one that records nothing where it cannot be asked."""
    why = "it is not in the store"
    try:
        found = hosting.joined()
        if found is not None:
            return found
    except (NbflowError, *OUTAGES) as error:
        why = str(error)
    _log.warning("The outputs of this cell are not stored: the run cannot be asked for (%s).", why)
    now = states.Running()
    run = FlowRun("", "notebook", "notebook", "notebook", now, now.at, attempt=1)
    hold = lease.hold(run.id, 1, backend=None)
    return FlowRunContext(run, recorder=_Nowhere(), hold=hold, task_runner=ThreadPoolTaskRunner())


class _Nowhere:
    """Keeps no records."""

    backend: Any = None
    users = 1

    def task(self, run: Recorded) -> None:
        """Record a task run."""

    def result(self, record: ResultRecord) -> None:
        """Record a result."""

    def log(self, entry: LogEntry) -> None:
        """Record a log line."""

    def artifact(self, artifact: Artifact) -> None:
        """Record an artifact."""

    def event(self, new: NewEvent) -> None:
        """Record an event of a user's."""

    def flush(self) -> None:
        """Put on disk what was recorded."""

    def drain(self, patience: float) -> bool:
        """Send what was recorded."""
        return True
