"""The model as JSON: what events hold and what REST answers. Reading JSON back is pydantic's work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, cast

from nbflow.model.runs import FlowRun
from nbflow.model.schedules import Cron, Interval, RRule, timing_to_json

#: what a list of runs does not need
_NOT_IN_ROW = frozenset({"parameters", "owner"})


def jsonable(value: Any) -> Any:
    """Give a model value as JSON values: instants as ISO text, durations as seconds."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value.value if isinstance(value, Enum) else value
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
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: jsonable(getattr(value, f.name)) for f in fields(value)}
    return str(value)


def flow_run_row(run: FlowRun) -> dict[str, Any]:
    """Give a flow run as lists and events show it: without parameters and owner."""
    return {
        f.name: jsonable(getattr(run, f.name)) for f in fields(run) if f.name not in _NOT_IN_ROW
    }
