"""`nbflow flow-run export`: the executed notebook of a past run in another format, made here."""

from __future__ import annotations

from pathlib import Path

from nbflow.cli import finding, flow_run, printing
from nbflow.cli.flow_run import RUN
from nbflow.cli.parsing import OUTPUT, argument, takes, usage
from nbflow.connect import connect
from nbflow.exceptions import InvalidInput, NotFound
from nbflow.kernels import environments
from nbflow.model import texts


@takes(
    RUN,
    argument("--to", default="html", metavar="FORMAT",
             help="any nbconvert exporter (default: %(default)s)"),
    argument("-o", "--output-path", default=None, metavar="FILE",
             help="write it there (default: beside the executed notebook)"),
    argument("--scripts", action="store_true",
             help="keep what outputs run in HTML, such as interactive plots"),
    OUTPUT,
)  # fmt: skip
def export(*, run: str, to: str, output_path: str | None, scripts: bool, output: str) -> None:
    """Write the executed notebook of a run in another format."""
    environments.check_exports([to])
    found = finding.flow_run(connect(), run)
    executed = flow_run.executed_notebook(found)
    if executed is None:
        raise NotFound(
            f"The run {found.name} has no executed notebook here.",
            code="notebook.not_begun", field="run",
            hint="It is made when a notebook's run ends, on the machine that ran it.",
        )  # fmt: skip
    from nbflow.notebook import exports  # loads what makes HTML safe

    try:
        made = exports.write(executed, to, _target(output_path, executed), scripts=scripts)
    except Exception as error:
        problem = f"The export to {to} failed: {texts.of_error(error)}"
        raise InvalidInput(problem, code="export.failed", field="to") from error
    if output == "json":
        printing.as_json({"run": found.id, "format": to, "path": str(made)})
    else:
        print(printing.clean(f"Wrote {made}."))


def _target(output_path: str | None, executed: Path) -> Path | None:
    if output_path is None:
        return None
    target = Path(output_path).expanduser().absolute()
    if target.is_dir() or not target.parent.is_dir():
        raise usage(f"{target} is not a file in a folder that is there.", field="output_path")
    if target.exists() and target.samefile(executed):
        raise usage(
            f"{target} is the executed notebook itself.", "Name another file.", "output_path"
        )
    return target
