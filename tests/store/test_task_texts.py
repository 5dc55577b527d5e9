"""A task run written as JSON straight from its row is what the model would have written."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from nbflow.model import rows, states, wire
from nbflow.model.runs import TaskRun
from nbflow.model.states import State, StateType
from nbflow.store import task_texts

_AT = datetime(2026, 3, 29, 1, 59, 59, 120, tzinfo=UTC)
_ID = "0198c0de-0000-7000-8000-000000000000"


def lived(*history: State, **more: Any) -> TaskRun:
    made: dict[str, Any] = {"id": _ID, "flow_run_id": _ID, "key": "k", "name": "load-0"}
    made |= {"kind": "task", "state": history[-1], "created_at": _AT, "history": history}
    return TaskRun(**(made | more))


def after(seconds: float, kind: StateType, **more: Any) -> State:
    return State(kind, at=_AT + timedelta(seconds=seconds), **more)


RUNS = (
    lived(states.Pending(at=_AT)),
    lived(after(0, StateType.PENDING), after(0.25, StateType.RUNNING)),
    lived(
        after(0, StateType.RUNNING),
        after(1, StateType.SCHEDULED, name="AwaitingRetry", message='ünï "q" \\ \u2028 %s {0}'),
        after(2, StateType.RUNNING),
        after(1.5, StateType.FAILED, message="<b>\n", details={"cause": "é", "deep": [{}, None]}),
        key="\U0001f600",
        position=7,
        attempt=2,
        flow_attempt=3,
        tags=("a", "ö"),
        upstream=(_ID,),
        cell_id='c"1',
        result_key="key",
        note="not \t cached",
    ),
    # one that ended and went on
    lived(
        after(0, StateType.RUNNING),
        after(3, StateType.CRASHED),
        after(4, StateType.RUNNING),
    ),
    lived(after(0, StateType.COMPLETED, name="Cached")),
)


def test_rows_are_written_as_the_model_writes_the_task_runs() -> None:
    said = [wire.task_run_row(rows.task_run(run.row())) for run in RUNS]
    assert [json.loads(text) for text in task_texts.short([run.row() for run in RUNS])] == said
    assert task_texts.short([]) == []


def test_each_value_is_where_the_model_has_it() -> None:
    (text,) = task_texts.short([RUNS[2].row()])
    assert [*json.loads(text)] == [*wire.task_run_row(RUNS[2])]
