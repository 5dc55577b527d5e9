"""A magic's body: compiled as IPython compiles a cell, and run in the user's namespace.

`shell.run_cell` is not used: it shows errors without raising them, and cannot await in a kernel.
What a run of the body means to nbflow is decided elsewhere.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, TracebackType
from typing import Any, NamedTuple

from nbflow.ipython import around

#: where nbflow's own code lies
_NBFLOW = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
#: the longest that Ctrl-C may wait for an awaiting cell's loop
_PULSE_SECONDS = 0.1
_ASSIGNMENTS = (ast.Assign, ast.AugAssign, ast.AnnAssign)


class Unit(NamedTuple):
    """A piece of a body: statements, or an expression whose value is displayed."""

    code: CodeType
    shown: bool = False


@dataclass(frozen=True)
class Body:
    """A compiled body.

    Attributes:
        filename: what tracebacks call it; IPython shows it as the cell.
        units: run in order.
        awaits: some of them are coroutines.
        capture: it is all `%%capture`, which shows an error but does not raise it.
    """

    filename: str
    units: tuple[Unit, ...]
    awaits: bool
    capture: bool = False


def compile_body(shell: Any, cell: str) -> Body:
    """Compile a magic's body. Raises SyntaxError, and what the shell's transformers raise."""
    __tracebackhide__ = True
    # The magic's own line becomes blank lines, so that line numbers are those of the editor.
    source = "\n" * (1 + _blank_lines(cell)) + around.python(shell, cell)
    filename = shell.compile.cache(source, shell.execution_count - 1, raw_code=source)
    tree = shell.transform_ast(shell.compile.ast_parse(source, filename=filename))
    flag = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if shell.autoawait else 0
    with shell.compile.extra_flags(flag):
        parts = _parts(tree.body, _interactivity(shell, source))
        units = tuple(
            Unit(shell.compile(part, filename, mode), mode == "eval") for part, mode in parts
        )
    return Body(
        filename,
        units,
        awaits=any(_is_coroutine(unit.code) for unit in units),
        capture=cell.lstrip().startswith("%%capture"),
    )


def run(shell: Any, body: Body) -> Any:
    """Run a body that does not await; give its last expression, which the shell displays."""
    __tracebackhide__ = True
    before = shell.last_execution_result
    value = None
    for unit in body.units:
        value = eval(unit.code, shell.user_global_ns, shell.user_ns)
        _display(unit, value)
    _raise_captured(shell, body, before)
    return value


async def run_async(shell: Any, body: Body) -> Any:
    """Run a body that awaits; give its last expression."""
    __tracebackhide__ = True
    before = shell.last_execution_result
    value = None
    with _pulse():
        for unit in body.units:
            value = eval(unit.code, shell.user_global_ns, shell.user_ns)
            if _is_coroutine(unit.code):
                value = await value
            _display(unit, value)
    _raise_captured(shell, body, before)
    return value


def _display(unit: Unit, value: Any) -> None:
    if unit.shown:
        sys.displayhook(value)


def users_part(error: BaseException, body: Body) -> TracebackType | None:
    """Give the part of an error's traceback that is the user's: from the body on, if it got there.

    nbflow's own frames are left out, save one that raised the error itself.
    """
    frames = [*_frames(error.__traceback__)]
    inside = [frame.tb_frame.f_code.co_filename == body.filename for frame in frames]
    if not any(inside):
        return None
    part: TracebackType | None = None
    for frame in reversed(frames[inside.index(True) :]):
        if part is None or not frame.tb_frame.f_code.co_filename.startswith(_NBFLOW):
            part = TracebackType(part, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return part


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _blank_lines(cell: str) -> int:
    """Count the blank lines a cell begins with: IPython takes them away."""
    rest = cell.lstrip()
    return cell[: len(cell) - len(rest)].count("\n")


def _interactivity(shell: Any, source: str) -> str:
    quiet = shell.displayhook.semicolon_at_end_of_expression(source)
    return "none" if quiet else shell.ast_node_interactivity


def _parts(nodes: list[ast.stmt], interactivity: str) -> list[tuple[ast.mod, str]]:
    """Split statements into those that only run, and those whose value is displayed."""
    if interactivity == "last_expr_or_assign":
        nodes, interactivity = [*nodes, *_assigned(nodes)], "last_expr"
    if interactivity == "last_expr":
        interactivity = "last" if nodes and isinstance(nodes[-1], ast.Expr) else "none"
    shown = {"all": nodes, "last": nodes[-1:]}.get(interactivity, [])
    silent = nodes[: len(nodes) - len(shown)]
    parts: list[tuple[ast.mod, str]] = [(ast.Module(silent, []), "exec")] if silent else []
    return parts + [_shown(node) for node in shown]


def _shown(node: ast.stmt) -> tuple[ast.mod, str]:
    if isinstance(node, ast.Expr):
        return ast.Expression(node.value), "eval"
    return ast.Interactive([node]), "single"


def _assigned(nodes: list[ast.stmt]) -> list[ast.stmt]:
    """Give the name a last assignment binds, as an expression."""
    node = nodes[-1] if nodes else None
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    target = targets[0]
    if not isinstance(node, _ASSIGNMENTS) or len(targets) > 1 or not isinstance(target, ast.Name):
        return []
    name = ast.Expr(ast.Name(target.id, ast.Load()))
    return [ast.fix_missing_locations(ast.copy_location(name, node))]


def _is_coroutine(code: CodeType) -> bool:
    return bool(code.co_flags & inspect.CO_COROUTINE)


@contextmanager
def _pulse() -> Iterator[None]:
    """Let the event loop look up now and then: ipykernel's handler of Ctrl-C does not wake it."""
    loop = asyncio.get_running_loop()
    going = True

    def again() -> None:
        if going:
            loop.call_later(_PULSE_SECONDS, again)

    again()
    try:
        yield
    finally:
        going = False


def _raise_captured(shell: Any, body: Body, before: Any) -> None:
    """Raise the error that `%%capture` in the body has shown and not raised."""
    __tracebackhide__ = True
    result = shell.last_execution_result
    if body.capture and result is not before and result is not None and not result.success:
        raise result.error_before_exec or result.error_in_exec
