"""`nbflow flow-run kernel`: the kernel that was kept when a run failed, and how to attach to it."""

from __future__ import annotations

from nbflow.cli import finding, printing
from nbflow.cli.flow_run import RUN
from nbflow.cli.parsing import OUTPUT, argument, takes
from nbflow.connect import connect
from nbflow.exceptions import NotFound
from nbflow.kernels import keeping
from nbflow.store import kept_kernels


@takes(RUN, argument("--end", action="store_true", help="end it now"), OUTPUT)
def kernel(*, run: str, end: bool, output: str) -> None:
    """Say how to attach to the kernel kept of a run that failed, or end it."""
    found = finding.flow_run(connect(), run)
    kept = kept_kernels.of_attempt(found.id, found.attempt)
    if kept is None:
        raise NotFound(
            f"No kernel of run {found.name} is kept on this machine.", code="kernel.not_kept",
            hint="Run it with --on-failure keep-kernel 2h; a kernel is kept when a cell fails.",
        )  # fmt: skip
    if end:
        keeping.end(kept)
    if output == "json":
        facts = {"id": kept.id, "name": kept.name, "until": kept.until, "ended": end}
        printing.as_json({**facts, "connection_file": str(kept.file)})
    elif end:
        print(f"The kernel of run {found.name} has ended.")
    else:
        print(f"The kernel of run {found.name} is kept until {printing.instant(kept.until)}.")
        print(f"In a terminal:  jupyter console --existing {kept.file}")
        print("In JupyterLab:  it is among the running kernels; a notebook's kernel menu lists it.")
