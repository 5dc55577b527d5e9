"""One call of a task: its task run as it now is, and what becomes of it, judged by the pure rules.

This process is the only writer of the task run, so nobody else is asked. The order in which things
happen is told by `steps.task_life`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Protocol

from nbflow import context, settings
from nbflow.context import FlowRunContext, TaskRunContext
from nbflow.engine import parameters, resolve
from nbflow.engine.hooks import Hooks
from nbflow.engine.logs import tell_failure
from nbflow.engine.origins import ATOMS, Origins
from nbflow.engine.retrying import NEVER, RetryPolicy
from nbflow.exceptions import Aborted, NestedTooDeep
from nbflow.logging.loggers import run_logger
from nbflow.model import clock, rows, states
from nbflow.model.ids import uuid7
from nbflow.model.runs import TaskKind, TaskRun
from nbflow.model.states import State, StateType, entered, micros_of
from nbflow.rules.task import refusal
from nbflow.transactions import get_transaction


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
    def body(self) -> Callable[..., Any]:
        """Give what a run calls: the function, or what lists the items of a generator."""
        ...

    @property
    def signature(self) -> inspect.Signature:
        """Give the function's signature."""
        ...


class PlainTask:
    """What a task is that no user decorated (a cell): every option as if it were left out."""

    fn: Callable[..., Any]
    kind: TaskKind = "task"
    cell_id: str | None = None
    tags: tuple[str, ...] = ()
    task_run_name: str | Callable[[], str] | None = None
    retry = NEVER
    timeout_seconds: float | None = None
    hooks: Hooks | None = None
    log_prints: bool | None = None
    signature = inspect.Signature()

    @property
    def body(self) -> Callable[..., Any]:
        """Give what a run calls."""
        return self.fn


def _check_depth(depth: int, name: str) -> None:
    if depth >= settings.task_nesting_limit:
        raise NestedTooDeep(
            f"Task {name} is called by {depth} tasks, one in another.",
            code="task.too_deep",
            hint="Does a task call itself? task_nesting_limit says how deep they may.",
        )


class TaskCall:
    """A task run in this process, from Pending to its final state."""

    __slots__ = (
        "_now", "args", "claim", "context", "created", "flow", "flow_run_id", "fn", "hold", "id",
        "inputs",
        "kept", "kwargs", "name", "outer", "position", "recorder", "seconds", "tags", "task",
        "upstream",
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
        self.fn = task.body  # what is called, and how long it may take: see `elsewhere.send`
        self.seconds = task.timeout_seconds
        self.flow = flow
        self.args = args
        self.kwargs = kwargs
        self.hold = flow.hold
        self.recorder = flow.recorder
        self.claim: Any = None  # slots of its tags' limits, while it waits for or holds some
        self.kept: Any = None  # what `keeping` knows of this call
        self.outer = get_transaction()
        self.inputs = resolve.inputs(args, kwargs)
        if wait_for is not None:
            self.inputs += resolve.inputs((list(wait_for),), {})
        log_prints = flow.log_prints if task.log_prints is None else task.log_prints
        here = context.here()
        depth = 0 if here is None else here.depth
        if depth:
            _check_depth(depth, task.name)
        self.context = TaskRunContext(self, flow, log_prints=log_prints, depth=depth + 1)
        self.id = uuid7()
        self.flow_run_id = flow.flow_run.id
        self.position, number = flow.number(task.key)
        self.name = f"{task.name}-{number}"
        tags = context.current_tags()
        self.tags = tuple(sorted(tags.union(task.tags))) if tags else task.tags
        self.upstream = resolve.task_run_ids(self.inputs) if self.inputs else ()
        if flow.origins is not None:
            found = flow.origins.of(args, kwargs)
            self.upstream = tuple(dict.fromkeys((*self.upstream, *found)))
        state = entered(StateType.PENDING)
        self.created = micros_of(state)
        # Replaced as a whole: the recorder's thread looks at it at any time.
        self._now = (state, 0, rows.entry_text(state))
        self.recorder.task(self)

    @property
    def state(self) -> State:
        """Give where the task run stands."""
        return self._now[0]

    @property
    def attempt(self) -> int:
        """Give which try this is, from 1; 0 before the first."""
        return self._now[1]

    @property
    def run(self) -> TaskRun:
        """Give the task run as it now is, for people: the engine does not look at it."""
        state = self.state
        made = rows.task_run(self.row())
        made.__dict__["state"] = state  # which may have a value beside it
        return made

    def row(self) -> rows.Row:
        """Give the task run as it now is, as a row of the store."""
        state, attempt, history = self._now
        task, kept = self.task, self.kept
        kind = state.type._value_
        return (
            self.id,
            self.flow_run_id,
            task.key,
            self.name,
            task.kind,
            kind,
            state.name,
            micros_of(state),
            f"[{history}]",
            self.created,
            self.position,
            attempt,
            self.flow.flow_run.attempt,
            rows.texts(self.tags) if self.tags else "[]",
            rows.texts(self.upstream) if self.upstream else "[]",
            task.cell_id,
            None if kept is None else kept.result_key,
            None if kept is None else kept.note,
        )

    def enter(self, to: State) -> State:
        """Judge a state, take it and record it. Raises Aborted."""
        before, attempt, history = self._now
        reason = refusal(before.type, before.name, to.type, to.name)
        if reason is not None:
            raise Aborted(f"Task run {self.name}: {reason}")
        attempt += to.type is StateType.RUNNING
        self._now = (to, attempt, f"{history},{rows.entry_text(to)}")
        self.recorder.task(self)
        if self.flow.tally is not None:
            self.flow.tally.ended(self.id, to)
        if to.type is StateType.FAILED:
            tell_failure(self.context, to)
        elif type(value := to.__dict__.get("_value")) not in ATOMS:
            if self.flow.origins is None:
                self.flow.origins = Origins()
            self.flow.origins.note(value, self.id)
        return to

    def take_inputs(self) -> None:
        """Wait for the futures among the arguments; put their values in. Raises UpstreamError."""
        resolve.wait(self.inputs, self.name, me=self.id)
        self.args, self.kwargs = resolve.values(self.args, self.kwargs, me=self.id)

    def take_name(self) -> None:
        """Name the run after its parameters, if the task says how. Raises InvalidInput."""
        template = self.task.task_run_name
        assert template is not None
        token = context.enter(self.context)
        try:
            self.name = parameters.run_name(template, self.parameters(), field="task_run_name")
        finally:
            context.leave(token)

    def parameters(self) -> Mapping[str, Any]:
        """Give the arguments by name; nothing when they do not fit the signature."""
        return parameters.by_name(self.task.signature, self.args, self.kwargs)

    def await_retry(self, failed: State, delay: float) -> None:
        """Take the state between a failed try and the next."""
        of = self.task.retry.retries + 1
        message = f"Attempt {self.attempt} of {of} failed: {failed.message}"
        due_at = clock.now() + timedelta(seconds=delay)
        self.enter(states.AwaitingRetry(due_at, message=message))
        run_logger(self.context).warning("%s; the next is in %g s.", message, delay)

    def publish(self) -> None:
        """Put what was recorded on disk: its result is about to be handed out."""
        self.recorder.flush()
