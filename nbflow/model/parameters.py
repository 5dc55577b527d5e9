"""Values for a flow's or notebook's parameters: checked strictly, or read from text.

The schema is a JSON Schema (2020-12), as `notebooks.parameters_schema` or pydantic make it. Its
vocabulary of types, enumerations, bounds, formats and references is understood here rather than by
`jsonschema`, whose import alone takes longer than a run. Where the schema comes from is not here.
"""

from __future__ import annotations

import base64
import json
import keyword
import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, NoReturn
from uuid import UUID

from nbflow.exceptions import ParameterError, ParametersTooLarge, ParameterTypeError
from nbflow.model import iso_durations, masking, names, parameter_references
from nbflow.model.json_schema import Mismatch, conform, is_secret, resolve
from nbflow.model.shapes import is_mapping, is_sequence, is_set

LARGEST = 512 * 1024
DEEPEST = 32
LONGEST_NAME = 64
_MOST_BITS = 14_000  # about the 4,300 digits Python itself reads
#: a secret of fewer characters may be part of any text
_TELLING = 8

Schema = Mapping[str, Any]


def check(
    schema: Schema, values: Any, *, what: str, partial: bool = False, kept: bool = True
) -> dict[str, Any]:
    """Give the values as plain JSON values, each as its parameter takes it.

    Nothing is converted but what JSON cannot tell apart (`5.0` for a whole number) and Python
    values with one JSON form: tuples are lists; dates, times, timedeltas (ISO 8601), paths, UUIDs
    and Decimals text; members of an Enum their values; dataclasses and pydantic models objects.
    A reference to a block (`parameter_references`) is taken as it is.
    Where the parameter takes one, a set is a list, bytes are base64, and NaN is
    `{"$float": "nan"}`. `what` names the flow or deployment in messages. With `partial`, required
    parameters may be missing. What is `kept` with a run holds no secret: neither one that is known,
    nor what the schema says is one.

    Raises ParameterError: `parameter.name`, `.unknown`, `.missing` (all at once), `.type`,
    `.value`, `.number`, `.text`, `.too_deep`, `.cyclic`, `.too_large`, `.looks_secret`.
    """
    if not is_mapping(values):
        raise ParameterTypeError(
            f"The parameters of {what} are a {type(values).__name__}, not an object.",
            field="parameters",
        )
    given = dict(values)
    for name in given:
        _check_name(schema, name, what)
    if not partial:
        _check_complete(schema, given, what)
    plain = _Plain()
    checked: dict[str, Any] = {}
    for name, value in given.items():
        if parameter_references.of(value) is not None:  # it is looked up where the code runs
            checked[name] = plain.of(value, name)
            continue
        value = _special(schema, _of(schema, name), value)
        checked[name] = _value(schema, name, plain.of(value, name), what)
        if kept:
            _check_not_secret(schema, name, checked[name])
    if len(json.dumps(checked, ensure_ascii=False).encode()) > LARGEST:
        _too_large("parameters")
    return checked


def from_text(schema: Schema, name: str, text: str, *, what: str = "the flow") -> Any:
    """Read a parameter's value from text, by its type in the schema.

    Text stays text where the parameter takes text; lists and objects are JSON; a parameter of
    unknown type takes JSON, and what is not JSON as text. Raises ParameterError.
    """
    _check_name(schema, name, what)
    taken = resolve(schema, _of(schema, name))
    if isinstance(taken.get("enum"), list):
        return _one_of(taken["enum"], name, text)
    kinds = _kinds(schema, taken)
    if not kinds:
        return _guess(text)
    for kind in ("null", "boolean", "integer", "number", "array", "object"):
        if kind in kinds:
            found, value = _read(kind, name, text, sure="string" not in kinds)
            if found:
                return value
    if "string" in kinds:
        return text
    _wrong_type(name, f"Parameter {name!r} takes {_said(kinds)}, not {names.shown(text)}.")


# -- names ------------------------------------------------------------------------------------


def _check_name(schema: Schema, name: Any, what: str) -> None:
    declared: Mapping[str, Any] = schema.get("properties", {})
    if isinstance(name, str) and name in declared:
        return
    if not _is_name(name):
        raise ParameterError(
            f"{names.shown(name)} is not the name of a parameter.",
            code="parameter.name",
            field="parameters",
            hint=f"A name is letters, digits and _, at most {LONGEST_NAME}, and no Python keyword.",
        )
    if schema.get("additionalProperties", True) is False:
        raise ParameterError(
            f"{what} has no parameter {name!r}.",
            code="parameter.unknown",
            field=name,
            hint=names.did_you_mean(name, declared, "It has"),
        )


def _is_name(name: Any) -> bool:
    return (
        isinstance(name, str)
        and len(name) <= LONGEST_NAME
        and name.isascii()
        and name.isidentifier()
        and not keyword.iskeyword(name)
        and not (name.startswith("__") and name.endswith("__"))
    )


def _check_complete(schema: Schema, given: Mapping[str, Any], what: str) -> None:
    missing = [name for name in schema.get("required", ()) if name not in given]
    if missing:
        plural = "s" if len(missing) > 1 else ""
        raise ParameterError(
            f"{what} needs the parameter{plural} {', '.join(missing)}.",
            code="parameter.missing",
            field=missing[0],
            hint="Give a value, or a default in the parameters cell.",
        )


def _of(schema: Schema, name: str) -> Schema:
    declared: Mapping[str, Schema] = schema.get("properties", {})
    other: Any = schema.get("additionalProperties", True)
    undeclared: Schema = {} if isinstance(other, bool) else other
    return declared.get(name, undeclared)


# -- values -----------------------------------------------------------------------------------


def _special(root: Schema, taken: Schema, value: Any) -> Any:
    """Give a value that JSON has not as the parameter takes it, if it does."""
    taken = resolve(root, taken)
    options = [taken, *(resolve(root, each) for each in taken.get("anyOf", ()))]
    if is_set(value) and any(each.get("uniqueItems") for each in options):
        return sorted(value, key=repr)
    if isinstance(value, bytes) and any(each.get("contentEncoding") for each in options):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and not math.isfinite(value) and "number" in _kinds(root, taken):
        return {"$float": str(value)}
    return value


def _check_not_secret(schema: Schema, name: str, value: Any) -> None:
    """Refuse a secret written out: a run's parameters stand in its notebook, for all to read."""
    if _is_written(schema, _of(schema, name), value) or _is_known(value):
        raise ParameterError(
            f"Parameter {name!r} holds a secret.",
            code="parameter.looks_secret",
            field=name,
            hint="Parameters are shown to whoever sees the run: save it as a block, and give "
            '{"$ref": {"block_document_slug": "secret/NAME"}}.',
        )


def _is_written(root: Schema, taken: Schema, value: Any) -> bool:
    """Say whether there is text where a schema, or a part of it, takes a secret."""
    taken = resolve(root, taken)
    if is_secret(taken):
        return any(_texts(value))
    if any(_is_written(root, option, value) for option in taken.get("anyOf", ())):
        return True
    if is_mapping(value):
        return any(_is_written(root, _of(taken, key), inner) for key, inner in value.items())
    items = taken.get("items")
    return (
        is_mapping(items)
        and is_sequence(value)
        and any(_is_written(root, items, each) for each in value)
    )


def _is_known(value: Any) -> bool:
    """Say whether a value holds a secret that was registered."""
    secrets = masking.registered()
    known = [secret for secret in secrets if len(secret) >= _TELLING]
    return bool(secrets) and any(
        text in secrets or any(secret in text for secret in known) for text in _texts(value)
    )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif is_mapping(value):
        for key, inner in value.items():
            yield from _texts(key)
            yield from _texts(inner)
    elif is_sequence(value):
        for inner in value:
            yield from _texts(inner)


def _value(schema: Schema, name: str, value: Any, what: str) -> Any:
    taken = _of(schema, name)
    try:
        return conform(value, taken, root=schema, at=name)
    except Mismatch as mismatch:
        error = ParameterTypeError if mismatch.of_type else ParameterError
        raise error(
            f"Parameter {mismatch.at!r} of {what} {mismatch.problem}.",
            code="parameter.type" if mismatch.of_type else "parameter.value",
            field=mismatch.at,
            hint=_inferred(name, taken, value) if mismatch.of_type else None,
        ) from None


def _inferred(name: str, taken: Schema, value: Any) -> str | None:
    if not taken.get("x-inferred"):
        return None
    other = "float" if isinstance(value, float) else "TYPE"
    return (
        f"Its type comes from its default {names.shown(taken.get('default'))}; to take another, "
        f"write {name}: {other} = … in the parameters cell."
    )


class _Plain:
    """Turns Python values into JSON's, with one budget of size for all of them."""

    def __init__(self) -> None:
        self._left = LARGEST
        self._inside: list[int] = []

    def of(self, value: Any, at: str, depth: int = 0) -> Any:
        self._left -= 1
        if self._left < 0:
            _too_large(at)
        if isinstance(value, Enum):
            value = value.value
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value, at)
        if isinstance(value, (int, float)):
            return _number(value, at)
        if id(value) in self._inside:
            raise ParameterError(
                f"Parameter {at[:80]!r} contains itself.", code="parameter.cyclic", field=at[:80]
            )
        if depth >= DEEPEST:
            raise ParameterError(
                f"Parameter {at[:80]!r} is nested deeper than {DEEPEST}.",
                code="parameter.too_deep",
                field=at[:80],
            )
        self._inside.append(id(value))
        try:
            return self._container(value, at, depth)
        finally:
            self._inside.pop()

    def _container(self, value: Any, at: str, depth: int) -> Any:
        if is_mapping(value):
            return self._object(value, at, depth)
        if is_sequence(value):
            return [self.of(item, f"{at}[{i}]", depth + 1) for i, item in enumerate(value)]
        inner = _members_of(value)
        return self._other(value, at) if inner is None else self._object(inner, at, depth)

    def _text(self, value: str, at: str) -> str:
        self._left -= len(value)
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise ParameterError(
                f"Parameter {at!r} contains half a character (a lone surrogate).",
                code="parameter.text",
                field=at,
            )
        return str(value)

    def _object(self, value: Mapping[Any, Any], at: str, depth: int) -> dict[str, Any]:
        for key in value:
            if not isinstance(key, str):
                _wrong_type(at, f"Parameter {at!r} has the key {names.shown(key)}, not a text.")
        return {self._text(k, at): self.of(v, f"{at}.{k}", depth + 1) for k, v in value.items()}

    def _other(self, value: Any, at: str) -> Any:
        if isinstance(value, (datetime, date, time)):
            return value.isoformat()
        if isinstance(value, timedelta):
            return iso_durations.text(value)
        if isinstance(value, (PurePath, UUID, Decimal)):
            return self._text(str(value), at)
        if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
            return self.of(value.item(), at, DEEPEST)
        _wrong_type(
            at,
            f"Parameter {at!r} is a {type(value).__name__}, which JSON cannot hold.",
            hint="Pass numbers, text, lists or objects; store anything else and pass its path.",
        )


def _members_of(value: Any) -> Mapping[str, Any] | None:
    """Give what a dataclass or a pydantic model holds; None: it is neither."""
    if isinstance(value, type):
        return None
    dump: Any = getattr(value, "model_dump", None)
    if callable(dump) and hasattr(value, "__pydantic_fields__"):
        held: Any = dump(mode="json")
        return held if is_mapping(held) else None
    names_of = getattr(value, "__dataclass_fields__", None)
    return None if names_of is None else {name: getattr(value, name) for name in names_of}


def _number(value: float, at: str) -> float:
    if isinstance(value, int):
        if value.bit_length() <= _MOST_BITS:
            return int(value)
        problem = "has more digits than can be read back"
    elif math.isfinite(value):
        return float(value)
    else:
        problem = f"is {value}, which JSON cannot hold"
    raise ParameterError(f"Parameter {at!r} {problem}.", code="parameter.number", field=at)


def _too_large(at: str) -> NoReturn:
    raise ParametersTooLarge(
        f"The parameters have more than {LARGEST // 1024} KB.",
        field=at[:80],
        hint="Store the data and pass its path.",
    )


def _wrong_type(at: str, message: str, hint: str | None = None) -> NoReturn:
    raise ParameterTypeError(message, field=at, hint=hint)


# -- text -------------------------------------------------------------------------------------


_SAID = {
    "null": "null",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a JSON list",
    "object": "a JSON object",
    "string": "text",
}
_WHOLE = re.compile(r"[+-]?\d{1,4300}", re.ASCII)
_WORDS = {"true": True, "false": False}
_NULLS = ("null", "None")


def _kinds(root: Schema, taken: Schema) -> tuple[str, ...]:
    """Give the types a schema takes, through its alternatives; empty: unknown."""
    kind = taken.get("type")
    if kind is not None:
        return (kind,) if isinstance(kind, str) else tuple(kind)
    options = [*taken.get("anyOf", ()), *taken.get("oneOf", ()), *taken.get("allOf", ())]
    inner = [_kinds(root, resolve(root, option)) for option in options]
    return tuple(kind for kinds in inner for kind in kinds) if all(inner) else ()


def _read(kind: str, name: str, text: str, *, sure: bool) -> tuple[bool, Any]:
    """Read text as one type; `sure` raises where the text is meant as that type and wrong."""
    bare = text.strip()
    if kind == "null":
        return bare in _NULLS, None
    if kind == "boolean":
        return bare.lower() in _WORDS, _WORDS.get(bare.lower())
    if kind == "integer":
        return (True, int(bare)) if _WHOLE.fullmatch(bare) else (False, None)
    if kind == "number":
        return _read_number(bare)
    if bare[:1] != {"array": "[", "object": "{"}[kind]:
        return False, None
    try:
        return True, json.loads(bare)
    except (ValueError, RecursionError) as error:
        if not sure:
            return False, None
        raise ParameterError(
            f"Parameter {name!r} is not JSON: {str(error)[:100]}.",
            code="parameter.json",
            field=name,
        ) from None


def _read_number(text: str) -> tuple[bool, Any]:
    if _WHOLE.fullmatch(text):
        return True, int(text)
    try:
        return (True, float(text)) if text.isascii() and "_" not in text else (False, None)
    except ValueError:
        return False, None


def _guess(text: str) -> Any:
    if text in ("True", "False", "None"):
        return {"True": True, "False": False, "None": None}[text]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _one_of(options: list[Any], name: str, text: str) -> Any:
    for option in options:
        if option == text or (not isinstance(option, str) and json.dumps(option) == text.strip()):
            return option
    if None in options and text in _NULLS:
        return None
    said = ", ".join(str(option) for option in options[:20])
    raise ParameterError(
        f"Parameter {name!r} is {names.shown(text)}, not one of {said}.",
        code="parameter.value",
        field=name,
        hint=_meant(text, options),
    )


def _meant(text: str, options: list[Any]) -> str | None:
    near = names.nearest(text, [str(option) for option in options])
    return f"Did you mean {near!r}?" if near else None


def _said(kinds: tuple[str, ...]) -> str:
    return " or ".join(_SAID.get(kind, kind) for kind in kinds)
