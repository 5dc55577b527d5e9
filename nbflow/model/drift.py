"""Drift: what has changed in a deployment's files since they were deployed. Pure comparison."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nbflow.exceptions import InvalidNotebook
from nbflow.model import notebooks

Change = Literal["added", "removed", "changed"]


@dataclass(frozen=True)
class CellDrift:
    """A code cell that is not in the file as it was deployed.

    Attributes:
        name: what it is called, in the file if it is there.
        lines_added, lines_removed: how many lines differ.
    """

    id: str
    name: str
    change: Change
    lines_added: int = 0
    lines_removed: int = 0


@dataclass(frozen=True)
class FileDrift:
    """An included file, or the script itself, that differs from what was deployed.

    Attributes:
        path: below the deployment's folder.
        lines_added, lines_removed: how many lines differ; None: it is not text.
    """

    path: str
    change: Change
    lines_added: int | None = None
    lines_removed: int | None = None


@dataclass(frozen=True)
class Drift:
    """How a deployment's files differ from what is deployed.

    Attributes:
        drifted: whether anything differs.
        version: of the deployment.
        path: its notebook or script.
        problem: why the file could not be compared (it is gone, say); None: it could.
    """

    deployment_id: str
    version: int
    path: str
    drifted: bool
    cells: tuple[CellDrift, ...] = ()
    files: tuple[FileDrift, ...] = ()
    problem: str | None = None


def of_notebook(before: str, now: str, *, name: str) -> tuple[CellDrift, ...]:
    """List the code cells that differ, by id, in the order of the file; removed ones last.

    Raises InvalidNotebook: what lies there now is no notebook.
    """
    old = {cell["id"]: cell for _, cell in notebooks.code_cells(notebooks.parse(before, name=name))}
    new = {cell["id"]: cell for _, cell in notebooks.code_cells(notebooks.parse(now, name=name))}
    if not set(old) & set(new):
        old, new = _by_source(old, new)
    found = [_cell(key, old.get(key), cell) for key, cell in new.items()]
    gone = [_cell(key, cell, None) for key, cell in old.items() if key not in new]
    return tuple(one for one in [*found, *gone] if one is not None)


def _by_source(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Give cells of notebooks that keep no ids (nbformat 4.4) those of equal text in the other."""
    left = list(new.items())
    keyed: dict[str, Any] = {}
    for key, cell in old.items():
        same = next((n for n, (_, other) in enumerate(left) if _text(other) == _text(cell)), None)
        keyed[key if same is None else left.pop(same)[0]] = cell
    return keyed, new


def _cell(key: str, old: Any, new: Any, /) -> CellDrift | None:
    if old is not None and new is not None and (_text(old), _tags(old)) == (_text(new), _tags(new)):
        return None
    added, removed = line_counts(_text(old), _text(new))
    change: Change = "added" if old is None else "removed" if new is None else "changed"
    name = notebooks.cell_name(new or old or {})
    return CellDrift(key, name, change, added, removed)


def _text(cell: Any) -> str:
    return "" if cell is None else cell["source"]


def _tags(cell: Any) -> tuple[str, ...]:
    return notebooks.tags(cell)


def of_file(path: str, before: bytes | None, now: bytes | None) -> FileDrift | None:
    """Say how a file differs; None: it does not. A content of None is a file that is not there."""
    if before == now:
        return None
    change: Change = "added" if before is None else "removed" if now is None else "changed"
    try:
        texts = [(content or b"").decode("utf-8") for content in (before, now)]
    except UnicodeDecodeError:
        return FileDrift(path, change)
    return FileDrift(path, change, *line_counts(*texts))


def line_counts(before: str, now: str) -> tuple[int, int]:
    """Count the lines that one text has and the other has not: added, removed."""
    one, two = before.splitlines(), now.splitlines()
    added = removed = 0
    matcher = difflib.SequenceMatcher(None, one, two, autojunk=len(one) > 2000)
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if tag != "equal":
            removed += i2 - i1
            added += j2 - j1
    return added, removed


def of_source(
    path: str, before: str, now: str | None, *, script: bool
) -> tuple[tuple[CellDrift, ...], tuple[FileDrift, ...], str | None]:
    """Compare the deployed notebook or script with its file: cells, files, what is wrong."""
    name = path.replace("\\", "/").rpartition("/")[2]
    if now is None:
        return (), (), f"{path} is not there."
    if script:
        found = of_file(name, before.encode(), now.encode())
        return (), (found,) if found else (), None
    try:
        return of_notebook(before, now, name=name), (), None
    except InvalidNotebook as error:
        return (), (), str(error)
