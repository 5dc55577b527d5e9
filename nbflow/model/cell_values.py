"""What an expression may stand for, and what reading it looks up: the base of `cell_walk.Walk`."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from nbflow.model import cell_memory, cell_scopes, cell_words
from nbflow.model.cell_memory import NOTHING, OUTSIDE, Binding, Scope, Thing, Things

#: gives what a name stands for that no cell has bound; None: nothing is known of it
Missing = Callable[[str], Thing | None]

_UNBOUND = Binding(frozenset(), NOTHING)


class Values(ABC):
    """Reads expressions in the name of one cell, and keeps what was found.

    Attributes:
        module: the notebook's names.
        packages: modules by their path.
        reads: names that others bound, or nobody, in the order they are read.
        perhaps: builtins and names of the shell that are read: others may have bound them.
        edges: (name, cell) for each cell whose binding or change is read.
        missing: names that nobody has bound.
        binds, deletes, imports, defines: as in `CellCode`; of imports, the path of each.
        changed: the things it may have changed.
        unknown: why some of what it does cannot be known.
        outside: what it does outside Python.
    """

    def __init__(
        self, cell: int, module: Scope, packages: dict[str, Thing], missing: Missing
    ) -> None:
        self.cell = cell
        self.scope = self._module = module
        self.packages = packages
        self._missing = missing
        self.reads: dict[str, None] = {}
        self.perhaps: dict[str, None] = {}
        self.edges: set[tuple[str, int]] = set()
        self.missing: dict[str, None] = {}
        self.binds: dict[str, None] = {}
        self.deletes: dict[str, None] = {}
        self.imports: dict[str, str] = {}
        self.defines: dict[str, None] = {}
        self.changed: set[Thing] = set()
        self.unknown: list[str] = []
        self.outside: list[str] = []
        self.functions: list[Thing] = []
        self._touched: set[tuple[str, Things]] = set()
        self._needing: set[str] = set()
        self._drawn: set[Thing] = set()
        self._active: list[object] = []

    # -- names ----------------------------------------------------------------------------------
    def name(self, name: str) -> Things:
        """Look a name up."""
        owner = self.scope.owner(name)
        if owner.outer is not None:
            binding = owner.values.get(name, _UNBOUND)
            if owner is not self.scope:  # a function's call, perhaps another cell's, has kept it
                self.edges |= {(name, cell) for cell in binding.makers if cell != self.cell}
                self.touch(name, binding.things)
            return binding.things
        return self._global(name)

    def _global(self, name: str) -> Things:
        binding = self._module.values.get(name)
        if binding is None:
            return self._unbound(name)
        if not binding.sure:
            self._unbound(name)
            binding = self._module.values.get(name, binding)
        if binding.makers != frozenset((self.cell,)):
            self.reads.setdefault(name)
            self.edges |= {(name, cell) for cell in binding.makers if cell != self.cell}
        self.touch(name, binding.things)
        return binding.things

    def _unbound(self, name: str) -> Things:
        if cell_words.is_history(name):
            self.not_known(f"{name} is what another cell was or showed")
            return NOTHING
        if name in cell_words.BUILTINS:
            self.perhaps.setdefault(name)
            return NOTHING
        self.reads.setdefault(name)
        known = name in self._module.values
        thing = self._missing(name)
        if thing is None:
            if not known:
                self.missing.setdefault(name)
            return NOTHING
        was = self._module.values.get(name, Binding(frozenset(), NOTHING))
        things = was.things | {thing}
        self._module.values[name] = Binding(was.makers | {OUTSIDE}, things)
        return things

    def keep_unsure(self) -> None:
        """Note that a name that was only perhaps bound still needs who bound it before."""
        for name in self.binds:
            binding = self._module.values.get(name)
            if binding is not None and binding.makers != frozenset((self.cell,)):
                self._global(name)

    def touch(self, name: str, things: Things) -> None:
        """Note that all that things hold is read: who changed it last, what code needs."""
        if not things or (name, things) in self._touched:
            return
        self._touched.add((name, things))
        for thing, holder in list(cell_memory.held(things)):
            writer = thing.writer
            # Who wrote the holder last has read what it holds: it needs that cell in turn.
            if writer is not None and writer != self.cell and writer > holder:
                self.edges.add((name, writer))
            if thing.lively:
                self.change((thing,))
                self._draw(thing)
            for free in thing.free:
                self._needed(free)

    def _draw(self, thing: Thing) -> None:
        """Read what a generator does when something is drawn from it."""
        if thing.again is not None and thing not in self._drawn:
            self._drawn.add(thing)
            self._active.append(thing)
            scope = self.scope
            thing.again(self)
            self.scope = scope
            self._active.pop()

    def _needed(self, name: str) -> None:
        """Note what code that may be called will look up."""
        if name not in self._needing:
            self._needing.add(name)
            self._global(name)
            self._needing.discard(name)

    def bind(self, name: str, things: Things) -> None:
        """Let a name stand for things."""
        owner = self.scope.owner(name, binding=True)
        owner.values[name] = Binding(frozenset((self.cell,)), things)
        if owner.outer is None:
            self.binds.setdefault(name)

    def deleted(self, name: str) -> None:
        """Note that a name of the notebook is gone."""
        if self.scope.outer is None:
            self.deletes.setdefault(name)
            self.binds.pop(name, None)

    def imported(self, name: str, path: str) -> None:
        """Note what an import binds a name to."""
        if self.scope.outer is None:
            self.imports[name] = path

    def defined(self, name: str) -> None:
        """Note that a function or class was defined."""
        if self.scope.outer is None:
            self.defines.setdefault(name)

    def not_known(self, why: str, node: ast.AST | None = None) -> None:
        """Note why some of what the cell does cannot be known."""
        line = getattr(node, "lineno", None)
        said = f"line {line}: {why}" if line and not self._active else why
        if said not in self.unknown:
            self.unknown.append(said)

    # -- things ---------------------------------------------------------------------------------
    def made(self, *holding: Iterable[Thing], lively: bool = False) -> Things:
        """Make a thing that holds others."""
        held = {thing for things in holding for thing in things}
        return frozenset((Thing(self.cell, held, lively=lively),))

    def change(self, things: Iterable[Thing], *, holding: Iterable[Thing] = ()) -> None:
        """Note that things may have been changed, and now also hold others."""
        held = set(holding)
        for thing in things:
            thing.writer = self.cell
            self.changed.add(thing)
            if not thing.package:
                thing.holds |= held - {thing}

    def inside(self, things: Things) -> Things:
        """Give what a part of things may be: themselves (a view), or what they hold."""
        return frozenset(cell_memory.reach(things, code=False)) if things else NOTHING

    def package(self, path: str) -> Things:
        """Give a module; what changes a package counts for the modules in it."""
        thing = self.packages.get(path)
        if thing is None:
            thing = self.packages[path] = Thing(None)
            thing.package = path
            outer = path.rpartition(".")[0].rstrip(".")
            thing.holds |= self.package(outer) if outer else NOTHING
        things = frozenset((thing,))
        self.touch(path, things)
        return things

    def function(self, node: cell_scopes.Function) -> Thing:
        """Make a function of its definition."""
        made = Thing(self.cell)
        made.code, made.scope = node, self.scope
        inner = Scope(self.scope, node)
        made.free = frozenset(
            name for name in cell_scopes.free(node) if inner.owner(name).kind == "module"
        )
        if not self._active:
            self.functions.append(made)
        for default in cell_scopes.around(node):
            if default not in getattr(node, "decorator_list", ()):
                made.holds |= self.value(default)
        made.defaults = self._defaults(node.args)
        return made

    def _defaults(self, given: ast.arguments) -> dict[str, Things]:
        positional = [*given.posonlyargs, *given.args]
        pairs = list(zip(reversed(positional), reversed(given.defaults), strict=False))
        pairs += [(a, d) for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d]
        return {argument.arg: self.value(default) for argument, default in pairs}

    # -- expressions ----------------------------------------------------------------------------
    def value(self, node: ast.expr) -> Things:
        """Give what an expression may stand for."""
        read = getattr(self, f"_value_{type(node).__name__}", None)
        return self.values_of(node) if read is None else read(node)

    def values_of(self, node: ast.AST) -> Things:
        """Read all parts of a node whose own value is nothing that could be shared."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
            elif isinstance(child, (ast.keyword, ast.FormattedValue)):
                self.value(child.value)
        return NOTHING

    def assign(self, target: ast.expr, things: Things) -> None:
        """Assign things to a target."""
        if isinstance(target, ast.Name):
            self.bind(target.id, things)
        elif isinstance(target, (ast.Tuple, ast.List)):
            parts = self.inside(things)
            for one in target.elts:
                self.assign(one, parts)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, self.made(things))
        elif isinstance(target, (ast.Attribute, ast.Subscript)):
            base = self.value(target.value)
            if isinstance(target, ast.Subscript):
                self.value(target.slice)
            self.operate(base)
            self.change(base, holding=things)

    def items(self, things: Things) -> Things:
        """Give what iterating over things may give."""
        self.operate(things)
        return self.inside(things)

    @abstractmethod
    def operate(self, things: Things) -> None:
        """Read what an operator does with instances of the notebook's own classes."""

    @abstractmethod
    def call(self, node: ast.Call, *, alone: bool = False) -> Things:
        """Read a call; `alone`: its value is not used."""

    @abstractmethod
    def attribute(self, things: Things, name: str) -> Things:
        """Give what an attribute of things may be."""

    def give_back(self, things: Things) -> None:
        """Let the function that is being read return things."""
        for scope in self.scope.chain():
            if scope.kind == "function":
                scope.returned |= things
                return

    def _value_Constant(self, node: ast.Constant) -> Things:
        return NOTHING

    def _value_Name(self, node: ast.Name) -> Things:
        return self.name(node.id)

    def _value_Attribute(self, node: ast.Attribute) -> Things:
        return self.attribute(self.value(node.value), node.attr)

    def _value_Subscript(self, node: ast.Subscript) -> Things:
        things = self.value(node.value)
        self.value(node.slice)
        self.operate(things)
        chosen = (ast.Compare, ast.BinOp, ast.List)
        inverted = isinstance(node.slice, ast.UnaryOp) and isinstance(node.slice.op, ast.Invert)
        if isinstance(node.slice, chosen) or inverted:
            # A choice of rows or columns is a copy, in NumPy and pandas.
            return self.made() if things else NOTHING
        return self.inside(things)

    def _value_Call(self, node: ast.Call) -> Things:
        return self.call(node)

    def _value_Await(self, node: ast.Await | ast.Starred) -> Things:
        return self.value(node.value)

    _value_Starred = _value_Await

    def _value_NamedExpr(self, node: ast.NamedExpr) -> Things:
        things = self.value(node.value)
        scope = self.scope
        self.scope = next(one for one in scope.chain() if one.kind != "comprehension")
        self.bind(node.target.id, things)
        self.scope = scope
        return things

    def _value_IfExp(self, node: ast.IfExp) -> Things:
        self.value(node.test)
        return self.value(node.body) | self.value(node.orelse)

    def _value_BoolOp(self, node: ast.BoolOp) -> Things:
        return NOTHING.union(*(self.value(one) for one in node.values))

    def _value_BinOp(self, node: ast.BinOp) -> Things:
        things = self.value(node.left) | self.value(node.right)
        self.operate(things)
        return self.made(*(thing.holds for thing in things)) if things else NOTHING

    def _value_UnaryOp(self, node: ast.UnaryOp) -> Things:
        things = self.value(node.operand)
        self.operate(things)
        return self.made() if things and not isinstance(node.op, ast.Not) else NOTHING

    def _value_Compare(self, node: ast.Compare) -> Things:
        things = NOTHING.union(*map(self.value, (node.left, *node.comparators)))
        self.operate(things)
        return NOTHING

    def _value_Tuple(self, node: ast.Tuple | ast.List | ast.Set) -> Things:
        return self.made(*(self.value(one) for one in node.elts))

    _value_List = _value_Set = _value_Tuple

    def _value_Dict(self, node: ast.Dict) -> Things:
        keys = [self.value(one) for one in node.keys if one is not None]
        return self.made(*keys, *(self.value(one) for one in node.values))

    def _value_Lambda(self, node: ast.Lambda) -> Things:
        return frozenset((self.function(node),))

    def _value_GeneratorExp(self, node: ast.GeneratorExp) -> Things:
        things, scope = self._comprehended(node), self.scope

        def again(walk: Values) -> None:
            walk.scope = scope
            walk._comprehended(node)

        for thing in things:
            thing.lively, thing.again = True, again
        return things

    def _comprehended(self, node: cell_scopes.Comprehension) -> Things:
        outer = self.scope
        first = self.items(self.value(node.generators[0].iter))
        self.scope = Scope(outer, node)
        for at, one in enumerate(node.generators):
            self.assign(one.target, first if at == 0 else self.items(self.value(one.iter)))
            for test in one.ifs:
                self.value(test)
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        held = [self.value(one) for one in parts]
        self.scope = outer
        return self.made(*held)

    _value_ListComp = _value_SetComp = _value_DictComp = _comprehended

    def _value_Yield(self, node: ast.Yield | ast.YieldFrom) -> Things:
        if node.value is not None:
            self.give_back(self.value(node.value))
        return NOTHING

    _value_YieldFrom = _value_Yield
