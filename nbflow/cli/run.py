"""`nbflow run`: a notebook, now; no server, no worker, no deployment is needed.

The process that does it is this one, or a warm one of a worker (`handing`), with the same words.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from nbflow.cli import execution, flow_run, given, handing, printing
from nbflow.cli.execution import EXECUTION
from nbflow.cli.parsing import OUTPUT, PARAMETERS, argument, takes, usage
from nbflow.cli.progress import Progress, exit_code
from nbflow.connect import connect
from nbflow.model import deploying, notebooks, slices
from nbflow.model.run_options import Checkpoint
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.notebook import child, files, running
from nbflow.notebook.stopping import Stop

_NOWHERE = "none"


@takes(
    argument("notebook", metavar="NOTEBOOK[:FLOW]",
             help="the notebook file; with :FLOW, that flow of it and the cells it needs"),
    *PARAMETERS,
    argument("-k", "--kernel", default=None, help="the kernel (default: the notebook's own)"),
    argument("-o", "--output-path", default=None, metavar="OUT",
             help="where the executed notebook is written, or none (default: beside the notebook, "
             "as NAME-executed.ipynb)"),
    argument("--name", default=None, help="the run's name (made up when left out)"),
    argument("--cell", action="append", default=[], metavar="CELL", dest="cells",
             help="run only this cell (name or id) and what it needs; repeat for several"),
    argument("--downstream", action="store_true",
             help="with --cell: also the cells that need it, and what they need"),
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
    cells: list[str],
    downstream: bool,
    checkpoint: Checkpoint,
    on_failure: list[str] | None,
    to: list[str],
    output: str,
) -> int:
    """Run a notebook now; exit 0 completed, 1 failed, 130 cancelled, 138 crashed."""
    if "IPython" not in sys.modules:  # else the process is somebody's kernel
        running.lighten()
    path, function = deploying.split(notebook)
    target = _target(output_path, Path(path))
    options = execution.options(checkpoint=checkpoint, on_failure=on_failure, to=to)
    only = _cells(path, function, cells, downstream=downstream)
    new = child.new_run(
        path,
        _parameters(path, function, param, parameters),
        name=name,
        kernel_name=kernel,
        function=function,
        options=replace(options, cells=only),
        created_by="cli",
    )
    with Progress(quiet=output == "json") as progress:
        made = _execute(new, progress)
        executed = flow_run.executed_notebook(made)
        written = executed and _write(executed, target)
        if executed is not None:
            progress.say(f"Executed notebook: {written or executed}")
    if output == "json":
        facts = {"executed_notebook": executed, "output_path": written}
        shown = {key: str(path) if path else None for key, path in facts.items()}
        printing.as_json({**vars(made), **shown})
    return exit_code(made.state)


def _cells(
    path: str, function: str | None, cells: list[str], *, downstream: bool
) -> tuple[str, ...]:
    """Give the ids of the cells to run; none: all. Raises InvalidInput, InvalidNotebook."""
    if not cells and not downstream:
        return ()
    if not cells or function is not None:
        raise usage("--cell and --downstream choose cells of a whole notebook.", field="cell")
    file, content = files.read(path)
    nb = notebooks.parse(content, name=Path(file).name)
    made = slices.cells_slice(nb, cells, upstream=True, downstream=downstream)
    return tuple(node.id for node in made.kept)


def _parameters(
    path: str, function: str | None, pairs: list[str], text: str | None
) -> dict[str, object]:
    file, content = files.read(path)
    nb = notebooks.parse(content, name=Path(file).name)
    schema = deploying.schema_of(nb, function)
    return given.parameters(schema, pairs, text, what=function or Path(file).name)


def _target(output_path: str | None, notebook: Path) -> Path | None:
    """Give where the executed notebook is to be written; None: nowhere. Raises InvalidInput."""
    if output_path == _NOWHERE:
        return None
    beside = Path(f"{notebook.stem}-executed.ipynb")
    if output_path is None:
        return notebook.expanduser().absolute().with_name(beside.name)
    target = Path(output_path).expanduser().absolute()
    if target.is_dir():
        target = target / beside
    if not target.parent.is_dir():
        raise usage(f"There is no folder {target.parent}.", field="output_path")
    if target.exists() and notebook.exists() and target.samefile(notebook):
        raise usage(f"{target} is the notebook itself.", "Name another file.", "output_path")
    return target


def _write(executed: Path, target: Path | None) -> Path | None:
    """Copy the executed notebook, whole or not at all; say so when that cannot be done."""
    if target is None:
        return None
    half = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        shutil.copyfile(executed, half)
        half.replace(target)
    except OSError as error:
        half.unlink(missing_ok=True)
        printing.note(f"The executed notebook cannot be written to {target}: {error.strerror}.")
        return None
    return target


def _execute(new: NewFlowRun, progress: Progress) -> FlowRun:
    """Make the run and execute it here; give it as it ended."""
    backend = connect()
    made = backend.create_flow_run(new)
    progress.say(f"{made.name} ({made.id})")
    if progress.live:
        progress.expect(backend.read_progress(made.id).past)
    stop = Stop()
    with handing.heeding(stop, f"{made.id}-{made.attempt}"):
        running.run_now(backend, made.id, made.attempt, on_cell=progress.cell, stop=stop)
    ended = backend.read_flow_run(made.id)
    progress.run(ended)
    if ended.state.is_failed() or ended.state.is_crashed():
        said = f"`nbflow resume {ended.name} --source current`"
        progress.say(f"Mend the cell, save, and go on from there: {said}")
    return ended
