"""What a default means, read from its expression without evaluating any code: `literal`.

Literals, containers of them, members of an Enum the cell defines, and calls that only write a value
down: `date(2026, 1, 1)`, `Path("x")`, `dict(a=1)`. A name counts as what it usually is unless the
cell says that it is something else (`Scope.foreign`).
"""

from __future__ import annotations

import ast
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

from nbflow.model import iso_durations
from nbflow.model.shapes import is_object, is_sequence

#: modules whose names are known, under the names they are usually imported by
MODULES = frozenset({
    "datetime", "dt", "typing", "t", "typing_extensions", "uuid", "pathlib", "decimal", "pydantic",
    "annotated_types", "collections.abc", "abc", "enum", "nbflow.blocks",
})  # fmt: skip

Enums = Mapping[str, Mapping[str, Any]]


class Literal(NamedTuple):
    """A default: its JSON value, and the schema of what it is."""

    value: Any
    kind: dict[str, Any]


@dataclass(frozen=True)
class Scope:
    """What names mean in a cell.

    Attributes:
        enums: the Enum classes it defines, with the JSON values of their members.
        foreign: names that are not what they usually are.
    """

    enums: Enums = field(default_factory=dict[str, Mapping[str, Any]])
    foreign: frozenset[str] = frozenset()

    def name(self, node: ast.expr) -> str:
        """Give `Optional` for `typing.Optional`; empty for what is nothing known here."""
        if isinstance(node, ast.Constant) and node.value is None:
            return "None"
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return ""
        text = ast.unparse(node)
        module, _, name = text.rpartition(".")
        known = not module or module in MODULES
        return name if known and text.partition(".")[0] not in self.foreign else ""


def literal(node: ast.expr, scope: Scope) -> Literal | None:
    """Give what an expression writes down; None: it would have to be evaluated."""
    member = _member(node, scope)
    if member is not None:
        return member
    if isinstance(node, ast.Call):
        return _called(node, scope)
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return _listed(node.elts, scope, like=type(node))
    if isinstance(node, ast.Dict):
        return _mapped(node, scope)
    return _plain(node)


def kind_of(value: Any) -> dict[str, Any]:
    """Give the type a JSON value shows; none for null."""
    kinds: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string",
                              list: "array", dict: "object"}  # fmt: skip
    return {} if value is None else {"type": kinds[type(value)]}


def _plain(node: ast.expr) -> Literal | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
        text = base64.b64encode(node.value).decode()
        return Literal(text, {"type": "string", "contentEncoding": "base64"})
    try:
        found = ast.literal_eval(node)
        text = json.dumps(found, allow_nan=False, ensure_ascii=False)
        text.encode()  # half a character in a text is no JSON
        value = json.loads(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return Literal(value, kind_of(value)) if value == _as_json(found) else None


def _as_json(value: Any) -> Any:
    """Give a value as JSON holds it, save that keys stay what they are."""
    if is_sequence(value):
        return [_as_json(item) for item in value]
    if is_object(value):
        return {key: _as_json(item) for key, item in value.items()}
    return value


def _member(node: ast.expr, scope: Scope) -> Literal | None:
    """Read `Colour.RED`, `Colour["RED"]` and `Colour("red")`."""
    name: Any = None
    if isinstance(node, ast.Attribute):
        owner, name = node.value, node.attr
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        owner, name = node.value, node.slice.value
    elif isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        owner = node.func
    else:
        return None
    members = scope.enums.get(owner.id) if isinstance(owner, ast.Name) else None
    if members is None or not isinstance(owner, ast.Name):
        return None
    if isinstance(node, ast.Call):
        inner = _plain(node.args[0])
        value = inner.value if inner is not None and inner.value in members.values() else None
    else:
        value = members.get(name) if isinstance(name, str) else None
    if value is None:
        return None
    return Literal(value, {"enum": list(members.values()), "x-enum": owner.id})


# -- containers -------------------------------------------------------------------------------


def _listed(nodes: list[ast.expr], scope: Scope, *, like: type[ast.expr]) -> Literal | None:
    found = [literal(node, scope) for node in nodes]
    items = [item for item in found if item is not None]
    if len(items) < len(found):
        return None
    kind: dict[str, Any] = {"type": "array"}
    if items and items[0].kind.keys() - {"type"} and all(i.kind == items[0].kind for i in items):
        kind["items"] = items[0].kind
    elif any(item.kind.keys() - {"type", "x-python"} for item in items):
        return None  # of several kinds: as JSON they could not be told apart again
    if like is ast.Set:
        if len(set(map(repr, items))) < len(items):
            return None
        kind["uniqueItems"] = True
    elif like is ast.Tuple:
        kind["x-python"] = "tuple"
    return Literal([item.value for item in items], kind)


def _mapped(node: ast.Dict, scope: Scope) -> Literal | None:
    names = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
    values = _listed(node.values, scope, like=ast.List)
    if values is None or not all(isinstance(name, str) and _is_text(name) for name in names):
        return None
    kind: dict[str, Any] = {"type": "object"}
    if "items" in values.kind:
        kind["additionalProperties"] = values.kind["items"]
    return Literal(dict(zip(names, values.value, strict=True)), kind)


def _is_text(value: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in value)


# -- calls ------------------------------------------------------------------------------------


def _called(node: ast.Call, scope: Scope) -> Literal | None:
    """Read a call of a constructor known here, its arguments all plain."""
    if isinstance(node.func, ast.Attribute) and node.func.attr == "fromisoformat":
        name, make = scope.name(node.func.value), _OF_ISO.get(scope.name(node.func.value))
    else:
        name = scope.name(node.func)
        make = _CALLS.get(name)
    if name in _CONTAINERS:
        return _container(name, node, scope)
    if make is None:
        return None
    try:
        args = [_argument(each, scope) for each in node.args]
        named = {each.arg or "**": _argument(each.value, scope) for each in node.keywords}
        return make(*args, **named)
    except (ValueError, TypeError, OverflowError, InvalidOperation):
        return None


def _argument(node: ast.expr, scope: Scope) -> Any:
    """Give a constructor's argument. Raises ValueError where it would have to be evaluated."""
    if ast.unparse(node) in ("timezone.utc", "datetime.timezone.utc", "UTC", "datetime.UTC"):
        return UTC
    found = ast.literal_eval(node)
    if not isinstance(found, (int, float, str)) or isinstance(found, bool):
        raise ValueError(found)
    return found


def _container(name: str, node: ast.Call, scope: Scope) -> Literal | None:
    if name == "dict":
        keys: list[ast.expr | None] = [ast.Constant(each.arg) for each in node.keywords]
        if node.args or any(each.arg is None for each in node.keywords):
            return None
        return _mapped(ast.Dict(keys, [each.value for each in node.keywords]), scope)
    inner = node.args[0] if node.args else ast.List([], ast.Load())
    if len(node.args) > 1 or node.keywords or not isinstance(inner, _DISPLAYS):
        return None
    return _listed(inner.elts, scope, like=_CONTAINERS[name])


_DISPLAYS = (ast.List, ast.Tuple, ast.Set)
_CONTAINERS: dict[str, type[ast.expr]] = {
    "dict": ast.Dict, "list": ast.List, "tuple": ast.Tuple, "set": ast.Set, "frozenset": ast.Set,
}  # fmt: skip


def _text(format: str, value: str) -> Literal:
    return Literal(value, {"type": "string", "format": format})


def _datetime(value: datetime) -> Literal:
    return _text("date-time" if value.tzinfo else "date-time-local", value.isoformat())


def _path(*parts: str) -> Literal:
    text = str(PurePosixPath(*parts))
    if not _is_text(text):
        raise ValueError(text)
    return _text("path", text)


def _float(value: Any) -> Literal:
    found = float(value)
    text = str(found)
    return Literal(
        {"$float": text} if text in ("nan", "inf", "-inf") else found, {"type": "number"}
    )


def _made(format: str, make: Callable[..., Any], write: Callable[[Any], str]) -> Any:
    """Give what makes a text of a format from a constructor's arguments."""

    def read(*args: Any, **named: Any) -> Literal:
        return _text(format, write(make(*args, **named)))

    return read


def _naive(*args: Any, **named: Any) -> Literal:
    return _datetime(datetime(*args, **named))  # noqa: DTZ001 - as the cell has it


def _of_iso(text: str) -> Literal:
    return _datetime(datetime.fromisoformat(text))


_CALLS: dict[str, Callable[..., Literal]] = {
    "date": _made("date", date, date.isoformat),
    "datetime": _naive,
    "time": _made("time", time, time.isoformat),
    "timedelta": _made("duration", timedelta, iso_durations.text),
    "Path": _path,
    "PurePath": _path,
    "Decimal": _made("decimal", Decimal, str),
    "UUID": _made("uuid", UUID, str),
    "float": _float,
}
_OF_ISO: dict[str, Callable[..., Literal]] = {
    "date": _made("date", date.fromisoformat, date.isoformat),
    "datetime": _of_iso,
    "time": _made("time", time.fromisoformat, time.isoformat),
}
