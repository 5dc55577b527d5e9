"""`@flow` functions in a cell's text: their parameters as lines of a cell, and how to call them."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nbflow.model import cell_scopes, cell_source, syntax

_DEFINITIONS = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom,
)  # fmt: skip


@dataclass(frozen=True)
class FlowParameter:
    """A parameter of a flow function; `line` declares it as a `parameters` cell does."""

    name: str
    line: str
    positional: bool


@dataclass(frozen=True)
class FlowFunction:
    """A flow function in a cell.

    Attributes:
        source: the cell's text, in which calls of the flow outside functions are comments.
        called_again: the cell calls it in a place that cannot be made a comment.
    """

    name: str
    parameters: tuple[FlowParameter, ...]
    source: str
    awaited: bool = False
    called_again: bool = False

    def call(self, parameters: Iterable[FlowParameter], *, restored: Iterable[str] = ()) -> str:
        """Give the text that calls it with variables called like its parameters.

        Args:
            restored: names that get back, before the call, what `nbflow_kept_NAME` stands for.
        """
        given = list(parameters)
        positional = [one.name for one in given if one.positional]
        named = [f"{one.name}={one.name}" for one in given if not one.positional]
        begin = f"{'await ' if self.awaited else ''}{self.name}"
        names = list(restored)
        if not names:
            return f"{begin}({', '.join([*positional, *named])})"
        pairs = ", ".join(f"{one.name!r}: {one.name}" for one in given if not one.positional)
        back = [f"{name} = nbflow_kept_{name}" for name in names]
        held = [f"nbflow_given = [{', '.join(positional)}], {{{pairs}}}"]
        return "\n".join([*held, *back, f"{begin}(*nbflow_given[0], **nbflow_given[1])"])

    @property
    def bare_call(self) -> str:
        """The call without the notebook's names: what it needs besides its parameters."""
        given = ["..." if one.positional else f"{one.name}=..." for one in self.parameters]
        return f"{self.name}({', '.join(given)})"


def find(source: str) -> Iterator[FlowFunction]:
    """Find the flow functions a cell defines at its top level, in order."""
    if "flow" not in source:
        return
    for node in cell_source.parsed(source).tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _is_flow(node):
            text, again = _without_calls(source, node.name)
            parameters = tuple(_parameters(node))
            awaited = isinstance(node, ast.AsyncFunctionDef)
            yield FlowFunction(node.name, parameters, text, awaited, again)


def _is_flow(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    for decorator in node.decorator_list:
        named = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = named.attr if isinstance(named, ast.Attribute) else getattr(named, "id", "")
        if name == "flow":
            return True
    return False


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[FlowParameter]:
    given = node.args
    positional = [*given.posonlyargs, *given.args]
    first = len(positional) - len(given.defaults)
    for at, argument in enumerate(positional):
        default = given.defaults[at - first] if at >= first else None
        yield FlowParameter(argument.arg, _line(argument, default), at < len(given.posonlyargs))
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield FlowParameter(argument.arg, _line(argument, default), False)


def _line(argument: ast.arg, default: ast.expr | None) -> str:
    # Without a default it must be declared all the same: `object` is always there.
    annotation = "" if argument.annotation is None else ast.unparse(argument.annotation)
    if default is None:
        return f"{argument.arg}: {annotation or 'object'}"
    declared = f"{argument.arg}: {annotation}" if annotation else argument.arg
    return f"{declared} = {ast.unparse(default)}"


def _without_calls(source: str, name: str) -> tuple[str, bool]:
    """Make comments of the statements that use a flow outside functions, and what needs them."""
    try:
        tree = syntax.parse(source)
    except (SyntaxError, ValueError):
        tree = None
    body = cell_source.parsed(source).tree.body if tree is None else tree.body
    gone, dropped = {name}, list[ast.stmt]()
    for node in body:
        if isinstance(node, _DEFINITIONS):
            continue
        if _reads(node) & gone:
            dropped.append(node)
            gone |= {
                one for inner in cell_scopes.inside([node]) for one in cell_scopes.binds(inner)
            }
    lines = source.split("\n")
    shared = tree is None or any(_shares_line(node, body) for node in dropped)
    if not dropped or shared:
        return source, bool(dropped)
    for node in dropped:
        for at in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[at] = f"# {lines[at]}"
    return "\n".join(lines), False


def _reads(node: ast.stmt) -> set[str]:
    return {
        one.id
        for one in cell_scopes.inside([node])
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load)
    }


def _shares_line(node: ast.stmt, body: Iterable[ast.stmt]) -> bool:
    lines = set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return any(
        one is not node and lines & {one.lineno, one.end_lineno or one.lineno} for one in body
    )
