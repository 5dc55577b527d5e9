"""How a notebook run goes on where an earlier attempt ended: which cells run, which values are had.

Pure. Cells are matched with those of the earlier attempt, the first that has to run is found, and
for each name that is read from there on it is decided where its value comes from: it was saved, a
task's stored outputs hold it, its definition is executed again, or the cells that make it are.
Saving and restoring is `notebook.checkpoints`' business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nbflow.exceptions import InvalidInput
from nbflow.model import names
from nbflow.model.cell_code import analyse
from nbflow.model.cell_definitions import Part, definitions
from nbflow.model.cell_makers import Cell, Notebook, closure, does_anything, reads
from nbflow.model.cell_options import line_of
from nbflow.model.cell_source import digest


@dataclass(frozen=True)
class Earlier(Cell):
    """A cell as an earlier attempt left it.

    Attributes:
        done: it completed.
        attempt: in which it was executed.
        result_key: under which its outputs are stored.
        outputs: their names.
    """

    done: bool = False
    attempt: int = 1
    result_key: str | None = None
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Saved:
    """The value of a name, saved.

    Attributes:
        after: the id of the last cell that had run by then.
        place: where it lies, for whoever restores it.
    """

    name: str
    after: str
    place: str


@dataclass(frozen=True)
class Before:
    """What earlier attempts have left.

    Attributes:
        saved: by name, oldest first.
        lost: of names that could not be saved why, as what follows the name in a sentence.
    """

    cells: tuple[Earlier, ...] = ()
    saved: Mapping[str, tuple[Saved, ...]] = field(default_factory=dict[str, tuple[Saved, ...]])
    lost: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Restore:
    """A value to be had: one that was saved, else the stored output of a task's cell."""

    name: str
    saved: Saved | None = None
    result_key: str = ""


@dataclass(frozen=True)
class Plan:
    """What becomes of each cell.

    Attributes:
        start: the place of the first cell that runs; the number of cells: none does.
        reused: the cells that are not executed, with what they were.
        again: cells before `start` that are executed all the same: the names, and why.
        restore: by cell id, what is restored before that cell is executed.
        defined: the cells whose definitions are executed again, with that code.
        named: the cells of tasks and flows that are called later, by name.
        redefined: by cell id, the code that is executed before that cell, and before anything is
            restored for it: definitions that a cell executed again has replaced by older ones.
    """

    start: int
    reused: Mapping[str, Earlier]
    again: Mapping[str, Mapping[str, str]]
    restore: Mapping[str, tuple[Restore, ...]]
    defined: Mapping[str, str]
    named: Mapping[str, str] = field(default_factory=dict[str, str])
    redefined: Mapping[str, str] = field(default_factory=dict[str, str])


# -- which cell is which ------------------------------------------------------------------------
def match(cells: Sequence[Cell], earlier: Sequence[Earlier]) -> dict[str, Earlier]:
    """Find of each cell what it was: by the name of its task, its id, or its source."""
    found: dict[str, Earlier] = {}
    free = {cell.id: cell for cell in earlier}
    for alike in (_same_name, _same_id, _same_source):
        for cell in cells:
            if cell.id in found:
                continue
            meant = [old for old in free.values() if alike(cell, old)]
            meant.sort(key=lambda old: old.id != cell.id)
            if meant:
                found[cell.id] = free.pop(meant[0].id)
    return found


def _same_name(cell: Cell, old: Cell) -> bool:
    return bool(cell.name) and cell.name == old.name


def _same_id(cell: Cell, old: Cell) -> bool:
    return cell.id == old.id


def _same_source(cell: Cell, old: Cell) -> bool:
    return digest(cell.source) == digest(old.source)


# -- where to begin -----------------------------------------------------------------------------
def first(cells: Sequence[Cell], before: Before) -> int:
    """Give the place of the first cell that did not complete, or that has changed since.

    A cell that only defines things and has changed is no such cell, but the first one is that uses
    what it defines. What changed is told by what is executed; comments and formatting are not.
    """
    matches = match(cells, before.cells)
    now, then = Notebook(cells), Notebook(before.cells)
    defined: dict[str, Part] = {}
    changed: set[str] = set()
    for at, cell in enumerate(cells):
        old = matches.get(cell.id)
        same = old is not None and _same_source(cell, old)
        here = definitions(cell.source)
        defined |= here.by_name()
        if old is not None and not old.done:
            return at
        if cell.parameters or here.whole:
            changed |= set() if same else _changed(cell, old)
            continue
        if old is None or not same or closure(reads(cell), defined) & changed:
            return at
        if _fed_by_others(at, old, now, then, matches):
            return at
    return len(cells)


def named(cells: Sequence[Cell], text: str) -> int:
    """Give the place of the cell of a name, an id or a number. Raises InvalidInput naming them."""
    for spelled in ([c.name for c in cells], [c.id for c in cells], [str(c.number) for c in cells]):
        if text in spelled:
            return spelled.index(text)
    there = [cell.name or str(cell.number) for cell in cells if cell.number]
    raise InvalidInput(
        f"There is no cell {names.shown(text)}.", code="resume.no_cell", field="resume_from",
        hint=names.did_you_mean(text, there, "There are"),
    )  # fmt: skip


def check_start(cells: Sequence[Cell], start: int, before: Before) -> None:
    """Check that all cells before a place completed once. Raises InvalidInput."""
    matches = match(cells, before.cells)
    for cell in cells[:start]:
        old = matches.get(cell.id)
        if not cell.parameters and (old is None or not old.done):
            what = "has not run yet" if old is None else "did not complete"
            raise InvalidInput(
                f"The run cannot begin at {cells[start]}: {cell} {what}.",
                code="resume.too_late", field="resume_from",
                hint=f"Begin at {cell.name or cell.number}, or an earlier cell.",
            )  # fmt: skip


def _changed(cell: Cell, old: Earlier | None) -> set[str]:
    """Give the names that a cell of definitions now gives another meaning."""
    if cell.parameters:
        code = analyse(cell.source)
        was = analyse(old.source) if old else None
        then: Mapping[str, object] = was.literals if was else {}
        return {n for n in code.binds if n not in then or code.literals.get(n) != then[n]}
    here = definitions(cell.source).by_name()
    there = definitions(old.source).by_name() if old else {}
    return {n for n in here if n not in there or here[n].text != there[n].text}


def _fed_by_others(
    at: int, old: Earlier, now: Notebook, then: Notebook, matches: Mapping[str, Earlier]
) -> bool:
    """Say whether a cell reads what other cells have made than those it read of before."""
    return any(
        _were(now.makers(name, at), matches) != then.makers(name, then.place(old.id))
        for name in reads(now.cells[at])
    )


def _were(makers: Sequence[str], matches: Mapping[str, Earlier]) -> tuple[str, ...]:
    return tuple(matches[cell_id].id if cell_id in matches else "" for cell_id in makers)


# -- where values come from -----------------------------------------------------------------------
def plan(cells: Sequence[Cell], before: Before, *, start: int) -> Plan:
    """Decide what becomes of each cell when the run goes on at a place."""
    return _Planner(cells, before, start).plan()


class _Planner:
    def __init__(self, cells: Sequence[Cell], before: Before, start: int) -> None:
        self.cells = cells
        self.before = before
        self.start = start
        self.matches = match(cells, before.cells)
        self.now, self.then = Notebook(cells), Notebook(before.cells)
        self.again: dict[int, dict[str, str]] = {}
        self.restore: dict[int, dict[str, Restore]] = {}
        self.named: dict[str, str] = {}
        #: by where it lies, the names a value had: what changes one of them changes all
        self._same: dict[str, set[str]] = {}
        for name, found in before.saved.items():
            for saved in found:
                self._same.setdefault(saved.place, set()).add(name)
        self._asked: set[tuple[str, int]] = set()

    def plan(self) -> Plan:
        bound: set[str] = set()
        for cell in self.cells[self.start :]:
            for name in sorted(reads(cell) - bound):
                self._need(name, self.start)
            if does_anything(cell):
                self._take_all()
            bound |= analyse(cell.source).binds
        self._restore_together()
        ids = [cell.id for cell in self.cells]
        return Plan(
            self.start,
            reused={
                c.id: self.matches[c.id]
                for at, c in enumerate(self.cells[: self.start])
                if at not in self.again and c.id in self.matches and c.number
            },
            again={ids[at]: why for at, why in sorted(self.again.items())},
            restore={ids[at]: tuple(got.values()) for at, got in self.restore.items() if got},
            defined=self._defined() if self.start < len(self.cells) else {},
            named=self.named,
            redefined=self._redefined(),
        )

    def _restore_together(self) -> None:
        """Restore what no cell changes meanwhile before the first: what they share stays shared."""
        last = self.restore.get(self.start)
        if not self.again or not last:
            return
        codes = [analyse(self.cells[at].source) for at in self.again]
        changed = frozenset(n for code in codes for n in code.binds | code.mutates | code.deletes)
        for name, item in tuple(last.items()):
            if name in changed or any(got.get(name, item) != item for got in self.restore.values()):
                continue
            for got in self.restore.values():
                got.pop(name, None)
            self.restore.setdefault(min(self.again), {})[name] = item

    def _redefined(self) -> dict[str, str]:
        """Let each cell that is executed find the definitions that stand above it, not later ones.

        First of all, those of all cells are executed.
        """
        if not self.again:
            return {}
        found: dict[str, str] = {}
        active = self._definers(self.start)
        stops = [*sorted(self.again), *([self.start] if self.start < len(self.cells) else [])]
        for stop in stops:
            wanted = self._definers(stop)
            texts = {
                part.text: None
                for at, cell in enumerate(self.cells[:stop])
                for part in definitions(cell.source).parts
                if any(wanted.get(n) == at != active.get(n) for n in part.names)
            }
            if texts:
                found[self.cells[stop].id] = "\n".join(texts)
            active |= wanted
            if stop in self.again:
                active |= dict.fromkeys(analyse(self.cells[stop].source).binds, stop)
        return found

    def _definers(self, upto: int) -> dict[str, int]:
        """Give by name the last cell above a place that defines it, or is executed and binds it."""
        found: dict[str, int] = {}
        for at, cell in enumerate(self.cells[:upto]):
            parts = definitions(cell.source).parts
            own = analyse(cell.source).binds if at in self.again else frozenset[str]()
            found |= dict.fromkeys(own.union(*(part.names for part in parts)), at)
        return found

    def _defined(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for cell in self.cells[: self.start]:
            code = cell.source if cell.parameters else definitions(cell.source).code
            if cell.number and code:
                found[cell.id] = code
        return found

    def _need(self, name: str, at: int) -> None:
        """Decide where the value of a name before some place comes from."""
        if (name, at) in self._asked:
            return
        self._asked.add((name, at))
        found = self.now.definition(name, at)
        if found is None:
            self._need_of_anybody(name, at)
            return
        cell, part = found
        if part is not None:
            for read in sorted(part.reads):
                self._need(read, at)
        if cell.parameters and self.now.makers(name, at) in ((), (cell.id,)):
            return
        makers = self.now.makers(name, at)
        if not makers or self._have(name, at, makers):
            return
        if part is not None and len(makers) == 1 and name in analyse(cell.source).literals:
            return  # its definition is executed again
        self._execute(name, self.now.place(makers[-1]))

    def _need_of_anybody(self, name: str, at: int) -> None:
        """Look for a name that no cell is known to bind: a task's own, or who knows whose."""
        tasks = [cell for cell in self.cells[:at] if cell.name == name and line_of(cell.source)]
        if tasks and name in self.before.lost:
            self._execute(name, self.now.place(tasks[-1].id))
        if tasks:
            self.named[name] = tasks[-1].id
            for read in sorted(reads(tasks[-1])):
                self._need(read, at)
            return
        unknown = self.now.unknown(at)
        if not unknown or self._have(name, at, ()):
            return
        if all(name not in analyse(cell.source).perhaps for cell in self.cells):
            for cell_id in unknown:
                self._execute(name, self.now.place(cell_id))

    def _have(self, name: str, at: int, makers: Sequence[str]) -> bool:
        """Restore a value if one was kept that is the same as then; say whether there was."""
        kept = self._kept(name, at, makers)
        if kept is not None:
            self.restore.setdefault(at, {})[name] = kept
        return kept is not None

    def _kept(self, name: str, at: int, makers: Sequence[str]) -> Restore | None:
        cells = [self.cells[self.now.place(cell_id)] for cell_id in makers]
        if not all(c.id in self.matches and _same_source(c, self.matches[c.id]) for c in cells):
            return None
        unknown = _were(self.now.unknown(at), self.matches)
        for saved in reversed(self.before.saved.get(name, ())):
            upto = self.then.place(saved.after) + 1
            if (
                self.then.unknown(upto) == unknown
                and all(
                    self.then.makers(other, upto) == _were(self.now.makers(other, at), self.matches)
                    for other in self._same[saved.place]
                )
                and not self._may_be_changed(name, at, upto)
            ):
                return Restore(name, saved)
        if len(makers) == 1:
            old = self.matches[makers[0]]
            if old.result_key and name in old.outputs:
                return Restore(name, None, old.result_key)
        return None

    def _may_be_changed(self, name: str, at: int, upto: int) -> bool:
        """Say whether a cell that had run by then, and now comes later, changed what a value is in.

        It did so by another name, of something that was made of it.
        """
        done = {self.matches[c.id].id for c in self.cells[:at] if c.id in self.matches}
        return any(
            name in self.then.sources(changed, place)
            for place, cell in enumerate(self.then.cells[:upto])
            if cell.id not in done
            for changed in analyse(cell.source).mutates - {name}
        )

    def _take_all(self) -> None:
        for name in sorted(self.before.saved):
            self._have(name, self.start, self.now.makers(name, self.start))

    def _execute(self, name: str, at: int) -> None:
        """Let a cell be executed again for a name."""
        why = self.before.lost.get(name, "which was not saved")
        self.again.setdefault(at, {}).setdefault(name, why)
        for read in sorted(reads(self.cells[at])):
            self._need(read, at)
