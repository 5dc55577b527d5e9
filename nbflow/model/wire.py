"""The model as JSON: what events hold and what REST answers. Reading it back is `reading`'s."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, cast

from nbflow.model.results import ResultRecord
from nbflow.model.runs import FlowRun, TaskRun
from nbflow.model.schedules import Cron, Interval, RRule, timing_to_json
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import Abort, Accept, Wait

#: what a list of runs does not need
NOT_IN_ROW = frozenset({"parameters", "owner"})
_SCALARS = frozenset({str, int, float, bool, type(None)})


def jsonable(value: Any) -> Any:
    """Give a model value as JSON values: instants as ISO text, durations as seconds."""
    shape = cast("type[Any]", type(value))
    if shape in _SCALARS:
        return value
    write = _WRITERS.get(shape)
    return write(value) if write is not None else _other(value)


def _other(value: Any) -> Any:
    """Write what is not of one of the usual types itself, but may be of a kind of it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return _mapping(cast("Mapping[Any, Any]", value))
    if isinstance(value, (list, tuple, set, frozenset)):
        return _sequence(cast("Sequence[Any]", value))
    return _fields(value) if is_dataclass(value) else str(value)


def _fields(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _names(cast("type[Any]", type(value))):
        item = getattr(value, name)
        found[name] = item if type(item) in _SCALARS else jsonable(item)
    return found


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): jsonable(item) for key, item in value.items()}


def _sequence(value: Sequence[Any]) -> list[Any]:
    return [jsonable(item) for item in value]


def _instant(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _bytes(value: bytes) -> str:
    return b64encode(value).decode()


def _verdict(value: Any) -> dict[str, Any]:
    return {"verdict": type(value).__name__.lower(), **_fields(value)}


class JsonText(str):
    """What is JSON text already."""


#: one look-up instead of a chain of questions: every event and every list goes through here
_WRITERS: dict[type, Callable[[Any], Any]] = {
    Abort: _verdict,
    Accept: _verdict,
    Cron: timing_to_json,
    FlowRun: _fields,
    Interval: timing_to_json,
    RRule: timing_to_json,
    ResultRecord: _fields,
    State: _fields,
    StateType: lambda value: value.value,
    TaskRun: _fields,
    Wait: _verdict,
    bytes: _bytes,
    datetime: _instant,
    dict: _mapping,
    list: _sequence,
    timedelta: timedelta.total_seconds,
    tuple: _sequence,
}


@cache
def _names(shape: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(shape))


def task_run_row(run: TaskRun) -> dict[str, Any]:
    """Give a task run as the change stream shows it: without the states it went through."""
    return {name: jsonable(getattr(run, name)) for name in _names(TaskRun) if name != "history"}


def flow_run_row(run: FlowRun) -> dict[str, Any]:
    """Give a flow run as lists and events show it: without parameters and owner."""
    return {
        name: jsonable(getattr(run, name)) for name in _names(FlowRun) if name not in NOT_IN_ROW
    }
