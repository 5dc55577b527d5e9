"""What a run's earlier attempts have left behind: cells, their outputs, saved variables.

Read from the folders of the attempts: the journal says what completed, whatever became of the
process that wrote it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nbflow.exceptions import NotFound
from nbflow.model import cell_options, notebooks, resuming
from nbflow.model.cell_makers import Cell
from nbflow.model.resuming import Before, Earlier, Saved
from nbflow.model.states import StateType
from nbflow.notebook import checkpoints, outcomes
from nbflow.store import journal

#: of a cell that is not executed: the attempt in which it was
COMPLETED_IN = "completed_in"


@dataclass(frozen=True)
class Past:
    """What earlier attempts have left.

    Attributes:
        attempt: the last one that came to its notebook.
        notebook: as that attempt was started.
        before: its cells, and what was saved.
        shown: of each of them the cell (nbformat 4) that holds what it put out.
    """

    attempt: int
    notebook: dict[str, Any]
    before: Before
    shown: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


def past(flow_run_id: str, attempt: int) -> Past | None:
    """Look what the attempts before one have left; None: none of them came to a notebook."""
    for earlier in range(attempt - 1, 0, -1):
        folder = journal.folder(f"runs/{flow_run_id}/{earlier}")
        try:
            notebook = journal.replay(folder)
        except NotFound:
            continue
        found = _of_attempt(earlier, notebook, checkpoints.find(folder))
        resumed = any(COMPLETED_IN in _facts(cell) for cell in notebook["cells"])
        older = past(flow_run_id, earlier) if resumed else None
        return found if older is None else _joined(found, older)
    return None


def _of_attempt(attempt: int, notebook: dict[str, Any], kept: checkpoints.Found) -> Past:
    shown = {cell["id"]: cell for cell in notebook["cells"]}
    cells = tuple(_earlier(cell, shown[cell.id], attempt) for cell in cells_of(notebook["cells"]))
    saved = {name: tuple(found) for name, found in kept.saved.items()}
    return Past(attempt, notebook, Before(cells, saved, kept.lost), shown)


def _earlier(cell: Cell, shown: Mapping[str, Any], attempt: int) -> Earlier:
    facts = _facts(shown)
    return Earlier(
        **vars(cell),
        done=facts.get("state") == StateType.COMPLETED.value,
        attempt=facts.get(COMPLETED_IN, attempt),
        result_key=facts.get("result_key"),
        outputs=tuple(facts.get("outputs") or ()),
    )


def _facts(cell: Mapping[str, Any]) -> Mapping[str, Any]:
    found = cell["metadata"].get("nbflow")
    return found if isinstance(found, dict) else {}


def _joined(found: Past, older: Past) -> Past:
    """Add what an attempt was based on; one that ended early may not have come to say so itself."""
    matches = resuming.match(found.before.cells, older.before.cells)
    now_called = {old.id: cell_id for cell_id, old in matches.items()}
    cells, shown = list(found.before.cells), dict(found.shown)
    for at, cell in enumerate(cells):
        old = matches.get(cell.id)
        if COMPLETED_IN in _facts(found.shown[cell.id]) and not cell.done and old is not None:
            facts = {name: getattr(old, name) for name in _KEPT}
            cells[at] = replace(cell, **facts)
            shown[cell.id] = older.shown[old.id]
    saved: dict[str, tuple[Saved, ...]] = {}
    for name in {*older.before.saved, *found.before.saved}:
        there = (
            replace(one, after=now_called.get(one.after, ""))
            for one in older.before.saved.get(name, ())
        )
        saved[name] = (*(s for s in there if s.after), *found.before.saved.get(name, ()))
    lost = {**older.before.lost, **found.before.lost}
    return replace(found, before=Before(tuple(cells), saved, lost), shown=shown)


_KEPT = ("done", "attempt", "result_key", "outputs")


def cells_of(cells: Sequence[Mapping[str, Any]]) -> list[Cell]:
    """Give the cells of a notebook that execute."""
    places = outcomes.places(cells)
    return [
        Cell(
            id=cell["id"],
            source=cell["source"],
            name=cell_options.of_cell(cell)[0].name if _may_be_named(cell) else "",
            number=places[cell["id"]].number,
            parameters=not _TAGS.isdisjoint(notebooks.tags(cell)),
        )
        for cell in cells
        if cell["id"] in places and not notebooks.skips(cell)
    ]


_TAGS = frozenset({"parameters", "injected-parameters"})


def _may_be_named(cell: Mapping[str, Any]) -> bool:
    return "nbflow" in cell["metadata"] or "%%" in cell["source"] or "nbflow" in cell["source"]
