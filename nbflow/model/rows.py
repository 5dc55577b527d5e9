"""Records as rows: tuples of plain values, in the order of their table's columns.

A line of the spool and a row of the store hold the same tuple. Nothing here needs SQL.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model import clock
from nbflow.model.results import ResultRecord
from nbflow.model.runs import LogEntry, TaskRun, lived
from nbflow.model.states import State, StateType, micros_of, read_back

Row = tuple[Any, ...]

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def dumps(value: Any) -> str:
    """Write JSON text. Raises InvalidInput for what JSON cannot hold."""
    try:
        text = _encode(value)
        text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(
            f"This cannot be kept as JSON: {error}", code="json.unsupported"
        ) from None
    return text


def micros(at: datetime | None) -> int | None:
    """Give an instant as a column holds it."""
    return None if at is None else clock.micros(at)


def instant(value: int | None) -> datetime | None:
    """Give a column's instant."""
    return None if value is None else clock.instant(value)


def row_of(record: Any) -> Row:
    """Give the row of a task run, a result or a log line."""
    if isinstance(record, TaskRun):
        return of_task_run(record)
    return of_log(record) if isinstance(record, LogEntry) else of_result(record)


def fields_of(record: Any, row: Row) -> dict[str, Any]:
    """Give what the row of a task run, a result or a log line says."""
    if isinstance(record, TaskRun):
        return _of_task_run(row)
    return _of_log(row) if isinstance(record, LogEntry) else _of_result(row)


# -- task runs --------------------------------------------------------------------------------
def of_task_run(run: TaskRun) -> Row:
    """Give a task run's row, in the order of `tables.task_run`."""
    state = run.state
    return (
        run.id,
        run.flow_run_id,
        run.key,
        run.name,
        run.kind,
        state.type.value,
        state.name,
        micros_of(state),
        history_text(run.history),
        clock.micros(run.created_at),
        run.position,
        run.attempt,
        run.flow_attempt,
        texts(run.tags),
        texts(run.upstream),
        run.cell_id,
        run.result_key,
        run.note,
    )


def task_run(row: Sequence[Any]) -> TaskRun:
    """Give the task run of a row. It is read when somebody looks: most are only passed on."""
    made = object.__new__(TaskRun)
    inside = made.__dict__
    inside["_row"], inside["id"], inside["flow_run_id"] = tuple(row), row[0], row[1]
    return made


def _of_task_run(row: Row) -> dict[str, Any]:
    (run_id, flow_run_id, key, name, kind, _, _, _, history, created, position, attempt,
     flow_attempt, tags, upstream, cell_id, result_key, note) = row  # fmt: skip
    states = history_of(history)
    read_back(states[-1], result_key)
    return {
        "id": run_id, "flow_run_id": flow_run_id, "key": key, "name": name, "kind": kind,
        "state": states[-1], "created_at": clock.instant(created), "position": position,
        "attempt": attempt, "flow_attempt": flow_attempt, **lived(states)._asdict(),
        "tags": tuple(json.loads(tags)), "upstream": tuple(json.loads(upstream)),
        "cell_id": cell_id, "result_key": result_key, "note": note, "history": states,
    }  # fmt: skip


def texts(items: Sequence[str]) -> str:
    """Give some texts as a column holds them."""
    return dumps(list(items)) if items else "[]"


def history_text(states: Sequence[State]) -> str:
    """Give the states a task run went through as a column holds them.

    Each is `[type, at]`, or `[type, at, name, message, details]` where there is more to say.
    """
    return "[" + ",".join([entry_text(state) for state in states]) + "]"


def entry_text(state: State) -> str:
    """Give one state of a history."""
    at = state.__dict__.get("_micros")
    if at is not None:  # made by `entered`: there is no more to say
        return f'["{state.type._value_}",{at}]'
    kind, at = state.type.value, clock.micros(state.at)
    if not (state.message or state.details) and state.name == kind.capitalize():
        return f'["{kind}",{at}]'
    try:
        return dumps([kind, at, state.name, state.message, dict(state.details)])
    except InvalidInput:  # a user's own state may say what no JSON holds: it is told as text
        details = {ascii(key): ascii(value) for key, value in state.details.items()}
        return dumps([kind, at, _plain(state.name), _plain(state.message), details])


def _plain(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def history_of(text: str) -> tuple[State, ...]:
    """Give the states of a column made by `history_text`."""
    return tuple(_entered(*entry) for entry in json.loads(text))


def _entered(
    kind: str, at: int, name: str = "", message: str = "", details: Mapping[str, Any] | None = None
) -> State:
    return State(StateType(kind), name, message, clock.instant(at), "", details or {})


# -- log lines --------------------------------------------------------------------------------
def of_log(entry: LogEntry) -> Row:
    """Give a line's row, in the order of `tables.log`."""
    return (
        entry.id,
        entry.flow_run_id,
        entry.task_run_id,
        clock.micros(entry.at),
        entry.level,
        entry.logger,
        entry.message,
    )


def log(row: Sequence[Any]) -> LogEntry:
    """Give the log line of a row, unread."""
    made = object.__new__(LogEntry)
    inside = made.__dict__
    inside["_row"], inside["flow_run_id"] = tuple(row), row[1]
    return made


def _of_log(row: Row) -> dict[str, Any]:
    entry_id, flow_run_id, task_run_id, at, level, logger, message = row
    return {
        "id": entry_id, "flow_run_id": flow_run_id, "task_run_id": task_run_id,
        "at": clock.instant(at), "level": level, "logger": logger, "message": message,
    }  # fmt: skip


# -- results ----------------------------------------------------------------------------------
def of_result(record: ResultRecord) -> Row:
    """Give a result's row, in the order of `tables.result`."""
    return (
        record.key,
        clock.micros(record.created_at),
        record.flow_run_id,
        record.task_run_id,
        record.serializer,
        record.size,
        record.sha256,
        record.data,
        record.location,
        micros(record.expires_at),
        record.task_key,
        record.call,
        None if record.parts is None else dumps(dict(record.parts)),
        record.preview,
    )


def result(row: Sequence[Any]) -> ResultRecord:
    """Give the result of a row, unread."""
    made = object.__new__(ResultRecord)
    inside = made.__dict__
    inside["_row"], inside["key"], inside["flow_run_id"] = tuple(row), row[0], row[2]
    return made


def _of_result(row: Row) -> dict[str, Any]:
    (key, created, flow_run_id, task_run_id, serializer, size, sha256, data, location, expires,
     task_key, call, parts, preview) = row  # fmt: skip
    return {
        "key": key, "created_at": clock.instant(created), "flow_run_id": flow_run_id,
        "task_run_id": task_run_id, "serializer": serializer, "size": size, "sha256": sha256,
        "data": data, "location": location, "expires_at": instant(expires), "task_key": task_key,
        "call": call, "parts": None if parts is None else json.loads(parts), "preview": preview,
    }  # fmt: skip
