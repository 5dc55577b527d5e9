"""A run of a deployed flow, in the process a worker launched for it: one attempt, then the end.

The run was made by the deployment and claimed by the worker, which holds its lease as well; this
process adopts it. Whether there is another attempt the authority says, and a worker makes it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from pathlib import Path
from typing import Any

from nbflow import settings
from nbflow.engine import describing, interrupts, laying, signatures
from nbflow.engine.again import CallAgain
from nbflow.engine.drive import adrive, drive
from nbflow.engine.steps import flow_life
from nbflow.exceptions import (
    NbflowError,
    NotFound,
    ParameterBindError,
    SignatureMismatchError,
)
from nbflow.model import names, states, texts
from nbflow.model.backend import Backend
from nbflow.model.runs import Batch, FlowRun, LogEntry
from nbflow.model.states import State
from nbflow.model.verdicts import Accept
from nbflow.store import journal, mirroring

_log = logging.getLogger("nbflow.engine")


class DeployedCall(CallAgain):
    """One attempt of a run that a worker has claimed."""

    one_attempt = True

    def __init__(self, flow: Any, flow_run: FlowRun, beginning: State) -> None:
        super().__init__(flow, flow_run)
        self.owner = flow_run.owner
        self._beginning = beginning

    def beginning(self) -> State:
        """Give the state in which this attempt begins."""
        return self._beginning

    def end(self, state: State, *, patience: float | None = None) -> State:
        """Propose the end: an interrupt that nobody's cancelling explains is the worker's end."""
        interrupted = state.is_cancelled() and self.hold.reason is None
        if interrupted and not self._is_cancelling():
            state = states.Crashed(
                message="The worker was stopped before the flow had ended.",
                details={"cause": "worker_stopped"},
            )
        return super().end(state, patience=patience)

    def _is_cancelling(self) -> bool:
        try:
            return self.backend.read_flow_run(self.run.id).state.is_cancelling()
        except NbflowError:
            return False


def execute(backend: Backend, flow_run: FlowRun, *, folder: str) -> State:
    """Load the flow and run this attempt to its end; give the state the run took.

    Args:
        folder: where it works, and modules are looked for first.
    """
    os.environ.pop("NBFLOW_FLOW_RUN_ID", None)  # it would be taken for the run that calls this one
    try:
        folder = laying.work_in(backend, flow_run, folder)
        os.chdir(folder)
        flow = describing.load(code_of(backend, flow_run), folder)
        _check_signature(backend, flow_run, flow)
    except NbflowError as error:
        return refuse(backend, flow_run, error)
    except KeyboardInterrupt:
        stopped = states.Crashed(message="It was stopped while its code was imported.")
        return _end(backend, flow_run, stopped)
    call = DeployedCall(_as_deployed(flow, flow_run), flow_run, _beginning(backend, flow_run))
    return asyncio.run(_adriven(call)) if flow.isasync else _driven(call)


def code_of(backend: Backend, flow_run: FlowRun) -> str:
    """Give the entrypoint that is loaded: of a script, its file as deployed, or as it is now.

    Raises NotFound (`entrypoint.missing`).
    """
    entrypoint, path = flow_run.entrypoint or "", flow_run.path or ""
    if not path.lower().endswith(".py"):
        return entrypoint
    name = entrypoint.rpartition(":")[2]
    if flow_run.snapshot is None:
        if not Path(path).is_file():
            raise NotFound(
                f"There is no file {path}.",
                code="entrypoint.missing",
                field="entrypoint",
                hint="It was moved or deleted since it was deployed.",
            )
        return f"{path}:{name}"
    code = journal.folder(f"runs/{flow_run.id}/{flow_run.attempt}") / "code" / Path(path).name
    code.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    code.write_text(mirroring.snapshot(backend, flow_run.snapshot), encoding="utf-8")
    return f"{code}:{name}"


def _driven(call: DeployedCall) -> State:
    with interrupts.terminable():
        return drive(flow_life(call))


async def _adriven(call: DeployedCall) -> State:
    with interrupts.terminable(interrupts.ending_here()):
        return await adrive(flow_life(call))


def refuse(backend: Backend, flow_run: FlowRun, error: NbflowError) -> State:
    """End a run that cannot begin: Failed, with the reason."""
    cause = error.__cause__
    if cause is not None:
        said = "".join(traceback.format_exception(cause))
        at = states.Failed().at
        line = LogEntry(flow_run.id, at, logging.ERROR, texts.safe(said), "nbflow.engine")
        backend.record(Batch(logs=(line,)))
    return _end(backend, flow_run, states.Failed(message=str(error), details={"cause": error.code}))


def _end(backend: Backend, flow_run: FlowRun, state: State) -> State:
    verdict = backend.propose(flow_run.id, state, attempt=flow_run.attempt)
    if isinstance(verdict, Accept):
        return verdict.state
    return backend.read_flow_run(flow_run.id).state


def _beginning(backend: Backend, flow_run: FlowRun) -> State:
    if flow_run.attempt == 1:
        return states.Running()
    waited = [s for s in backend.list_states(flow_run.id) if s.is_scheduled()]
    last = waited[-1] if waited else None
    if last is not None and last.name == "Resuming":
        return states.Running()
    by_hand = last is not None and last.details.get("by_hand")
    return states.Rerunning() if by_hand else states.Retrying()


def _as_deployed(flow: Any, flow_run: FlowRun) -> Any:
    """Give the flow with the tries its run has, which its deployment may have changed."""
    changes: dict[str, Any] = {}
    if flow_run.retries != flow.retry.retries:
        changes["retries"] = flow_run.retries
    if flow_run.retry_delay_seconds != next(iter(flow.retry.delays), 0.0):
        changes["retry_delay_seconds"] = flow_run.retry_delay_seconds
    limit = settings.job_seconds()
    if limit is not None:
        changes["timeout_seconds"] = min(limit, flow.timeout_seconds or limit)
    seconds = settings.job_seconds()
    if seconds is not None and (flow.timeout_seconds is None or seconds < flow.timeout_seconds):
        changes["timeout_seconds"] = seconds
    return flow.with_options(**changes) if changes else flow


def _check_signature(backend: Backend, flow_run: FlowRun, flow: Any) -> None:
    """Refuse a flow that does not take what the run was made with.

    Raises SignatureMismatchError (`signature.changed`), ParameterBindError.
    """
    now = signatures.schema_of(flow.fn, flow.signature)
    deployed = laying.as_deployed(backend, flow_run)
    changed = signatures.difference(deployed.taken, now) if deployed and deployed.taken else None
    if changed is not None:
        name, how = changed
        raise SignatureMismatchError(
            f"The flow {flow.name} was changed after it was deployed: parameter {name!r} {how}.",
            code="signature.changed",
            field=name,
            hint="Deploy it again.",
        )
    for name in flow_run.parameters:
        if name not in now["properties"] and not now["additionalProperties"]:
            hint = names.did_you_mean(name, now["properties"], "It has")
            said = f"The flow {flow.name} has no parameter {name!r}."
            raise ParameterBindError(said, field=name, hint=hint)
