"""What `%nbflow` shows where somebody looks, instead of printing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbflow.widgets.live import Live


def instead(shell: Any, words: Sequence[str]) -> Live | None:
    """Give a table that follows the store for `flow-run ls`; None: the command prints.

    Raises what the command raises.
    """
    if list(words[:2]) != ["flow-run", "ls"] or {"-h", "--help"} & set(words):
        return None
    from nbflow.widgets import front

    return _runs(words) if front.shows_widgets(shell) else None


def _runs(words: Sequence[str]) -> Live | None:
    from nbflow.cli import parsing, run_lists
    from nbflow.connect import connect
    from nbflow.model.cards import MOST_ROWS
    from nbflow.widgets.runs import runs

    _, said = parsing.read(*parsing.find(words))
    sort, limit, output = (said.pop(name) for name in ("sort", "limit", "output"))
    if output != "text" or limit > MOST_ROWS:
        return None
    return runs(run_lists.where(connect(), **said), sort=sort, limit=limit)
