"""How a notebook's cells hang together: which cell needs what which other has bound or changed.

Read in the order of the document, as Run All would execute it; nothing runs. A notebook made of
some of its cells is in `slices`, what one cell reads and binds in `cell_code`.
"""

from __future__ import annotations

import ast
import hashlib
import keyword
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

from nbflow.exceptions import InvalidInput, InvalidNotebook
from nbflow.model import cell_options, cell_source, diagrams, names, notebooks
from nbflow.model.cell_memory import Binding, Scope, Thing
from nbflow.model.cell_walk import Walk
from nbflow.model.shapes import is_object

Kind = Literal["task", "flow", "parameters", "plain"]

_DIGITS = 32


@dataclass(frozen=True)
class CellNode:
    """A code cell of a notebook.

    Attributes:
        index: its place among all cells, from 0.
        reads: names it reads that it has not bound itself.
        missing: those of them that no cell before it binds.
        unknown: why the rest of what it does cannot be known; None: all of it is known.
        outside: what it does outside Python, such as running a shell command.
        digest: of its source and of all it needs; comments and formatting do not count.
        stale: it, or what it needs, has changed since a run; False where none was compared.
        options: what it asks for, on its line or in its metadata, by the keys of metadata.
        on_line: the keys that stand on its line, which wins.
        problem: why its options cannot be read, `{code, message, field?, hint?}`.
    """

    id: str
    name: str
    index: int
    kind: Kind = "plain"
    tags: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    binds: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unknown: str | None = None
    outside: tuple[str, ...] = ()
    digest: str = ""
    stale: bool = False
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    on_line: tuple[str, ...] = ()
    problem: dict[str, Any] | None = None


@dataclass(frozen=True)
class Edge:
    """A name that one cell (its id) binds or changes, and another needs.

    Attributes:
        sure: False: what the first does cannot be known, and nobody else binds the name.
    """

    name: str
    start: str
    end: str
    sure: bool = True


@dataclass(frozen=True)
class CellGraph:
    """The code cells of a notebook in order, and what leads from one to another.

    Attributes:
        problems: what is odd, `{code, message, field?, hint?}`: such as one name for two tasks.
    """

    title: str
    cells: tuple[CellNode, ...]
    edges: tuple[Edge, ...] = ()
    problems: tuple[dict[str, Any], ...] = ()

    # -- cells ----------------------------------------------------------------------------------
    def cell(self, name_or_id: str) -> CellNode:
        """Find a cell by its name or id. Raises InvalidInput (`cell.unknown`, `cell.ambiguous`)."""
        if name_or_id in self._by_id:
            return self._by_id[name_or_id]
        named = [node for node in self.cells if node.name == name_or_id]
        if len(named) == 1:
            return named[0]
        if named:
            ids = ", ".join(node.id for node in named)
            raise _wrong(
                "ambiguous", f"{len(named)} cells are called {names.shown(name_or_id)}.",
                f"Say which by its id: {ids}.",
            )  # fmt: skip
        known = [node.name for node in self.cells]
        hint = names.did_you_mean(name_or_id, known, "There are")
        raise _wrong("unknown", f"There is no code cell {names.shown(name_or_id)}.", hint)

    @cached_property
    def unknown(self) -> Mapping[str, str]:
        """Why what some cells do cannot be known, by cell id."""
        return {node.id: node.unknown for node in self.cells if node.unknown is not None}

    @property
    def digests(self) -> Mapping[str, str]:
        """The digest of each cell and all it needs, by cell id: what `stale` compares."""
        return {node.id: node.digest for node in self.cells}

    def upstream(self, cell: str) -> tuple[str, ...]:
        """Give the ids of all cells that a cell (name or id) needs, in order, without itself."""
        first = self.cell(cell).id
        return tuple(one for one in self.needed_for([first]) if one != first)

    def downstream(self, cell: str) -> tuple[str, ...]:
        """Give the ids of all cells that need a cell (name or id), in order, without it."""
        first = self.cell(cell).id
        found = _closure([first], self._after)
        return tuple(node.id for node in self.cells if node.id in found and node.id != first)

    def needed_for(self, cells: Iterable[str]) -> tuple[str, ...]:
        """Give the ids of the fewest cells that give cells (names or ids) what they need, and them.

        These are, in order, for each name that is read the cell that bound it last, all that have
        changed its object since, and what these need in turn. A cell of which not all is known is
        among them where it may bind what nobody else does.
        """
        found = _closure([self.cell(one).id for one in cells], self._before)
        return tuple(node.id for node in self.cells if node.id in found)

    def stale(self, ran: Mapping[str, str]) -> tuple[str, ...]:
        """Give the ids of cells that, or what they need, have changed since `ran` was kept.

        Args:
            ran: the `digests` of the graph when the cells ran.
        """
        return tuple(node.id for node in self.cells if ran.get(node.id) != node.digest)

    def marked(self, stale: Iterable[str]) -> CellGraph:
        """Give the graph with these cells (ids) marked as stale."""
        ids = set(stale)
        cells = tuple(replace(node, stale=node.id in ids) for node in self.cells)
        return replace(self, cells=cells)

    # -- shown ----------------------------------------------------------------------------------
    def only(self, cells: Iterable[str]) -> CellGraph:
        """Give the part of the graph that has these cells (ids)."""
        kept = set(cells)
        nodes = tuple(node for node in self.cells if node.id in kept)
        edges = tuple(edge for edge in self.edges if edge.start in kept and edge.end in kept)
        return CellGraph(self.title, nodes, edges, self.problems)

    def text(self) -> str:
        """Give the graph as lines: each cell, and which names it needs from which."""
        lines = [f"{self.title}: {_count(len(self.cells), 'code cell')}"]
        for node in self.cells:
            kind = "" if node.kind == "plain" else f" ({node.kind})"
            lines.append(f"  {_plain(node.name)}{kind}{' [stale]' if node.stale else ''}")
            lines += [f"      <- {_plain(start)}: {said}" for start, said in self._needs(node)]
            if node.missing:
                lines.append(f"      ?  no cell binds {', '.join(node.missing)}")
            if node.unknown:
                lines.append(f"      ?  {_plain(node.unknown)}")
        return "\n".join(lines)

    def diagram(self) -> diagrams.Diagram:
        """Give the graph as boxes and arrows."""
        boxes = [
            diagrams.Box(node.id, node.name, "STALE" if node.stale else "") for node in self.cells
        ]
        said: dict[tuple[str, str], list[str]] = {}
        for edge in self.edges:
            said.setdefault((edge.start, edge.end), []).append(edge.name)
        words = {arrow: _listed(named) for arrow, named in said.items()}
        return diagrams.Diagram(self.title, tuple(boxes), tuple(said), words)

    def mermaid(self) -> str:
        """Give the graph in Mermaid's language."""
        return self.diagram().mermaid()

    def __str__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.diagram().svg(), "text/plain": self.text()}

    def _needs(self, node: CellNode) -> Iterable[tuple[str, str]]:
        said: dict[str, list[str]] = {}
        for edge in self.edges:
            if edge.end == node.id:
                said.setdefault(edge.start, []).append(edge.name if edge.sure else f"{edge.name}?")
        return [(self._by_id[start].name, ", ".join(named)) for start, named in said.items()]

    # -- inside ---------------------------------------------------------------------------------
    @cached_property
    def _by_id(self) -> Mapping[str, CellNode]:
        return {node.id: node for node in self.cells}

    @cached_property
    def _before(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for edge in self.edges:
            found.setdefault(edge.end, set()).add(edge.start)
        return found

    @cached_property
    def _after(self) -> Mapping[str, set[str]]:
        found: dict[str, set[str]] = {}
        for edge in self.edges:
            found.setdefault(edge.start, set()).add(edge.end)
        return found


# -- made of a notebook -------------------------------------------------------------------------


def cell_graph(nb: Mapping[str, Any], *, title: str = "notebook") -> CellGraph:
    """Read the cell graph of a notebook (as `notebooks.parse` gives it).

    Markdown, empty cells and those tagged `skip-execution` are left out. Raises InvalidNotebook
    (`notebook.language`) for a notebook in another language than Python.
    """
    check_language(nb, title=title)
    cells = [(at, cell) for at, cell in notebooks.code_cells(nb) if not notebooks.skips(cell)]
    walks = _walked([cell["source"] for _, cell in cells])
    edges = _edges(cells, walks)
    nodes = _nodes(cells, walks, edges)
    return CellGraph(title, tuple(nodes), tuple(edges), tuple(_problems(nodes)))


def check_language(nb: Mapping[str, Any], *, title: str = "The notebook") -> None:
    """Refuse a notebook whose cells cannot be read here. Raises InvalidNotebook."""
    language = notebooks.language(nb)
    if language not in (None, "python", "ipython"):
        raise InvalidNotebook(
            f"{title} is written in {names.shown(language)}; cells are read in Python only.",
            code="notebook.language", field="path",
            hint="It can be run and deployed as a whole.",
        )  # fmt: skip


class _Walked(NamedTuple):
    walk: Walk
    problem: str | None


def _walked(sources: Iterable[str]) -> list[_Walked]:
    """Read the cells one after the other, each with what those before it have left."""
    module, packages, tasks = Scope(), dict[str, Thing](), dict[str, Binding]()
    found: list[_Walked] = []
    for at, source in enumerate(sources):
        walk = Walk(at, module, packages, lambda _: None)
        tree, condition, problem = cell_source.parsed(source)
        try:
            walk.read_cell(tree, condition)
            name = _callable(source)
            if name and module.values.get(name) is tasks.get(name):  # else it is a variable's
                walk.run([_function(name, tree)])
                tasks[name] = module.values[name]
        except RecursionError:
            problem = "nested too deeply"
        found.append(_Walked(walk, problem))
    return found


def _callable(source: str) -> str:
    """Give the name a task or flow cell can be called by afterwards; empty: it has none."""
    line = cell_options.line_of(source)
    try:
        name = cell_options.of_line(*line).name if line is not None else ""
    except InvalidInput:  # told by whoever checks the notebook
        return ""
    return name if name.isidentifier() and not keyword.iskeyword(name) else ""


def _function(name: str, body: ast.Module) -> ast.FunctionDef:
    """Give a cell as what calling it by its name does: it reads what there is by then."""
    nothing = ast.arguments([], [], None, [], [], None, [])
    made = ast.FunctionDef(name, nothing, body.body or [ast.Pass()], [])
    return ast.fix_missing_locations(made)


def _edges(cells: list[tuple[int, notebooks.Cell]], walks: list[_Walked]) -> list[Edge]:
    ids = [cell["id"] for _, cell in cells]
    found: list[Edge] = []
    unsure: list[int] = []  # cells before that may bind anything
    for at, (walk, problem) in enumerate(walks):
        found += [Edge(name, ids[start], ids[at]) for name, start in sorted(walk.edges)]
        found += [Edge(name, ids[one], ids[at], False) for name in walk.missing for one in unsure]
        if walk.unknown and problem is None:
            unsure.append(at)
    return found


def _nodes(
    cells: list[tuple[int, notebooks.Cell]], walks: list[_Walked], edges: list[Edge]
) -> list[CellNode]:
    before: dict[str, list[str]] = {}
    bound_perhaps: dict[str, set[str]] = {}
    for edge in edges:
        before.setdefault(edge.end, []).append(edge.start)
        if not edge.sure:
            bound_perhaps.setdefault(edge.end, set()).add(edge.name)
    digests: dict[str, str] = {}
    found: list[CellNode] = []
    for (index, cell), (walk, problem) in zip(cells, walks, strict=True):
        name = cell["id"]
        needed = sorted({digests[one] for one in before.get(name, ())})
        own = cell_source.digest(cell["source"])
        digests[name] = hashlib.sha256(" ".join([own, *needed]).encode()).hexdigest()[:_DIGITS]
        unknown = [*([problem] if problem else []), *walk.unknown]
        found.append(
            CellNode(
                id=name,
                name=notebooks.cell_name(cell),
                index=index,
                kind=_kind(cell),
                tags=notebooks.tags(cell),
                reads=tuple(walk.reads),
                binds=tuple(walk.binds),
                missing=tuple(n for n in walk.missing if n not in bound_perhaps.get(name, ())),
                unknown="; ".join(unknown) or None,
                outside=tuple(walk.outside),
                digest=digests[name],
                **_asked(cell),
            )
        )
    return found


def _asked(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a cell asks for, as the last fields of its node."""
    line = cell_options.line_of(cell["source"])
    try:
        asked, _ = cell_options.of_cell(cell)
        said = cell_options.CellOptions() if line is None else cell_options.of_line(*line)
    except InvalidInput as error:
        return {"problem": error.problem()}
    return {
        "options": cell_options.to_metadata(asked),
        "on_line": tuple(cell_options.to_metadata(said)),
    }


def _kind(cell: Mapping[str, Any]) -> Kind:
    line = cell_options.line_of(cell["source"])
    if line is not None:
        return line[0]
    own: Any = cell["metadata"].get("nbflow")
    if is_object(own) and own.get("kind") in ("task", "flow"):
        return own["kind"]
    return "parameters" if "parameters" in notebooks.tags(cell) else "plain"


def _problems(nodes: Iterable[CellNode]) -> Iterable[dict[str, Any]]:
    counts = Counter(node.name for node in nodes if node.kind in ("task", "flow"))
    for name, count in counts.items():
        if count > 1:
            yield InvalidNotebook(
                f"{count} cells are called {names.shown(name)}; the last one is found by the name.",
                code="notebook.copied_name", field="cells",
                hint="Give each its own name, on its first line.",
            ).problem()  # fmt: skip


def _closure(first: Iterable[str], following: Mapping[str, set[str]]) -> set[str]:
    found, stack = set[str](), list(first)
    while stack:
        one = stack.pop()
        if one not in found:
            found.add(one)
            stack += following.get(one, ())
    return found


def _wrong(code: str, message: str, hint: str) -> InvalidInput:
    return InvalidInput(message, code=f"cell.{code}", field="cell", hint=hint)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _listed(named: list[str]) -> str:
    unique = list(dict.fromkeys(named))
    return ", ".join(unique[:4]) + (", …" if len(unique) > 4 else "")


def _plain(text: str) -> str:
    return diagrams.plain(text)
