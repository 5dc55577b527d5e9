"""Automations whose server is killed: each action once by its key, or recorded as not done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbflow import settings
from nbflow.model import clock, ids
from nbflow.model.automations import Firing, NewAutomation
from nbflow.model.event_views import ID
from nbflow.model.events import Event
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.automations import AutomationsService
from nbflow.store import event_views, events
from tests.model.test_triggers import reactive_oracle

FULL = bool(os.environ.get("NBFLOW_FAULTS_FULL"))
SERVER = """
from nbflow.model import clock
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.services.automations import AutomationsService
orchestrator = Orchestrator()
AutomationsService(orchestrator).run_once(clock.now())
orchestrator.claim_actions()
print("lived")
"""
HERE = ("automation.after_match", "automation.before_commit", "automation.after_commit",
        "action.before_commit", "action.after_commit")  # fmt: skip


@pytest.fixture
def store(home: Path) -> Iterator[Orchestrator]:
    orchestrator = Orchestrator()
    yield orchestrator
    orchestrator.close()


def emit(store: Orchestrator, name: str, count: int = 1) -> None:
    row = {"resource": {ID: "me"}, "related": [], "payload": {}, "follows": None}
    told = [Event(name, "events", ids.uuid7(), clock.now(), row) for _ in range(count)]
    with store.database.write() as connection:
        events.append(connection, told)


def served(place: str | None, nth: int = 1) -> subprocess.CompletedProcess[str]:
    """A server that takes its turn, and is killed where a test says."""
    plan = {} if place is None else {place: {"do": "kill9", "nth": nth}}
    said = {"NBFLOW_TESTING": "1", "NBFLOW_FAULTS": json.dumps(plan)}
    words = [sys.executable, "-c", SERVER]
    return subprocess.run(words, env={**os.environ, **said}, capture_output=True, text=True)


def firings(store: Orchestrator) -> tuple[Firing, ...]:
    return store.list_firings("rule").rows


@pytest.mark.parametrize("place", HERE)
def test_a_server_killed_at_any_step_does_each_action_once(store: Orchestrator, place: str) -> None:
    actions = tuple({"type": "emit-event", "event": f"done.{n}"} for n in range(2))
    store.create_automation(NewAutomation("rule", {"expect": ["x"]}, actions))
    emit(store, "x")
    assert served(place).returncode == -signal.SIGKILL
    assert served(None).stdout == "lived\n"
    assert served(None).stdout == "lived\n"
    (one,) = firings(store)
    assert [action.state for action in one.actions] == ["done", "done"]
    told = [e.kind for e in store.changes(0).events if e.kind.startswith("done.")]
    assert told == ["done.0", "done.1"]


def test_what_was_begun_outside_and_interrupted_is_recorded_and_not_repeated(
    store: Orchestrator,
) -> None:
    call = {"type": "call-webhook", "block": "webhook/x"}
    store.create_automation(NewAutomation("rule", {"expect": ["x"]}, (call,)))
    emit(store, "x")
    assert served("action.after_claim").returncode == -signal.SIGKILL
    assert firings(store)[0].actions[0].state == "running"
    emit(store, "another")
    assert served(None).stdout == "lived\n"
    (action,) = firings(store)[0].actions
    assert (action.state, action.message) == ("not-done", "It was interrupted; it is not repeated.")
    kinds = [e.kind for e in store.changes(0).events]
    assert kinds.count("automation.action.not-done") == 1
    assert store.claim_actions() == ()


def ordered_oracle(times: list[int], threshold: int, within: int) -> list[int]:
    """Go once over events in order, remembering those of the last window."""
    out, window, mute = list[int](), list[int](), 0
    for t in times:
        if t >= mute:
            window = [*(one for one in window if one > t - within), t]
            if len(window) >= threshold:
                out.append(t)
                mute, window = window[0] + within, []
    return out


def test_a_flood_is_decided_as_the_oracle_does(store: Orchestrator) -> None:
    """100,000 events (2,000 in short), turn by turn over the store, and again by a slow look."""
    many, within = (100_000, 1.0) if FULL else (2_000, 0.05)
    said = {"expect": ["x"], "threshold": 7, "within": within}
    store.create_automation(NewAutomation("rule", said, ({"type": "do-nothing"},)))
    service = AutomationsService(store)
    with settings.temporary(automation_firings=0):
        for _ in range(many // 100):
            emit(store, "x", 50)
            emit(store, "y", 50)
            service.run_once(clock.now())
        service.run_once(clock.now())
    with store.database.read() as connection:
        views = event_views.after(connection, 0, limit=10 * many).views
    times = [clock.micros(view.occurred) for view in views if view.event == "x"]
    assert len(times) == many // 2
    found: list[Firing] = []
    cursor = None
    while True:
        page = store.list_firings("rule", cursor=cursor)
        found += page.rows
        cursor = page.cursor
        if cursor is None:
            break
    decided = sorted(clock.micros(one.at) for one in found)
    assert decided == ordered_oracle(times, 7, int(within * 1e6))
    if not FULL:  # quadratic
        assert decided == reactive_oracle(times, 7, int(within * 1e6))
    assert store.read_standing("rule").matched == many // 2
