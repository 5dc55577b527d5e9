"""`make docs`: write nbflow/store/fresh.sql, the schema in SQLite's words, from the tables."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from nbflow.store import database
from nbflow.store.schema import metadata

FRESH = Path(database.__file__).with_name("fresh.sql")


def text() -> str:
    """Give the statements, a semicolon and a line's end between them."""
    dialect = sqlite.dialect()
    made = [
        statement.compile(dialect=dialect)
        for table in (*metadata.sorted_tables, database.VERSION)
        for statement in (
            CreateTable(table),
            *(CreateIndex(index) for index in sorted(table.indexes, key=lambda i: str(i.name))),
        )
    ]
    return ";\n".join(re.sub(r"\s*\n\s*", " ", str(one)).strip() for one in made) + "\n"


if __name__ == "__main__":
    FRESH.write_text(text(), encoding="utf-8")
