"""`nbflow resume`: a notebook run that failed goes on where it ended, as a new attempt of itself.

A run of a work pool is left to its workers; one that `nbflow run` started is executed here and now.
"""

from __future__ import annotations

import sys
from typing import get_args

from nbflow.cli import finding, flow_run, handing, printing
from nbflow.cli.flow_run import RUN
from nbflow.cli.parsing import OUTPUT, argument, takes
from nbflow.cli.progress import Progress, exit_code
from nbflow.connect import connect
from nbflow.model.backend import Backend
from nbflow.model.run_options import ResumeSource, RunOptions
from nbflow.model.runs import FlowRun
from nbflow.notebook import again, running
from nbflow.notebook.stopping import Stop
from nbflow.workers import presence


@takes(
    RUN,
    argument("--from", default=None, metavar="CELL", dest="from_cell",
             help="begin at this cell: the name of its task, its id, or its number (default: the "
             "first that did not complete)"),
    argument("--source", choices=get_args(ResumeSource), default="run",
             help="the notebook as the run was started, or as its file is now; then it begins at "
             "the first cell that changed, if that comes first (default: run)"),
    OUTPUT,
)  # fmt: skip
def resume(*, run: str, from_cell: str | None, source: ResumeSource, output: str) -> int:
    """Resume a notebook run that failed: cells that completed are not executed again."""
    options = RunOptions(resume_from=from_cell, resume_source=source)
    backend = connect()
    return go_on(backend, finding.flow_run(backend, run), options, output)


def go_on(backend: Backend, run: FlowRun, options: RunOptions, output: str) -> int:
    """Let an ended notebook run be tried again, here if no worker takes it; give the exit code."""
    waiting = again.ask_again(backend, run, options)
    if waiting.work_pool is not None:
        return _left_to_a_worker(backend, waiting, output)
    return here(backend, waiting, output)


def here(backend: Backend, waiting: FlowRun, output: str) -> int:
    """Execute a waiting notebook run in this process; give the exit code."""
    if "IPython" not in sys.modules:  # else the process is somebody's kernel
        running.lighten()
    with Progress(quiet=output == "json") as progress:
        progress.say(f"{waiting.name} ({waiting.id})")
        stop = Stop()
        with handing.heeding(stop, f"{waiting.id}-{waiting.attempt + 1}"):
            again.execute(backend, waiting, on_cell=progress.cell, stop=stop)
        ended = backend.read_flow_run(waiting.id)
        progress.run(ended)
        executed = flow_run.executed_notebook(ended)
        if executed is not None:
            progress.say(f"Executed notebook: {executed}")
    if output == "json":
        where = str(executed) if executed else None
        printing.as_json({**vars(ended), "executed_notebook": where})
    return exit_code(ended.state)


def _left_to_a_worker(backend: Backend, run: FlowRun, output: str) -> int:
    if output == "json":
        printing.as_json(run)
        return 0
    print(f"{run.name} ({run.id}): {printing.clean(printing.state(run.state))}")
    pool = run.work_pool or ""
    print(presence.missing(backend, pool, scheduled=False) or "A worker takes it.")
    return 0
