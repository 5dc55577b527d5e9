"""Runs by the many, newest due first, as a table that follows the store."""

from __future__ import annotations

from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model import clock, looks
from nbflow.model.backend import Backend
from nbflow.model.cards import MOST_ROWS, Card
from nbflow.model.pages import MOST_ROWS as MOST_LISTED
from nbflow.model.run_lists import RunFilter, RunSort
from nbflow.model.run_views import line
from nbflow.model.runs import FlowRun
from nbflow.widgets.live import Live, Seen

_HEAD = ("state", "run", "flow", "due", "took", "message")


def runs(
    where: RunFilter | None = None, *, sort: RunSort = "-due_at", limit: int = 20, **asked: Any
) -> Live:
    """Show runs in a table that keeps itself up to date.

    Args:
        where: which; `asked` says it in words: `state=("FAILED",)`, `tags=("daily",)`, `search=`,
            `deployment_id=`, … the fields of `RunFilter`.
        limit: how many, at most 50.

    Raises InvalidInput.
    """
    if not 1 <= limit <= min(MOST_ROWS, MOST_LISTED):
        raise InvalidInput(f"A table shows 1 to {MOST_ROWS} runs, not {limit}.", field="limit")
    if where is not None and asked:
        raise InvalidInput("Say which runs as a filter, or in words.", field="where")
    meant = _filter(asked) if where is None else where

    def look(backend: Backend) -> Seen:
        page = backend.list_flow_runs(meant, sort=sort, limit=limit)
        return seen(page.rows, more=page.cursor is not None)

    return Live("runs", look)


def _filter(asked: dict[str, Any]) -> RunFilter:
    known = RunFilter.__dataclass_fields__
    for name in asked:
        if name not in known:
            raise InvalidInput(f"Runs are not told apart by {name!r}.", field=name,
                               hint=f"There are {', '.join(known)}.")  # fmt: skip
    several = ("state", "tags", "all_tags", "kind")
    said: dict[str, Any] = {
        name: (value,) if name in several and isinstance(value, str) else value
        for name, value in asked.items()
    }
    return RunFilter(**said)


def seen(rows: tuple[FlowRun, ...], *, more: bool) -> Seen:
    """Give runs as they are saved and as the table takes them."""
    said = f"{len(rows)} runs, as of {looks.instant(clock.now())}" if rows else "There are no runs."
    card = Card("runs", head=_HEAD, rows=[_row(run) for run in rows], said=said,
                after="there are more" if more else "")  # fmt: skip
    count = f"{len(rows)} runs{', and there are more' if more else ''}" if rows else said
    return Seen(card.bundle(), {"view": {"said": count, "rows": [_sent(run) for run in rows]}})


def _row(run: FlowRun) -> tuple[looks.Cell, ...]:
    took = line(run).time
    return run.state, run.name, run.flow_name, looks.instant(run.due_at), took, _message(run)


def _sent(run: FlowRun) -> dict[str, str]:
    shape, colour = looks.LOOKS[run.state.type]
    _, name, flow, due, took, message = _row(run)
    texts = {"name": name, "flow": flow, "due": due, "took": took, "message": message}
    return {
        "id": run.id, "shape": shape, "colour": colour, "word": looks.word(run.state),
        "exact": "" if run.due_at is None else run.due_at.isoformat(),
        **{field: looks.one_line(str(text)) for field, text in texts.items()},
    }  # fmt: skip


def _message(run: FlowRun) -> str:
    return "" if run.state.is_completed() else run.state.message
