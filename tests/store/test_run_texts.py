"""A run written as JSON straight from its row is what the model would have written."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import UTC, datetime

from nbflow.model import states, wire
from nbflow.model.runs import FlowRun, Owner
from nbflow.store import flow_runs, run_texts

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


def _row(run: FlowRun) -> tuple[object, ...]:
    return flow_runs.in_order(flow_runs.columns(run) | {"start_at": None})


def test_a_row_is_written_as_the_model_writes_the_run() -> None:
    for run in (PLAIN, FULL):
        assert json.loads(run_texts.whole(_row(run))) == wire.jsonable(run)


def test_an_event_holds_a_run_as_the_model_shortens_it() -> None:
    for run in (PLAIN, FULL):
        assert json.loads(run_texts.short(_row(run))) == wire.flow_run_row(run)
