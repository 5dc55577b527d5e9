"""Parameters as the JSON values that are recorded of them; a run's own values stay as they are.

Whatever a user passes can be recorded: what JSON cannot hold, what is too large and what contains
itself is named by its type.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

from nbflow import settings
from nbflow.engine import secrets
from nbflow.model import masking, texts

#: items of one collection, items of all, and characters of a text, that are recorded
_MOST_ITEMS = 1000
_MOST_IN_ALL = 20_000
_MOST_CHARACTERS = 10_000
_DEEPEST = 20
#: bits of the longest int Python turns into text without asking (4300 digits)
_MOST_BITS = 14_000


def recordable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Give parameters as JSON values; what JSON cannot hold is named by its type."""
    writer = _Writer()
    made = {texts.safe(name): writer.write(value) for name, value in values.items()}
    # A secret among them was only registered when its turn came.
    return _limited(masking.mask_json(made), values)


def _limited(made: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Name the largest by their types, until all together are small enough."""
    most = settings.parameter_bytes
    sizes = {name: len(json.dumps(value)) for name, value in made.items()}
    given = dict(zip(made, values.values(), strict=True))
    for name in sorted(sizes, key=lambda name: -sizes[name]):
        if not most or sum(sizes.values()) <= most:
            break
        made[name] = f"{named(given[name])[:-1]}, {sizes[name]} bytes>"
        sizes[name] = len(made[name])
    return made


def named(value: Any) -> str:
    """Give a value's type in place of it."""
    sized = isinstance(value, (list, tuple, set, frozenset, Mapping))
    size = f" of {len(value)} items" if sized else ""
    return f"<{texts.safe(type(value).__qualname__)}{size}>"


class _Writer:
    """Writes values until there are too many."""

    def __init__(self) -> None:
        self._left = _MOST_IN_ALL
        self._around: set[int] = set()

    def write(self, value: Any) -> Any:
        """Give a value as JSON."""
        try:
            return self._write(value)
        except Exception:  # of the user's: a property, a `__str__`, an `__iter__`
            return named(value)

    def _write(self, value: Any) -> Any:
        self._left -= 1
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, Enum):
            return self.write(value.value)
        if isinstance(value, str):
            long = len(value) > _MOST_CHARACTERS
            return f"<str of {len(value)} characters>" if long else texts.safe(value)
        if isinstance(value, (int, float)):
            return _number(value)
        if isinstance(value, timedelta):
            return value.total_seconds()
        if isinstance(value, (datetime, date, time)):
            return value.isoformat()
        if isinstance(value, (UUID, PurePath)):
            return texts.safe(str(value))
        if hasattr(type(value), "get_secret_value"):  # pydantic's SecretStr, SecretBytes and kin
            return secrets.found(value)
        return self._write_collection(value)

    def _write_collection(self, value: Any) -> Any:
        if id(value) in self._around or len(self._around) >= _DEEPEST or self._left < 0:
            return named(value)
        self._around.add(id(value))
        try:
            return self._inside(value)
        finally:
            self._around.discard(id(value))

    def _inside(self, value: Any) -> Any:
        if hasattr(type(value), "model_dump"):
            return self._mapping(dict(value))
        if is_dataclass(value) and not isinstance(value, type):
            return self._mapping({f.name: getattr(value, f.name) for f in fields(value)})
        if isinstance(value, Mapping) and len(value) <= _MOST_ITEMS:
            return self._mapping(value)
        if isinstance(value, (list, tuple, set, frozenset)) and len(value) <= _MOST_ITEMS:
            return [self.write(item) for item in value]
        return named(value)

    def _mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        return {texts.safe(str(key)): self.write(item) for key, item in value.items()}


def _number(value: float) -> Any:
    if isinstance(value, float):
        return float(value) if abs(value) < float("inf") else str(float(value))
    if abs(value) < 2**63:
        return int(value)
    return str(int(value)) if value.bit_length() < _MOST_BITS else "<int of very many digits>"
