"""One call of a flow: its parameters, its run, and the context its function runs in.

The order in which things happen is told by `steps.flow_life`.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from nbflow import context, settings
from nbflow.context import FlowRunContext
from nbflow.engine import (
    hooks,
    ladder,
    lease,
    outcomes,
    parameters,
    resolve,
    timeouts,
)
from nbflow.engine.held import HeldRun
from nbflow.engine.hooks import Hooks
from nbflow.engine.logs import tell_failure
from nbflow.engine.recordable import recordable
from nbflow.engine.retrying import DELAY, NEVER, RETRIABLE, RetryPolicy
from nbflow.engine.tracking import Tracking
from nbflow.exceptions import InvalidInput, NestedTooDeep
from nbflow.logging.loggers import run_logger
from nbflow.model import clock, names, runs, states, texts
from nbflow.model.runs import NewFlowRun
from nbflow.model.states import State, error_of, keep
from nbflow.model.verdicts import Accept, Verdict
from nbflow.rules import flow as rules
from nbflow.task_runners.threads import ThreadPoolTaskRunner


class FlowLike(Protocol):
    """A flow, as the engine sees it: data."""

    fn: Callable[..., Any]
    name: str
    flow_run_name: str | Callable[[], str] | None
    retry: RetryPolicy
    timeout_seconds: float | None
    hooks: Hooks | None
    fail_on_task_failure: bool
    validate_parameters: bool
    task_runner: Any
    log_prints: bool | None

    @property
    def body(self) -> Callable[..., Any]:
        """Give what a run calls: the function, or what lists the items of a generator."""
        ...

    @property
    def signature(self) -> inspect.Signature:
        """Give the function's signature."""
        ...


class PlainFlow:
    """What a flow is that no user decorated (a cell): every option as if it were left out."""

    fn: Callable[..., Any]
    flow_run_name: str | Callable[[], str] | None = None
    retry = NEVER
    timeout_seconds: float | None = None
    hooks: Hooks | None = None
    fail_on_task_failure = False
    validate_parameters = False
    task_runner: Any = None
    log_prints: bool | None = None
    signature = inspect.Signature()

    @property
    def body(self) -> Callable[..., Any]:
        """Give what a run calls."""
        return self.fn


class FlowCall(HeldRun):
    """A flow run in this process.

    Attributes:
        body: what is called; the function, or what makes a list of what it yields.
        invalid: what is wrong with the parameters; the run then fails without having begun.
        reused: the state of a child run that an earlier attempt of its parent completed.
        tracking: the task run that stands for this run in the one that calls it.
    """

    context: FlowRunContext

    def __init__(
        self, flow: FlowLike, args: tuple[Any, ...], kwargs: dict[str, Any], wait_for: Any = None
    ) -> None:
        self.flow = flow
        self.body = flow.body
        self.args = args
        self.kwargs = kwargs
        self.invalid: InvalidInput | None = None
        self.reused: State | None = None
        self.tracking: Tracking | None = None
        self._cancellation_told = False
        self.inputs = resolve.inputs(args, kwargs)
        if wait_for is not None:
            self.inputs += resolve.inputs((list(wait_for),), {})
        self._values: dict[str, Any] = {}
        self._around = context.here()
        self._tags = context.current_tags()
        inside = self._around and self._around.flow_context
        super().__init__(parent=inside.hold if inside else None)

    def check_parent(self) -> None:
        """Raise Cancellation if the run that calls this one must stop, or NestedTooDeep."""
        super().check_parent()
        depth, hold = 0, self._parent
        while hold is not None:
            depth, hold = depth + 1, hold.parent
        if depth >= settings.nesting_limit:
            raise NestedTooDeep(
                f"Flow {self.flow.name} is called by {depth} flows, one in another.",
                hint="Does a flow call itself? The setting nesting_limit says how deep they may.",
            )

    def take_inputs(self) -> None:
        """Wait for the futures among the arguments; put their values in. Raises UpstreamError."""
        resolve.wait(self.inputs, f"Flow {self.flow.name}")
        self.args, self.kwargs = resolve.values(self.args, self.kwargs)

    def open(self) -> None:
        """Bind the parameters and create the run."""
        what = f"Flow {self.flow.name}"
        new = NewFlowRun(flow_name=self.flow.name)
        try:
            bound = parameters.bind(self.flow.signature, self.args, self.kwargs, what=what)
            self._values = bound.arguments  # also when only some of them can be coerced
            if self.flow.validate_parameters:
                parameters.coerce(bound, self.flow.fn, what=what)
                self._values = dict(bound.arguments)
            self.args, self.kwargs = bound.args, bound.kwargs
            name = self._name(new)
        except InvalidInput as error:
            self.invalid, name = error, new.name
        new = self._filled(new, name)
        if self._around is not None:
            upstream = resolve.task_run_ids(self.inputs)
            self.tracking = Tracking(self._around.flow_context, new, upstream)
            new = replace(new, parent_task_run_id=self.tracking.run.id)
            self.reused = self.tracking.reused()
        if self.reused is None:
            self.create(new)
            self.context = self._context(None)

    def begin(self) -> Verdict:
        """Propose Running; when accepted, make the context of this attempt."""
        verdict = super().begin()
        if isinstance(verdict, Accept):
            runner = self.flow.task_runner
            self.context = self._context(
                ThreadPoolTaskRunner() if runner is None else runner.duplicate()
            )
            if self.flow.fail_on_task_failure:
                self.context.tally = outcomes.Tally()
            self._track(self.run.state)
        return verdict

    def _context(self, task_runner: Any) -> FlowRunContext:
        made = FlowRunContext(
            self.run,
            recorder=self.recorder,
            hold=self.hold,
            task_runner=task_runner,
            flow=self.flow,
            parameters=self._values,
            log_prints=self._log_prints(),
        )
        made.around = self._around
        return made

    def _track(self, state: State) -> None:
        around = self._around
        if self.tracking is not None:
            self.tracking.enter(state)
        if around is not None and around.flow_context.tally is not None:
            around.flow_context.tally.ended(self.run.id, state)

    def end(self, state: State, *, patience: float | None = None) -> State:
        """Send all records, then propose the end; give the state the run really took."""
        if state.is_failed() and self.run.state.is_running():
            tell_failure(self.context, state)
        state = super().end(state, patience=patience)
        self._track(state)
        return state

    def to_be_retried(self, failed: State, delay: float | None) -> State:
        """Say in a failure when it is tried again, if ever (None): the authority decides by it."""
        said = {RETRIABLE: False} if delay is None else {DELAY: delay}
        state = replace(failed, details={**failed.details, **said})
        return keep(state, error=error_of(failed))

    def hooks_at_cancelling(self) -> str:
        """Give the option whose hooks a run calls that is being cancelled."""
        self._cancellation_told = True
        return "on_cancellation"

    def tell_cancelled(self) -> None:
        """Call the hooks that the run's own end will not call."""
        if self.flow.hooks is None or self._cancellation_told:
            return
        state = states.Cancelling(message="It did not heed that it was cancelled.")
        token = context.enter(self.context)
        try:
            for hook in self.flow.hooks.get(self.hooks_at_cancelling(), ()):
                try:
                    hooks.call(hook, (self.flow, self.run, state))
                except Exception:
                    run_logger(self.context).exception("The hook %s failed.", hooks.name_of(hook))
        finally:
            context.leave(token)

    def hooks_at_end(self, state: State) -> str | None:
        """Give the option whose hooks a final state calls."""
        if state.is_cancelled() and not self._cancellation_told:
            return self.hooks_at_cancelling()
        return hooks.at_end(state)

    def wait_for_running(self, state: State) -> None:
        """Wait for the tasks that still run; not for ever, when the run was told to stop."""
        # Half of the time after which the process is ended: the rest is for saying how it went.
        seconds = settings.interrupt_seconds / 2 if state.is_cancelled() else None
        if state.name == "TimedOut":  # what cannot be ended is left behind, as the flow's own code
            seconds = timeouts.LANDING_SECONDS
            ladder.strike(lease.within(self.hold), set())
        self.context.task_runner.close(timeout=seconds)

    def seconds_until_due(self) -> float:
        """Give how long to wait for the next attempt."""
        due_at = rules.due(self.run)
        return max((due_at - clock.now()).total_seconds(), 0.0) if due_at else 0.0

    def _filled(self, new: NewFlowRun, name: str) -> NewFlowRun:
        around = self._around
        parent = around.flow_context.flow_run.id if around else os.environ.get("NBFLOW_FLOW_RUN_ID")
        recorded = recordable(self._values)  # registers secrets, so before the name is masked
        return NewFlowRun(
            flow_name=new.flow_name,
            id=new.id,
            name=names.tidied(texts.safe(name)),
            parameters=recorded,
            tags=tuple(sorted(self._tags)),
            parent_flow_run_id=parent or None,
            retries=self.flow.retry.retries,
            retry_delay_seconds=next(iter(self.flow.retry.delays), 0.0),
            path=_path(self.flow.fn),
            function=_function(self.flow.fn),
        )

    def _name(self, new: NewFlowRun) -> str:
        template = self.flow.flow_run_name
        if template is None:
            return new.name
        # A callable may read `runtime.flow_run.parameters`: let it find the run that is to be.
        run = runs.begin(new, created_at=clock.now(), lease_until=None)
        nowhere: Any = None
        soon = FlowRunContext(
            run,
            recorder=nowhere,
            hold=self.hold,
            task_runner=nowhere,
            flow=self.flow,
            parameters=self._values,
        )
        token = context.enter(soon)
        try:
            return parameters.run_name(template, self._values, field="flow_run_name")
        finally:
            context.leave(token)

    def _log_prints(self) -> bool:
        around = self._around
        if self.flow.log_prints is None:
            return around is not None and around.log_prints
        return self.flow.log_prints


def _function(fn: Callable[..., Any]) -> str | None:
    """Give the name by which a function is found in its script; None: it is not."""
    name = getattr(fn, "__qualname__", "")
    return name if _path(fn) and name.replace(".", "").isidentifier() else None


def _path(fn: Callable[..., Any]) -> str | None:
    """Give the script a function was written in; None for a cell or a prompt."""
    code = getattr(fn, "__code__", None)
    path = os.path.abspath(code.co_filename) if code else ""
    return path if os.path.isfile(path) else None
