"""Flow runs as JSON text, straight from their rows: what lists answer and what events hold.

Two hundred runs read into the model and written out again cost several times what the query does.
The order of the fields is the model's; `tests/store/test_run_texts.py` holds both ways equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache
from json import encoder
from typing import Any

from nbflow.model import clock
from nbflow.model.runs import FlowRun
from nbflow.model.states import State
from nbflow.model.wire import NOT_IN_ROW
from nbflow.store.tables import flow_run

#: JSON text already
_JSON = frozenset({"parameters", "tags", "options", "job_variables", "owner", "state_details"})
#: which columns tell of the state
_STATE = {field.name: f"state_{field.name}" for field in fields(State)}
_PLACES = {column.name: at for at, column in enumerate(flow_run.columns)}
_quote: Callable[[str], str] = encoder.encode_basestring  # pyright: ignore[reportPrivateUsage]

Row = Sequence[Any]


def whole(row: Row) -> str:
    """Give the JSON text of a row in the order of the table's columns, as REST answers a run."""
    return _written(row, *_plan(frozenset[str]()))


def short(row: Row) -> str:
    """Give the JSON text of a run as events hold it: without parameters and owner."""
    return _written(row, *_plan(NOT_IN_ROW))


def _written(row: Row, form: str, plan: tuple[tuple[int, Callable[[Any], Any]], ...]) -> str:
    return form % tuple(["null" if row[at] is None else write(row[at]) for at, write in plan])


@cache
def _plan(without: frozenset[str]) -> tuple[str, tuple[tuple[int, Callable[[Any], Any]], ...]]:
    """Give a form with a place for each value, and what is written there how."""
    parts: list[str] = []
    columns: list[str] = []
    for name in (field.name for field in fields(FlowRun) if field.name not in without):
        if name == "state":
            inner = ",".join(f'"{each}":%s' for each in _STATE)
            parts.append(f'"state":{{{inner}}}')
            columns += _STATE.values()
        else:
            parts.append(f'"{name}":%s')
            columns.append(name)
    plan = tuple((_PLACES[name], _writer(name)) for name in columns)
    return "{" + ",".join(parts) + "}", plan


def _writer(name: str) -> Callable[[Any], Any]:
    if name in _JSON:
        return str
    if name == "lease_until" or name.endswith("_at"):
        return _instant
    kind = flow_run.c[name].type.python_type
    return _quote if kind is str else repr


def _instant(micros: int) -> str:
    return f'"{clock.instant(micros).isoformat()[:-6]}Z"'
