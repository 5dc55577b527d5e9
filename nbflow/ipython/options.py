"""What `%%task` and `%%flow` are told, in IPython: on their line, else in the cell's metadata.

What may be said is in `model.cell_options`. A wrong line is an error like any other, so that Run
All and papermill stop at it; IPython's own UsageError is only printed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model import cell_options
from nbflow.model.cell_options import CellOptions, Kind, Option
from nbflow.model.shapes import is_mapping

#: where the help of an option begins
_COLUMN = 28


class MagicError(InvalidInput):
    """The magic cannot do what its line or its cell asks."""

    code = "magic.invalid"

    def _render_traceback_(self) -> list[str]:
        """Show one line (IPython asks): the fault is in the cell, not in a call."""
        return [f"{self.field or 'nbflow'}: {self}"]


def read(kind: Kind, line: str, metadata: Any = None) -> CellOptions:
    """Read a magic's line; where it asks for nothing, the cell's metadata. Raises MagicError."""
    try:
        said = cell_options.of_line(kind, line)
        own = metadata.get("nbflow") if is_mapping(metadata) else None
        if said.asks() or not is_mapping(own):
            return said
        found = cell_options.of_metadata({**own, "kind": kind})
    except InvalidInput as error:
        hint = error.hint or f"`%%{kind} --help` shows what it takes."
        raise wrong(kind, error.message, hint) from None
    return replace(found, name=said.name or found.name, tags=said.tags or found.tags)


def usage(kind: Kind) -> str:
    """Explain a magic's line."""
    options = [option for option in cell_options.OPTIONS if kind in option.kinds]
    lines = [f"usage: %%{kind} [NAME] [options]", "", *_DESCRIPTIONS[kind], "", "options:"]
    for option in options:
        lines += _explained(option)
    return "\n".join(lines) + "\n"


def _explained(option: Option) -> list[str]:
    left = f"  --{option.flag} {option.metavar}".rstrip()
    if len(left) >= _COLUMN:
        return [left, f"{'':{_COLUMN}}{option.help}"]
    return [f"{left:{_COLUMN}}{option.help}"]


def wrong(kind: Kind, message: str, hint: str | None = None) -> MagicError:
    """Make the error of a magic that was used wrongly."""
    return MagicError(message, field=f"%%{kind}", hint=hint)


_DESCRIPTIONS = {
    "task": (
        "Run the cell as a task run: of the %%flow it is in, of the notebook's run when the",
        "notebook is executed, else of this kernel's session. Afterwards NAME(x=…) runs it with",
        "another x, NAME.submit(x=…) and NAME.map(x=[…]) too.",
    ),
    "flow": (
        "Run the cell as a flow run; the tasks it calls are its task runs. Afterwards NAME(x=…)",
        "runs it with another x, and NAME.deploy(…) deploys it with the cells it needs. Its",
        "parameters are the names it reads that are bound to a literal.",
    ),
}
