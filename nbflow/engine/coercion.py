"""One value coerced to one annotation, by pydantic. The only file of the engine that imports it."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from nbflow.exceptions import ParameterTypeError
from nbflow.model.names import shown

_CONFIG = ConfigDict(arbitrary_types_allowed=True)


def coerce(value: Any, annotation: Any, kind: Any, *, name: str, what: str) -> Any:
    """Give the value as the annotation's type. Raises ParameterTypeError naming the parameter."""
    if kind is inspect.Parameter.VAR_POSITIONAL:
        annotation = tuple[annotation, ...]
    elif kind is inspect.Parameter.VAR_KEYWORD:
        annotation = dict[str, annotation]
    adapter = _adapter_for(annotation)
    if adapter is None:
        return value
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = "".join(f"[{part!r}]" for part in first["loc"])
        raise ParameterTypeError(
            f"{what}: parameter {name}{path} is {shown(first['input'])}: {first['msg']}.",
            field=name,
            hint=f"Give {name} as {_text(annotation)}.",
        ) from None


def _adapter_for(annotation: Any) -> TypeAdapter[Any] | None:
    try:
        return _adapter(annotation)
    except TypeError:  # not hashable
        return _make(annotation)


def _make(annotation: Any) -> TypeAdapter[Any] | None:
    """Make a validator; None for what pydantic has no idea of."""
    try:
        return TypeAdapter(annotation, config=_CONFIG)
    except PydanticUserError:
        pass
    try:
        return TypeAdapter(annotation)  # a model brings its own configuration and refuses ours
    except PydanticUserError:
        return None


_adapter = lru_cache(maxsize=512)(_make)


def _text(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)
