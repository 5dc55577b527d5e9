"""Every state of every task run is told once, however its records come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbflow.model import states
from nbflow.model.event_views import ID, NAME, ROLE, EventView
from nbflow.model.ids import uuid7
from nbflow.model.runs import Batch, FlowRun, NewFlowRun, TaskRun
from nbflow.model.states import State, StateType
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import event_views
from nbflow.store.tables import task_run

BEGAN = datetime.fromisoformat("2026-03-01T12:00:00Z")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[Orchestrator]:
    """One store for all examples: each makes a run of its own."""
    url = f"sqlite:///{tmp_path_factory.mktemp('views') / 'nbflow.sqlite'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").create("nbflow_views")
    opened = Orchestrator(url)
    yield opened
    opened.close()


def views(store: Orchestrator, since: int = 0, limit: int = 1000) -> tuple[EventView, ...]:
    with store.database.read() as connection:
        return event_views.after(connection, since, limit=limit).views


def of_tasks(store: Orchestrator, since: int) -> list[EventView]:
    return [view for view in views(store, since) if view.event.startswith("nbflow.task-run.")]


def a_run(store: Orchestrator, **said: Any) -> FlowRun:
    run = store.create_flow_run(NewFlowRun("etl", tags=("nightly",), **said))
    store.propose(run.id, states.Running())
    return run


def a_task(run: FlowRun, lived: list[State], *, task_id: str | None = None, **said: Any) -> TaskRun:
    return TaskRun(
        task_id or uuid7(), run.id, "m.load", "load-0", "task", lived[-1], BEGAN,
        history=tuple(lived), attempt=1, **said,
    )  # fmt: skip


def life(seconds: int = 0) -> list[State]:
    at = BEGAN + timedelta(seconds=seconds)
    made = (states.Pending, states.Running, states.Completed)
    return [make(at=at + timedelta(seconds=n)) for n, make in enumerate(made)]


def seen(view: EventView) -> tuple[str, datetime, str]:
    return view.resource[ID], view.occurred, view.event


def test_a_task_run_is_told_state_by_state(store: Orchestrator) -> None:
    run, since = a_run(store), store.seq()
    task = a_task(run, life(), tags=("slow",))
    store.record(Batch((task,)))
    told = of_tasks(store, since)
    assert [view.event.rpartition(".")[2] for view in told] == ["Pending", "Running", "Completed"]
    assert [view.id for view in told] == [f"{told[0].seq}.{place}" for place in range(3)]
    last = told[-1]
    assert last.resource[ID] == f"nbflow.task-run.{task.id}"
    assert last.resource[NAME] == "load-0"
    assert last.follows == told[-2].id
    assert last.occurred == task.state.at
    roles = {(other[ROLE], other[ID]) for other in last.related}
    assert roles == {
        ("flow-run", f"nbflow.flow-run.{run.id}"),
        ("flow", "nbflow.flow.etl"),
        ("tag", "nbflow.tag.slow"),
        ("tag", "nbflow.tag.nightly"),
    }
    assert last.payload["initial_state"] == {"type": "RUNNING", "name": "Running"}
    assert last.payload["validated_state"]["name"] == "Completed"


def test_the_same_again_and_an_older_one_tell_nothing(store: Orchestrator) -> None:
    run, since = a_run(store), store.seq()
    lived = life()
    task_id = uuid7()
    for known in (lived[:2], lived, lived, lived[:1], lived[:2]):
        store.record(Batch((a_task(run, known, task_id=task_id),)))
    assert [view.payload["validated_state"]["name"] for view in of_tasks(store, since)] == [
        "Pending",
        "Running",
        "Completed",
    ]
    assert of_tasks(store, since)[-1].payload["initial_state"]["name"] == "Running"


def test_what_was_told_stays_though_its_own_word_outranks_it(store: Orchestrator) -> None:
    run, since = a_run(store), store.seq()
    lived = life()
    task_id = uuid7()
    store.record(Batch((a_task(run, lived[:2], task_id=task_id),)))
    store.propose(run.id, states.Crashed())  # the authority ends the task, too
    store.record(Batch((a_task(run, lived, task_id=task_id),)))
    told = of_tasks(store, since)
    names = [view.payload["validated_state"]["name"] for view in told]
    assert names == ["Pending", "Running", "Crashed", "Completed"]
    assert of_tasks(store, since) == told


def test_deployments_and_runs_are_related_by_name_too(orchestrator: Orchestrator) -> None:
    parent = a_run(orchestrator)
    child = orchestrator.create_flow_run(NewFlowRun("b", parent_flow_run_id=parent.id))
    last = views(orchestrator)[-1]
    assert last.resource[ID] == f"nbflow.flow-run.{child.id}"
    [related] = [other for other in last.related if other[ROLE] == "parent-flow-run"]
    assert related[NAME] == parent.name


LIVES = st.lists(
    st.lists(st.sampled_from(["Running", "Retrying", "Paused"]), max_size=4),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lives=LIVES, data=st.data())
def test_each_state_is_told_once_however_records_are_repeated_and_late(
    store: Orchestrator, lives: list[list[str]], data: st.DataObject
) -> None:
    run, since = a_run(store), store.seq()
    records: list[TaskRun] = []
    for number, names in enumerate(lives):
        lived, task_id = [states.Pending(at=BEGAN + timedelta(seconds=number))], uuid7()
        records.append(a_task(run, lived, task_id=task_id))
        for name in (*names, data.draw(st.sampled_from(["Completed", "Failed"]))):
            kind = StateType.RUNNING if name == "Retrying" else StateType(name.upper())
            lived = [*lived, State(kind, name, at=lived[-1].at + timedelta(milliseconds=1))]
            records.append(a_task(run, lived, task_id=task_id))
    order = data.draw(st.lists(st.sampled_from(records), max_size=20))
    kill = data.draw(st.integers(0, len(order)))
    for place, record in enumerate(order):
        if place == kill:  # the run's process is lost: what it wrote is replayed afterwards
            store.propose(run.id, states.Crashed())
        more = data.draw(st.lists(st.sampled_from(order), max_size=3))
        store.record(Batch((record, *more)))
    told = of_tasks(store, since)
    assert max(Counter(map(seen, told)).values(), default=0) <= 1
    assert len({view.id for view in told}) == len(told)
    found = {seen(view) for view in told}
    for task in store.list_task_runs(run.id):
        name = f"nbflow.task-run.{task.id}"
        for state in task.history:
            assert (name, state.at, f"nbflow.task-run.{state.name}") in found
    parts = [view for seq in range(since, store.seq()) for view in _one(store, seq)]
    assert [view for view in parts if view.event.startswith("nbflow.task-run.")] == told


def _one(store: Orchestrator, seq: int) -> tuple[EventView, ...]:
    return views(store, seq, limit=1)


def test_many_at_once_among_many_others_are_found(store: Orchestrator) -> None:
    """Ids of a batch are one range; when others lie in it, they are asked for one by one."""
    run = a_run(store)
    made = [a_task(run, life(n)[:1]) for n in range(40)]
    store.record(Batch(tuple(made)))
    since = store.seq()
    again = [a_task(run, life(n), task_id=made[n].id) for n in (0, 39)]
    store.record(Batch(tuple(again)))
    names = [view.payload["validated_state"]["name"] for view in of_tasks(store, since)]
    assert names == ["Running", "Completed"] * 2


def test_views_outlive_what_they_are_of(store: Orchestrator, tmp_path: Path) -> None:
    run, since = a_run(store), store.seq()
    store.record(Batch((a_task(run, life()),)))
    before = of_tasks(store, since)
    with store.database.write() as connection:
        connection.execute(task_run.delete().where(task_run.c.flow_run_id == run.id))
    after = of_tasks(store, since)
    assert list(map(seen, after)) == list(map(seen, before))
