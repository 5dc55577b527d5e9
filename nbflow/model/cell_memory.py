"""What a notebook's names stand for while its cells are read one after the other.

Nothing runs: a `Thing` is an object as far as reading can tell, known by the cell that made it or
changed it last. Which code does what to things is in `cell_walk`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from nbflow.model import cell_scopes
from nbflow.model.cell_scopes import Comprehension, Function

#: the cell that made what was there before any cell that is looked at
OUTSIDE = -1


class Thing:
    """An object that names may stand for.

    Attributes:
        writer: the cell that made it or changed it last; None: no cell has.
        holds: the things it may hold.
        package: of a module, its dotted path.
        lively: using it changes it, as it does an iterator.
        code: of a function or a class, its syntax; `scope` is where its body looks for names.
        members: of a class, what its body binds.
        kinds: of an instance, its classes.
        free: of code, the names it takes from outside.
        again: of a generator, reads what drawing from it does.
    """

    __slots__ = (
        "again", "code", "defaults", "free", "holds", "kinds", "lively", "members", "package",
        "scope", "writer",
    )  # fmt: skip

    def __init__(
        self, writer: int | None, holds: Iterable[Thing] = (), *, lively: bool = False
    ) -> None:
        self.writer = writer
        self.holds = set(holds)
        self.lively = lively
        self.package = ""
        self.code: Function | ast.ClassDef | None = None
        self.scope: Scope | None = None
        self.defaults: dict[str, Things] = {}
        self.members: Mapping[str, Binding] = {}
        self.kinds: tuple[Thing, ...] = ()
        self.free: frozenset[str] = frozenset()
        self.again: Callable[[Any], object] | None = None


Things = frozenset[Thing]
NOTHING: Things = frozenset()


class Binding(NamedTuple):
    """What a name stands for: which cells may have bound it, to what; `sure`: it is bound."""

    makers: frozenset[int]
    things: Things
    sure: bool = True


class Scope:
    """The names of a function's call, a class body, a comprehension, or the module (no `outer`).

    Without a node it is a function that binds whatever it assigns.
    """

    __slots__ = ("kind", "names", "outer", "returned", "values")

    def __init__(
        self,
        outer: Scope | None = None,
        node: Function | ast.ClassDef | Comprehension | None = None,
    ) -> None:
        self.outer = outer
        self.values: dict[str, Binding] = {}
        self.kind = _kind(node) if outer is not None else "module"
        self.names = None if node is None else cell_scopes.names_of(node)
        self.returned: set[Thing] = set()

    def owner(self, name: str, *, binding: bool = False) -> Scope:
        """Find the scope in which code here finds a name, or binds it."""
        scope: Scope = self
        while scope.outer is not None:
            names = scope.names
            if names is not None and name in names.of_module:
                return scope.module()
            outside = names is not None and name in names.of_outer
            hidden = scope.kind == "class" and scope is not self
            bound = binding if names is None else name in names.bound
            known = name in scope.values or bound
            # What a class body has not bound yet it looks for outside.
            yet = binding or scope.kind != "class" or name in scope.values
            if known and yet and not outside and not hidden:
                return scope
            scope = scope.outer
        return scope

    def module(self) -> Scope:
        """Give the outermost scope."""
        scope = self
        while scope.outer is not None:
            scope = scope.outer
        return scope

    def chain(self) -> Iterator[Scope]:
        """Give this scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer


def _kind(node: ast.AST | None) -> str:
    if isinstance(node, ast.ClassDef):
        return "class"
    return "comprehension" if isinstance(node, cell_scopes.COMPREHENSIONS) else "function"


Snapshot = list[tuple[Scope, dict[str, Binding]]]


def snapshot(scope: Scope) -> Snapshot:
    """Keep what all names stand for, before code that may or may not run."""
    return [(one, dict(one.values)) for one in scope.chain()]


def restore(state: Snapshot) -> None:
    """Go back to what was kept."""
    for scope, values in state:
        scope.values = dict(values)


def join(state: Snapshot, *, surely: bool = False) -> None:
    """Let names stand for what they do now, or did then; `surely` the code since then has run."""
    for scope, values in state:
        for name, now in list(scope.values.items()):
            was = values.get(name)
            if was is None:
                scope.values[name] = now if surely else now._replace(sure=False)
            elif was is not now:
                both = Binding(was.makers | now.makers, was.things | now.things)
                scope.values[name] = both._replace(sure=was.sure and now.sure)
        for name, was in values.items():
            if name not in scope.values:
                scope.values[name] = was._replace(sure=False)


def reach(things: Iterable[Thing], *, code: bool = True) -> Iterator[Thing]:
    """Give things and all they may hold; without `code`, not through functions and classes."""
    stack, seen = list(things), set[Thing]()
    while stack:
        thing = stack.pop()
        if thing in seen or (not code and thing.code is not None):
            continue
        seen.add(thing)
        yield thing
        stack += thing.holds


def held(things: Iterable[Thing]) -> Iterator[tuple[Thing, int]]:
    """Give things and all they may hold, each with the cell that wrote its holder last."""
    stack, seen = [(thing, OUTSIDE - 1) for thing in things], set[Thing]()
    while stack:
        thing, holder = stack.pop()
        if thing not in seen:
            seen.add(thing)
            yield thing, holder
            writer = holder if thing.writer is None else max(thing.writer, holder)
            stack += [(inner, writer) for inner in thing.holds]


def members(kinds: Iterable[Thing], name: str) -> Things:
    """Give what classes and their bases bind a name to."""
    found: set[Thing] = set()
    stack, seen = list(kinds), set[Thing]()
    while stack:
        kind = stack.pop()
        if kind in seen:
            continue
        seen.add(kind)
        if name in kind.members:
            found |= kind.members[name].things
        stack += kind.kinds  # of a class: its bases
    return frozenset(found)


def methods(kinds: Iterable[Thing]) -> Iterator[tuple[str, Thing]]:
    """Give all functions of classes and their bases."""
    for kind in list(kinds):
        yield from methods(kind.kinds)
        for name, binding in kind.members.items():
            for thing in binding.things:
                if isinstance(thing.code, cell_scopes.FUNCTIONS):
                    yield name, thing
