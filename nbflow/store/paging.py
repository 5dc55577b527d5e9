"""Pages of a list: rows in the order of some columns, and a cursor that stands for a place there.

The columns together are unique and never null, so that no row is told twice or left out. Flow runs
(`run_lists`), task runs and log lines have orders of their own.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from typing import Any, cast

import sqlalchemy as sa

from nbflow.exceptions import InvalidInput
from nbflow.model.pages import MOST_ROWS, check_limit
from nbflow.model.shapes import is_list

_LONGEST = 2000
_GREATEST = 10**18
_SURROGATE = re.compile("[\ud800-\udfff]")

By = Sequence[sa.ColumnElement[Any]]


def page(
    connection: sa.Connection,
    query: sa.Select[Any],
    by: By,
    *,
    limit: int,
    cursor: str | None,
    down: bool = False,
    most: int = MOST_ROWS,
) -> tuple[Sequence[sa.RowMapping], str | None]:
    """Give some rows of a query, and the cursor that asks for more. Raises InvalidInput."""
    check_limit(limit, most)
    if cursor is not None:
        here, place = sa.tuple_(*by), sa.tuple_(*_place(cursor, by))
        query = query.where(here < place if down else here > place)
    query = query.order_by(*(each.desc() if down else each for each in by)).limit(limit + 1)
    found = connection.execute(query).mappings().all()
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], _cursor(by, [last[each] for each in by])


def _cursor(by: By, values: list[Any]) -> str:
    text = json.dumps([str(by[-1]), *values], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _place(cursor: str, by: By) -> list[Any]:
    """Give the place a cursor stands for. Raises InvalidInput for one of another list."""
    said = _said(cursor)
    values = said[1:]
    if said[:1] == [str(by[-1])] and len(values) == len(by) and all(map(_fits, values, by)):
        return values
    raise InvalidInput(
        "This cursor was not made by nbflow for this list.",
        code="cursor.invalid",
        field="cursor",
        hint="Start again without a cursor.",
    )


def _said(cursor: str) -> list[Any]:
    try:
        text = base64.urlsafe_b64decode(cursor[:_LONGEST] + "=" * (-len(cursor[:_LONGEST]) % 4))
        found = json.loads(text)
    except (binascii.Error, ValueError, RecursionError):
        return []
    return found if is_list(found) else []


def _fits(value: object, column: sa.ColumnElement[Any]) -> bool:
    """Say whether a column may hold a value, in every database."""
    if type(value) is not column.type.python_type:
        return False
    if isinstance(value, int):
        return abs(value) < _GREATEST
    return "\0" not in cast("str", value) and not _SURROGATE.search(cast("str", value))
