"""Flow runs as JSON text, straight from their rows: what lists answer and what events hold.

Two hundred runs read into the model and written out again cost several times what the query does.
They are written column by column: of what many runs have in common each value is written once.
The order of the fields is the model's; `tests/store/test_run_texts.py` holds both ways equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cache, lru_cache
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
_SECOND = 1_000_000

Row = Sequence[Any]
#: by column, the texts of some rows
_Written = dict[str, Sequence[str]]


class RunTexts:
    """Some rows, in the order of the table's columns, written once for both who hear of them."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._written = _written(rows)

    def whole(self) -> list[str]:
        """Give the runs as REST answers them."""
        return self._filled(frozenset[str]())

    def short(self) -> list[str]:
        """Give the runs as events hold them: without parameters and owner."""
        return self._filled(NOT_IN_ROW)

    def _filled(self, without: frozenset[str]) -> list[str]:
        form, columns = _form(without)
        values = zip(*(self._written[name] for name in columns), strict=True)
        return [form % each for each in values]


def _written(rows: Sequence[Row]) -> _Written:
    columns = [*zip(*rows, strict=True)]
    if not columns:
        return dict.fromkeys(_WRITERS, ())
    return {name: _texts(columns[_PLACES[name]], write) for name, write in _WRITERS.items()}


def _texts(values: Sequence[Any], write: Callable[[Any], str]) -> Sequence[str]:
    told = {value: "null" if value is None else write(value) for value in {*values}}
    return [told[value] for value in values]


@cache
def _form(without: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """Give a form with a place for each value, and the columns they come from."""
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
    return "{" + ",".join(parts) + "}", tuple(columns)


def _writer(name: str) -> Callable[[Any], Any]:
    if name in _JSON:
        return str
    if name == "lease_until" or name.endswith("_at"):
        return instant_text
    kind = flow_run.c[name].type.python_type
    return _quote if kind is str else repr


def instant_text(micros: int) -> str:
    """Give an instant as JSON text."""
    seconds, rest = divmod(micros, _SECOND)
    return f'"{_second(seconds)}.{rest:06}Z"' if rest else f'"{_second(seconds)}Z"'


@lru_cache(4096)
def _second(seconds: int) -> str:
    return clock.instant(seconds * _SECOND).isoformat()[:-6]


_WRITERS = {name: _writer(name) for name in _form(frozenset[str]())[1]}
