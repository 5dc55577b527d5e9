"""Task runs as JSON text, straight from their rows: what the page of a run is told of them.

A run may have thousands. Read into the model and written out again, each costs as much as fifty
lines of text. `tests/store/test_task_texts.py` holds both ways equal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from json import encoder
from typing import Any, NamedTuple

from nbflow.model.states import TERMINAL, StateType
from nbflow.store.run_texts import instant_text

_FINAL = frozenset(kind.value for kind in TERMINAL)
_RUNNING = StateType.RUNNING.value
_NAMES = {kind.value: kind.value.capitalize() for kind in StateType}
_quote: Callable[[str], str] = encoder.encode_basestring  # pyright: ignore[reportPrivateUsage]
_SECOND = 1_000_000

Row = Sequence[Any]


class _Lived(NamedTuple):
    started: int | None
    ended: int | None
    running: int


def short(rows: Sequence[Row]) -> list[str]:
    """Give the JSON texts of rows in the order of the table's columns, as `task_run_row` does."""
    histories = json.loads(f"[{','.join([row[8] for row in rows])}]")
    return [_short(*each) for each in zip(rows, histories, strict=True)]


def _short(row: Row, history: list[list[Any]]) -> str:
    (run_id, flow_run_id, key, name, kind, _, _, _, _, created, position, attempt,
     flow_attempt, tags, upstream, cell_id, result_key, note) = row  # fmt: skip
    started, ended, running = _lived(history)
    return (
        f'{{"id":"{run_id}","flow_run_id":"{flow_run_id}","key":{_quote(key)},'
        f'"name":{_quote(name)},"kind":"{kind}","state":{_state(*history[-1])},'
        f'"created_at":{instant_text(created)},"position":{position},"attempt":{attempt},'
        f'"flow_attempt":{flow_attempt},"started_at":{_instant(started)},'
        f'"ended_at":{_instant(ended)},"running_seconds":{running / _SECOND!r},"tags":{tags},'
        f'"upstream":{upstream},"cell_id":{_text(cell_id)},"result_key":{_text(result_key)},'
        f'"note":{_text(note)}}}'
    )


def _lived(history: list[list[Any]]) -> _Lived:
    """Give the times of `nbflow.model.runs.lived` in microseconds."""
    started = ended = before = None
    running = since = 0
    for kind, at, *_ in history:
        if before == _RUNNING != kind:
            running += max(at - since, 0)
        if kind == _RUNNING and started is None:
            started = at
        if kind in _FINAL:
            ended = at
        elif before in _FINAL:
            ended = None
        before, since = kind, at
    return _Lived(started, ended, running)


def _state(kind: str, at: int, name: str = "", message: str = "", details: Any = None) -> str:
    told = json.dumps(details, ensure_ascii=False) if details else "{}"
    return (
        f'{{"type":"{kind}","name":{_quote(name or _NAMES[kind])},"message":{_quote(message)},'
        f'"at":{instant_text(at)},"id":"","details":{told}}}'
    )


def _instant(micros: int | None) -> str:
    return "null" if micros is None else instant_text(micros)


def _text(value: str | None) -> str:
    return "null" if value is None else _quote(value)
