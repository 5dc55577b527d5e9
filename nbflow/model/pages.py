"""How lists are told: some rows, and where to go on; a count that is honest about its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nbflow.exceptions import InvalidInput

Row = TypeVar("Row")

#: one value, or any of several; None: all
OneOrMore = tuple[str, ...] | str | None

#: rows a list gives at most, and values a filter names at most
MOST_ROWS = 200
#: a count goes no further: what is more is told as "at least"
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows in the order asked for, and the cursor that asks for more (None: no more)."""

    rows: tuple[Row, ...]
    cursor: str | None = None


@dataclass(frozen=True)
class Count:
    """How many there are. `complete` is False when there are more: counting has an end."""

    count: int
    complete: bool = True


def check_limit(limit: int, most: int = MOST_ROWS) -> None:
    """Refuse a limit no list has. Raises InvalidInput."""
    if not 1 <= limit <= most:
        raise InvalidInput(
            f"limit is {limit}; it must be 1 to {most}.", field="limit", code="limit.range"
        )


def every(ask: Callable[..., Page[Row]], *args: Any, **said: Any) -> Iterator[Row]:
    """Give the rows of all of a list's pages: `ask` is called with `cursor=` for each of them."""
    cursor = None
    while True:
        page = ask(*args, **said, cursor=cursor)
        yield from page.rows
        cursor = page.cursor
        if cursor is None:
            return


def several(value: OneOrMore) -> tuple[str, ...]:
    """Give the values a filter names; none: all."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(dict.fromkeys(value))
