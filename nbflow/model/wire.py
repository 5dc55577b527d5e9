"""The model as JSON: what events hold and what REST answers. Reading it back is `reading`'s."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, cast

from nbflow.model.runs import FlowRun, TaskRun
from nbflow.model.schedules import Cron, Interval, RRule, timing_to_json
from nbflow.model.states import State
from nbflow.model.verdicts import Abort, Accept, Wait

#: what a list of runs does not need
_NOT_IN_ROW = frozenset({"parameters", "owner"})
#: looked for first, for there are many of them
_PLAIN = frozenset({State, FlowRun, TaskRun})


def jsonable(value: Any) -> Any:
    """Give a model value as JSON values: instants as ISO text, durations as seconds."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value.value if isinstance(value, Enum) else value
    if type(value) in _PLAIN:
        return _fields(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (Cron, Interval, RRule)):
        return timing_to_json(value)
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in cast("Mapping[Any, Any]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(v) for v in cast("Sequence[Any]", value)]
    if isinstance(value, (Accept, Wait, Abort)):
        return {"verdict": type(value).__name__.lower(), **_fields(value)}
    return _fields(value) if is_dataclass(value) else str(value)


def _fields(value: Any) -> dict[str, Any]:
    shape = cast("type[Any]", type(value))
    return {name: jsonable(getattr(value, name)) for name in _names(shape)}


@cache
def _names(shape: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(shape))


def flow_run_row(run: FlowRun) -> dict[str, Any]:
    """Give a flow run as lists and events show it: without parameters and owner."""
    return {
        name: jsonable(getattr(run, name)) for name in _names(FlowRun) if name not in _NOT_IN_ROW
    }
