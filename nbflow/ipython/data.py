"""What a task cell reads and leaves: its inputs, its helpers, its outputs, by name and by value.

Inputs are the data a body reads before it assigns them; modules, functions and classes count as
source, and what a function of the notebook reads counts with it. Which names that are, is found by
`model.cell_code`; how equal values are told, by `digests`.
"""

from __future__ import annotations

import ast
import io
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.ipython import around
from nbflow.model import cell_code, cell_source, names
from nbflow.model.cell_code import CellCode

Namespace = dict[str, Any]

_SOURCE = (
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    type,
)
#: names of the shell's own, which are neither read nor left
_SHELLS = frozenset({"In", "Out", "exit", "quit", "get_ipython"})


@dataclass(frozen=True)
class CellData:
    """The data of one cell.

    Attributes:
        source: its body.
        returns: the outputs it is restricted to; empty: all.
    """

    source: str
    returns: tuple[str, ...] = ()

    @cached_property
    def code(self) -> CellCode:
        """Give what its code does to names."""
        return cell_code.analyse(self.source)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Give the names of its outputs, in the order they stand in the cell.

        Raises InvalidInput for a name of `returns` that it does not have.
        """
        code = self.code
        bound = code.binds - code.imports - code.defines
        found = {name for name in bound | code.mutates if not _hidden(name)}
        if not self.returns:
            return _in_order(self.source, found)
        for name in self.returns:
            if name not in code.binds | code.mutates and code.unknown is None:
                raise InvalidInput(
                    f"--returns names {name!r}, which the cell neither assigns nor changes.",
                    code="cell.returns",
                    field="--returns",
                    hint=names.did_you_mean(name, found, "It has"),
                )
        return self.returns

    @cached_property
    def passing(self) -> frozenset[str]:
        """Give the outputs that only `with … as NAME` binds: most are of no use afterwards."""
        tree = cell_source.parsed(around.innermost(self.source)).tree
        opened = {
            item.optional_vars.id: item.optional_vars
            for node in ast.walk(tree)
            if isinstance(node, (ast.With, ast.AsyncWith))
            for item in node.items
            if isinstance(item.optional_vars, ast.Name)
        }
        others = {
            node.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            if node is not opened.get(node.id)
        }
        return frozenset(opened.keys() - others)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Give the names it reads, builtins included."""
        return tuple(sorted(n for n in self.code.reads | self.code.perhaps if n not in _SHELLS))

    def inputs(self, namespace: Mapping[str, Any]) -> Namespace:
        """Give the data it reads, as far as there is any."""
        found = ((name, namespace[name]) for name in self.reads if name in namespace)
        return {name: value for name, value in found if not is_source(value)}

    def missing(self, namespace: Mapping[str, Any]) -> tuple[str, ...]:
        """Give the names it reads and nobody has."""
        return tuple(name for name in sorted(self.code.reads) if name not in namespace)

    def reached(self, namespace: Namespace) -> tuple[Namespace, Namespace]:
        """Give the data and the sources it reads, itself or through functions of the notebook."""
        data: Namespace = {}
        sources: Namespace = {}
        waiting = list(self.reads)
        while waiting:
            name = waiting.pop()
            if name in data or name in sources or name not in namespace:
                continue
            value = namespace[name]
            if is_source(value):
                sources[name] = value
                waiting += _read_by(value, namespace)
            else:
                data[name] = value
        return data, sources

    def left(self, namespace: Mapping[str, Any]) -> Namespace:
        """Give the outputs, by name, that are there after it ran; modules are none."""
        found = {name: namespace[name] for name in self.outputs if name in namespace}
        return {name: value for name, value in found.items() if not _is_nothing(value)}


def is_source(value: Any) -> bool:
    """Say whether a value counts by its source: a module, a function, a class, a task, a flow."""
    return isinstance(value, _SOURCE) or callable(getattr(value, "__wrapped__", None))


def _is_nothing(value: Any) -> bool:
    """Say whether a value is not worth keeping: a module, a file that is closed."""
    closed = isinstance(value, io.IOBase) and value.closed
    return closed or isinstance(value, types.ModuleType)


def _hidden(name: str) -> bool:
    return name.startswith("_") or name in _SHELLS


def _in_order(source: str, found: Iterable[str]) -> tuple[str, ...]:
    places: dict[str, tuple[int, int]] = {}
    for node in ast.walk(cell_source.parsed(around.innermost(source)).tree):
        if isinstance(node, ast.Name):
            places.setdefault(node.id, (node.lineno, node.col_offset))
            places[node.id] = min(places[node.id], (node.lineno, node.col_offset))
    return tuple(sorted(found, key=lambda name: (places.get(name, (1 << 30, 0)), name)))


def _read_by(value: Any, namespace: Namespace) -> Iterator[str]:
    """Give the names of the notebook that a function or a class of it reads."""
    value = getattr(value, "__wrapped__", value)
    if isinstance(value, type):
        if value.__module__ == "__main__":
            for member in vars(value).values():
                yield from _read_by(getattr(member, "__func__", member), namespace)
        return
    code = getattr(value, "__code__", None)
    if code is not None and getattr(value, "__globals__", None) is namespace:
        yield from _globals_of(code)


def _globals_of(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _globals_of(constant)
