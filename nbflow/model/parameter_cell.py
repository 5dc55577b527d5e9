"""From the source of a `parameters` cell to a JSON Schema (2020-12), evaluating nothing.

Types come from annotations, else from literal defaults (`x-inferred`); descriptions from trailing
comments. A default that is no literal is kept as text (`x-source`) and its type is unknown unless
annotated. `x-order` is the order of first appearance. Annotations are read in `parameter_types`,
defaults in `parameter_literals`; how values come into the notebook is `parameter_code`'s.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from nbflow.exceptions import InvalidNotebook
from nbflow.model.json_schema import is_secret
from nbflow.model.masking import MASK
from nbflow.model.parameter_literals import MODULES, Literal, Scope, kind_of, literal
from nbflow.model.parameter_types import nullable, of_annotation, takes_null

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LARGEST = 256 * 1024
_ENUMS = ("Enum", "StrEnum", "IntEnum")


def schema(source: str) -> dict[str, Any]:
    """Give the schema of what a cell assigns. Raises InvalidNotebook (`notebook.parameters`)."""
    source, tree = _parsed(source)
    scope = _scope(tree)
    comments = _comments(source)
    last: dict[str, _Assignment] = {}
    for one in _assignments(tree):
        before = last.get(one.name)
        if before is not None and one.annotation is None:
            one = replace(one, annotation=before.annotation)
        if before is not None or not one.in_place:
            last[one.name] = one
    found = {
        name: _property(one, comments, scope, source) | {"x-order": order}
        for order, (name, one) in enumerate(last.items())
    }
    whole: dict[str, Any] = {"$schema": _DIALECT, "type": "object", "properties": found}
    required = [name for name, one in last.items() if one.value is None]
    if required:
        whole["required"] = required
    return whole | {"additionalProperties": False}


def of_another_language(source: str) -> dict[str, Any]:
    """Give the schema of a cell that cannot be read here: any parameters, and its text."""
    return {"$schema": _DIALECT, "type": "object", "properties": {}, "x-source": source}


# -- reading ----------------------------------------------------------------------------------


def _parsed(source: str) -> tuple[str, ast.Module]:
    """Parse a cell, blanking the lines that are IPython's and not Python's."""
    if len(source) > _LARGEST:
        raise _invalid(f"The parameters cell has {len(source) >> 10} KB.")
    lines = source.splitlines()
    while True:
        text = "\n".join(lines)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return text, ast.parse(text)
        except SyntaxError as error:
            at = (error.lineno or 1) - 1
            # Only where the parser stops: such a line inside a text is part of that text.
            if at >= len(lines) or not _is_magic(lines[at]):
                raise _invalid(
                    f"The parameters cell is not Python: {error.msg} in line {at + 1}.",
                    hint="Keep it to assignments such as n: int = 10.",
                ) from None
            lines[at] = ""
        except (ValueError, RecursionError, MemoryError) as error:
            raise _invalid(f"The parameters cell cannot be read: {str(error)[:80]}.") from None


def _is_magic(line: str) -> bool:
    bare = line.strip()
    value = bare.partition("=")[2].strip()
    return bare.startswith(("%", "!", "?")) or bare.endswith("?") or value.startswith(("!", "%"))


def _invalid(message: str, hint: str | None = None) -> InvalidNotebook:
    return InvalidNotebook(message, code="notebook.parameters", field="parameters", hint=hint)


@dataclass(frozen=True)
class _Assignment:
    """A name and what it is assigned; `in_place`: by `+=` and the like."""

    name: str
    value: ast.expr | None
    annotation: ast.expr | None
    line: int
    end: int
    in_place: bool = False


def _assignments(tree: ast.Module) -> Iterator[_Assignment]:
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield _assignment(node, node.target, node.value, node.annotation)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                for name, value in _bound(target, node.value):
                    yield _assignment(node, name, value, None)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            value = ast.BinOp(ast.Name(node.target.id, ast.Load()), node.op, node.value)
            yield replace(_assignment(node, node.target, value, None), in_place=True)


def _assignment(
    node: ast.stmt, name: ast.Name, value: ast.expr | None, annotation: ast.expr | None
) -> _Assignment:
    return _Assignment(name.id, value, annotation, node.lineno, node.end_lineno or node.lineno)


def _bound(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.Name, ast.expr]]:
    """Pair names with what is assigned to them, through `a, b = 1, 2`."""
    if isinstance(target, ast.Name):
        yield target, value
    elif isinstance(target, (ast.Tuple, ast.List)):
        given = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
        paired = len(given) == len(target.elts)
        for at, one in enumerate(target.elts):
            item = ast.Subscript(value, ast.Constant(at), ast.Load())
            yield from _bound(one, given[at] if paired else item)


def _comments(source: str) -> dict[int, str]:
    """Give the comment that ends each line of code, by line number."""
    found: dict[int, str] = {}
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return found
    for token in tokens:
        if token.type == tokenize.COMMENT and token.line[: token.start[1]].strip():
            found[token.start[0]] = token.string.lstrip("#").strip()
    return found


# -- one parameter ----------------------------------------------------------------------------


def _property(
    one: _Assignment, comments: Mapping[int, str], scope: Scope, source: str
) -> dict[str, Any]:
    comment = comments.get(one.end) or comments.get(one.line) or ""
    annotation, description = one.annotation, comment
    if annotation is None and comment.startswith("type:"):
        annotation, description = _type_comment(comment)
    found: dict[str, Any] = {}
    if annotation is not None:
        found = of_annotation(annotation, scope) or {"x-annotation": ast.unparse(annotation)}
    if one.value is not None:
        found |= _default(one.value, found, scope, source)
    return found | ({"description": description} if description else {})


def _type_comment(comment: str) -> tuple[ast.expr | None, str]:
    """Read `type: int  # how many`; papermill took types from such comments."""
    text, _, rest = comment.removeprefix("type:").partition("#")
    try:
        return ast.parse(text.strip(), mode="eval").body, rest.strip()
    except SyntaxError:
        return None, comment


def _default(value: ast.expr, made: Mapping[str, Any], scope: Scope, source: str) -> dict[str, Any]:
    """Give the default, and the type it shows when there is no annotation."""
    found = literal(value, scope)
    # A value of a type that JSON has not, where the annotation does not tell which it is.
    odd = found is not None and "x-annotation" in made and found.kind != kind_of(found.value)
    if is_secret(made) and (found is None or found.value is not None):
        return {"x-source": MASK}
    if found is None or odd:
        return {"x-source": _segment(source, value)}
    default: dict[str, Any] = {"default": found.value}
    if found.value is None:
        return default | (nullable(dict(made)) if made and not takes_null(dict(made)) else {})
    if not made:
        return default | found.kind | {"x-inferred": True}
    return default | _local(made, found)


def _segment(source: str, value: ast.expr) -> str:
    written = ast.get_source_segment(source, value) if hasattr(value, "lineno") else None
    return written or ast.unparse(ast.fix_missing_locations(value))


def _local(made: Mapping[str, Any], default: Literal) -> dict[str, Any]:
    """Let a `datetime` be one without an offset where its default is."""
    if made.get("format") != "date-time":
        return {}
    try:
        local = datetime.fromisoformat(default.value).tzinfo is None
    except (TypeError, ValueError):
        return {}
    return {"format": "date-time-local"} if local else {}


# -- what names mean in the cell ----------------------------------------------------------------


def _scope(tree: ast.Module) -> Scope:
    enums = dict(_enums(tree))
    return Scope(enums, frozenset(_foreign(tree)) - enums.keys())


def _enums(tree: ast.Module) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the Enum classes the cell defines, with the values of their members, all plain."""
    known = Scope()
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        if not any(known.name(base) in _ENUMS for base in node.bases):
            continue
        members = {
            target.id: literal(inner.value, known)
            for inner in node.body
            if isinstance(inner, ast.Assign)
            for target in inner.targets
            if isinstance(target, ast.Name) and not target.id.startswith("_")
        }
        values = {name: each.value for name, each in members.items() if each is not None}
        if values and len(values) == len(members) and all(map(_is_scalar, values.values())):
            yield node.name, values


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (str, int, float)) and not isinstance(value, bool)


def _foreign(tree: ast.Module) -> Iterator[str]:
    """Give the names that are, in this cell, not what they usually are."""
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module not in MODULES:
                yield from (each.asname or each.name for each in node.names)
            else:
                yield from (e.asname for e in node.names if e.asname and e.asname != e.name)
        elif isinstance(node, ast.Import):
            yield from (e.asname for e in node.names if e.asname and e.name not in MODULES)
        elif isinstance(node, ast.Assign):
            names = (name for target in node.targets for name, _ in _bound(target, node.value))
            yield from (name.id for name in names)
