"""Edits that say what they were made from, so that an editor's stale copy overwrites nothing.

An editable noun's version is its `updated_at`; the port's update methods take the one the editor
saw as `expected`, and compare inside the transaction that writes. Over HTTP it travels as an ETag.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol, TypeVar

from nbflow.exceptions import Stale
from nbflow.model import clock


class Editable(Protocol):
    """What has a version."""

    @property
    def updated_at(self) -> datetime:
        """When it was last edited."""
        ...


Noun = TypeVar("Noun", bound=Editable)


def verb(before: bool, after: bool) -> Literal["paused", "resumed", "updated"]:
    """Give what an edit is called, by whether its row was and is paused."""
    if before == after:
        return "updated"
    return "paused" if after else "resumed"


def unchanged(current: Noun, expected: datetime | None) -> Noun:
    """Give what is to be edited. Raises Stale when it is another version than was expected."""
    if expected is not None and current.updated_at != expected:
        raise stale(current, current.updated_at)
    return current


def stale(current: object, updated_at: datetime) -> Stale:
    """Make the error of an edit of what has changed meanwhile; it carries the current version."""
    error = Stale(hint="Read it again, and edit what is there now.")
    error.current = current
    error.updated_at = updated_at
    return error


def etag(updated_at: datetime) -> str:
    """Give a version as HTTP tells it: microseconds since 1970, quoted."""
    return f'"{clock.micros(updated_at)}"'
