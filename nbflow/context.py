"""Where running code stands: the flow run and task run around it, and its tags.

A context is entered by the engine's drivers around user code, and by nothing else. What a run does
with its records is the engine's work; here is only what user code may ask for.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any, Protocol

from nbflow.exceptions import MissingContextError
from nbflow.model.events import NewEvent
from nbflow.model.names import check_tags
from nbflow.model.results import ResultRecord
from nbflow.model.runs import Artifact, FlowRun, LogEntry, TaskRun


class Recorded(Protocol):
    """A task run, or the call that is becoming one."""

    @property
    def id(self) -> str:
        """Give the task run's id."""
        ...

    @property
    def flow_run_id(self) -> str:
        """Give the flow run it belongs to."""
        ...

    def row(self) -> tuple[Any, ...]:
        """Give it as it now is, as a row of the store."""
        ...


class Recording(Protocol):
    """What keeps a run's records (`engine.recorder`), for the authority `backend`."""

    backend: Any

    @property
    def users(self) -> int:
        """Give how many flow runs it serves; 0: nobody sends what it is told now."""
        ...

    def task(self, run: Recorded) -> None:
        """Record a task run as it is when its row is asked for."""
        ...

    def result(self, record: ResultRecord) -> None:
        """Record a result; it is stored before the task run that tells of it next."""
        ...

    def log(self, entry: LogEntry) -> None:
        """Record a log line."""
        ...

    def artifact(self, artifact: Artifact) -> None:
        """Record an artifact."""
        ...

    def event(self, new: NewEvent) -> None:
        """Record an event of a user's."""
        ...

    def flush(self) -> None:
        """Put on disk what was recorded."""
        ...

    def drain(self, patience: float) -> bool:
        """Send what was recorded, and say whether it was sent within so many seconds."""
        ...


class FlowRunContext:
    """A flow run's attempt that goes on in this process.

    Attributes:
        flow_run: the run as it began this attempt.
        parameters: the values the flow was called with, coerced.
        hold: the claim on the run, and the word to stop (`engine.lease.Hold`).
        around: the run that called this one, if it did so in this process.
        flow: the Flow; None where a run has no function (a session, a notebook).
        task_runner: where `.submit` runs tasks.
        log_prints: whether `print` becomes log lines.
        pauses: numbers for the pauses of this attempt.
        origins: which task runs made the values at hand (`engine.origins.Origins`), once any did.
        keeper: what the attempt knows of the values it keeps (`engine.keeping.Keeper`).
        log_bytes: how much the attempt has logged.
        tally: how the runs it called have ended, where `fail_on_task_failure` wants to know.
    """

    #: how many task runs of this flow run the code is in
    depth = 0

    __slots__ = (
        "_calls", "_positions", "around", "flow", "flow_run", "hold", "keeper", "log_bytes",
        "log_prints", "origins", "parameters", "pauses", "recorder", "tally", "task_runner",
    )  # fmt: skip

    def __init__(
        self,
        flow_run: FlowRun,
        *,
        recorder: Recording,
        hold: Any,
        task_runner: Any,
        flow: Any = None,
        parameters: Mapping[str, Any] | None = None,
        log_prints: bool = False,
    ) -> None:
        self.flow_run = flow_run
        self.recorder = recorder
        self.hold = hold
        self.task_runner = task_runner
        self.flow = flow
        self.around: RunContext | None = None
        self.log_bytes = 0
        self.keeper: Any = None
        self.origins: Any = None
        self.parameters = flow_run.parameters if parameters is None else parameters
        self.log_prints = log_prints
        self.tally: Any = None
        self.pauses = itertools.count(1)
        self._positions = itertools.count()
        self._calls: dict[str, Iterator[int]] = {}

    @property
    def flow_context(self) -> FlowRunContext:
        """Give the flow run's context: this one."""
        return self

    @property
    def task_run_id(self) -> str | None:
        """Give the task run around the code: none."""
        return None

    @property
    def run_name(self) -> str:
        """Give the name log lines carry."""
        return self.flow_run.name

    def number(self, key: str) -> tuple[int, int]:
        """Count a task's call: its place among all calls of the run, and among those of `key`."""
        # next() and setdefault() are atomic: tasks are called from many threads
        calls = self._calls.get(key) or self._calls.setdefault(key, itertools.count())
        return next(self._positions), next(calls)

    @classmethod
    def get(cls) -> FlowRunContext | None:
        """Give the flow run around this code, or None."""
        here = _here.get()
        return None if here is None else here.flow_context


class TaskRunContext:
    """A task run that goes on in this process.

    Attributes:
        depth: how many task runs it is in, itself included.
    """

    __slots__ = ("call", "depth", "flow_context", "log_prints")

    def __init__(
        self, call: Any, flow_context: FlowRunContext, *, log_prints: bool, depth: int = 1
    ) -> None:
        self.call = call
        self.flow_context = flow_context
        self.log_prints = log_prints
        self.depth = depth

    @property
    def task(self) -> Any:
        """Give the Task."""
        return self.call.task

    @property
    def task_run(self) -> TaskRun:
        """Give the task run as it now is."""
        return self.call.run

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Give the values the task was called with, by name."""
        return self.call.parameters()

    @property
    def task_run_id(self) -> str:
        """Give the task run's id."""
        return self.call.id

    @property
    def run_name(self) -> str:
        """Give the name log lines carry."""
        return self.call.name

    @classmethod
    def get(cls) -> TaskRunContext | None:
        """Give the task run around this code, or None."""
        here = _here.get()
        return here if isinstance(here, TaskRunContext) else None


RunContext = FlowRunContext | TaskRunContext

_here: ContextVar[RunContext | None] = ContextVar("nbflow_here", default=None)
_tags: ContextVar[frozenset[str]] = ContextVar("nbflow_tags", default=frozenset())


def _started_by() -> FlowRunContext | None:
    """Give the run that started this process: an executed notebook's, to code in its cells."""
    if not os.environ.get("NBFLOW_FLOW_RUN_ID"):
        return None
    from nbflow.engine import hosting  # the one look upwards: only there a run can be opened

    return hosting.joined()


#: asked for the flow run of code outside any: `nbflow.ipython` sets it to give the kernel's session
ambient: Callable[[], FlowRunContext | None] = _started_by


def here() -> RunContext | None:
    """Give the innermost run around this code, or None."""
    return _here.get()


def flow_run_id() -> str | None:
    """Give the id of the flow run around this code, or of the one this process is part of."""
    run = _here.get()
    if run is not None:
        return run.flow_context.flow_run.id
    return os.environ.get("NBFLOW_FLOW_RUN_ID") or None


def enter(run: RunContext | None) -> Token[RunContext | None]:
    """Enter a run (the engine's drivers only); give what `leave` needs."""
    return _here.set(run)


def leave(token: Token[RunContext | None]) -> None:
    """Leave the run that was entered."""
    try:
        _here.reset(token)
    except ValueError:  # a coroutine that was thrown away is closed in somebody else's context
        pass


def get_run_context() -> RunContext:
    """Give the innermost run around this code. Raises MissingContextError."""
    found = _here.get() or ambient()
    if found is None:
        raise MissingContextError(
            "There is no flow or task run here.", hint="Call this inside one."
        )
    return found


@contextmanager
def tags(*names: str) -> Iterator[frozenset[str]]:
    """Add tags to every flow and task run started inside. Raises InvalidInput."""
    together = _tags.get() | frozenset(check_tags(names))
    token = _tags.set(together)
    try:
        yield together
    finally:
        _tags.reset(token)


def current_tags() -> frozenset[str]:
    """Give the tags of the `tags(...)` blocks around this code."""
    return _tags.get()
