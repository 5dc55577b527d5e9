"""Retention deletes what was kept long enough, with its files, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nbflow import settings
from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import clock, states
from nbflow.model.automations import AutomationChange, NewAutomation
from nbflow.model.deployments import NewDeployment
from nbflow.model.events import NewEvent
from nbflow.model.retention import KINDS
from nbflow.model.runs import Batch, FlowRun, LogEntry, NewFlowRun, TaskRun
from nbflow.model.workers import NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.results import ResultStore
from nbflow.services.automations import AutomationsService
from nbflow.services.retention import Retention
from nbflow.store import journal, owners, snapshots

DAY = timedelta(days=1)


@contextmanager
def days_ago(days: float) -> Iterator[None]:
    with clock.frozen(clock.now() - days * DAY):
        yield


def ended(orchestrator: Orchestrator, days: float, **said: Any) -> FlowRun:
    """A run with all a run may have, that ended so many days ago."""
    with days_ago(days):
        run = orchestrator.create_flow_run(NewFlowRun("f", owner=owners.current(), **said))
        orchestrator.propose(run.id, states.Running(), attempt=1)
        now = clock.now()
        task = TaskRun(run.id[:-1] + "t", run.id, "k", "t", "task", states.Completed(), now)
        log = LogEntry(run.id, now, 20, "said")
        orchestrator.record(Batch(task_runs=(task,), logs=(log,)))
        orchestrator.propose(run.id, states.Completed(), attempt=1)
    folder = journal.folder(f"runs/{run.id}/1")
    folder.mkdir(parents=True)
    (folder / "process.log").write_text("said")
    return run


def said_events(orchestrator: Orchestrator) -> list[str]:
    return [one.event for one in orchestrator.list_events().rows if one.event == "a.b"]


def listening(orchestrator: Orchestrator) -> str:
    new = NewAutomation("rule", {"expect": ["a.b"]}, ({"type": "do-nothing"},))
    return orchestrator.create_automation(new).id


def counts(gone: Any) -> dict[str, int]:
    return {one.kind: one.count for one in gone if one.count}


def is_there(orchestrator: Orchestrator, run: FlowRun) -> bool:
    folder = journal.folder(f"runs/{run.id}").exists()
    try:
        orchestrator.read_flow_run(run.id)
    except NotFound:
        with orchestrator.database.read() as connection:
            for table in ("task_run", "flow_run_state", "log"):
                query = f"select count(*) from {table} where flow_run_id = '{run.id}'"
                assert connection.exec_driver_sql(query).scalar() == 0
        assert not folder
        return False
    assert folder
    return True


def test_results_are_kept_for_the_days_of_the_setting(orchestrator: Orchestrator) -> None:
    store = ResultStore()
    store.write("small", 1)
    store.write("large", b"x" * 20_000)
    retention = Retention(orchestrator)
    with settings.temporary(result_days=2.0):
        assert retention.run_once(clock.now() + timedelta(days=1)) > 0
        assert store.exists("small")
        assert store.exists("large")
        retention.run_once(clock.now() + timedelta(days=2, minutes=1))
    assert not store.exists("small")
    assert not store.exists("large")
    assert not [p for p in (settings.home() / "results").rglob("*") if p.is_file()]


def test_old_runs_go_with_all_that_belongs_to_them(orchestrator: Orchestrator) -> None:
    old, young = ended(orchestrator, 91), ended(orchestrator, 89)
    assert counts(orchestrator.prune(["runs"], dry_run=True)) == {"runs": 1}
    assert is_there(orchestrator, old)
    assert counts(orchestrator.prune(["runs"])) == {"runs": 1}
    assert not is_there(orchestrator, old)
    assert is_there(orchestrator, young)
    assert counts(orchestrator.prune(["runs"])) == {}


def test_a_family_of_runs_goes_at_once_or_not_at_all(orchestrator: Orchestrator) -> None:
    parent = ended(orchestrator, 95)
    child = ended(orchestrator, 95, parent_flow_run_id=parent.id)
    grandchild = ended(orchestrator, 95, parent_flow_run_id=child.id)
    kept = ended(orchestrator, 95)
    with days_ago(94):
        orchestrator.create_flow_run(NewFlowRun("going", parent_flow_run_id=kept.id))
    young = ended(orchestrator, 1)
    of_young = ended(orchestrator, 95, parent_flow_run_id=young.id)
    assert counts(orchestrator.prune(["runs"])) == {"runs": 3}
    assert [is_there(orchestrator, run) for run in (parent, child, grandchild)] == [False] * 3
    assert [is_there(orchestrator, run) for run in (kept, young, of_young)] == [True] * 3


def test_more_than_a_batch_goes(orchestrator: Orchestrator) -> None:
    with days_ago(100):
        for _ in range(450):
            run = orchestrator.create_flow_run(NewFlowRun("f", owner=owners.current()))
            orchestrator.propose(run.id, states.Cancelled(), attempt=1)
    assert counts(orchestrator.prune(["runs"], dry_run=True)) == {"runs": 450}
    assert counts(orchestrator.prune(["runs"])) == {"runs": 450}
    assert orchestrator.list_flow_runs().rows == ()


def test_each_kind_has_its_setting_and_zero_keeps_for_ever(orchestrator: Orchestrator) -> None:
    run = ended(orchestrator, 1000)
    with settings.temporary(run_days=0.0):
        assert counts(orchestrator.prune(["runs"])) == {}
    assert is_there(orchestrator, run)
    with days_ago(8):
        gone = orchestrator.register_worker(NewWorker("w", "p", owners.current(), 1))
        orchestrator.stop_worker(gone.id)
        orchestrator.begin_request("key", "scope", "0" * 64)
        orchestrator.register_worker(NewWorker("there", "p", owners.current(), 1))
    assert counts(orchestrator.prune(["workers", "requests"])) == {"requests": 1, "workers": 1}
    with settings.temporary(event_count=1):
        assert counts(orchestrator.prune(["events"]))["events"] > 1
    assert len(orchestrator.changes(0).events) == 1


def test_files_nobody_speaks_of_go_after_a_day(orchestrator: Orchestrator, home: Path) -> None:
    new = NewDeployment("d", "d", "/d.ipynb", '{"cells": []}', "python3")
    deployment = orchestrator.deploy(new)
    stray = snapshots.write("nobody deployed this")
    kept, lost = ended(orchestrator, 1), "01a2059b-67da-7dc2-b1e7-5e2adb3924dc"
    journal.folder(f"runs/{lost}/1").mkdir(parents=True)
    assert counts(orchestrator.prune()) == {}
    later = clock.now() + 2 * DAY
    for path in [*(home / "snapshots").rglob("*"), *(home / "runs").glob("*")]:
        assert path.stat().st_mtime < later.timestamp()
    assert counts(orchestrator.prune(now=later)) == {"snapshots": 1, "files": 1}
    assert snapshots.read(deployment.snapshot) == '{"cells": []}'
    with pytest.raises(NotFound):
        snapshots.read(stray)
    assert is_there(orchestrator, kept)
    assert not os.path.exists(journal.folder(f"runs/{lost}"))


def test_the_service_does_all_kinds_by_itself(orchestrator: Orchestrator) -> None:
    old = ended(orchestrator, 91)
    Retention(orchestrator).run_once(clock.now())
    assert not is_there(orchestrator, old)


def test_a_kind_there_is_not_is_refused(orchestrator: Orchestrator) -> None:
    with pytest.raises(InvalidInput) as refused:
        orchestrator.prune(["run"])
    assert refused.value.field == "kinds"
    assert [one.kind for one in orchestrator.prune(dry_run=True)] == list(KINDS)


def test_events_go_when_they_are_old_each_name_by_its_own_time(orchestrator: Orchestrator) -> None:
    def emitted(name: str, days: float) -> None:
        resource = {"nbflow.resource.id": name}
        when = clock.now() - timedelta(days=days)
        orchestrator.emit_events([NewEvent(name, resource, occurred=when)])

    for name in ("log.line", "shop.opened", "shop.paid"):
        for days in (40, 8, 6, 0.5):
            emitted(name, days)
    with settings.temporary(event_kind_days="shop.*=30, log.*=1", event_days=7.0):
        assert counts(orchestrator.prune(["events"], dry_run=True)) == {"events": 5}
        assert len(orchestrator.list_events().rows) == 12
        assert counts(orchestrator.prune(["events"])) == {"events": 5}
        assert counts(orchestrator.prune(["events"])) == {}
    left = [view.event for view in orchestrator.list_events().rows]
    assert (left.count("shop.paid"), left.count("log.line")) == (3, 1)
    assert orchestrator.changes(0).complete is False
    assert orchestrator.changes(orchestrator.seq()).complete


def test_events_that_automations_have_not_read_stay(orchestrator: Orchestrator) -> None:
    resource, when = {"nbflow.resource.id": "a"}, clock.now() - timedelta(days=100)
    for _ in range(5):
        orchestrator.emit_events([NewEvent("a.b", resource, occurred=when)])
    listening(orchestrator)
    for _ in range(3):
        orchestrator.emit_events([NewEvent("a.b", resource)])
    with settings.temporary(event_count=1):
        # The service has read nothing yet: what came after the automation was made stays.
        assert counts(orchestrator.prune(["events"], dry_run=True)) == {"events": 5}
        orchestrator.prune(["events"])
        assert len(said_events(orchestrator)) == 3
        AutomationsService(orchestrator).run_once(clock.now())
        orchestrator.prune(["events"])
    assert len(said_events(orchestrator)) == 0
    standing = orchestrator.read_standing("rule")
    assert (standing.matched, standing.lost) == (3, 0)


def test_that_unread_events_were_too_many_is_said_in_the_log_and_by_the_automation(
    orchestrator: Orchestrator, caplog: pytest.LogCaptureFixture
) -> None:
    listening(orchestrator)
    resource = {"nbflow.resource.id": "a"}
    orchestrator.emit_events([NewEvent("a.b", resource) for _ in range(10)])
    with settings.temporary(event_count=1, unread_event_count=4):
        orchestrator.prune(["events"])
    assert "7 events went before automations had read them" in caplog.text
    AutomationsService(orchestrator).run_once(clock.now())
    standing = orchestrator.read_standing("rule")
    assert (standing.matched, standing.lost) == (4, 7)


def test_what_no_automation_waits_for_goes(orchestrator: Orchestrator) -> None:
    rule = listening(orchestrator)
    orchestrator.update_automation(rule, AutomationChange(enabled=False))
    orchestrator.emit_events([NewEvent("a.b", {"nbflow.resource.id": "a"}) for _ in range(10)])
    with settings.temporary(event_count=1):
        orchestrator.prune(["events"])
    assert len(orchestrator.list_events().rows) == 1


def test_firings_go_with_their_actions_but_those_not_done_yet(orchestrator: Orchestrator) -> None:
    webhook = {"type": "call-webhook", "block": "webhook/x"}
    for name, action in (("rule", {"type": "do-nothing"}), ("caller", webhook)):
        orchestrator.create_automation(NewAutomation(name, {"expect": ["a.b"]}, (action,)))
    service = AutomationsService(orchestrator)
    for days in (31, 29):
        with days_ago(days):
            orchestrator.emit_events([NewEvent("a.b", {"nbflow.resource.id": "a"})])
            service.run_once(clock.now())
    assert counts(orchestrator.prune(["firings"], dry_run=True)) == {"firings": 1}
    assert counts(orchestrator.prune(["firings"])) == {"firings": 1}
    left = [len(orchestrator.list_firings(name).rows) for name in ("rule", "caller")]
    assert left == [1, 2]
    for action, _ in orchestrator.claim_actions():
        orchestrator.finish_action(action.id, "done", "")
    with settings.temporary(firing_days=0.0):
        assert counts(orchestrator.prune(["firings"])) == {}
    assert counts(orchestrator.prune(["firings"])) == {"firings": 1}


def test_a_setting_that_says_nothing_is_refused(orchestrator: Orchestrator) -> None:
    orchestrator.emit_events([NewEvent("a.b", {"nbflow.resource.id": "a"})])
    with settings.temporary(event_kind_days="shop"), pytest.raises(InvalidInput) as refused:
        orchestrator.prune(["events"])
    assert refused.value.field == "NBFLOW_EVENT_KIND_DAYS"
