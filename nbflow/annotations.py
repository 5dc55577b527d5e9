"""Annotations: what a caller says of one argument of a task: `unmapped(x)`, `allow_failure(x)`, …

What an annotation means is carried out by `Task.map` (unmapped) and by `engine.resolve` (the rest);
the function itself always gets the bare value.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Annotation(Generic[T]):
    """A value, and what is said of it."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value!r})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.value == getattr(other, "value", None)

    def __hash__(self) -> int:
        return hash((type(self), self.value))

    def unwrap(self) -> T:
        """Give the value."""
        return self.value

    def rewrap(self, value: Any) -> Annotation[Any]:
        """Say the same of another value."""
        return type(self)(value)


class unmapped(Annotation[T]):
    """Give every call of a `map` the whole value, the same object."""

    __slots__ = ()


class allow_failure(Annotation[T]):
    """Let the task run even if what it waits for did not complete; it gets the exception then.

    Also for `wait_for`, and for a task that never started because of its own upstream.
    """

    __slots__ = ()


class quote(Annotation[T]):
    """Pass a value as it is: not looked into, nothing in it waited for or replaced."""

    __slots__ = ()

    def unquote(self) -> T:
        """Give the value."""
        return self.value


class opaque(Annotation[T]):
    """Wait for a future and pass its value; a collection is not looked into."""

    __slots__ = ()
