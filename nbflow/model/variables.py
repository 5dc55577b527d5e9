"""Variables: small values by name, for all flows. Not secret: they are kept and shown as they are.

What they may look like is checked here; `nbflow.variables` is how user code reads and sets them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Protocol, cast

from nbflow.exceptions import InvalidInput
from nbflow.model.names import LONGEST_NAME, check_tags, shown
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.shapes import is_sequence

#: characters of a value, written as JSON
LONGEST_VALUE = 5000
_NAME = re.compile(r"[a-z0-9_-]+", re.ASCII)
_DEEPEST = 32


@dataclass(frozen=True)
class Variable:
    """A value by name.

    Attributes:
        name: lower-case letters, digits, `_` and `-`.
        value: any JSON value of at most 5,000 characters.
    """

    id: str
    name: str
    value: Any
    tags: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class NewVariable:
    """What is said to set a variable. `overwrite`: also one that is there already."""

    name: str
    value: Any
    tags: tuple[str, ...] = ()
    overwrite: bool = False


class Unsaid(Enum):
    """What is left out of an edit whose null means null."""

    UNSAID = "unsaid"


def unsaid() -> Any:
    """Give what a value that is left out says."""
    return Unsaid.UNSAID


@dataclass(frozen=True)
class VariableChange:
    """An edit of a variable; what is left out stays as it is. A `value` of null is null."""

    value: Any = field(default_factory=unsaid)
    tags: tuple[str, ...] | None = None

    def said(self) -> dict[str, Any]:
        """Give what is not left out, by name."""
        given = {} if self.value is Unsaid.UNSAID else {"value": self.value}
        return given if self.tags is None else {**given, "tags": self.tags}


class Variables(Protocol):
    """The part of the Backend that keeps variables."""

    def set_variable(self, new: NewVariable, *, expected: datetime | None = None) -> Variable:
        """Set a variable.

        Raises InvalidInput, Conflict (it is there; `overwrite` was not said), Stale (it is not as
        `expected`).
        """
        ...

    def update_variable(
        self, name: str, change: VariableChange, *, expected: datetime | None = None
    ) -> Variable:
        """Edit a variable. Raises NotFound, InvalidInput, Stale (it is not as `expected`)."""
        ...

    def read_variable(self, name: str) -> Variable:
        """Read a variable. Raises NotFound."""
        ...

    def list_variables(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Variable]:
        """List variables by name."""
        ...

    def delete_variable(self, name: str) -> None:
        """Delete a variable. Raises NotFound."""
        ...


def checked(new: NewVariable) -> NewVariable:
    """Give a new variable as it is kept. Raises InvalidInput naming the field."""
    check_value(new.value)
    return NewVariable(
        check_variable_name(new.name), new.value, check_tags(new.tags), new.overwrite
    )


def check_variable_name(value: Any) -> str:
    """Give a variable's name. Raises InvalidInput."""
    good = isinstance(value, str) and _NAME.fullmatch(value)
    if not good or len(value) > LONGEST_NAME:
        raise InvalidInput(
            f"{shown(value)} is no name of a variable.",
            code="variable.name",
            field="name",
            hint=f"Use 1 to {LONGEST_NAME} lower-case letters, digits, _ and -.",
        )
    return value


def check_value(value: Any) -> None:
    """Check that a value is JSON and short enough. Raises InvalidInput."""
    _check_shape(value, 0)
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        text.encode("utf-8")
    except (TypeError, ValueError) as error:
        raise _unfit(f"The value cannot be kept as JSON: {error}.") from None
    if len(text) > LONGEST_VALUE:
        raise _unfit(
            f"The value has {len(text)} characters as JSON; {LONGEST_VALUE} is the most.",
            hint="Keep it in a file, or in a result, and its address here.",
        )


def _check_shape(value: Any, depth: int) -> None:
    """Refuse what JSON would change in silence, and what is nested too deeply (or in itself)."""
    if depth > _DEEPEST:
        raise _unfit(f"The value is nested more than {_DEEPEST} levels deep.")
    if isinstance(value, Mapping):
        for key, item in cast("Mapping[Any, Any]", value).items():
            if not isinstance(key, str):
                raise _unfit(f"The key {shown(key)} is not text: JSON has no other keys.")
            _check_shape(item, depth + 1)
    elif is_sequence(value):
        for item in value:
            _check_shape(item, depth + 1)


def _unfit(message: str, hint: str | None = None) -> InvalidInput:
    return InvalidInput(message, code="variable.value", field="value", hint=hint)
