"""Many rows at once: an INSERT's text is made once, rows are tuples in the order of its columns.

Every task call ends here; through SQLAlchemy's parameters a row costs twice. SQLite takes rows one
after the other: of few rows, or with many indexes, that is faster than one statement for all. To
PostgreSQL each statement is a way there and back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import sqlalchemy as sa

from nbflow.store.dialect import PLACES, Insert, Upsert

#: rows in one of PostgreSQL's statements; what is left over goes in tens and in ones: few texts
_SIZES = (100, 10, 1)

Row = tuple[Any, ...]


class Bulk:
    """An INSERT for any number of rows; when it is an upsert, their first column is the key.

    Args:
        make: given the database's own `insert`, makes the statement.
    """

    def __init__(self, make: Callable[[Insert], sa.Insert]) -> None:
        self._upsert = Upsert(make)
        self._texts: dict[str, dict[int, str]] = {}

    def __call__(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Insert rows; of two with one key the second comes after the first."""
        dialect = connection.dialect
        texts = self._texts.get(dialect.name)
        if texts is None:
            texts = self._texts[dialect.name] = self._made(dialect)
        if dialect.name == "sqlite":
            if rows:
                connection.exec_driver_sql(texts[1], [*rows])
            return
        for once in _apart(rows) if "ON CONFLICT" in texts[1] else (rows,):
            at = 0
            for size, text in texts.items():
                while len(once) - at >= size:
                    flat = tuple(chain.from_iterable(once[at : at + size]))
                    connection.exec_driver_sql(text, flat)
                    at += size

    def _made(self, dialect: sa.Dialect) -> dict[int, str]:
        style, place = PLACES[dialect.name]
        made: Any = type(dialect)
        statement = self._upsert.of(dialect).inline()  # nobody asks what the database numbered
        text = str(statement.compile(dialect=made(paramstyle=style)))
        found = re.fullmatch(r"(.*? VALUES )(\(.*?\))( ON CONFLICT.*)?", text, re.DOTALL)
        assert found is not None, text
        head, row, tail = found.groups(default="")
        assert row.count(place) == head.count(",") + 1, text
        return {size: head + ", ".join([row] * size) + tail for size in _SIZES}


def _apart(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Give rows in parts that hold no key twice: PostgreSQL changes a row once a statement."""
    while rows:
        first: dict[Any, Row] = {}
        later: list[Row] = []
        for row in rows:
            if first.setdefault(row[0], row) is not row:
                later.append(row)
        yield list(first.values())
        rows = later
