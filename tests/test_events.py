"""Events as user code emits and lists them."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from nbflow import connect, events, flow, settings, task
from nbflow.events import emit_event
from nbflow.exceptions import InvalidInput
from nbflow.model.event_views import ID, ROLE
from nbflow.model.masking import forgetting, register_secret
from nbflow.store import spool


def about(name: str) -> dict[str, str]:
    return {"nbflow.resource.id": name}


def test_an_event_outside_runs_arrives_by_itself(home: Path, wait_for: Any) -> None:
    made = emit_event("shop.opened", about("shop.1"), payload={"n": 1})
    [found] = wait_for(lambda: events.events("shop.opened"))
    assert (found.id, found.resource[ID], found.payload) == (made.id, "shop.1", {"n": 1})
    assert found.occurred == made.occurred


def test_an_event_of_a_task_is_related_to_all_around_it(home: Path) -> None:
    @task
    def pay() -> str:
        return emit_event("shop.paid", about("shop.order.7")).id

    @flow
    def shop() -> str:
        return pay()

    event_id = shop()
    [found] = events.events("shop.*")
    assert found.id == event_id
    roles = {other[ROLE]: other[ID] for other in found.related}
    assert roles["flow"] == "nbflow.flow.shop"
    assert set(roles) >= {"flow", "flow-run", "task-run"}
    [run] = events.events("nbflow.flow-run.Completed")
    assert roles["flow-run"] == run.resource[ID]


def test_prefects_labels_are_taken_as_ours(home: Path) -> None:
    related = [{"prefect.resource.id": "b", "prefect.resource.role": "other"}]
    emit_event("a.b", {"prefect.resource.id": "a"}, related)
    events.flush()
    [found] = events.events(related="b")
    assert found.resource[ID] == "a"
    assert found.related[0][ROLE] == "other"


def test_the_same_id_is_one_event_and_another_may_follow(home: Path) -> None:
    first = emit_event("a.first", about("a"))
    emit_event("a.first", about("a"), id=first.id)
    emit_event("a.second", about("a"), follows=first)
    events.flush()
    assert [view.event for view in events.events(sort="occurred")] == ["a.first", "a.second"]
    assert events.events("a.second")[0].follows == first.id


def test_registered_secrets_are_masked(home: Path) -> None:
    with forgetting():
        register_secret("hunter2hunter2")
        emit_event("a.b", about("x-hunter2hunter2"), payload={"deep": [{"er": "hunter2hunter2"}]})
        events.flush()
    [found] = events.events()
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("event", {"event": "nbflow.x"}),
        ("event", {"event": 7}),
        ("resource", {"resource": {"name": "x"}}),
        ("resource", {"resource": "x"}),
        ("related.0", {"related": [{ID: "x"}]}),
        ("payload", {"payload": {"f": object()}}),
        ("payload", {"payload": {"x": "y" * 70_000}}),
        ("occurred", {"occurred": datetime(2026, 1, 1)}),
        ("id", {"id": "seven"}),
    ],
)
def test_what_is_no_event_is_refused_at_once(home: Path, field: str, said: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        emit_event(**{"event": "a.b", "resource": about("a"), **said})
    assert refused.value.field == field


def test_too_many_are_dropped_and_told(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    with settings.temporary(events_per_second=5), caplog.at_level(logging.WARNING):
        for n in range(200):
            emit_event("a.b", about(f"a.{n}"))
        events.flush()
    kept = len(events.events("a.b"))
    assert 5 <= kept < 200
    assert f"{200 - kept} events were dropped" in caplog.text


def test_an_outage_leaves_them_to_whoever_comes_next(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBFLOW_API_URL", "http://127.0.0.1:9")
    emit_event("a.b", about("a"))
    events.flush()
    monkeypatch.delenv("NBFLOW_API_URL")
    connect.forget()
    spool.replay(connect.connect())
    assert len(events.events("a.b")) == 1


RUN = """
import os, signal, sys
from nbflow import flow
from nbflow.events import emit_event
@flow
def f():
    for n in range(100):
        emit_event("a.b", {"nbflow.resource.id": f"a.{n}"})
    from nbflow import context
    context.here().recorder.flush()
    os.kill(os.getpid(), signal.SIGKILL)
f()
"""


def test_events_of_a_killed_run_are_not_lost(home: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", RUN], env={**os.environ, "NBFLOW_HOME": str(home)}
    )
    assert ended.returncode == -signal.SIGKILL
    spool.replay(connect.connect())
    assert len(events.events("a.b", limit=None)) == 100


def test_a_process_that_ends_sends_what_waits(home: Path) -> None:
    code = "from nbflow.events import emit_event as e\n" + (
        "for n in range(2500): e('a.b', {'nbflow.resource.id': f'a.{n}'})"
    )
    subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "NBFLOW_HOME": str(home)}, check=True
    )
    assert len(events.events("a.b", limit=None)) == 2500
