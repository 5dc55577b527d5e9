"""What shape a value read from JSON has, told so that the type checker believes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Say whether a value is a list."""
    return isinstance(value, list)


def is_sequence(value: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Say whether a value is a list or a tuple."""
    return isinstance(value, (list, tuple))


def is_set(value: object) -> TypeGuard[set[Any] | frozenset[Any]]:
    """Say whether a value is a set."""
    return isinstance(value, (set, frozenset))


def is_texts(value: object) -> TypeGuard[list[str]]:
    """Say whether a value is a list of texts."""
    return is_list(value) and all(isinstance(item, str) for item in value)


def is_object(value: object) -> TypeGuard[dict[Any, Any]]:
    """Say whether a value is a dict."""
    return isinstance(value, dict)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Say whether a value is a mapping of any kind."""
    return isinstance(value, Mapping)
