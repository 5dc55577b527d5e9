"""A run written as JSON straight from its row is what the model would have written."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime

from nbflow.model import clock, states, wire
from nbflow.model.runs import FlowRun, Owner
from nbflow.store import flow_runs
from nbflow.store.run_texts import RunTexts
from nbflow.store.tables import flow_run

_AT = datetime(2026, 3, 29, 1, 59, 59, 120, tzinfo=UTC)
_WHOLE_SECOND = datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)

PLAIN = FlowRun(
    id="0198c0de-0000-7000-8000-000000000000",
    name="small-run",
    flow_name="etl",
    kind="flow",
    state=states.Pending(),
    created_at=_AT,
    due_at=_AT,
)
FULL = FlowRun(
    **{
        **{field.name: getattr(PLAIN, field.name) for field in fields(FlowRun)},
        "name": 'ünï "quoted" \\ %s \u2028 \U0001f600 \n',
        "kind": "notebook",
        "state": states.Failed(message="1% \t of all", at=_WHOLE_SECOND),
        "parameters": {"n": 1.5, "ü": [None, True, {"deep": "%d"}]},
        "tags": ("a", "ö"),
        "attempt": 3,
        "started_at": _WHOLE_SECOND,
        "ended_at": _AT,
        "running_seconds": 1e-07,
        "owner": Owner("host", "boot", 7, 1.25, "worker"),
        "lease_until": _AT,
        "retry_delay_seconds": 2.0,
        "options": {"resume": True},
        "job_variables": {"env": {"A": "b"}},
        "path": "/tmp/ünï.ipynb",
        "deployment_version": 4,
    }
)


ROWS = [flow_runs.row_of(run) for run in (PLAIN, FULL, PLAIN)]


def test_rows_are_written_as_the_model_writes_the_runs() -> None:
    said = [wire.jsonable(run) for run in (PLAIN, FULL, PLAIN)]
    assert [json.loads(text) for text in RunTexts(ROWS).whole()] == said
    assert RunTexts([]).whole() == []


def test_events_hold_runs_as_the_model_shortens_them() -> None:
    said = [wire.flow_run_row(run) for run in (PLAIN, FULL, PLAIN)]
    assert [json.loads(text) for text in RunTexts(ROWS).short()] == said


def test_a_row_lies_in_the_order_of_the_table() -> None:
    row = dict(zip(flow_run.columns.keys(), flow_runs.row_of(FULL, start_at=_AT), strict=True))
    assert row == flow_runs.columns(FULL, start_at=_AT)
    plain = ("id", "name", "kind", "path", "deployment_version", "retry_delay_seconds")
    assert [row[name] for name in plain] == [getattr(FULL, name) for name in plain]
    assert row["start_at"] == row["created_at"] == clock.micros(_AT)
    assert (row["state_name"], row["worker_id"]) == ("Failed", "worker")
