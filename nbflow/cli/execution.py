"""How a notebook is to be executed, as flags: for every command that runs or deploys one."""

from __future__ import annotations

from typing import get_args

from nbflow.cli.parsing import argument, usage
from nbflow.exceptions import InvalidInput
from nbflow.model import durations, names
from nbflow.model.run_options import Checkpoint, RunOptions

_KEEP = "keep-kernel"

EXECUTION = (
    argument("--checkpoint", choices=get_args(Checkpoint), default="failure",
             help="when variables are saved, so that a run can be resumed (default: failure)"),
    argument("--on-failure", nargs=2, default=None, metavar=(_KEEP, "DUR"),
             help="keep the kernel of a failed run so long, to look into it"),
    argument("--to", action="append", default=[], metavar="FORMAT",
             help="store this with the run, such as html: any nbconvert exporter"),
)  # fmt: skip


def options(*, checkpoint: Checkpoint, on_failure: list[str] | None, to: list[str]) -> RunOptions:
    """Read the flags. Raises InvalidInput."""
    return RunOptions(
        checkpoint=checkpoint, keep_kernel_seconds=_kept(on_failure), exports=tuple(to)
    )


def _kept(on_failure: list[str] | None) -> float:
    """Read `--on-failure keep-kernel DUR`."""
    if on_failure is None:
        return 0.0
    word, length = on_failure
    if word != _KEEP:
        said = f"--on-failure is {names.shown(word)}, not {_KEEP}."
        raise usage(said, f"Write --on-failure {_KEEP} 2h.", "on_failure")
    try:
        return durations.seconds(length, field="--on-failure keep-kernel")
    except InvalidInput as error:
        raise usage(error.message, error.hint, "on_failure") from None
