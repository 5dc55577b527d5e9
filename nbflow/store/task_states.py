"""Which states of task runs a record brings that the store had not: each is told once.

A record carries all states of a task run, so it may be sent twice, or late. What is new is told in
the event of the recording, as the text it was written as: a row may change before somebody reads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from nbflow.model.states import StateType
from nbflow.store.bulk import Row
from nbflow.store.dialect import PLACES

#: where in a row these are, in the order of `tables.task_run`
_TYPE, _NAME, _AT, _HISTORY, _ATTEMPT, _FLOW_ATTEMPT = 5, 6, 7, 8, 11, 12
_COLUMNS = "id, flow_attempt, attempt, state_at, state_name, history"
_ASSUMED = frozenset({"Crashed", "NotReady"})
_OWN_WORD = frozenset({StateType.COMPLETED.value, StateType.FAILED.value})
#: values one statement may hold
_AT_ONCE = 500


class NewStates(NamedTuple):
    """What is new of a task run: entries of its history as JSON, and the one before them."""

    flow_run_id: str
    task_run_id: str
    history: str
    before: list[Any] | None = None


class _Old(NamedTuple):
    flow_attempt: int
    attempt: int
    at: int
    name: str
    history: str


def of(connection: sa.Connection, rows: Sequence[Row]) -> list[NewStates]:
    """Give what recording these rows would make new; they are not yet recorded."""
    ids = [row[0] for row in rows]
    known = _known(connection, ids)
    if not known and len(set(ids)) == len(ids):  # mostly: a short task is recorded once
        return [NewStates(row[1], row[0], row[_HISTORY]) for row in rows]
    return [_of(row, known) for row in rows]


def _known(connection: sa.Connection, ids: Sequence[str]) -> dict[str, _Old]:
    """Give what the store has of some task runs.

    Ids grow with time, so those of a batch are one range, in which there is mostly nothing else.
    """
    _, place = PLACES[connection.dialect.name]
    most = len(ids)
    text = f"SELECT {_COLUMNS} FROM task_run WHERE id BETWEEN {place} AND {place} LIMIT {place}"
    found = [*connection.exec_driver_sql(text, (min(ids), max(ids), most + 1))]
    if len(found) > most:
        found.clear()
        for start in range(0, most, _AT_ONCE):
            some = tuple(ids[start : start + _AT_ONCE])
            places = ", ".join([place] * len(some))
            text = f"SELECT {_COLUMNS} FROM task_run WHERE id IN ({places})"
            found += connection.exec_driver_sql(text, some)
    wanted = set(ids) if found else ()
    return {row[0]: _Old(*row[1:]) for row in found if row[0] in wanted}


def _of(row: Row, known: dict[str, _Old]) -> NewStates:
    old = known.get(row[0])
    if old is not None and not _replaces(row, old):
        return NewStates(row[1], row[0], "[]")
    new = _Old(row[_FLOW_ATTEMPT], row[_ATTEMPT], row[_AT], row[_NAME], row[_HISTORY])
    known[row[0]] = new
    if old is None:
        return NewStates(row[1], row[0], new.history)
    told = {_state(entry) for entry in json.loads(old.history)}
    history = json.loads(new.history)
    places = [place for place, entry in enumerate(history) if _state(entry) not in told]
    texts = [json.dumps(history[place], ensure_ascii=False) for place in places]
    before = history[places[0] - 1] if places and places[0] else None
    return NewStates(row[1], row[0], f"[{','.join(texts)}]", before)


def _replaces(row: Row, old: _Old) -> bool:
    """Say whether a row is written over the one that is there: what `task_runs` tells the store."""
    newer = (row[_FLOW_ATTEMPT], row[_ATTEMPT], row[_AT]) >= (old.flow_attempt, old.attempt, old.at)
    return newer or (old.name in _ASSUMED and row[_TYPE] in _OWN_WORD)


def _state(entry: list[Any]) -> tuple[str, int, str]:
    """Give what makes an entry of a history the same state."""
    return entry[0], entry[1], entry[2] if len(entry) > 2 else entry[0].capitalize()
