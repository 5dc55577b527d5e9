"""Entrypoints of deployments: `FILE.py:FLOW` and `PACKAGE.MODULE:FLOW`, read as text.

Nothing is imported here: whether there is such a flow is found out where its code may run
(`engine.entrypoints`), in a process of its own (`kernels.describing`).
"""

from __future__ import annotations

import keyword
import re
from pathlib import PurePath
from typing import Any, NamedTuple

from nbflow.exceptions import InvalidInput
from nbflow.model import names

LONGEST = 1024
_FILE = re.compile(r"[^/\\\x00-\x1f\x7f:]+\.py", re.IGNORECASE)
_HINT = "Write FILE.py:FLOW or PACKAGE.MODULE:FLOW."


class Entrypoint(NamedTuple):
    """Where a flow's code is, and the flow's name there.

    Attributes:
        where: a file's path, or a module's dotted name.
        is_file: which of the two.
    """

    where: str
    name: str
    is_file: bool

    def __str__(self) -> str:
        return f"{self.where}:{self.name}"

    @property
    def stored(self) -> str:
        """Give the text that is kept with a deployment: a file by its name alone."""
        return f"{PurePath(self.where).name}:{self.name}" if self.is_file else str(self)


def parse(text: Any, *, field: str = "entrypoint") -> Entrypoint:
    """Read an entrypoint. Raises InvalidInput (`entrypoint.invalid`)."""
    if not isinstance(text, str):
        raise _invalid(f"{names.shown(text)} is not text.", field)
    where, colon, name = text.strip().rpartition(":")
    notebook = where.lower().endswith(".ipynb")
    if not colon or not where or notebook or len(text) > LONGEST or not _is_dotted(name):
        raise _invalid(f"{names.shown(text)} names no flow.", field)
    if where.lower().endswith(".py"):
        if not _FILE.fullmatch(re.split(r"[/\\]", where)[-1]) or _has_url(where):
            raise _invalid(f"{names.shown(text)} names no Python file.", field)
        return Entrypoint(where, name, is_file=True)
    if not _is_dotted(where):
        raise _invalid(f"{names.shown(text)} names neither a Python file nor a module.", field)
    return Entrypoint(where, name, is_file=False)


def folder_of(path: str, entrypoint: str | None) -> str:
    """Give the folder a deployment's files lie in: of a module, the one it is imported from."""
    module = entrypoint is not None and not path.lower().endswith(".py")
    return path if module else str(PurePath(path).parent)


def is_meant(text: str) -> bool:
    """Say whether what somebody wants deployed is written as an entrypoint, not as a notebook."""
    where, colon, _ = text.rpartition(":")
    if not colon or where.lower().endswith(".ipynb") or text.lower().endswith(".ipynb"):
        return False
    return where.lower().endswith(".py") or not re.search(r"[/\\]", where)


def _is_dotted(text: str) -> bool:
    """Say whether a text is names with dots between; none is one of Python's own (`__class__`)."""
    return bool(text) and all(_is_name(part) for part in text.split("."))


def _is_name(text: str) -> bool:
    special = text.startswith("__") and text.endswith("__") and len(text) > 4
    return text.isidentifier() and not keyword.iskeyword(text) and not special


def _has_url(where: str) -> bool:
    return "://" in where or where.lower().startswith("file:")


def _invalid(message: str, field: str) -> InvalidInput:
    return InvalidInput(message, code="entrypoint.invalid", field=field, hint=_HINT)
