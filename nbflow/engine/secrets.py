"""Secrets among a flow's parameters: registered before anything of them is recorded.

A secret is a value of pydantic's `SecretStr` or `SecretBytes`, or of any class that tells its value
by `get_secret_value`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, get_args

from nbflow.exceptions import InvalidInput
from nbflow.model import masking


def found(secret: Any) -> str:
    """Register a secret; give what is recorded in its place."""
    _register(secret.get_secret_value())
    return masking.MASK


def register_given(value: Any, annotation: Any) -> None:
    """Register the texts of a value that was refused, if a secret was asked for."""
    if _asks_for_secret(annotation, set()):
        for text in _texts(value, 0):
            _register(text)


def _register(value: Any) -> None:
    if isinstance(value, (str, bytes)):
        with suppress(InvalidInput):  # too short to be told from other text
            masking.register_secret(value)


def _asks_for_secret(annotation: Any, seen: set[int]) -> bool:
    if id(annotation) in seen:
        return False
    seen.add(id(annotation))
    if hasattr(annotation, "get_secret_value"):
        return True
    inside = [*get_args(annotation)]
    inside += [field.annotation for field in getattr(annotation, "model_fields", {}).values()]
    return any(_asks_for_secret(part, seen) for part in inside)


def _texts(value: Any, depth: int) -> Iterator[str | bytes]:
    if hasattr(type(value), "get_secret_value"):
        value = value.get_secret_value()
    if isinstance(value, (str, bytes)):
        yield value
    elif depth < 20 and isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item, depth + 1)
    elif depth < 20 and isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _texts(item, depth + 1)
