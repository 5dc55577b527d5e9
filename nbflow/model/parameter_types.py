"""From an annotation to a JSON Schema, evaluating nothing: `of_annotation`.

`{}` is a type not known here. Beside the standard's words, `x-enum` names the Enum class of the
cell, and `x-python` says `tuple`; a set has `uniqueItems`, as pydantic writes it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from nbflow.model.parameter_literals import Scope, literal

Schema = dict[str, Any]

_SECRET: Schema = {"type": "string", "format": "password", "writeOnly": True}
_NAMED: dict[str, Schema] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "str": {"type": "string"},
    "bool": {"type": "boolean"},
    "None": {"type": "null"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "list": {"type": "array"},
    "List": {"type": "array"},
    "Sequence": {"type": "array"},
    "Iterable": {"type": "array"},
    "tuple": {"type": "array", "x-python": "tuple"},
    "Tuple": {"type": "array", "x-python": "tuple"},
    "set": {"type": "array", "uniqueItems": True},
    "Set": {"type": "array", "uniqueItems": True},
    "frozenset": {"type": "array", "uniqueItems": True},
    "dict": {"type": "object"},
    "Dict": {"type": "object"},
    "Mapping": {"type": "object"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "AwareDatetime": {"type": "string", "format": "date-time"},
    "NaiveDatetime": {"type": "string", "format": "date-time-local"},
    "time": {"type": "string", "format": "time"},
    "timedelta": {"type": "string", "format": "duration"},
    "Decimal": {"type": "string", "format": "decimal"},
    "UUID": {"type": "string", "format": "uuid"},
    "Path": {"type": "string", "format": "path"},
    "PurePath": {"type": "string", "format": "path"},
    "SecretStr": _SECRET,
    "SecretBytes": _SECRET,
}
_OBJECTS = ("dict", "Dict", "Mapping")
_TUPLES = ("tuple", "Tuple")


def of_annotation(node: ast.expr, scope: Scope) -> Schema:
    """Give the schema of an annotation; `{}` for a type not known here."""
    if isinstance(node, ast.Constant):
        return _of_text(node.value, scope)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _any_of([node.left, node.right], scope)
    if isinstance(node, ast.Subscript):
        return _of_generic(scope.name(node.value), node.slice, scope)
    name = scope.name(node)
    if name in scope.enums:
        return _enumeration(list(scope.enums[name].values()), name)
    return dict(_NAMED.get(name, {}))


def takes_null(made: Schema) -> bool:
    """Say whether a type takes null."""
    if "enum" in made:
        return None in made["enum"]
    kind = made.get("type", ())
    return "null" in (kind, *kind) or any(takes_null(option) for option in made.get("anyOf", ()))


def nullable(made: Schema) -> Schema:
    """Give what lets a type also take null: `n: int = None` means so."""
    if "enum" in made:
        return {"enum": [*made["enum"], None]}
    if "anyOf" in made:
        return {"anyOf": [*made["anyOf"], {"type": "null"}]}
    return {"type": [made["type"], "null"]} if "type" in made else {}


def _enumeration(values: list[Any], name: str) -> Schema:
    return {"enum": list(dict.fromkeys(values)), "x-enum": name}


def _of_text(value: Any, scope: Scope) -> Schema:
    if value is None:
        return {"type": "null"}
    try:
        return of_annotation(ast.parse(value, mode="eval").body, scope)
    except (SyntaxError, TypeError, ValueError):
        return {}


def _of_generic(name: str, inner: ast.expr, scope: Scope) -> Schema:
    arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Literal":
        return _of_literals(arguments, scope)
    if name == "Union":
        return _any_of(arguments, scope)
    if name == "Optional":
        return _any_of([inner, ast.Constant(None)], scope)
    if name in ("Annotated", "Final") and arguments:
        return _annotated(of_annotation(arguments[0], scope), arguments[1:], scope)
    if name in _OBJECTS:
        return _of_dict(arguments, scope)
    if name in _TUPLES:
        return _of_tuple(arguments, scope)
    base = dict(_NAMED.get(name, {}))
    items = of_annotation(arguments[0], scope) if arguments else {}
    if base.get("type") != "array":
        return {}
    return base | ({"items": items} if items else {})


def _of_dict(arguments: list[ast.expr], scope: Scope) -> Schema:
    if len(arguments) != 2 or of_annotation(arguments[0], scope) != {"type": "string"}:
        return {}
    values = of_annotation(arguments[1], scope)
    return {"type": "object"} | ({"additionalProperties": values} if values else {})


def _of_tuple(arguments: list[ast.expr], scope: Scope) -> Schema:
    base: Schema = {"type": "array", "x-python": "tuple"}
    if len(arguments) == 2 and isinstance(arguments[1], ast.Constant) and arguments[1].value is ...:
        items = of_annotation(arguments[0], scope)
        return base | ({"items": items} if items else {})
    heads = [of_annotation(argument, scope) for argument in arguments]
    size = len(heads)
    return base | {"prefixItems": heads, "minItems": size, "maxItems": size}


def _of_literals(arguments: list[ast.expr], scope: Scope) -> Schema:
    found = [literal(argument, scope) for argument in arguments]
    values = [each.value for each in found if each is not None]
    owners = {each.kind.get("x-enum") for each in found if each is not None}
    if len(values) < len(found) or len(owners) != 1:
        return {}
    (owner,) = owners
    return {"enum": values} if owner is None else _enumeration(values, owner)


def _any_of(nodes: list[ast.expr], scope: Scope) -> Schema:
    """Give the schema of alternatives; one unknown among them makes all unknown."""
    options: list[Schema] = []
    for node in nodes:
        made = of_annotation(node, scope)
        if not made:
            return {}
        options += made["anyOf"] if set(made) == {"anyOf"} else [made]
    if all(set(option) == {"type"} for option in options):
        given = [option["type"] for option in options]
        flat = [one for kind in given for one in ([kind] if isinstance(kind, str) else kind)]
        kinds = list(dict.fromkeys(flat))
        return {"type": kinds if len(kinds) > 1 else kinds[0]}
    return {"anyOf": options}


# -- what `Annotated` adds ----------------------------------------------------------------------

_SIZES: dict[str, tuple[str, str]] = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
}
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum",
           "multiple_of": "multipleOf"}  # fmt: skip
_WORD_OF = {"Ge": "ge", "Gt": "gt", "Le": "le", "Lt": "lt", "MultipleOf": "multiple_of",
            "MinLen": "min_length", "MaxLen": "max_length", "Doc": "description"}  # fmt: skip


def _annotated(made: Schema, extras: list[ast.expr], scope: Scope) -> Schema:
    """Add what `Field(ge=0, …)` of pydantic and `Ge(0)` of annotated_types say."""
    if not made:
        return made
    for node in extras:
        for word, value in _said(node, scope):
            made = made | _restriction(made, word, value)
    return made


def _said(node: ast.expr, scope: Scope) -> Iterator[tuple[str, Any]]:
    if not isinstance(node, ast.Call):
        return
    name = scope.name(node.func)
    if name in _WORD_OF and len(node.args) == 1:
        found = literal(node.args[0], scope)
        if found is not None:
            yield _WORD_OF[name], found.value
    elif name in ("Field", "Interval"):
        for keyword in node.keywords:
            found = literal(keyword.value, scope)
            if found is not None and keyword.arg is not None:
                yield keyword.arg, found.value


def _restriction(made: Schema, word: str, value: Any) -> Schema:
    """Give what one word adds; nothing where it does not belong."""
    kind = made.get("type")
    if word in ("description", "title") and isinstance(value, str):
        return {word: value}
    if word in _BOUNDS and kind in ("integer", "number") and _is_number(value):
        return {_BOUNDS[word]: value}
    if word == "pattern" and kind == "string" and isinstance(value, str):
        return {"pattern": value} if _compiles(value) else {}
    if word in ("min_length", "max_length") and isinstance(kind, str) and kind in _SIZES:
        return {_SIZES[kind][word == "max_length"]: value} if type(value) is int else {}
    return {}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
