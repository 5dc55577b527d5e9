"""One call of a flow: its parameters, its run, and the context its function runs in.

The order in which things happen is told by `steps.flow_life`.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any, Protocol

from nbflow import context, settings
from nbflow.context import FlowRunContext
from nbflow.engine import parameters, resolve
from nbflow.engine.held import HeldRun
from nbflow.engine.logs import tell_failure
from nbflow.exceptions import InvalidInput
from nbflow.model import clock, runs
from nbflow.model.runs import NewFlowRun
from nbflow.model.states import State
from nbflow.model.verdicts import Accept, Verdict
from nbflow.rules import flow as rules
from nbflow.task_runners.threads import ThreadPoolTaskRunner


class FlowLike(Protocol):
    """A flow, as the engine sees it: data."""

    fn: Callable[..., Any]
    name: str
    flow_run_name: str | Callable[[], str] | None
    retries: int
    retry_delay_seconds: float
    validate_parameters: bool
    task_runner: Any
    log_prints: bool | None

    @property
    def signature(self) -> inspect.Signature:
        """Give the function's signature."""
        ...


class FlowCall(HeldRun):
    """A flow run in this process.

    Attributes:
        invalid: what is wrong with the parameters; the run then fails without having begun.
    """

    def __init__(
        self, flow: FlowLike, args: tuple[Any, ...], kwargs: dict[str, Any], wait_for: Any = None
    ) -> None:
        self.flow = flow
        self.args = args
        self.kwargs = kwargs
        self.invalid: InvalidInput | None = None
        self.inputs = resolve.inputs(args, kwargs)
        if wait_for is not None:
            self.inputs += resolve.inputs((list(wait_for),), {})
        self._values: dict[str, Any] = {}
        self._around = context.here()
        self._tags = context.current_tags()
        inside = self._around and self._around.flow_context
        super().__init__(parent=inside.hold if inside else None)

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
            self._values = dict(bound.arguments)
            if self.flow.validate_parameters:
                parameters.coerce(bound, self.flow.fn, what=what)
                self._values = dict(bound.arguments)
            self.args, self.kwargs = bound.args, bound.kwargs
            name = self._name(new)
        except InvalidInput as error:
            self.invalid, name = error, new.name
        self.create(self._filled(new, name))

    def begin(self) -> Verdict:
        """Propose Running; when accepted, make the context of this attempt."""
        verdict = super().begin()
        if isinstance(verdict, Accept):
            runner = self.flow.task_runner
            self.context = FlowRunContext(
                self.run,
                recorder=self.recorder,
                hold=self.hold,
                task_runner=ThreadPoolTaskRunner() if runner is None else runner.duplicate(),
                flow=self.flow,
                parameters=self._values,
                log_prints=self._log_prints(),
            )
        return verdict

    def end(self, state: State, *, patience: float | None = None) -> State:
        """Send all records, then propose the end; give the state the run really took."""
        if state.is_failed() and self.run.state.is_running():
            tell_failure(self.context, state)
        return super().end(state, patience=patience)

    def wait_for_running(self, state: State) -> None:
        """Wait for the tasks that still run; not for ever, when the run was told to stop."""
        seconds = settings.interrupt_seconds if state.is_cancelled() else None
        self.context.task_runner.close(timeout=seconds)

    def seconds_until_due(self) -> float:
        """Give how long to wait for the next attempt."""
        due_at = rules.due(self.run)
        return max((due_at - clock.now()).total_seconds(), 0.0) if due_at else 0.0

    def _filled(self, new: NewFlowRun, name: str) -> NewFlowRun:
        around = self._around
        parent = around.flow_context.flow_run.id if around else os.environ.get("NBFLOW_FLOW_RUN_ID")
        return NewFlowRun(
            flow_name=new.flow_name,
            id=new.id,
            name=name,
            parameters=parameters.recordable(self._values),
            tags=tuple(sorted(self._tags)),
            parent_flow_run_id=parent or None,
            parent_task_run_id=around.task_run_id if around else None,
            retries=self.flow.retries,
            retry_delay_seconds=self.flow.retry_delay_seconds,
            path=_path(self.flow.fn),
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


def _path(fn: Callable[..., Any]) -> str | None:
    """Give the script a function was written in; None for a cell or a prompt."""
    code = getattr(fn, "__code__", None)
    path = os.path.abspath(code.co_filename) if code else ""
    return path if os.path.isfile(path) else None
