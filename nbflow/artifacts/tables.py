"""Tables for people out of lists, dicts, DataFrames and arrays: named columns, rows of JSON values.

A long table is cut, and says how long it was.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from nbflow.exceptions import InvalidInput

#: rows of a table that are kept
MOST_ROWS = 10_000
#: beyond this a JavaScript number is not exact
_EXACT = 2**53


def table(value: Any, *, most_bytes: int, text: Callable[[str], str]) -> dict[str, Any]:
    """Give a table as `{columns, rows}`, with `total` when rows were left out. Raises InvalidInput.

    Args:
        value: a list of dicts, a dict of lists, a list of lists, a DataFrame or a 2-D array.
        most_bytes: of its JSON; more rows than fit are left out.
        text: what each text in it passes.
    """
    columns, rows, total = _read(value)
    made = {
        "columns": [text(column) for column in columns],
        "rows": [[_cell(item, text) for item in row] for row in rows],
    }
    return _fitting(made, total, most_bytes)


def _fitting(made: dict[str, Any], total: int, most_bytes: int) -> dict[str, Any]:
    rows = made["rows"]
    while rows and (size := len(json.dumps(made, ensure_ascii=False).encode())) > most_bytes:
        rows = made["rows"] = rows[: int(len(rows) * 0.9 * most_bytes / size)]
    return made if len(rows) == total else {**made, "total": total}


def _read(value: Any) -> tuple[list[str], Iterable[Sequence[Any]], int]:
    """Give the names of the columns, the first rows, and how many rows there are."""
    if hasattr(value, "itertuples") and hasattr(value, "index"):
        return _pandas(value)
    if hasattr(value, "iter_rows") and hasattr(value, "columns"):  # polars
        return [str(c) for c in value.columns], islice(value.iter_rows(), MOST_ROWS), len(value)
    if isinstance(value, Mapping):
        return _columns(value)
    if getattr(value, "ndim", 0) == 2 and hasattr(value, "tolist"):  # numpy
        return [str(n) for n in range(value.shape[1])], value[:MOST_ROWS].tolist(), len(value)
    if isinstance(value, (list, tuple)):
        return _rows(value)
    raise wrong("table", "a list of dicts, a dict of lists, a list of lists or a DataFrame", value)


def _pandas(frame: Any) -> tuple[list[str], Iterable[Sequence[Any]], int]:
    names = [str(name) for name in frame.columns]
    rows = frame.head(MOST_ROWS)
    index = frame.index
    if type(index).__name__ == "RangeIndex" and index.name is None:
        return names, rows.itertuples(index=False, name=None), len(frame)
    levels = ["" if name is None else str(name) for name in index.names]
    if len(levels) == 1:
        return [*levels, *names], rows.itertuples(name=None), len(frame)
    lines = ((*line[0], *line[1:]) for line in rows.itertuples(name=None))
    return [*levels, *names], lines, len(frame)


def _columns(value: Mapping[Any, Any]) -> tuple[list[str], Iterable[Sequence[Any]], int]:
    try:
        lists = [list(values) for values in value.values()]
    except TypeError:
        raise wrong("table", "a dict of lists", value) from None
    if len({len(values) for values in lists}) > 1:
        raise InvalidInput("The table's columns are not of one length.", field="table")
    rows = zip(*(values[:MOST_ROWS] for values in lists), strict=True)
    return [str(name) for name in value], rows, len(lists[0]) if lists else 0


def _rows(value: Sequence[Any]) -> tuple[list[str], Iterable[Sequence[Any]], int]:
    shown = value[:MOST_ROWS]
    if all(isinstance(row, Mapping) for row in shown):
        columns = list(dict.fromkeys(name for row in shown for name in row))
        rows = [[row.get(c) for c in columns] for row in shown]
        return [str(name) for name in columns], rows, len(value)
    if all(isinstance(row, (list, tuple)) for row in shown):
        width = max(map(len, shown), default=0)
        rows = [[*row, *[None] * (width - len(row))] for row in shown]
        return [str(n) for n in range(width)], rows, len(value)
    raise wrong("table", "rows of one kind, dicts or lists", value)


def _cell(value: Any, text: Callable[[str], str]) -> Any:
    """Give a table's value as JSON: what is not a number, a text or a truth is shown as text."""
    item = getattr(value, "item", None)  # a numpy scalar
    if callable(item) and getattr(value, "ndim", None) == 0:
        value = item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= _EXACT:
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return text(value if isinstance(value, str) else as_text(value))


def as_text(value: Any) -> str:
    """Give a value as text, whatever its own way to do so raises."""
    try:
        return str(value)
    except Exception:  # of a user's own class, or of a whole number of thousands of digits
        return hex(value) if isinstance(value, int) else f"<{type(value).__name__}>"


def wrong(field: str, takes: str, value: Any) -> InvalidInput:
    """Give the error of a value of the wrong kind."""
    return InvalidInput(f"{field} is {type(value).__name__}; it must be {takes}.", field=field)
