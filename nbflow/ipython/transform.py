"""A cell's text before it runs: the comment form becomes the magic, a body that awaits is awaited.

IPython calls this for every cell, more than once, also before the cell is whole: it is pure, it
never raises, and what is not ours it hands back as it came.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from nbflow.exceptions import InvalidInput
from nbflow.ipython import around
from nbflow.model import cell_options
from nbflow.model.shapes import is_mapping

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
        if not kind and (kind := _asked(shell, lines)):
            return _told(shell, kind, lines) if is_ours(kind) else lines
        if kind and is_ours(kind):
            return _rewritten(shell, kind, line, lines)
        return _around_ours(shell, lines, is_ours)

    # So that "is this input complete?" is asked of what was typed: a rewritten cell always is.
    nbflow_cells.has_side_effects = True  # type: ignore[attr-defined]
    return nbflow_cells


#: the request whose metadata has been heard, by shell
_heard: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def hear_no_more(shell: Any) -> None:
    """Take the request's metadata for heard: the body, maybe the same text, is transformed next."""
    _heard[shell] = getattr(shell, "parent_header", None)


def _asked(shell: Any, lines: list[str]) -> str:
    """Give `task` or `flow` where the metadata of the cell that runs asks for something."""
    request = getattr(shell, "parent_header", None) or {}
    own = (request.get("metadata") or {}).get("nbflow")
    if not is_mapping(own) or os.environ.get("NBFLOW_FLOW_RUN_ID"):
        return ""
    code = (request.get("content") or {}).get("code")
    if code is None or "".join(lines).strip() != code.strip() or not code.strip():
        return ""
    if request is _heard.get(shell) or not _asks(own):
        return ""
    return "flow" if own.get("kind") == "flow" else "task"


def _told(shell: Any, kind: str, lines: list[str]) -> list[str]:
    """Give a cell without a line as the magic; looking into it does not ask again."""
    before = _heard.get(shell)
    hear_no_more(shell)
    try:
        return _rewritten(shell, kind, "", ["\n", *lines])
    finally:
        _heard[shell] = before


def _asks(own: Any) -> bool:
    try:
        return cell_options.of_metadata(own).asks()
    except InvalidInput:
        return True  # the magic says what is wrong


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
