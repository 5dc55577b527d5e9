"""A flow run executed once more: the same run, a new attempt, with the parameters it was made with.

Who may be executed again is decided by the authority (`rules.flow`); a run of a work pool is left
to its workers.
"""

from __future__ import annotations

import inspect
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, cast

from nbflow import connect, flow_runs
from nbflow.engine import parameters
from nbflow.engine.flow_call import FlowCall, FlowLike
from nbflow.exceptions import Conflict, InvalidInput
from nbflow.model.masking import MASK
from nbflow.model.names import shown
from nbflow.model.runs import FlowRun

#: what stands in the record for a value that was not recorded
_NAMED = re.compile(r"<[^<>]+>")


def resumed(flow: FlowLike, flow_run_id: str, run_input: Any) -> FlowRun:
    """Resume a suspended run of a flow; give it. One that was resumed already is only given.

    Raises NotFound, Conflict (not suspended, not for this process), InvalidInput.
    """
    run = connect.connect().read_flow_run(flow_run_id)
    check(flow, run)
    if run.state.name == "Resuming":
        return run
    if run.state.is_paused() and not run.state.is_suspended():
        raise Conflict(
            f"The run {run.name} is Paused: it goes on in its own process.",
            code="run.paused",
            hint="Call resume_flow_run(id).",
        )
    return flow_runs.resume_flow_run(flow_run_id, run_input)


def retried(flow: FlowLike, flow_run_id: str) -> FlowRun:
    """Let an ended run of a flow be tried again; give it. Raises NotFound, Conflict."""
    backend = connect.connect()
    check(flow, backend.read_flow_run(flow_run_id))
    return backend.retry_flow_run(flow_run_id)


def check(flow: FlowLike, run: FlowRun) -> None:
    """Check that a run is a flow's own, and can be executed here. Raises InvalidInput, Conflict."""
    if run.kind != "flow" or run.flow_name != flow.name:
        raise InvalidInput(
            f"The run {run.name} is of {shown(run.flow_name)}, not of {shown(flow.name)}.",
            code="run.other_flow",
            field="flow_run_id",
        )
    if run.work_pool is not None:
        raise Conflict(
            f"The run {run.name} belongs to the work pool {run.work_pool!r}: a worker executes it.",
            code="run.pooled",
            hint="Use `nbflow flow-run resume` or `retry`.",
        )
    lacking = sorted(name for name, value in run.parameters.items() if not _recorded(value))
    if lacking:
        raise Conflict(
            f"The parameter {lacking[0]!r} of the run {run.name} was not recorded whole.",
            code="run.parameters",
            field=lacking[0],
            hint="Call the flow anew with it.",
        )


class CallAgain(FlowCall):
    """A run that waits to be executed once more, in this process."""

    def __init__(self, flow: FlowLike, run: FlowRun) -> None:
        super().__init__(flow, (), {})
        self._again = run

    def open(self) -> None:
        """Take the run, with its parameters."""
        what = f"Flow {self.flow.name}"
        try:
            bound = _bound(self.flow.signature, self._again.parameters, what)
            if self.flow.validate_parameters:
                parameters.coerce(bound, self.flow.fn, what=what)
            self._values = dict(bound.arguments)
            self.args, self.kwargs = bound.args, bound.kwargs
        except InvalidInput as error:
            self.invalid = error
        self.take(self._again)
        self.context = self._context(None)


def _bound(
    signature: inspect.Signature, values: Mapping[str, Any], what: str
) -> inspect.BoundArguments:
    """Bind recorded parameters, each under its own name, also those that take several values."""
    made: OrderedDict[str, Any] = OrderedDict()
    for name, parameter in signature.parameters.items():
        if name in values:
            several = parameter.kind is parameter.VAR_POSITIONAL
            made[name] = tuple(values[name]) if several else values[name]
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            raise InvalidInput(
                f"{what} now takes {name!r}, which the run was made without.",
                code="parameter.bind",
                field=name,
            )
        if parameter.kind is parameter.VAR_KEYWORD:
            others = {n: v for n, v in values.items() if n not in signature.parameters}
            made[name] = {**made.get(name, {}), **others}
    bound = inspect.BoundArguments(signature, made)
    bound.apply_defaults()
    return bound


def _recorded(value: Any) -> bool:
    return not any(MASK in text or _NAMED.fullmatch(text) for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in cast("Mapping[str, Any]", value).values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in cast("list[Any]", value):
            yield from _texts(item)
