"""From the source of a `parameters` cell to a JSON Schema (2020-12), evaluating nothing.

Types come from annotations, else from literal defaults (`x-inferred`); descriptions from trailing
comments. A default that is no literal is kept as text (`x-source`) and its type is unknown unless
annotated. `x-order` is the order of first appearance.
"""

from __future__ import annotations

import ast
import io
import json
import tokenize
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbflow.exceptions import InvalidNotebook
from nbflow.model.shapes import is_object, is_sequence

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_LARGEST = 256 * 1024
_NOTHING = object()

_NAMED: dict[str, dict[str, Any]] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "list": {"type": "array"},
    "List": {"type": "array"},
    "Sequence": {"type": "array"},
    "tuple": {"type": "array"},
    "Tuple": {"type": "array"},
    "dict": {"type": "object"},
    "Dict": {"type": "object"},
    "Mapping": {"type": "object"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "time": {"type": "string", "format": "time"},
    "UUID": {"type": "string", "format": "uuid"},
    "Path": {"type": "string"},
}
_MODULES = ("datetime", "typing", "t", "dt", "uuid", "pathlib", "collections.abc", "enum")
_ENUMS = ("Enum", "StrEnum", "IntEnum")

Enums = Mapping[str, Mapping[str, Any]]


def schema(source: str) -> dict[str, Any]:
    """Give the schema of what a cell assigns. Raises InvalidNotebook (`notebook.parameters`)."""
    source, tree = _parsed(source)
    enums = dict(_enums(tree))
    comments = _comments(source)
    found: dict[str, dict[str, Any]] = {}
    required: list[str] = []
    for one in _assignments(tree):
        order = found[one.name]["x-order"] if one.name in found else len(found)
        found[one.name] = _property(one, comments, enums, source) | {"x-order": order}
        if one.value is None and one.name not in required:
            required.append(one.name)
        elif one.value is not None and one.name in required:
            required.remove(one.name)
    whole: dict[str, Any] = {"$schema": _DIALECT, "type": "object", "properties": found}
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
    name: str
    value: ast.expr | None
    annotation: ast.expr | None
    line: int
    end: int


def _assignments(tree: ast.Module) -> Iterator[_Assignment]:
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield _assignment(node, node.target, node.value, node.annotation)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                for name, value in _bound(target, node.value):
                    yield _assignment(node, name, value, None)


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
    one: _Assignment, comments: Mapping[int, str], enums: Enums, source: str
) -> dict[str, Any]:
    comment = comments.get(one.end) or comments.get(one.line) or ""
    annotation, description = one.annotation, comment
    if annotation is None and comment.startswith("type:"):
        annotation, description = _type_comment(comment)
    made = _of_annotation(annotation, enums) if annotation is not None else None
    if made is not None and not made:
        made = {"x-annotation": ast.unparse(annotation)} if annotation is not None else made
    found = dict(made or {})
    if one.value is not None:
        found |= _default(one.value, made, enums, source)
    return found | ({"description": description} if description else {})


def _type_comment(comment: str) -> tuple[ast.expr | None, str]:
    """Read `type: int  # how many`; papermill took types from such comments."""
    text, _, rest = comment.removeprefix("type:").partition("#")
    try:
        return ast.parse(text.strip(), mode="eval").body, rest.strip()
    except SyntaxError:
        return None, comment


def _default(
    value: ast.expr, made: Mapping[str, Any] | None, enums: Enums, source: str
) -> dict[str, Any]:
    """Give the default, and the type it shows when there is no annotation."""
    literal = _literal(value, enums)
    if literal is _NOTHING:
        return {"x-source": ast.get_source_segment(source, value) or ast.unparse(value)}
    found: dict[str, Any] = {"default": literal}
    if made is None and literal is not None:
        found |= {"type": _kind(literal), "x-inferred": True}
    elif made and literal is None and not _takes_null(made):
        found |= _nullable(made)
    return found


def _literal(value: ast.expr, enums: Enums) -> Any:
    """Give the JSON value of a literal (or of a member of an Enum in the cell), or `_NOTHING`."""
    if isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name):
        return enums.get(value.value.id, {}).get(value.attr, _NOTHING)
    try:
        found = ast.literal_eval(value)
        text = json.dumps(found, allow_nan=False, ensure_ascii=False)
        text.encode()  # half a character in a text is no JSON
        plain = json.loads(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _NOTHING
    # JSON turns numbers that are keys into texts; such a default is not what the cell has.
    return plain if plain == _listed(found) else _NOTHING


def _listed(value: Any) -> Any:
    if is_sequence(value):
        return [_listed(item) for item in value]
    if is_object(value):
        return {key: _listed(item) for key, item in value.items()}
    return value


def _kind(value: Any) -> str:
    kinds: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string",
                              list: "array", dict: "object"}  # fmt: skip
    return kinds[type(value)]


def _takes_null(made: Mapping[str, Any]) -> bool:
    if "enum" in made:
        return None in made["enum"]
    kind = made.get("type", ())
    return "null" in (kind, *kind) or any(_takes_null(option) for option in made.get("anyOf", ()))


def _nullable(made: Mapping[str, Any]) -> dict[str, Any]:
    """Let a type also take null: `n: int = None` means so."""
    if "enum" in made:
        return {"enum": [*made["enum"], None]}
    if "anyOf" in made:
        return {"anyOf": [*made["anyOf"], {"type": "null"}]}
    return {"type": [made["type"], "null"]} if "type" in made else {}


# -- annotations ------------------------------------------------------------------------------


def _of_annotation(node: ast.expr, enums: Enums) -> dict[str, Any]:
    """Give the schema of an annotation; `{}` for a type not known here."""
    if isinstance(node, ast.Constant):
        return _of_text(node.value, enums)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _any_of([node.left, node.right], enums)
    if isinstance(node, ast.Subscript):
        return _of_generic(_plain_name(node.value), node.slice, enums)
    name = _plain_name(node)
    if name in enums:
        return {"enum": list(enums[name].values()), "x-enum": name}
    return dict(_NAMED.get(name, {}))


def _of_text(value: Any, enums: Enums) -> dict[str, Any]:
    if value is None:
        return {"type": "null"}
    try:
        return _of_annotation(ast.parse(value, mode="eval").body, enums)
    except (SyntaxError, TypeError, ValueError):
        return {}


def _of_generic(name: str, inner: ast.expr, enums: Enums) -> dict[str, Any]:
    arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Literal":
        return _of_literals(arguments, enums)
    if name == "Union":
        return _any_of(arguments, enums)
    if name == "Optional":
        return _any_of([inner, ast.Constant(None)], enums)
    if name == "Annotated":
        return _of_annotation(arguments[0], enums)
    base = dict(_NAMED.get(name, {}))
    if name in ("dict", "Dict", "Mapping") and len(arguments) == 2:
        if _of_annotation(arguments[0], enums) != {"type": "string"}:
            return {}
        values = _of_annotation(arguments[1], enums)
        return base | ({"additionalProperties": values} if values else {})
    if name in ("tuple", "Tuple"):
        return _of_tuple(arguments, enums)
    items = _of_annotation(arguments[0], enums)
    return base | ({"items": items} if items and base.get("type") == "array" else {})


def _of_tuple(arguments: list[ast.expr], enums: Enums) -> dict[str, Any]:
    if len(arguments) == 2 and isinstance(arguments[1], ast.Constant) and arguments[1].value is ...:
        items = _of_annotation(arguments[0], enums)
        return {"type": "array"} | ({"items": items} if items else {})
    heads = [_of_annotation(argument, enums) for argument in arguments]
    size = len(heads)
    return {"type": "array", "prefixItems": heads, "minItems": size, "maxItems": size}


def _of_literals(arguments: list[ast.expr], enums: Enums) -> dict[str, Any]:
    values = [_literal(argument, enums) for argument in arguments]
    return {} if any(value is _NOTHING for value in values) else {"enum": values}


def _any_of(nodes: list[ast.expr], enums: Enums) -> dict[str, Any]:
    """Give the schema of alternatives; one unknown among them makes all unknown."""
    options: list[dict[str, Any]] = []
    for node in nodes:
        made = _of_annotation(node, enums)
        if not made:
            return {}
        options += made["anyOf"] if set(made) == {"anyOf"} else [made]
    if all(set(option) == {"type"} for option in options):
        kinds = list(dict.fromkeys(option["type"] for option in options))
        return {"type": kinds if len(kinds) > 1 else kinds[0]}
    return {"anyOf": options}


def _plain_name(node: ast.expr) -> str:
    """Give `Optional` for `typing.Optional`; empty for what is no type known here."""
    if isinstance(node, ast.Constant) and node.value is None:
        return "None"
    text = ast.unparse(node)
    module, _, name = text.rpartition(".")
    return name if not module or module in _MODULES else ""


def _enums(tree: ast.Module) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the Enum classes the cell defines, with the JSON values of their members."""
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        if not any(_plain_name(base) in _ENUMS for base in node.bases):
            continue
        members = {
            target.id: _literal(inner.value, {})
            for inner in node.body
            if isinstance(inner, ast.Assign)
            for target in inner.targets
            if isinstance(target, ast.Name)
        }
        if members and _NOTHING not in members.values():
            yield node.name, members
