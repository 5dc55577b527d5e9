"""One call of a task: its task run as it now is, and what becomes of it, judged by the pure rules.

This process is the only writer of the task run, so nobody else is asked. The order in which things
happen is told by `steps.task_life`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

from nbflow import context
from nbflow.context import FlowRunContext, TaskRunContext
from nbflow.engine import parameters, resolve
from nbflow.engine.hooks import Hooks
from nbflow.engine.logs import tell_failure
from nbflow.engine.retrying import NEVER, RetryPolicy
from nbflow.exceptions import Aborted
from nbflow.logging.loggers import run_logger
from nbflow.model import clock, states
from nbflow.model.ids import uuid7
from nbflow.model.runs import TaskKind, TaskRun, advance
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import Accept
from nbflow.rules.task import judge_task


class TaskLike(Protocol):
    """A task, as the engine sees it: data."""

    fn: Callable[..., Any]
    name: str
    key: str
    kind: TaskKind
    cell_id: str | None
    tags: tuple[str, ...]
    task_run_name: str | Callable[[], str] | None
    retry: RetryPolicy
    timeout_seconds: float | None
    hooks: Hooks | None
    log_prints: bool | None

    @property
    def signature(self) -> inspect.Signature:
        """Give the function's signature."""
        ...


class PlainTask:
    """What a task is that no user decorated (a cell): every option as if it were left out."""

    kind: TaskKind = "task"
    cell_id: str | None = None
    tags: tuple[str, ...] = ()
    task_run_name: str | Callable[[], str] | None = None
    retry = NEVER
    timeout_seconds: float | None = None
    hooks: Hooks | None = None
    log_prints: bool | None = None
    signature = inspect.Signature()


class TaskCall:
    """A task run in this process, from Pending to its final state."""

    __slots__ = (
        "args", "context", "flow", "fn", "hold", "inputs", "kwargs", "recorder", "run", "seconds",
        "task",
    )  # fmt: skip

    def __init__(
        self,
        task: TaskLike,
        flow: FlowRunContext,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        wait_for: Iterable[Any] | None = None,
    ) -> None:
        self.task = task
        self.fn = task.fn  # what is called, and how long it may take: see `elsewhere.send`
        self.seconds = task.timeout_seconds
        self.flow = flow
        self.args = args
        self.kwargs = kwargs
        self.hold = flow.hold
        self.recorder = flow.recorder
        self.inputs = resolve.inputs(args, kwargs)
        if wait_for is not None:
            self.inputs += resolve.inputs((list(wait_for),), {})
        log_prints = flow.log_prints if task.log_prints is None else task.log_prints
        self.context = TaskRunContext(self, flow, log_prints=log_prints)
        self.run = self._pending()
        self.recorder.task(self.run)

    def _pending(self) -> TaskRun:
        task, run = self.task, self.flow.flow_run
        position, number = self.flow.number(task.key)
        tags = context.current_tags()
        state = State(StateType.PENDING)
        return TaskRun(
            id=uuid7(),
            flow_run_id=run.id,
            key=task.key,
            name=f"{task.name}-{number}",
            kind=task.kind,
            state=state,
            created_at=state.at,
            position=position,
            flow_attempt=run.attempt,
            tags=tuple(sorted(tags.union(task.tags))) if tags else task.tags,
            upstream=resolve.task_run_ids(self.inputs) if self.inputs else (),
            cell_id=task.cell_id,
        )

    def enter(self, to: State) -> State:
        """Judge a state, take it and record it. Raises Aborted."""
        verdict = judge_task(self.run, to)
        if not isinstance(verdict, Accept):
            raise Aborted(f"Task run {self.run.name}: {verdict.reason}")
        state = verdict.state
        self.run = advance(self.run, state)
        self.recorder.task(self.run)
        if self.flow.tally is not None:
            self.flow.tally.ended(self.run.id, state)
        if state.type is StateType.FAILED:
            tell_failure(self.context, state)
        return state

    def take_inputs(self) -> None:
        """Wait for the futures among the arguments; put their values in. Raises UpstreamError."""
        resolve.wait(self.inputs, self.run.name, me=self.run.id)
        self.args, self.kwargs = resolve.values(self.args, self.kwargs)

    def take_name(self) -> None:
        """Name the run after its parameters, if the task says how. Raises InvalidInput."""
        template = self.task.task_run_name
        if template is None:
            return
        token = context.enter(self.context)
        try:
            name = parameters.run_name(template, self.parameters(), field="task_run_name")
        finally:
            context.leave(token)
        self.run = replace(self.run, name=name)

    def parameters(self) -> Mapping[str, Any]:
        """Give the arguments by name; nothing when they do not fit the signature."""
        return parameters.by_name(self.task.signature, self.args, self.kwargs)

    def await_retry(self, failed: State, delay: float) -> None:
        """Take the state between a failed try and the next."""
        of = self.task.retry.retries + 1
        message = f"Attempt {self.run.attempt} of {of} failed: {failed.message}"
        due_at = clock.now() + timedelta(seconds=delay)
        self.enter(states.AwaitingRetry(due_at, message=message))
        run_logger(self.context).warning("%s; the next is in %g s.", message, delay)

    def publish(self) -> None:
        """Put what was recorded on disk: its result is about to be handed out."""
        self.recorder.flush()
