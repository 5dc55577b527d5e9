"""A `%%task` or `%%flow` cell's name, bound without running the cell.

For the new kernel of a resumed run, in which a later cell calls one that is not executed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbflow.ipython import body, cell_flow, defined, hosts, options
from nbflow.model import cell_options


def define(shell: Any, source: str, before: Sequence[str]) -> None:
    """Bind the name on a cell's option line to its Task or Flow.

    Args:
        source: the whole cell.
        before: the sources of the cells above it.
    """
    found = cell_options.line_of(source)
    assert found is not None
    kind, line = found
    asked = options.read(kind, line, {})
    cell = _below_line(source)
    compiled = body.compile_body(shell, cell)
    if kind == "task":
        task = hosts.TaskCell(shell, asked.name, asked, cell, None)
        defined.define(task, awaits=compiled.awaits)
    else:
        given = cell_flow.given(shell.user_ns, cell, before)
        cell_flow.define(shell, cell, asked, given, awaits=compiled.awaits)


def _below_line(source: str) -> str:
    lines = source.strip().splitlines(keepends=True)
    at = next(at for at, line in enumerate(lines) if cell_options.LINE.match(line.strip()))
    return "".join(lines[at + 1 :])
