"""Many rows in one INSERT: its text is made once, its rows are tuples in the order of the columns.

Every task call ends here; through SQLAlchemy's parameters a row costs twice, one by one thrice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

#: rows in one statement; what is left over goes in tens and in ones, so that few texts are prepared
_SIZES = (100, 10, 1)

Row = tuple[Any, ...]


class Bulk:
    """An INSERT for any number of rows."""

    def __init__(self, statement: sa.Insert) -> None:
        text = str(statement.compile(dialect=sqlite.dialect()))
        found = re.fullmatch(r"(.* VALUES )(\([?, ]+\))(.*)", text, re.DOTALL)
        assert found is not None, text
        head, row, tail = found.groups()
        self._texts = {size: head + ", ".join([row] * size) + tail for size in _SIZES}

    def __call__(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Insert rows."""
        at = 0
        for size, text in self._texts.items():
            while len(rows) - at >= size:
                flat = tuple(chain.from_iterable(rows[at : at + size]))
                connection.exec_driver_sql(text, flat)
                at += size
