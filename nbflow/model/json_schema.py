"""Does a JSON value fit a JSON Schema (2020-12)? The vocabulary that parameter schemas use.

Types, enumerations, bounds, formats (`date`, `date-time`, `date-time-local`, `time`, `duration`,
`decimal`, `uuid`), base64, items, properties, alternatives and references within the schema.
Keywords not known here restrict nothing, as the standard says. The numbers JSON has not are written
`{"$float": "nan"}`. How errors are worded for people is the caller's.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any, TypeGuard
from uuid import UUID

from nbflow.model import iso_durations, names
from nbflow.model.shapes import is_list, is_mapping, is_object

Schema = Mapping[str, Any]

_SAID = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "an object",
}


#: keywords that restrict nothing
_SAYINGS = frozenset({"$defs", "default", "deprecated", "description", "examples", "title"})


class Mismatch(Exception):
    """A value does not fit: where (`at`), why (`problem`), and whether its type is wrong."""

    def __init__(self, at: str, problem: str, *, of_type: bool = False) -> None:
        super().__init__(f"{at} {problem}")
        self.at = at
        self.problem = problem
        self.of_type = of_type


def conform(value: Any, schema: Any, *, root: Schema, at: str) -> Any:
    """Give the value as the schema takes it (`5.0` for a whole number is 5). Raises Mismatch."""
    if schema is False:
        raise Mismatch(at, "is not taken")
    if not is_mapping(schema):
        return value
    taken: Schema = resolve(root, schema)
    value = _typed(value, taken, at)
    _check_enumeration(value, taken, at)
    for part in taken.get("allOf", ()):
        value = conform(value, part, root=root, at=at)
    for keyword in ("anyOf", "oneOf"):
        if taken.get(keyword):
            value = _first_fitting(value, taken[keyword], root, at)
    if isinstance(value, str):
        _check_text(value, taken, at)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        _check_bounds(value, taken, at)
    elif is_list(value):
        return _items(value, taken, root, at)
    elif is_object(value) and not is_special_float(value):
        return _members(value, taken, root, at)
    return value


def is_special_float(value: object) -> TypeGuard[dict[str, str]]:
    """Say whether a value is one of the numbers JSON has not: `{"$float": "nan"}`."""
    return is_object(value) and list(value) == ["$float"] and value["$float"] in _SPECIAL


_SPECIAL = ("nan", "inf", "-inf")


def resolve(root: Schema, schema: Schema, seen: frozenset[str] = frozenset()) -> Schema:
    """Follow `$ref` within the root schema; what stands beside the reference counts as well."""
    ref = schema.get("$ref")
    if not (isinstance(ref, str) and ref.startswith("#/")) or ref in seen:
        return schema
    found = resolve(root, _at(root, ref), seen | {ref})
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    if not all(key in _SAYINGS or key.startswith("x-") for key in rest):
        meant = {key: value for key, value in found.items() if key != "$ref"}
        return {**rest, "allOf": [*rest.get("allOf", ()), meant]}
    return {**found, **rest}


def is_secret(schema: Schema) -> bool:
    """Say whether what a schema takes, or one of its alternatives, is nobody's to read."""
    hidden = schema.get("writeOnly") is True or schema.get("format") == "password"
    options = (*schema.get("anyOf", ()), *schema.get("oneOf", ()))
    return hidden or any(is_mapping(one) and is_secret(one) for one in options)


def _at(root: Schema, ref: str) -> Schema:
    found: Any = root
    for step in ref[2:].split("/"):
        step = step.replace("~1", "/").replace("~0", "~")
        found = found.get(step, {}) if is_mapping(found) else {}
    return found if is_mapping(found) else {}


# -- types ------------------------------------------------------------------------------------


def _typed(value: Any, schema: Schema, at: str) -> Any:
    kind = schema.get("type")
    kinds: list[str] = [kind] if isinstance(kind, str) else list(kind or ())
    if not kinds or _kind(value) in kinds:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and "number" in kinds:
        return value
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        return int(value)
    if "number" in kinds and is_special_float(value):
        _check_bounds(float(value["$float"]), schema, at)
        return value
    said = " or ".join(_SAID.get(kind, kind) for kind in kinds)
    raise Mismatch(at, f"takes {said}, not {_shown(value)}", of_type=True)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    kinds: dict[type, str] = {
        bool: "boolean",
        int: "integer",
        float: "number",
        str: "string",
        list: "array",
        dict: "object",
    }
    return kinds[type(value)]


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else names.shown(value)


def _check_enumeration(value: Any, schema: Schema, at: str) -> None:
    both: list[list[Any]] = [schema["enum"]] if "enum" in schema else []
    if "const" in schema:
        both.append([schema["const"]])
    for options in both:
        if not any(_same(value, option) for option in options):
            said = ", ".join(str(option) for option in options[:20])
            raise Mismatch(at, f"is {_shown(value)}, not one of {said}")


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) is isinstance(other, bool)


def _first_fitting(value: Any, options: list[Any], root: Schema, at: str) -> Any:
    mismatches: list[Mismatch] = []
    for option in options:
        try:
            return conform(value, option, root=root, at=at)
        except Mismatch as mismatch:
            mismatches.append(mismatch)
    # The alternative that went deepest into the value is the one that was meant.
    deepest = max(mismatches, key=lambda mismatch: (len(mismatch.at), not mismatch.of_type))
    if len(deepest.at) > len(at) or not deepest.of_type:
        raise deepest
    said = " or ".join(m.problem.partition("takes ")[2].rpartition(", not ")[0] for m in mismatches)
    raise Mismatch(at, f"takes {said}, not {_shown(value)}", of_type=True)


# -- bounds and formats -----------------------------------------------------------------------


def _check_bounds(value: float, schema: Schema, at: str) -> None:
    bounds: tuple[tuple[str, str, Callable[[float, float], bool]], ...] = (
        ("minimum", "at least", lambda value, bound: value >= bound),
        ("maximum", "at most", lambda value, bound: value <= bound),
        ("exclusiveMinimum", "more than", lambda value, bound: value > bound),
        ("exclusiveMaximum", "less than", lambda value, bound: value < bound),
    )
    for keyword, said, holds in bounds:
        bound = schema.get(keyword)
        if bound is not None and not holds(value, bound):
            raise Mismatch(at, f"is {value}; it is {said} {bound}")
    step = schema.get("multipleOf")
    if step and abs(value / step - round(value / step)) > 1e-9:
        raise Mismatch(at, f"is {value}, not a multiple of {step}")


def _check_text(value: str, schema: Schema, at: str) -> None:
    _check_size(len(value), schema, at, ("minLength", "maxLength"), "characters")
    pattern = schema.get("pattern")
    if pattern and not re.search(pattern, value):
        raise Mismatch(at, f"is {_shown(value)}, which does not match {pattern}")
    known = _FORMATS.get(schema.get("format", ""))
    if schema.get("contentEncoding") == "base64":
        known = ("base64", _base64)
    if known is not None:
        said, reads = known
        try:
            reads(value)
        except (ValueError, InvalidOperation):
            raise Mismatch(at, f"is {_shown(value)}, not {said}") from None


def _check_size(size: int, schema: Schema, at: str, keywords: tuple[str, str], unit: str) -> None:
    least, most = schema.get(keywords[0]), schema.get(keywords[1])
    if least is not None and size < least:
        raise Mismatch(at, f"has {size} {unit}, fewer than {least}")
    if most is not None and size > most:
        raise Mismatch(at, f"has {size} {unit}, more than {most}")


def _date(text: str) -> None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        raise ValueError(text)
    date.fromisoformat(text)


def _date_time(text: str) -> None:
    if instant(text).tzinfo is None:
        raise ValueError(text)


def _date_time_local(text: str) -> None:
    if instant(text).tzinfo is not None:
        raise ValueError(text)


def instant(text: str) -> datetime:
    """Read a date with a time. Raises ValueError."""
    if not re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d", text, re.ASCII):
        raise ValueError(text)
    return datetime.fromisoformat(text.replace("z", "Z"))


def _base64(text: str) -> None:
    base64.b64decode(text, validate=True)


_FORMATS: dict[str, tuple[str, Callable[[str], object]]] = {
    "date": ("a date such as 2026-11-22", _date),
    "date-time": ("a time with its offset, such as 2026-11-22T13:00:00+01:00", _date_time),
    "date-time-local": ("a time without an offset, such as 2026-11-22T13:00:00", _date_time_local),
    "time": ("a time such as 13:00:00", time.fromisoformat),
    "duration": (f"a length of time such as {iso_durations.EXAMPLE}", iso_durations.read),
    "decimal": ("a decimal number such as 12.50", Decimal),
    "uuid": ("a UUID", UUID),
}


# -- lists and objects ------------------------------------------------------------------------


def _items(values: list[Any], schema: Schema, root: Schema, at: str) -> list[Any]:
    _check_size(len(values), schema, at, ("minItems", "maxItems"), "items")
    if schema.get("uniqueItems") and len(set(map(_identity, values))) < len(values):
        raise Mismatch(at, "has an item twice")
    heads: list[Any] = list(schema.get("prefixItems", ()))
    rest = schema.get("items", True)
    return [
        conform(value, heads[i] if i < len(heads) else rest, root=root, at=f"{at}[{i}]")
        for i, value in enumerate(values)
    ]


def _identity(value: Any) -> str:
    """Give a text that equal values share: `1.0` is 1, and `true` is not."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if is_list(value):
        return f"[{','.join(map(_identity, value))}]"
    if is_object(value):
        return f"{{{','.join(sorted(f'{k!r}:{_identity(v)}' for k, v in value.items()))}}}"
    return repr(value)


def _members(values: dict[str, Any], schema: Schema, root: Schema, at: str) -> dict[str, Any]:
    missing = [name for name in schema.get("required", ()) if name not in values]
    if missing:
        raise Mismatch(at, f"lacks {', '.join(missing)}")
    declared: Mapping[str, Any] = schema.get("properties", {})
    rest = schema.get("additionalProperties", True)
    for name in values:
        if name not in declared and rest is False:
            raise Mismatch(f"{at}.{name}", "is not known")
    return {
        name: conform(value, declared.get(name, rest), root=root, at=f"{at}.{name}")
        for name, value in values.items()
    }
