"""The fields of a block's class: which are secret, which take blocks, and the schema they make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Annotated, Any, cast, get_args, get_origin

from pydantic import BaseModel, Secret, SecretBytes, SecretStr

from nbflow.model.blocks import checksum_of

#: levels of an annotation that are looked through: models may hold themselves
_DEEPEST = 8
_MANY = (list, tuple, set, frozenset)

#: the class whose schema is being made: blocks within it are named, not spelled out
making: ContextVar[type[Any] | None] = ContextVar("making", default=None)


class SecretDict(Secret[dict[str, Any]]):
    """Secrets by name: the names are shown, the values are not."""


def secret_paths(model: type[BaseModel]) -> list[str]:
    """Give the paths of a model's secrets; `*` stands for any key or item."""
    found = {".".join(path) for path in _of_model(model, 0)}
    return sorted(found)


def block_classes(annotation: Any) -> list[type[Any]]:
    """Give the blocks' classes an annotation speaks of."""
    return list(dict.fromkeys(_classes(annotation, 0)))


def schema_of(model: type[Any]) -> dict[str, Any]:
    """Give the JSON Schema of a block's fields, with `secret_fields`."""
    token = making.set(model)
    try:
        made = model.model_json_schema(by_alias=False)
    finally:
        making.reset(token)
    # What is said about the type is not what it is made of.
    made = {key: value for key, value in made.items() if key != "description"}
    made.setdefault("properties", {})
    return {**made, "secret_fields": secret_paths(model)}


def named(model: type[Any], *, abstract: bool) -> dict[str, Any]:
    """Give the schema of a field that takes a block: which types, or what they can do."""
    said: dict[str, Any] = {"type": "object", "title": model.get_block_type_name()}
    if abstract:
        return {**said, "block_capabilities": sorted(model.get_block_capabilities())}
    one = {"slug": model.get_block_type_slug(), "checksum": checksum_of(schema_of(model))}
    return {**said, "block_types": [one]}


def is_secret(annotation: Any) -> bool:
    """Say whether an annotation is one of pydantic's secrets."""
    origin = get_origin(annotation) or annotation
    return isinstance(origin, type) and issubclass(origin, (SecretStr, SecretBytes, Secret))


def _of_model(model: type[BaseModel], depth: int) -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        for rest in _of(field.annotation, depth):
            yield (name, *rest)


def _of(annotation: Any, depth: int) -> Iterator[tuple[str, ...]]:
    if depth > _DEEPEST:
        return
    if is_secret(annotation):
        yield ("*",) if annotation is SecretDict else ()
        return
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _of(parts[0], depth)
    elif origin in _MANY or (isinstance(origin, type) and issubclass(origin, Mapping)):
        inside = parts[1:] if issubclass(cast("type[Any]", origin), Mapping) else parts
        for part in inside:
            for rest in _of(part, depth + 1):
                yield ("*", *rest)
    elif parts:
        for part in parts:
            yield from _of(part, depth + 1)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _of_model(annotation, depth + 1)


def _classes(annotation: Any, depth: int) -> Iterator[type[Any]]:
    if isinstance(annotation, type) and hasattr(annotation, "get_block_type_slug"):
        yield annotation
    elif depth <= _DEEPEST:
        for part in get_args(annotation):
            yield from _classes(part, depth + 1)
