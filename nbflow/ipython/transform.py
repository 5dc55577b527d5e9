"""A cell's text before it runs: the comment form becomes the magic, a body that awaits is awaited.

IPython calls this for every cell, more than once, also before the cell is whole: it is pure, it
never raises, and what is not ours it hands back as it came.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from nbflow.ipython import around

#: `%%task …`, but not `%%task?`
_MAGIC = re.compile(r"%%(?P<kind>task|flow)(?: (?P<line>.*))?$")
#: `# nbflow: task …`
_COMMENT = re.compile(r"#[ \t]*nbflow:[ \t]*(?P<kind>task|flow)(?:[ \t]+(?P<line>.*))?$")


def transformer(
    shell: Any, is_ours: Callable[[str], bool] = lambda _kind: True
) -> Callable[[list[str]], list[str]]:
    """Make the transformer of a shell, for its `input_transformers_cleanup`.

    `is_ours` says whether `task` or `flow` still means nbflow's magic.
    """

    def nbflow_cells(lines: list[str]) -> list[str]:
        kind, line = first_line(lines)
        if kind and is_ours(kind):
            return _rewritten(shell, kind, line, lines)
        return _around_ours(shell, lines, is_ours)

    # So that "is this input complete?" is asked of what was typed: a rewritten cell always is.
    nbflow_cells.has_side_effects = True  # type: ignore[attr-defined]
    return nbflow_cells


def _around_ours(shell: Any, lines: list[str], is_ours: Callable[[str], bool]) -> list[str]:
    """Give a cell whose `%%time` or `%%capture` is about a magic of ours that awaits."""
    if not lines or not lines[0].startswith("%%"):
        return lines
    cell = "".join(lines)
    kind, _ = first_line(around.innermost(cell).splitlines()[:1])
    made = around.statement(shell, cell) if kind and is_ours(kind) else None
    return lines if made is None else [made]


def first_line(lines: list[str]) -> tuple[str, str]:
    """Give what a cell's first line makes of it (`task`, `flow` or empty), and its options."""
    first = lines[0].rstrip() if lines else ""
    found = _MAGIC.match(first) or _COMMENT.match(first)
    return (found["kind"], (found["line"] or "").strip()) if found else ("", "")


def _rewritten(shell: Any, kind: str, line: str, lines: list[str]) -> list[str]:
    cell = "".join(lines[1:])
    awaits = _awaits(shell, cell)
    if awaits is None:
        # Not Python: left to IPython, which says where, as for any other cell.
        return ["\n", *lines[1:]]
    if awaits:
        return [f"await get_ipython().run_cell_magic({kind!r}, {line!r}, {cell!r})\n"]
    # IPython refuses an empty body before the magic is asked.
    return [f"%%{kind} {line}".rstrip() + "\n", cell or "\n"]


def _awaits(shell: Any, cell: str) -> bool | None:
    """Say whether a body awaits outside functions; None when it is not Python."""
    for source in (lambda: cell, lambda: around.python(shell, cell)):
        try:
            return around.awaits(source())
        except Exception:
            continue
    return None
