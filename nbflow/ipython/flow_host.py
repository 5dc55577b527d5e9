"""What a `%%flow` cell runs as: a flow run; the tasks it calls are its task runs.

Which parameters it has is found in `cell_flow`.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from nbflow.context import FlowRunContext, Recorded, Recording
from nbflow.engine import outcomes, run
from nbflow.engine.flow_call import PlainFlow
from nbflow.engine.retrying import RetryPolicy
from nbflow.ipython.hosts import Work
from nbflow.model import rows
from nbflow.model.cell_options import CellOptions
from nbflow.model.events import NewEvent
from nbflow.model.results import ResultRecord
from nbflow.model.run_graph import node_of
from nbflow.model.run_views import MOST_LOGGED, View, line
from nbflow.model.runs import Artifact, LogEntry, TaskRun, advance
from nbflow.model.states import State


class CellFlow(PlainFlow):
    """A cell, as the engine takes a flow."""

    is_cell = True

    def __init__(
        self, name: str, asked: CellOptions, signature: inspect.Signature, task_runner: Any
    ) -> None:
        self.name = name
        self.retry = RetryPolicy(asked.retries, asked.retry_delays)
        self.timeout_seconds = asked.timeout_seconds
        self.signature = signature
        self.task_runner = task_runner


class AsFlow:
    """Runs a body as a flow run.

    Args:
        flow: the cell.
        namespace: the notebook's names, which the body reads and binds.
        values: parameters that are others for this run.
    """

    def __init__(
        self, flow: CellFlow, namespace: dict[str, Any], values: Mapping[str, Any]
    ) -> None:
        self.begin: Callable[[], None] = lambda: None
        self._flow = flow
        self._namespace = namespace
        self._values = values
        self._seen: _Seen
        self._state: State | None = None
        self._context: FlowRunContext

    def run(self, work: Work) -> State:
        """Run a body that does not await."""
        self._flow.fn = partial(self._call, work)
        try:
            return self._ended(run.run_flow(self._flow, (), {**self._values}, return_state=True))
        except BaseException as error:
            self._ended(outcomes.of_error(error))
            raise

    async def arun(self, work: Work) -> State:
        """Run a body that awaits."""
        self._flow.fn = partial(self._acall, work)
        try:
            made = run.arun_flow(self._flow, (), {**self._values}, return_state=True)
            return self._ended(await made)
        except BaseException as error:
            self._ended(outcomes.of_error(error))
            raise

    def look(self) -> View:
        """Say how the flow run and its task runs stand."""
        flow_run = self._context.flow_run
        now = flow_run if self._state is None else advance(flow_run, self._state)
        head = replace(line(now), name=f"{self._flow.name} ({now.name})")
        tasks = self._seen.task_runs()
        nodes = tuple(map(node_of, tasks))
        return View(head, tuple(map(line, tasks)), "flow", nodes, tuple(self._seen.lines))

    def _call(self, work: Work, **_parameters: Any) -> None:
        __tracebackhide__ = True
        self._enter()
        with _bound(self._namespace, self._values):
            work()

    async def _acall(self, work: Work, **_parameters: Any) -> None:
        __tracebackhide__ = True
        self._enter()
        with _bound(self._namespace, self._values):
            await work()

    def _enter(self) -> None:
        here = FlowRunContext.get()
        assert here is not None
        self._context = here
        self._seen = here.recorder = _Seen(here.recorder)  # each attempt has its own task runs

    def _ended(self, state: State) -> State:
        self._state = state
        return state


@contextmanager
def _bound(namespace: dict[str, Any], values: Mapping[str, Any]) -> Generator[None, None, None]:
    """Let names be bound to values for a while; what is bound anew meanwhile stays."""
    before = {name: namespace[name] for name in values}
    namespace.update(values)
    try:
        yield
    finally:
        for name, value in values.items():
            if namespace.get(name) is value:
                namespace[name] = before[name]


class _Seen:
    """A recorder that also remembers each task run as it last was, and the last lines logged."""

    def __init__(self, recorder: Recording) -> None:
        self.recorder = recorder
        self.backend = recorder.backend
        self._runs: dict[str, Recorded] = {}
        self.lines: deque[LogEntry] = deque(maxlen=MOST_LOGGED)

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
        self.lines.append(entry)
        self.recorder.log(entry)

    def artifact(self, artifact: Artifact) -> None:
        """Record an artifact."""
        self.recorder.artifact(artifact)

    def event(self, new: NewEvent) -> None:
        """Record an event of a user's."""
        self.recorder.event(new)

    def flush(self) -> None:
        """Write what is queued to the spool."""
        self.recorder.flush()

    def drain(self, patience: float) -> bool:
        """Send what is recorded."""
        return self.recorder.drain(patience)
