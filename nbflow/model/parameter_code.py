"""From checked parameter values to the Python of a notebook's injected cell: literals, never code.

JSON's values become Python's literals. What JSON has no type for arrives as what the parameter
declares, by annotation or default: dates, times, timedeltas, paths, UUIDs, Decimals, bytes, tuples,
sets, and members of an Enum the cell defines. These are made by a call whose name is written here
(an Enum's is the class's own) and whose arguments are literals. Text from a value is never code,
and no name is bound but the parameters'.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Any

from nbflow.model import iso_durations, parameter_references
from nbflow.model.json_schema import Mismatch, Schema, conform, instant, is_special_float, resolve
from nbflow.model.shapes import is_list, is_mapping, is_object

#: the first line of the cell that gives a run its parameters, as papermill writes it
HEAD = "# Parameters"


def source(schema: Schema, values: Mapping[str, Any]) -> str:
    """Give the cell that assigns the values, as `parameters.check` gave them for the schema."""
    declared: Mapping[str, Any] = schema.get("properties", {})
    lines = [
        f"{name} = {_written(v, declared.get(name, {}), schema)}" for name, v in values.items()
    ]
    return "\n".join([HEAD, *lines])


def _written(value: Any, taken: Any, root: Schema) -> str:
    referred = parameter_references.of(value)
    if referred is not None:
        blocks = '__import__("nbflow.blocks.referring", fromlist=["value_of"])'
        return f"{blocks}.value_of({_literal(referred)})"
    if not is_mapping(taken):
        taken = {}
    taken = _meant(value, resolve(root, taken), root)
    if value is not None and "x-enum" in taken and str(taken["x-enum"]).isidentifier():
        return f"{taken['x-enum']}({_literal(value)})"
    if isinstance(value, str):
        return _text(value, taken)
    if is_special_float(value):
        return f'float("{value["$float"]}")'
    if is_list(value):
        return _list(value, taken, root)
    if is_object(value):
        return _object(value, taken, root)
    return _number(value, taken) if type(value) is int else _literal(value)


def _meant(value: Any, taken: Schema, root: Schema) -> Schema:
    """Give the alternative that takes the value."""
    for option in (*taken.get("anyOf", ()), *taken.get("oneOf", ())):
        try:
            conform(value, option, root=root, at="")
        except Mismatch:
            continue
        return _meant(value, resolve(root, option), root)
    return taken


def _literal(value: Any) -> str:
    return repr(value)


def _number(value: int, taken: Schema) -> str:
    """Give a whole number, as a float where only a float is declared and it can hold it."""
    kind = taken.get("type", ())
    kinds = (kind,) if isinstance(kind, str) else tuple(kind)
    exact = "number" in kinds and "integer" not in kinds and abs(value) <= 2**53
    return repr(float(value)) if exact else repr(value)


def _list(value: list[Any], taken: Schema, root: Schema) -> str:
    heads: list[Any] = list(taken.get("prefixItems", ()))
    rest = taken.get("items", {})
    items = [
        _written(item, heads[at] if at < len(heads) else rest, root)
        for at, item in enumerate(value)
    ]
    inside = ", ".join(items)
    if taken.get("uniqueItems"):
        return f"{{{inside}}}" if items else "set()"
    if "prefixItems" in taken or taken.get("x-python") == "tuple":
        return f"({inside}{',' if len(items) == 1 else ''})"
    return f"[{inside}]"


def _object(value: dict[str, Any], taken: Schema, root: Schema) -> str:
    declared: Mapping[str, Any] = taken.get("properties", {})
    rest = taken.get("additionalProperties", {})
    items = (
        f"{_literal(key)}: {_written(inner, declared.get(key, rest), root)}"
        for key, inner in value.items()
    )
    return f"{{{', '.join(items)}}}"


# -- text that stands for something else --------------------------------------------------------


def _text(value: str, taken: Schema) -> str:
    if taken.get("contentEncoding") == "base64":
        return _literal(base64.b64decode(value))
    write = _FORMATS.get(taken.get("format", ""))
    return _literal(value) if write is None else write(value)


def _call(module: str, function: str, argument: str) -> str:
    # By `__import__`: an `import` would bind a name the notebook may use for something else.
    return f'__import__("{module}").{function}({argument})'


def _date(value: str) -> str:
    day = date.fromisoformat(value).isoformat()
    return _call("datetime", "date.fromisoformat", _literal(day))


def _datetime(value: str) -> str:
    # Written anew: older Pythons read fewer of the forms.
    return _call("datetime", "datetime.fromisoformat", _literal(instant(value).isoformat()))


def _time(value: str) -> str:
    moment = time.fromisoformat(value).isoformat()
    return _call("datetime", "time.fromisoformat", _literal(moment))


def _duration(value: str) -> str:
    span = iso_durations.read(value)
    parts = {"days": span.days, "seconds": span.seconds, "microseconds": span.microseconds}
    said = ", ".join(f"{name}={number}" for name, number in parts.items() if number)
    return _call("datetime", "timedelta", said)


_FORMATS: dict[str, Callable[[str], str]] = {
    "date": _date,
    "date-time": _datetime,
    "date-time-local": _datetime,
    "time": _time,
    "duration": _duration,
    "path": lambda value: _call("pathlib", "Path", _literal(value)),
    "uuid": lambda value: _call("uuid", "UUID", _literal(value)),
    "decimal": lambda value: _call("decimal", "Decimal", _literal(value)),
}
