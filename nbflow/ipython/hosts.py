"""What a cell's body runs as: a task run, or a flow run.

Each host calls the body, with its retries, and can always say how things stand. Displays and
tracebacks are not its business. The third host, for executed notebooks, is in `adopted`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from nbflow.context import FlowRunContext, Recorded, Recording, TaskRunContext
from nbflow.engine import outcomes, run
from nbflow.engine.flow_call import PlainFlow
from nbflow.engine.retrying import RetryPolicy
from nbflow.engine.task_call import PlainTask
from nbflow.ipython.options import Options
from nbflow.model import rows
from nbflow.model.results import ResultRecord
from nbflow.model.runs import Artifact, LogEntry, TaskKind, TaskRun, advance
from nbflow.model.states import State
from nbflow.widgets.static import View, line

Work = Callable[[], Any]


class Host(Protocol):
    """Something that runs a body."""

    def run(self, work: Work) -> State:
        """Run a body that does not await; give its final state. Raises what also ends the cell."""
        ...

    async def arun(self, work: Work) -> State:
        """Run a body that awaits."""
        ...

    def look(self) -> View:
        """Say how things stand, once the body has begun. Called from any thread."""
        ...


class CellTask(PlainTask):
    """A cell, as the engine takes a task."""

    is_cell = True
    kind: TaskKind = "cell"

    def __init__(self, fn: Work, name: str, asked: Options, *, cell_id: str | None) -> None:
        self.fn = fn
        self.name = name
        self.key = asked.name or cell_id or name
        self.cell_id = cell_id
        self.tags = asked.tags
        # The engine would number the calls; a cell is called what its author calls it.
        self.task_run_name: str | Callable[[], str] | None = lambda: name
        self.retry = RetryPolicy(asked.retries, asked.retry_delays)


class CellFlow(PlainFlow):
    """A cell, as the engine takes a flow."""

    is_cell = True

    def __init__(self, fn: Work, name: str, asked: Options) -> None:
        self.fn = fn
        self.name = name
        self.retry = RetryPolicy(asked.retries)


class AsTask:
    """Runs a body as a task run of the flow run around, else of the kernel's session."""

    def __init__(self, name: str, options: Options, *, cell_id: str | None) -> None:
        self._name = name
        self._options = options
        self._cell_id = cell_id
        self._context: TaskRunContext

    def run(self, work: Work) -> State:
        """Run a body that does not await."""
        task = self._task(partial(self._call, work))
        return run.run_task(task, (), {}, return_state=True)

    async def arun(self, work: Work) -> State:
        """Run a body that awaits."""
        task = self._task(partial(self._acall, work))
        return await run.arun_task(task, (), {}, return_state=True)

    def look(self) -> View:
        """Say how the task run stands."""
        return View(line(self._context.task_run))

    def _task(self, work: Work) -> CellTask:
        return CellTask(work, self._name, self._options, cell_id=self._cell_id)

    def _call(self, work: Work) -> None:
        __tracebackhide__ = True
        self._enter()
        work()

    async def _acall(self, work: Work) -> None:
        __tracebackhide__ = True
        self._enter()
        await work()

    def _enter(self) -> None:
        here = TaskRunContext.get()
        assert here is not None
        self._context = here


class AsFlow:
    """Runs a body as a flow run; the tasks it calls are its task runs."""

    def __init__(self, name: str, options: Options) -> None:
        self._name = name
        self._options = options
        self._seen: _Seen
        self._state: State | None = None
        self._context: FlowRunContext

    def run(self, work: Work) -> State:
        """Run a body that does not await."""
        flow = CellFlow(partial(self._call, work), self._name, self._options)
        try:
            return self._ended(run.run_flow(flow, (), {}, return_state=True))
        except BaseException as error:
            self._ended(outcomes.of_error(error))
            raise

    async def arun(self, work: Work) -> State:
        """Run a body that awaits."""
        flow = CellFlow(partial(self._acall, work), self._name, self._options)
        try:
            return self._ended(await run.arun_flow(flow, (), {}, return_state=True))
        except BaseException as error:
            self._ended(outcomes.of_error(error))
            raise

    def look(self) -> View:
        """Say how the flow run and its task runs stand."""
        flow_run = self._context.flow_run
        now = flow_run if self._state is None else advance(flow_run, self._state)
        head = replace(line(now), name=f"{self._name} ({now.name})")
        return View(head, tuple(line(task) for task in self._seen.task_runs()), "flow")

    def _call(self, work: Work) -> None:
        __tracebackhide__ = True
        self._enter()
        work()

    async def _acall(self, work: Work) -> None:
        __tracebackhide__ = True
        self._enter()
        await work()

    def _enter(self) -> None:
        here = FlowRunContext.get()
        assert here is not None
        self._context = here
        self._seen = here.recorder = _Seen(here.recorder)  # each attempt has its own task runs

    def _ended(self, state: State) -> State:
        self._state = state
        return state


class _Seen:
    """A recorder that also remembers each task run as it last was."""

    def __init__(self, recorder: Recording) -> None:
        self.recorder = recorder
        self.backend = recorder.backend
        self._runs: dict[str, Recorded] = {}

    @property
    def users(self) -> int:
        """Give how many flow runs it serves."""
        return self.recorder.users

    def task_runs(self) -> list[TaskRun]:
        """List the task runs in the order they were made."""
        return [rows.task_run(run.row()) for run in tuple(self._runs.values())]

    def task(self, run: Recorded) -> None:
        """Record a task run as it now is."""
        self._runs[run.id] = run
        self.recorder.task(run)

    def result(self, record: ResultRecord) -> None:
        """Record a result."""
        self.recorder.result(record)

    def log(self, entry: LogEntry) -> None:
        """Record a log line."""
        self.recorder.log(entry)

    def artifact(self, artifact: Artifact) -> None:
        """Record an artifact."""
        self.recorder.artifact(artifact)

    def flush(self) -> None:
        """Write what is queued to the spool."""
        self.recorder.flush()

    def drain(self, patience: float) -> bool:
        """Send what is recorded."""
        return self.recorder.drain(patience)
