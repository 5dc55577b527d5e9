"""What completed runs kept, as far as their previews say it: the server never loads a result."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from nbflow.model.shapes import is_object
from nbflow.store.tables import result, task_run

#: results of one run looked at
_MOST = 1000
_PLAIN = (str, int, float, bool, type(None))


def of_runs(connection: sa.Connection, run_ids: Collection[str]) -> Mapping[str, dict[str, Any]]:
    """Give by run the values its results tell in clear: by task's name, and by an object's keys.

    A cell that says `--out row_count` keeps an object with that key. Of two of one name the later
    one counts.
    """
    found: dict[str, dict[str, Any]] = {}
    joined = result.outerjoin(task_run, task_run.c.id == result.c.task_run_id)
    for run_id in run_ids:
        query = (
            sa.select(result.c.preview, task_run.c.name)
            .select_from(joined)
            .where(result.c.flow_run_id == run_id)
            .order_by(result.c.created_at, result.c.key)
            .limit(_MOST)
        )
        values = found[run_id] = {}
        for preview, name in connection.execute(query):
            values.update(_told(preview, name))
    return found


def _told(preview: str, name: str | None) -> dict[str, Any]:
    try:
        value = ast.literal_eval(preview)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return {}
    if is_object(value):
        return {key: v for key, v in value.items() if isinstance(key, str) and type(v) in _PLAIN}
    return {name or "result": value} if type(value) in _PLAIN else {}
