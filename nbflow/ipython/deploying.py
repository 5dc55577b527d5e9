"""Deploying the notebook this kernel works for: where it is saved, and whether that is what ran.

What is deployed is the saved file. A cell that ran with another text is named, and nothing is
deployed. Making the deployment itself is `nbflow.deployments`' work.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.ipython import session
from nbflow.model import clock, entrypoints, notebooks, parameter_code

_MOST_NAMED = 10


@dataclass(frozen=True)
class RanCell:
    """A cell as it last ran: its id, where the front end sends one, and its text."""

    id: str | None
    source: str
    at: datetime


class Ran:
    """The cells that ran in this kernel; `pre_run_cell` is a callback of the shell's events.

    Args:
        shell: its history tells which cells ran before nbflow was loaded, the loading one too.
    """

    def __init__(self, shell: Any) -> None:
        history: Any = getattr(shell.history_manager, "input_hist_raw", ())
        now = clock.now()
        self._cells = {text: RanCell(None, text, now) for text in history if text.strip()}
        self._current = ""

    def pre_run_cell(self, info: Any) -> None:
        """Note a cell that is about to run."""
        source = str(info.raw_cell or "")
        if not info.store_history or not source.strip():
            return
        cell_id = getattr(info, "cell_id", None)
        self._current = key = cell_id or source
        self._cells.pop(key, None)  # the order is that in which they last ran
        self._cells[key] = RanCell(cell_id, source, clock.now())

    def before(self) -> list[RanCell]:
        """Give the cells that ran, without the one that runs now."""
        return [cell for key, cell in self._cells.items() if key != self._current]


def _says_what(words: Sequence[str]) -> bool:
    """Say whether a command's words name what is deployed, or ask for none of it."""
    if {"-h", "--help", "--all"} & set(words):
        return True
    named = any(".ipynb" in word.lower() for word in words)
    return named or bool(words and entrypoints.is_meant(words[0]))


def with_notebook(ran: Ran, words: Sequence[str]) -> list[str]:
    """Give a command's words; `deploy [FLOW]` with this notebook's path. Raises InvalidInput."""
    command, *rest = words or [""]
    if command != "deploy" or _says_what(rest):
        return list(words)
    flow = rest.pop(0) if rest and not rest[0].startswith("-") else None
    path = saved(ran)
    return [command, path if flow is None else f"{path}:{flow}", *rest]


def saved(ran: Ran) -> str:
    """Give the path of this kernel's notebook, saved as it ran.

    Raises InvalidInput: it is not known where the notebook lies (`notebook.unknown`), or cells of
    the file differ from what ran (`notebook.unsaved`).
    """
    path = _path()
    text = path.read_text(encoding="utf-8")
    at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    different = unsaved(notebooks.parse(text, name=path.name), ran.before(), saved_at=at)
    if different:
        raise _differs(path, different)
    return str(path)


def parameters_cell() -> str:
    """Give the source of the saved notebook's cell tagged `parameters`; empty: it has none."""
    path = session.notebook()
    try:
        return "" if path is None else _parameters_cell(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, InvalidInput):
        return ""  # not there, or no notebook


@lru_cache(maxsize=4)
def _parameters_cell(path: Path, _saved_at: int) -> str:
    found = notebooks.parameters_cell(notebooks.parse(path.read_text("utf-8"), name=path.name))
    return "" if found is None else found[1]["source"].strip()


def unsaved(nb: Mapping[str, Any], ran: Iterable[RanCell], *, saved_at: datetime) -> list[str]:
    """Name the cells that ran with a text the saved notebook does not hold.

    A cell that is in the file no more, and ran before it was saved, was deleted: it is not named.
    """
    cells = {cell["id"]: cell for _, cell in notebooks.code_cells(nb)}
    texts = {cell["source"].strip() for cell in cells.values()}
    found: list[str] = []
    for one in ran:
        text, own = one.source.strip(), cells.get(one.id or "")
        given = own is None and text.startswith(f"{parameter_code.HEAD}\n")  # to this run alone
        if text.startswith("%nbflow") or given or (own is None and text in texts):
            continue
        if own is not None and own["source"].strip() != text:
            found.append(notebooks.cell_name(own))
        elif own is None and one.at > saved_at:
            found.append(notebooks.cell_name({"source": text, "metadata": {}}))
    return found


def _path() -> Path:
    path = session.notebook()
    if path is None or not path.is_file():
        where = "" if path is None else f" ({path} is not there)"
        raise InvalidInput(
            f"This kernel does not know where its notebook is saved{where}.",
            code="notebook.unknown", field="path",
            hint="Name the file: %nbflow deploy NOTEBOOK.ipynb:FLOW.",
        )  # fmt: skip
    return Path(os.path.abspath(path))


def _differs(path: Path, different: Sequence[str]) -> InvalidInput:
    shown = ", ".join(f"'{name}'" for name in different[:_MOST_NAMED])
    more = f" and {len(different) - _MOST_NAMED} more" if len(different) > _MOST_NAMED else ""
    what = "1 cell differs" if len(different) == 1 else f"{len(different)} cells differ"
    return InvalidInput(
        f"{what} in the saved {path.name} from what ran here: {shown}{more}.",
        code="notebook.unsaved", field="path",
        hint="Save the notebook first; run again what was changed since it ran.",
    )  # fmt: skip
