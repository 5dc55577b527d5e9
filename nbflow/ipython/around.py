"""A cell as Python: as IPython makes it, save where its own `%%time` and `%%capture` cannot await.

These are sync magics: code that awaits below them is no Python to IPython. Such a cell becomes a
statement that does the same on the running loop (`timing`). Pure; nothing runs here.
"""

from __future__ import annotations

import ast
import inspect
import re
from typing import Any

_MAGIC = re.compile(r"%%(?P<name>time|capture)(?:[ \t]+(?P<line>.*))?$")
_STATEMENT = "await __import__('nbflow.ipython.timing', fromlist=['run']).run(get_ipython(), {})\n"


def python(shell: Any, cell: str) -> str:
    """Give a cell as Python. Raises SyntaxError, and what the shell's transformers raise."""
    return statement(shell, cell) or shell.transform_cell(cell)


def statement(shell: Any, cell: str) -> str | None:
    """Give the statement for a cell whose `%%time` or `%%capture` is about code that awaits."""
    found = parts(cell)
    if found is None or not _awaits(shell, found[2]):
        return None
    return _STATEMENT.format(", ".join(map(repr, found)))


def parts(cell: str) -> tuple[str, str, str] | None:
    """Give the `time` or `capture` a cell begins with, its line and its body."""
    first, _, rest = cell.lstrip().partition("\n")
    found = _MAGIC.match(first.rstrip())
    return (found["name"], (found["line"] or "").strip(), rest) if found else None


def innermost(cell: str) -> str:
    """Give what is below all `%%time` and `%%capture` that a cell begins with."""
    found = parts(cell)
    return cell if found is None else innermost(found[2])


def awaits(source: str) -> bool:
    """Say whether Python source has an `await` outside functions. Raises SyntaxError."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(source, "<cell>", "exec", flags, dont_inherit=True)
    return bool(code.co_flags & inspect.CO_COROUTINE)


def _awaits(shell: Any, cell: str) -> bool:
    try:
        return awaits(python(shell, cell))
    except Exception:  # not Python: IPython says where
        return False
