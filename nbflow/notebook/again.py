"""`resume_notebook`: an ended notebook run goes on, as a new attempt of the same run.

Who may is decided by the authority; what is executed is planned by `resuming`. Here a request is
checked before anything changes, and a run that no worker takes is executed in this process.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nbflow.connect import connect
from nbflow.exceptions import Aborted, Conflict
from nbflow.model import notebooks, states
from nbflow.model.run_options import ResumeSource, RunOptions
from nbflow.model.runs import FlowRun
from nbflow.model.states import State
from nbflow.model.verdicts import Accept
from nbflow.notebook import running
from nbflow.notebook.ran import NotebookRun
from nbflow.notebook.source import read
from nbflow.notebook.stopping import Stop
from nbflow.store import owners

if TYPE_CHECKING:
    from nbflow.model.backend import Backend
    from nbflow.notebook.running import OnCell


def resume_notebook(
    flow_run_id: str,
    *,
    from_cell: str | int | None = None,
    source: ResumeSource = "run",
    return_state: bool = False,
) -> NotebookRun:
    """Let a notebook run that failed go on where it ended, and wait for it.

    It is a new attempt of the same run in a fresh kernel: cells that completed are not executed,
    what they imported and defined is, and the variables that are read from there on are restored.
    What cannot be restored is made again by as few cells as possible, and the run's log says so.
    A run of a work pool is left to its workers, and given as it waits.

    Args:
        from_cell: where to go on, by the name of its task, its id, or its number from 1; the first
            cell that did not complete when left out.
        source: `run` is the notebook as the run was started, `current` the file as it is now: it
            goes on at the first cell that changed, or reads what did, or did not complete.
        return_state: also give a run that did not complete, instead of raising.

    Raises NotFound, Conflict (it completed, is still going on, has not begun, is no notebook's),
    InvalidInput (there is no such cell); FailedRun, CrashedRun, CancelledRun for a run that ended
    so.
    """
    __tracebackhide__ = True
    return _resume(flow_run_id, from_cell, source, return_state, Stop())


async def aresume_notebook(
    flow_run_id: str,
    *,
    from_cell: str | int | None = None,
    source: ResumeSource = "run",
    return_state: bool = False,
) -> NotebookRun:
    """Let a notebook run go on where it ended, and await it (as `resume_notebook`)."""
    import asyncio

    __tracebackhide__ = True
    stop = Stop()
    work = asyncio.to_thread(_resume, flow_run_id, from_cell, source, return_state, stop)
    try:
        return await work
    except asyncio.CancelledError:
        stop.ask("cancelled")
        raise


def _resume(
    flow_run_id: str,
    from_cell: str | int | None,
    source: ResumeSource,
    return_state: bool,
    stop: Stop,
) -> NotebookRun:
    __tracebackhide__ = True
    backend = connect()
    run = backend.read_flow_run(flow_run_id)
    asked = None if from_cell is None else str(from_cell)
    waiting = ask_again(backend, run, RunOptions(resume_from=asked, resume_source=source))
    if waiting.work_pool is not None:
        return NotebookRun(waiting, waiting.state)
    state = execute(backend, waiting, stop=stop)
    resumed = NotebookRun(backend.read_flow_run(run.id), state)
    if not return_state:
        resumed.result()
    return resumed


def ask_again(backend: Backend, run: FlowRun, options: RunOptions) -> FlowRun:
    """Let an ended notebook run be tried again, as its options say; give it as it waits.

    Raises Conflict, InvalidInput, InvalidNotebook: then nothing has changed.
    """
    _check_may(run)
    if options.resume:
        _check_can(backend, run, options)
    asked = {"resume": options.resume, "resume_source": options.resume_source}
    if options.resume_from is not None:
        asked["resume_from"] = options.resume_from
    return backend.retry_flow_run(run.id, asked)


def execute(
    backend: Backend, run: FlowRun, *, on_cell: OnCell | None = None, stop: Stop | None = None
) -> State:
    """Execute a waiting run that no worker takes in this process. Raises Conflict, Aborted."""
    said = "It is executed by the process that asked for it."
    pending = states.Pending(message=said)
    verdict = backend.propose(run.id, pending, attempt=run.attempt, owner=owners.current())
    if not isinstance(verdict, Accept) or verdict.attempt is None:
        reason = getattr(verdict, "reason", "")
        raise Aborted(f"Another process was first with the run {run.name}: {reason}")
    return running.run_now(backend, run.id, verdict.attempt, on_cell=on_cell, stop=stop)


def _check_may(run: FlowRun) -> None:
    """Check that a run is a notebook's, and has ended without completing. Raises Conflict."""
    state, hint, code = run.state, None, "run.live"
    if run.kind != "notebook":
        what = f"is no notebook's but a {run.kind}'s"
        hint, code = "`nbflow flow-run retry RUN` tries a flow again.", "run.no_notebook"
        if run.kind == "session":
            hint = "What a kernel did by hand is repeated there."
    elif state.is_completed():
        what, code = "completed, and there is nothing to resume", "run.completed"
        hint = "`nbflow run NOTEBOOK` starts a new one."
    elif state.is_paused():
        what, hint = f"is {state.name}", "`nbflow flow-run resume RUN` lets it go on."
    elif state.is_scheduled() and not state.details.get("by_hand"):
        what, hint = f"is {state.name}, and waits to be executed", "`nbflow flow-run inspect RUN`."
    elif state.is_final() or state.is_scheduled():
        return
    else:
        what, hint = f"is {state.name}", "Cancel it first, or wait for its end."
    raise Conflict(f"The run {run.name} {what}.", code=code, field="flow_run_id", hint=hint)


def _check_can(backend: Backend, run: FlowRun, options: RunOptions) -> None:
    """Plan the attempt as far as that goes without a kernel. Raises InvalidInput, Conflict."""
    from nbflow.notebook.past import cells_of, past
    from nbflow.notebook.resuming import not_python, start_of

    before = past(run.id, run.attempt + 1)
    if before is None:
        return  # nothing completed, or it did where this process cannot look
    language = notebooks.language(before.notebook)
    if language not in (None, "python", "ipython"):
        raise not_python(language)
    nb = before.notebook
    if options.resume_source == "current":
        text = read(run.path)
        nb = notebooks.parse(text, name=Path(run.path or "notebook").name)
    start_of(cells_of(nb["cells"]), before.before, options)
