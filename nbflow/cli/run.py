"""`nbflow run`: a notebook, now; no server, no worker, no deployment is needed.

The process that does it is this one, or a warm one of a worker (`handing`), with the same words.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from nbflow.cli import execution, flow_run, given, handing, printing
from nbflow.cli.execution import EXECUTION
from nbflow.cli.parsing import OUTPUT, PARAMETERS, argument, takes, usage
from nbflow.cli.progress import Progress, exit_code
from nbflow.connect import connect
from nbflow.model.run_options import Checkpoint, RunOptions
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.notebook import child, files, running
from nbflow.notebook.stopping import Stop


@takes(
    argument("notebook", metavar="NOTEBOOK[:FLOW]",
             help="the notebook file; with :FLOW, that flow of it and the cells it needs"),
    *PARAMETERS,
    argument("-k", "--kernel", default=None, help="the kernel (default: the notebook's own)"),
    argument("-o", "--output-path", default=None, metavar="OUT",
             help="also write the executed notebook there"),
    argument("--name", default=None, help="the run's name (made up when left out)"),
    *EXECUTION,
    OUTPUT,
)  # fmt: skip
def run(
    *,
    notebook: str,
    param: list[str],
    parameters: str | None,
    kernel: str | None,
    output_path: str | None,
    name: str | None,
    checkpoint: Checkpoint,
    on_failure: list[str] | None,
    to: list[str],
    output: str,
) -> int:
    """Run a notebook now; exit 0 completed, 1 failed, 130 cancelled, 138 crashed."""
    if "IPython" not in sys.modules:  # else the process is somebody's kernel
        running.lighten()  # before anything looks for kernels: that imports IPython
    target = None if output_path is None else _target(output_path, notebook)
    options = execution.options(checkpoint=checkpoint, on_failure=on_failure, to=to)
    new = _new_run(notebook, param, parameters, kernel, name, options)
    with Progress(quiet=output == "json") as progress:
        made = _execute(new, progress)
        executed = flow_run.executed_notebook(made)
        if executed is not None and target is not None:
            shutil.copyfile(executed, target)
        if executed is not None:
            progress.say(f"Executed notebook: {target or executed}")
    if output == "json":
        where = str(executed) if executed else None
        printing.as_json({**vars(made), "executed_notebook": where})
    return exit_code(made.state)


def _target(output_path: str, notebook: str) -> Path:
    """Give where the executed notebook is to be copied. Raises InvalidInput."""
    target = Path(output_path).expanduser().absolute()
    if target.is_dir():
        target = target / Path(notebook).name
    if not target.parent.is_dir():
        raise usage(f"There is no folder {target.parent}.", field="output_path")
    if target.exists() and target.samefile(notebook):
        raise usage(f"{target} is the notebook itself.", "Name another file.", "output_path")
    return target


def _new_run(
    request: DeployRequest, pairs: list[str], text: str | None, name: str | None
) -> NewFlowRun:
    """Check everything that can be checked before a kernel starts. Raises InvalidInput."""
    path, content = deployments.read_notebook(request.path)
    checked = deploying.deployment_of(
        request,
        notebook_text=content,
        path=path,
        kernels=deployments.kernels(),
        host=socket.gethostname(),
    )
    schema, what = checked.parameter_schema, request.function or Path(path).name
    values = given.parameters(schema, pairs, text, what=what)
    named: dict[str, Any] = {} if name is None else {"name": names.check_name(name)}
    return NewFlowRun(
        flow_name=checked.flow_name,
        kind="notebook",
        parameters=parameters.check(schema, values, what=what),
        path=path,
        function=checked.function,
        kernel_name=checked.kernel_name,
        options=checked.options,
        owner=owners.current(),
        created_by="cli",
        **named,
    )


def _execute(new: NewFlowRun, progress: Progress) -> FlowRun:
    """Make the run and execute it here; give it as it ended."""
    backend = connect()
    made = backend.create_flow_run(new)
    progress.say(f"{made.name} ({made.id})")
    stop = Stop()
    with handing.heeding(stop, f"{made.id}-{made.attempt}"):
        running.run_now(backend, made.id, made.attempt, on_cell=progress.cell, stop=stop)
    ended = backend.read_flow_run(made.id)
    progress.run(ended)
    return ended
