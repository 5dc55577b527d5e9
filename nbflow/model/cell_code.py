"""What a cell's code reads and binds: `analyse`. Nothing is executed.

Functions, lambdas, classes and comprehensions are looked into: a name that a function takes from
the notebook is read by the cell that defines the function (`deferred`), and by every cell that uses
it. IPython's own history (`_`, `_1`, `In`, `Out`, …) is no name but makes a cell `unknown`. How the
cells of one notebook hang together is in `cell_graph`.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from nbflow.model import cell_scopes, cell_source, cell_words
from nbflow.model.cell_memory import OUTSIDE, Scope, Thing
from nbflow.model.cell_source import Parsed
from nbflow.model.cell_values import Missing
from nbflow.model.cell_walk import Walk


@dataclass(frozen=True)
class CellCode:
    """What a cell does to names.

    Attributes:
        reads: names it reads before it has bound them itself; those of builtins are in `perhaps`.
        deferred: those of `reads` that only bodies of functions read which the cell does not use.
        perhaps: builtins and variables of the shell that it reads; they count as reads only where
            somebody has bound them.
        binds: names it assigns, imports or defines, and does not delete again.
        mutates: names of others' objects that it may change: by assigning to an attribute or an
            item, by `+=` or `del`, by calling a method or a function for no value.
        deletes: names it deletes.
        imports: names it binds by importing; `modules` has the dotted path of each.
        defines: functions and classes it binds.
        literals: names it binds once, to a literal that it does not change; their values.
        unknown: why the rest of what it does cannot be known (`from x import *`, `%run`, `exec`,
            not Python, …); None: all of it is known.
        outside: what it does outside Python, such as running a shell command.
    """

    reads: frozenset[str] = frozenset()
    deferred: frozenset[str] = frozenset()
    perhaps: frozenset[str] = frozenset()
    binds: frozenset[str] = frozenset()
    mutates: frozenset[str] = frozenset()
    deletes: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    modules: Mapping[str, str] = field(default_factory=dict[str, str])
    defines: frozenset[str] = frozenset()
    literals: Mapping[str, Any] = field(default_factory=dict[str, Any])
    unknown: str | None = None
    outside: tuple[str, ...] = ()


@lru_cache(maxsize=4096)
def analyse(source: str) -> CellCode:
    """Say what a cell's source reads and binds; never raises for what stands in it."""
    parsed = cell_source.parsed(source)
    try:
        return _analysed(parsed)
    except RecursionError:
        return CellCode(unknown="nested too deeply")


def _analysed(parsed: Parsed) -> CellCode:
    symbols: dict[str, Thing] = {}
    walk = Walk(0, Scope(), {}, _symbols(symbols))
    walk.read_cell(parsed.tree, parsed.condition)
    now = frozenset(walk.reads)
    bound = walk.scope.values
    later = frozenset(
        name
        for function in walk.functions
        for name in function.free
        if name not in bound and not cell_words.is_history(name)
    )
    builtin = later & cell_words.BUILTINS
    unknown = [*([parsed.problem] if parsed.problem else []), *walk.unknown]
    own = frozenset(name for name in walk.binds if name in bound)
    return CellCode(
        reads=now | later - builtin,
        deferred=later - builtin - now,
        perhaps=frozenset(walk.perhaps) | builtin,
        binds=own,
        mutates=_mutated(walk, symbols),
        deletes=frozenset(walk.deletes),
        imports=own.intersection(walk.imports),
        modules={n: path for n, path in walk.imports.items() if n in own},
        defines=own.intersection(walk.defines),
        literals=_literals(parsed.tree, walk),
        unknown="; ".join(unknown) or None,
        outside=tuple(walk.outside),
    )


def _symbols(known: dict[str, Thing]) -> Missing:
    """Let every name that the cell does not bind stand for a thing of its own."""

    def symbol(name: str) -> Thing:
        thing = known.get(name)
        if thing is None:
            thing = known[name] = Thing(OUTSIDE)
            thing.package = cell_words.USUAL.get(name, "")
        return thing

    return symbol


def _mutated(walk: Walk, symbols: Mapping[str, Thing]) -> frozenset[str]:
    packages = {thing.package for thing in walk.changed if thing.package}
    changed = {
        name for name, thing in symbols.items()
        if thing in walk.changed or _is_of(thing.package, packages)
    }  # fmt: skip
    return frozenset(changed | {name for name in walk.deletes if name in symbols})


def _is_of(package: str, changed: set[str]) -> bool:
    return bool(package) and any(f"{one}.".startswith(f"{package}.") for one in changed)


def _literals(tree: ast.Module, walk: Walk) -> dict[str, Any]:
    bound = Counter(
        name
        for node in cell_scopes.inside(tree.body)
        if not isinstance(node, ast.alias)
        for name in cell_scopes.binds(node)
    )
    found: dict[str, Any] = {}
    for node in tree.body:
        for target, value in _assigned(node):
            binding = walk.scope.values.get(target)
            if bound[target] == 1 and binding and not binding.things & walk.changed:
                _put_literal(found, target, value)
    return found


def _assigned(node: ast.stmt) -> list[tuple[str, ast.expr]]:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        return [(node.target.id, node.value)]
    if not isinstance(node, ast.Assign):
        return []
    found: list[tuple[str, ast.expr]] = []
    for target in node.targets:
        if isinstance(target, ast.Name):
            found.append((target.id, node.value))
        elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = zip(target.elts, node.value.elts, strict=False)
            found += [(t.id, v) for t, v in pairs if isinstance(t, ast.Name)]
    return found


def _put_literal(found: dict[str, Any], name: str, value: ast.expr) -> None:
    try:
        found[name] = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return
