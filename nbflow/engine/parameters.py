"""Parameters of a call: bound to the signature, coerced to its types, named, and made recordable.

Coercion is pydantic's, loaded only when an argument is not already of its annotated plain type.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from nbflow.engine import texts
from nbflow.exceptions import InvalidInput, ParameterBindError

_PLAIN = frozenset({int, float, str, bytes, bool, type(None)})
#: items of a collection, and characters of a text, that are recorded of one parameter
_MOST_ITEMS = 1000
_MOST_CHARACTERS = 10_000


def bind(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any], *, what: str
) -> inspect.BoundArguments:
    """Bind a call's arguments, defaults filled in. Raises ParameterBindError."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        said = str(error)
        field = said.split("'")[1] if "'" in said else None
        takes = f"It takes {signature}." if signature.parameters else "It takes no parameters."
        raise ParameterBindError(f"{what}: {said}.", field=field, hint=takes) from None
    bound.apply_defaults()
    return bound


def by_name(
    signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Mapping[str, Any]:
    """Give arguments by name, defaults filled in; nothing when they do not fit the signature."""
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError:
        return {}
    bound.apply_defaults()
    return bound.arguments


def coerce(bound: inspect.BoundArguments, fn: Callable[..., Any], *, what: str) -> None:
    """Coerce bound arguments in place, as pydantic does. Raises ParameterTypeError."""
    given = {
        name: value
        for name, value in bound.arguments.items()
        if not _fits(bound.signature.parameters[name].annotation, value)
    }
    if not given:
        return
    from nbflow.engine import coercion  # pydantic costs 70 ms: only where a value needs it

    for name, value in given.items():
        parameter = bound.signature.parameters[name]
        annotation = _type(parameter.annotation, fn)
        if value is not parameter.default and annotation is not Any:
            bound.arguments[name] = coercion.coerce(
                value, annotation, parameter.kind, name=name, what=what
            )


def _fits(annotation: Any, value: Any) -> bool:
    """Say whether a value needs no look at its annotation."""
    if annotation in (inspect.Parameter.empty, Any, "Any"):
        return True
    kind = type(value)
    return kind in _PLAIN and annotation in (kind, kind.__name__)


def _type(annotation: Any, fn: Callable[..., Any]) -> Any:
    """Give an annotation as a type; Any for one that cannot be found out."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, getattr(inspect.unwrap(fn), "__globals__", {}))
    except Exception:  # a name only type checkers know, or one local to another function
        return Any


def run_name(template: Any, values: Mapping[str, Any], *, field: str) -> str:
    """Make a run's name from a template over parameters, or a callable. Raises InvalidInput."""
    try:
        name = template() if callable(template) else template.format(**values)
    except (KeyError, IndexError, AttributeError, ValueError) as error:
        raise InvalidInput(
            f"{field}={template!r} cannot be filled in: {texts.of_error(error)}.",
            field=field,
            hint=f"The parameters are {', '.join(values) or 'none'}.",
        ) from None
    if not isinstance(name, str):
        raise InvalidInput(f"{field} gave {type(name).__name__}, not text.", field=field)
    return texts.safe(name)[:200] or "-"


def recordable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give parameters as JSON values; what JSON cannot hold is named by its type."""
    return {texts.safe(name): _recordable(value, 0) for name, value in values.items()}


def _recordable(value: Any, depth: int) -> Any:
    if isinstance(value, Enum):
        return _recordable(value.value, depth)
    if isinstance(value, str):
        long = len(value) > _MOST_CHARACTERS
        return f"<str of {len(value)} characters>" if long else texts.safe(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        return value if abs(value) < float("inf") else str(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (UUID, PurePath)):
        return texts.safe(str(value))
    return _recordable_collection(value, depth)


def _recordable_collection(value: Any, depth: int) -> Any:
    if depth < 20:  # deeper, or a list that contains itself: only its type
        if hasattr(type(value), "model_dump"):
            return _recordable(dict(value), depth + 1)
        if is_dataclass(value) and not isinstance(value, type):
            return {f.name: _recordable(getattr(value, f.name), depth + 1) for f in fields(value)}
        if isinstance(value, Mapping) and len(value) <= _MOST_ITEMS:
            return {texts.safe(str(k)): _recordable(v, depth + 1) for k, v in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)) and len(value) <= _MOST_ITEMS:
            return [_recordable(v, depth + 1) for v in value]
    size = f" of {len(value)} items" if isinstance(value, (list, tuple, set, Mapping)) else ""
    return f"<{type(value).__qualname__}{size}>"
