"""JSON into model values: the reading half of `wire`, with pydantic over the plain dataclasses.

A request is read strictly: nothing is coerced, nothing unknown is let through, an instant carries
its offset, a whole number fits 64 bits. An answer may hold more than this version knows.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import is_dataclass
from datetime import UTC, datetime
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, SchemaValidator

from nbflow.exceptions import InvalidInput, MalformedRequest
from nbflow.model import names
from nbflow.model.deployments import NewSchedule
from nbflow.model.schedule_said import new_schedule_of
from nbflow.model.schedules import Cron, timing_from_json

Shape = TypeVar("Shape")

_MOST = 2**63 - 1
_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
#: beyond these an instant has no UTC form to give back
_INSTANTS = {"ge": datetime(2, 1, 1, tzinfo=UTC), "le": datetime(9998, 12, 31, tzinfo=UTC)}


def request(shape: type[Shape], text: str | bytes) -> Shape:
    """Read what somebody asks. Raises InvalidInput naming the field, MalformedRequest."""
    return _read(shape, text, extra="forbid")


def answer(shape: type[Shape], text: str | bytes) -> Shape:
    """Read what a server answered; fields this version does not know are left out."""
    return _read(shape, text, extra="ignore")


@cache
def validator(shape: type[Any]) -> SchemaValidator:
    """Make the validator of a shape (some milliseconds, once)."""
    return SchemaValidator(_hardened(TypeAdapter(shape).core_schema))


def _read(shape: type[Shape], text: str | bytes, *, extra: Literal["forbid", "ignore"]) -> Shape:
    try:
        return validator(shape).validate_json(text, strict=True, extra=extra)
    except ValidationError as error:
        wrong = error.errors(include_url=False)
    # A field misspelt is unknown and missing: the first says more.
    raise _problem(shape, next((e for e in wrong if e["type"] in _UNKNOWN), wrong[0]))


# -- stricter than pydantic -------------------------------------------------------------------


def _hardened(schema: Any) -> Any:
    """Give a core schema whose instants are aware and whole numbers fit the store."""
    if isinstance(schema, list):
        return [_hardened(item) for item in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    known = cast("dict[str, Any]", schema)
    kind = known.get("type")
    if kind == "dataclass" and known["cls"] is NewSchedule:
        return {"type": "function-plain", "function": _no_info(new_schedule_of)}
    if kind == "union" and any(choice.get("cls") is Cron for choice in known["choices"]):
        return {"type": "function-plain", "function": _no_info(timing_from_json)}
    if kind == "datetime":
        bounded = {**known, **_INSTANTS, "tz_constraint": "aware"}
        return {"type": "function-before", "function": _no_info(_instant), "schema": bounded}
    if kind == "bytes":
        return {"type": "function-plain", "function": _no_info(_bytes)}
    if kind == "int":
        bounded = {**known, "strict": True, "ge": -_MOST - 1, "le": _MOST}
        return {"type": "function-before", "function": _no_info(_whole), "schema": bounded}
    return {key: _hardened(value) for key, value in known.items()}


def _no_info(function: Any) -> dict[str, Any]:
    return {"type": "no-info", "function": function}


def _bytes(value: Any) -> bytes:
    """Read bytes, which JSON tells in base64."""
    if not isinstance(value, str):
        raise ValueError("it should be bytes in base64")
    return b64decode(value, validate=True)


def _instant(value: Any) -> Any:
    """Read an instant; a number, which pydantic takes for seconds since 1970, is none."""
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("it should be an instant like 2026-01-31T12:00:00Z") from None


def _whole(value: Any) -> Any:
    """Take 5.0 for 5: JSON knows one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# -- what is wrong, in the caller's words -----------------------------------------------------


def _problem(shape: Any, error: ErrorDetails) -> InvalidInput | MalformedRequest:
    where = error["loc"]
    field = ".".join(map(str, where)) or None
    ours = error.get("ctx", {}).get("error")
    if isinstance(ours, InvalidInput):
        outer = where[:-1] if where and where[-1] == ours.field else where
        inner = ".".join([*map(str, outer), *([ours.field] if ours.field else [])])
        return type(ours)(ours.message, code=ours.code, field=inner, hint=ours.hint)
    match error["type"]:
        case kind if kind in _UNKNOWN:
            known = _fields(_inside(shape, where[:-1]))
            hint = names.did_you_mean(str(where[-1]), known, "Known are")
            message = f"There is no field {names.shown(str(where[-1]))} here."
            return InvalidInput(message, code="field.unknown", field=field, hint=hint)
        case "json_invalid":
            return MalformedRequest(f"The body is not JSON: {error['msg']}.", code="body.not_json")
        case "missing" | "missing_argument":
            return InvalidInput(f"{field} is missing.", code="field.missing", field=field)
        case _:
            said = error["msg"].replace("Input should", "it should")
            message = f"{field or 'The body'} is {names.shown(error['input'])}; {said}."
            return InvalidInput(message, code="field.invalid", field=field)


def _inside(shape: Any, where: tuple[int | str, ...]) -> Any:
    """Give the type that lies at a place inside a shape."""
    for part in where:
        shape = _bare(shape)
        if isinstance(part, int):
            shape = get_args(shape)[0]
        else:
            shape = get_type_hints(get_origin(shape) or shape).get(part, Any)
    return _bare(shape)


def _bare(shape: Any) -> Any:
    """Give a type without its `| None`."""
    if get_origin(shape) is UnionType:
        return next(arg for arg in get_args(shape) if arg is not NoneType)
    return shape


def _fields(shape: Any) -> list[str]:
    shape = get_origin(shape) or shape
    return list(shape.__dataclass_fields__) if is_dataclass(shape) else []
