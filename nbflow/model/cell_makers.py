"""Who makes what in a notebook: the cells that a name's value comes from, and what cells read.

Told by what the cells say (`cell_code`); what is defined, and so executed again wherever it is
needed, is made by none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from nbflow.model.cell_code import analyse
from nbflow.model.cell_definitions import Part, definitions


@dataclass(frozen=True)
class Cell:
    """A code cell that executes.

    Attributes:
        name: as its option line or its metadata gives it; empty: it has none of its own.
        number: as people count, from 1; 0: the injected parameters.
        parameters: it says what the parameters are, and runs in any case.
    """

    id: str
    source: str
    name: str = ""
    number: int = 0
    parameters: bool = False

    def __str__(self) -> str:
        said = f"cell {self.number}" if self.number else "the cell of injected parameters"
        return f"{said} ({self.name})" if self.name else said


class Notebook:
    """Cells in order, asked who makes what."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = cells

    @cached_property
    def _places(self) -> dict[str, int]:
        return {cell.id: at for at, cell in enumerate(self.cells)}

    def place(self, cell_id: str) -> int:
        """Give a cell's place, from 0; -1: it is not here."""
        return self._places.get(cell_id, -1)

    def makers(self, name: str, upto: int) -> tuple[str, ...]:
        """Give the cells that a name's value before some place comes from, in order.

        The last one that binds it comes first; those follow that may change it. What is only
        imported or defined is made by none.
        """
        found: list[str] = []
        for at in range(upto - 1, -1, -1):
            cell = self.cells[at]
            code = analyse(cell.source)
            if name in code.deletes and name not in code.binds:
                return ()
            if name in code.binds:
                part = definitions(cell.source).by_name().get(name)
                lasting = part is not None and not part.restorable
                return () if lasting else (cell.id, *reversed(found))
            if name in code.mutates:
                found.append(cell.id)
        return ()

    def sources(self, name: str, upto: int) -> set[str]:
        """Give the names that a name's value before some place was made of, however far back."""
        found: set[str] = set()
        rest = [(name, upto)]
        seen: set[tuple[str, int]] = set()
        while rest:
            asked = rest.pop()
            if asked in seen:
                continue
            seen.add(asked)
            for cell_id in self.makers(*asked):
                at = self.place(cell_id)
                read = reads(self.cells[at])
                found |= read
                rest += [(one, at) for one in read]
        return found

    def definition(self, name: str, upto: int) -> tuple[Cell, Part | None] | None:
        """Give the last cell before a place that binds a name, and its statement if it defines."""
        for at in range(upto - 1, -1, -1):
            if name in analyse(self.cells[at].source).binds:
                return self.cells[at], definitions(self.cells[at].source).by_name().get(name)
        return None

    def unknown(self, upto: int) -> tuple[str, ...]:
        """Give the cells before a place that may do anything to any name."""
        return tuple(cell.id for cell in self.cells[:upto] if does_anything(cell))


def does_anything(cell: Cell) -> bool:
    """Say whether nobody knows what a cell does to names (a star import defines them again)."""
    return analyse(cell.source).unknown is not None and not definitions(cell.source).whole


def reads(cell: Cell) -> frozenset[str]:
    """Give the names that a cell reads or changes without making them."""
    code = analyse(cell.source)
    return code.reads | code.perhaps | (code.mutates - code.binds)


def closure(wanted: frozenset[str], defined: Mapping[str, Part]) -> set[str]:
    """Add to names what the functions among them read."""
    found, rest = set(wanted), list(wanted)
    while rest:
        part = defined.get(rest.pop())
        more = (part.reads if part else frozenset[str]()) - found
        found |= more
        rest += more
    return found


def read_from(cells: Sequence[Cell], at: int) -> set[str]:
    """Give the names that cells from a place on read, of what those before them have made."""
    defined: dict[str, Part] = {}
    for cell in cells:
        defined |= definitions(cell.source).by_name()
    wanted: set[str] = set()
    bound: set[str] = set()
    for cell in cells[at:]:
        wanted |= closure(reads(cell) - bound, defined)
        bound |= analyse(cell.source).binds
    return wanted
