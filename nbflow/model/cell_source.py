"""From a cell's text to a syntax tree: nbflow's own line goes, IPython's signs become calls.

What is written as `%time f(x)` or `!ls` comes out as IPython writes it, a call of `get_ipython()`;
`magic_of` finds such calls again. What they do to names is in `cell_magics`.
"""

from __future__ import annotations

import ast
import hashlib
import warnings
from functools import cache, lru_cache
from typing import Any, NamedTuple

from nbflow.exceptions import InvalidInput
from nbflow.model import cell_options, syntax

#: of the source digest, hex digits
_DIGITS = 32


class Parsed(NamedTuple):
    """A cell as Python.

    Attributes:
        tree: empty when it cannot be read.
        condition: the expression of `--if` on its option line.
        problem: why it cannot be read, with the line.
    """

    tree: ast.Module
    condition: ast.expr | None = None
    problem: str | None = None


class Magic(NamedTuple):
    """A magic, as a call in the tree: `%name line`, `%%name line` and a body, or `!line` (`sx`)."""

    name: str
    line: str
    body: str | None = None


@lru_cache(maxsize=4096)
def parsed(source: str) -> Parsed:
    """Read a cell's text as IPython would; what is not Python is told, not raised."""
    text, condition = _without_option_line(source)
    try:
        return Parsed(_tree(text), condition)
    except SyntaxError as error:
        problem = f"line {error.lineno or 1}: not Python ({error.msg})"
    except (ValueError, RecursionError, MemoryError) as error:
        problem = f"not Python ({str(error)[:80]})"
    return Parsed(ast.Module([], []), None, problem)


@lru_cache(maxsize=4096)
def digest(source: str) -> str:
    """Digest what a cell does: comments and formatting do not count."""
    found = parsed(source)
    said = source if found.problem else ast.dump(found.tree)
    condition = "" if found.condition is None else ast.dump(found.condition)
    content = f"{said}\n{condition}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def magic_of(node: ast.AST) -> Magic | None:
    """Give the magic that a call stands for; None for every other node."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    if not is_shell(node.func.value) or not all(isinstance(a, ast.Constant) for a in node.args):
        return None
    given: list[Any] = [a.value for a in node.args if isinstance(a, ast.Constant)]
    texts = [text for text in given if isinstance(text, str)]
    match node.func.attr, texts:
        case "run_line_magic", [name, line, *_]:
            return Magic(name, line)
        case "run_cell_magic", [name, line, body]:
            return Magic(name, line, body)
        case "system" | "getoutput", [line, *_]:
            return Magic("sx", line)
        case _:
            return None


def is_shell(node: ast.AST) -> bool:
    """Say whether an expression is `get_ipython()`."""
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Name) and called.id == "get_ipython"


def _without_option_line(source: str) -> tuple[str, ast.expr | None]:
    """Blank nbflow's own line, so that the other lines keep their numbers."""
    before, found = source[: len(source) - len(source.lstrip())], source.lstrip()
    first, newline, rest = found.partition("\n")
    line = cell_options.LINE.match(first.strip())
    if line is None:
        return source, None
    return before + newline + rest, _condition(line["kind"], line["rest"] or "")


def _condition(kind: Any, rest: str) -> ast.expr | None:
    try:
        text = cell_options.of_line(kind, rest.strip()).condition
        return None if text is None else ast.parse(text, mode="eval").body
    except (InvalidInput, SyntaxError, ValueError):
        return None


def _tree(text: str) -> ast.Module:
    try:
        return syntax.parse(text)
    except SyntaxError:
        lost = text[: len(text) - len(text.lstrip())].count("\n")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made = _shell().transform_cell(text)
            return syntax.parse("\n" * lost + made)
        except Exception as error:
            if isinstance(error, (SyntaxError, ValueError, RecursionError, MemoryError)):
                raise
            raise ValueError(str(error)) from None


@cache
def _shell() -> Any:
    # Only a cell that is not plain Python pays for this import.
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager()
