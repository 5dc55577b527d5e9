"""`nbflow flow-run pause | suspend | resume | retry | accept`: let runs wait or go on.

A run of a work pool is left to its workers; one of a script is executed here and now, by importing
its flow from the file it was recorded with.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from nbflow.cli import finding, given, printing
from nbflow.cli.flow_run import RUN
from nbflow.cli.parsing import OUTPUT, argument, duration, takes
from nbflow.cli.progress import exit_code
from nbflow.connect import connect
from nbflow.exceptions import Conflict
from nbflow.model import states
from nbflow.model.backend import Backend
from nbflow.model.run_options import RunOptions
from nbflow.model.runs import FlowRun
from nbflow.model.states import State
from nbflow.model.verdicts import accepted
from nbflow.workers import presence

_TIMEOUT = argument(
    "--timeout", type=duration, default=timedelta(hours=1), metavar="DUR",
    help="how long it waits to be resumed before it fails (default: 1h)",
)  # fmt: skip
_INPUT = (
    argument("--input", action="append", default=[], metavar="NAME=VALUE", dest="pairs",
             help="a field of the input it asks for; `value=…` where it asks for one value"),
    argument("--input-json", default=None, metavar="JSON", help="the input as a JSON object"),
)  # fmt: skip


@takes(RUN, _TIMEOUT, OUTPUT)
def pause(*, run: str, timeout: timedelta, output: str) -> None:
    """Pause a run: no further task of it begins until it is resumed."""
    state = states.Paused(timeout_seconds=timeout.total_seconds(), message="Paused by hand.")
    _propose(run, state, output)


@takes(RUN, _TIMEOUT, OUTPUT)
def suspend(*, run: str, timeout: timedelta, output: str) -> None:
    """Suspend a run: its process ends at its next task, until it is resumed."""
    state = states.Suspended(timeout_seconds=timeout.total_seconds(), message="Suspended by hand.")
    _propose(run, state, output)


@takes(RUN, *_INPUT, OUTPUT)
def resume(*, run: str, pairs: list[str], input_json: str | None, output: str) -> int:
    """Resume a paused or suspended run, with the input it asks for."""
    backend = connect()
    found = finding.flow_run(backend, run)
    asks = found.state.details.get("input") if found.state.is_paused() else None
    schema = asks["schema"] if asks else {}
    values = given.parameters(schema, pairs, input_json, what="the input")
    executes = found.state.is_suspended() or _waits_for_us(found)
    of_notebook = executes and found.kind == "notebook" and found.work_pool is None
    flow = _flow_of(found) if executes and not of_notebook else None
    if not _waits_for_us(found):
        found = backend.resume_flow_run(found.id, values or None)
    if of_notebook:
        from nbflow.cli.resume import here

        return here(backend, found, output)
    return _carry_on(backend, found, flow, output)


@takes(RUN, OUTPUT)
def retry(*, run: str, output: str) -> int:
    """Try an ended run that did not complete once more, from the top, with the same parameters."""
    backend = connect()
    found = finding.flow_run(backend, run)
    if found.kind == "notebook":
        from nbflow.cli.resume import go_on

        return go_on(backend, found, RunOptions(resume=False), output)
    flow = _flow_of(found)
    return _carry_on(backend, backend.retry_flow_run(found.id), flow, output)


@takes(RUN, OUTPUT)
def accept(*, run: str, output: str) -> None:
    """Take the end of a run that was heard only after it had been given up for its end."""
    backend = connect()
    found = finding.flow_run(backend, run)
    _show(backend, backend.accept_flow_run(found.id).id, output)


def _propose(run: str, state: State, output: str) -> None:
    backend = connect()
    found = finding.flow_run(backend, run)
    accepted(backend.propose(found.id, state), state)
    _show(backend, found.id, output)


def _waits_for_us(run: FlowRun) -> bool:
    """Say whether a run was resumed already, and nobody has executed it."""
    return run.state.name == "Resuming" and run.work_pool is None


def _flow_of(run: FlowRun) -> Any:
    """Import the flow of a run that no worker takes; None where one does. Raises Conflict."""
    if run.work_pool is not None:
        return None
    if run.kind != "flow" or run.path is None or run.function is None:
        raise Conflict(
            f"The run {run.name} cannot be executed from here: its flow was not written in a file.",
            code="run.no_entrypoint",
            hint=f'Where the flow is defined, call FLOW.resume("{run.id}") or FLOW.retry_run(…).',
        )
    from nbflow.engine import again
    from nbflow.flows import load_flow_from_entrypoint

    flow = load_flow_from_entrypoint(f"{run.path}:{run.function}")
    again.check(flow, run)
    return flow


def _carry_on(backend: Backend, run: FlowRun, flow: Any, output: str) -> int:
    if flow is None or not run.state.is_scheduled():
        _show(backend, run.id, output)
        if run.work_pool is not None and run.state.is_scheduled() and output == "text":
            print(presence.missing(backend, run.work_pool, scheduled=False) or "A worker takes it.")
        return 0
    from nbflow.engine import hooks
    from nbflow.engine import run as engine

    execute = engine.arun_again if flow.isasync else engine.run_again
    state: State = hooks.call(partial(execute, return_state=True), (flow, run))
    _show(backend, run.id, output)
    return exit_code(state) if state.is_final() else 0


def _show(backend: Backend, flow_run_id: str, output: str) -> None:
    run = backend.read_flow_run(flow_run_id)
    if output == "json":
        printing.as_json(run)
    else:
        print(f"{run.name} ({run.id}): {printing.clean(printing.state(run.state))}")
