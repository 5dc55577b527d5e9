"""What users emit, and how events are listed and counted, asked of every authority."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.model import clock, states
from nbflow.model.backend import Backend
from nbflow.model.blocks import NewBlockSchema, NewBlockType
from nbflow.model.event_log import EventFilter
from nbflow.model.event_views import ID, NAME, ROLE, EventView
from nbflow.model.events import NewEvent
from nbflow.model.ids import uuid7
from nbflow.model.pages import every
from nbflow.model.runs import Batch, Owner, TaskRun
from nbflow.model.variables import NewVariable
from nbflow.model.workers import NewWorker


def an_event(**said: Any) -> NewEvent:
    named = {"event": "shop.order.paid", "resource": {ID: f"shop.order.{uuid7()}"}}
    return NewEvent(**{**named, **said})


def listed(backend: Backend, **where: Any) -> list[EventView]:
    return list(every(backend.list_events, EventFilter(**where), limit=50))


def test_an_event_is_read_as_it_was_emitted(backend: Backend) -> None:
    occurred = datetime(2026, 3, 1, 12, tzinfo=UTC)
    related = ({ID: "shop.customer.7", ROLE: "customer"},)
    new = an_event(payload={"eur": 3.5}, related=related, occurred=occurred, follows="4.2")
    assert backend.emit_events([new]).count == 1
    [found] = listed(backend, resource=new.resource[ID])
    assert (found.id, found.event, found.occurred) == (new.id, new.event, occurred)
    assert found.resource == new.resource
    assert (found.related, found.payload, found.follows) == (related, {"eur": 3.5}, "4.2")


def test_an_event_of_a_known_id_changes_nothing(backend: Backend) -> None:
    new = an_event()
    assert backend.emit_events([new, new]).count == 1
    assert backend.emit_events([an_event(id=new.id, payload={"other": 1})]).count == 0
    [found] = listed(backend, resource=new.resource[ID])
    assert found.payload == {}


def test_what_a_run_emits_is_related_to_it(backend: Backend, make: Any) -> None:
    run = make.run(tags=("nightly",))
    new = an_event(flow_run_id=run.id)
    backend.emit_events([new])
    recorded = an_event(flow_run_id=run.id)
    backend.record(Batch(events=(recorded,)))
    backend.record(Batch(events=(recorded,)))
    for one in (new, recorded):
        [found] = listed(backend, resource=one.resource[ID])
        roles = {(other[ROLE], other[ID]) for other in found.related}
        assert ("flow-run", f"nbflow.flow-run.{run.id}") in roles
        assert ("flow", f"nbflow.flow.{run.flow_name}") in roles
        assert ("tag", "nbflow.tag.nightly") in roles


def test_events_are_found_by_name_resource_and_relation(backend: Backend, make: Any) -> None:
    run = make.run()
    backend.propose(run.id, states.Running())
    resource = f"nbflow.flow-run.{run.id}"
    names = [view.event for view in listed(backend, resource=resource)]
    assert names[0] == "nbflow.flow-run.Running"
    only = listed(backend, resource=resource, event="nbflow.flow-run.Run*")
    assert [view.event for view in only] == ["nbflow.flow-run.Running"]
    others = listed(backend, resource=resource, event=("nbflow.*", "!*.Running"))
    assert "nbflow.flow-run.Running" not in {view.event for view in others}
    task = TaskRun(uuid7(), run.id, "k", "k-0", "task", states.Completed(), clock.now())
    backend.record(Batch((task,)))
    [of_task] = listed(backend, resource=f"nbflow.task-run.{task.id}")
    assert of_task.event == "nbflow.task-run.Completed"
    near = listed(backend, related=resource, since=run.created_at - timedelta(seconds=1))
    assert {of_task.id, only[0].id} <= {view.id for view in near}


def test_pages_of_either_order_hold_each_event_once(backend: Backend, make: Any) -> None:
    run = make.run()
    now = clock.now()
    made = [TaskRun(uuid7(), run.id, "k", "k", "task", states.Completed(), now) for _ in range(7)]
    backend.record(Batch(tuple(made)))
    resource = tuple(f"nbflow.task-run.{task.id}" for task in made)
    newest = [v.id for v in every(backend.list_events, EventFilter(resource=resource), limit=3)]
    asked = {"sort": "occurred", "limit": 2}
    oldest = [v.id for v in every(backend.list_events, EventFilter(resource=resource), **asked)]
    assert len(newest) == len(set(newest)) == 7
    assert oldest == newest[::-1]


def test_events_of_a_span_are_listed_and_counted(backend: Backend) -> None:
    name = f"clock.{uuid7()}"
    hour = datetime(2026, 3, 1, 12, tzinfo=UTC)
    minutes = (0, 1, 59, 60, 61)
    resources = [{ID: "clock.a"}, {ID: "clock.b"}]
    new = [
        an_event(event=name, resource=resources[m % 2], occurred=hour + timedelta(minutes=m))
        for m in minutes
    ]
    backend.emit_events(new)
    inside = EventFilter(event=name, since=hour, until=hour + timedelta(hours=1))
    assert len(backend.list_events(inside).rows) == 3
    by_hour = backend.count_events("hour", EventFilter(event=name))
    assert [(count.start, count.count) for count in by_hour] == [
        (hour, 3),
        (hour + timedelta(hours=1), 2),
    ]
    assert len(backend.count_events("minute", inside)) == 3
    assert [c.count for c in backend.count_events("day", EventFilter(event=name))] == [5]
    [counted] = backend.count_events("event", EventFilter(event=name))
    assert (counted.value, counted.count) == (name, 5)
    about = {c.value: c.count for c in backend.count_events("resource", EventFilter(event=name))}
    assert about == {"clock.a": 2, "clock.b": 3}


def test_the_feed_gives_what_is_committed_after_a_number(backend: Backend) -> None:
    before = backend.view_events(0).seq
    while (seq := backend.view_events(before, limit=1000).seq) != before:
        before = seq
    new = [an_event(), an_event()]
    backend.emit_events(new)
    told = backend.view_events(before)
    mine = {one.id for one in new}
    assert [view.id for view in told.views if view.id in mine] == [one.id for one in new]
    assert told.seq > before


WRONG = [
    ("event", {"event": ""}),
    ("event", {"event": "a b"}),
    ("event", {"event": "x" * 97}),
    ("event", {"event": "nbflow.flow-run.Completed"}),
    ("resource", {"resource": {}}),
    ("resource", {"resource": {ID: ""}}),
    ("resource", {"resource": {ID: "x", "long": "y" * 1001}}),
    ("related.0", {"related": ({ID: "x"},)}),
    ("payload", {"payload": {"long": "y" * 70_000}}),
    ("id", {"id": "7"}),
    ("follows", {"follows": ""}),
]


@pytest.mark.parametrize(("field", "said"), WRONG)
def test_what_is_no_event_is_refused(backend: Backend, field: str, said: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.emit_events([an_event(), an_event(**said)])
    assert refused.value.field == field


@pytest.mark.parametrize("cursor", ["x", "WzFd", "bnVsbA"])
def test_a_cursor_of_elsewhere_is_refused(backend: Backend, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        backend.list_events(cursor=cursor)


def test_too_many_terms_are_refused(backend: Backend) -> None:
    with pytest.raises(InvalidInput):
        backend.list_events(EventFilter(event=tuple(f"a{n}" for n in range(21))))


def test_a_pool_is_ready_while_a_worker_serves_it(backend: Backend, make: Any) -> None:
    worker = make.worker(f"pool-{uuid7()[-12:]}")
    backend.stop_worker(worker.id)
    names = ("nbflow.work-pool.*ready", "nbflow.worker.*")
    where = EventFilter(event=names, since=worker.started_at - timedelta(seconds=1))
    told = list(every(backend.list_events, where, sort="occurred"))
    mine = [v.event for v in told if worker.work_pool in repr(v) or worker.id in repr(v)]
    assert mine == [
        "nbflow.worker.started",
        "nbflow.work-pool.ready",
        "nbflow.worker.stopped",
        "nbflow.work-pool.not-ready",
    ]


def test_a_run_tells_the_state_it_left_and_the_one_it_entered(backend: Backend, make: Any) -> None:
    run = make.run()
    backend.propose(run.id, states.Running())
    resource = f"nbflow.flow-run.{run.id}"
    last, first = listed(backend, resource=resource, event="nbflow.flow-run.*")
    assert first.payload["initial_state"] is None
    assert last.payload["initial_state"] == {"type": "PENDING", "name": "Pending"}
    assert last.payload["validated_state"]["name"] == "Running"


def test_events_are_followed_from_now_on_and_by_what_is_wanted(backend: Backend) -> None:
    shop = f"shop-{uuid7()[-12:]}"
    backend.emit_events([an_event(event=f"{shop}.opened")])
    wanted = EventFilter(f"{shop}.*", since=clock.now() - timedelta(minutes=1))
    told = backend.follow_events(wanted)
    first = next(told)
    names = (f"{shop}.paid", "till.closed", f"{shop}.closed")
    new = [an_event(event=name) for name in names]
    backend.emit_events(new)
    assert [next(told).id, next(told).id] == [new[0].id, new[2].id]
    assert first.id not in [one.id for one in new]


@pytest.mark.parametrize(
    "where",
    [EventFilter(since=clock.now() - timedelta(hours=1)), EventFilter(tuple(map(str, range(21))))],
)
def test_what_cannot_be_followed_is_refused(backend: Backend, where: EventFilter) -> None:
    with pytest.raises(InvalidInput):
        next(backend.follow_events(where))


def test_what_is_gone_is_told_by_the_names_it_had(backend: Backend, make: Any) -> None:
    run = make.run()
    variable = backend.set_variable(NewVariable(f"v_{uuid7()[-12:]}", 1))
    backend.delete_variable(variable.name)
    for state in (states.Running(), states.Completed()):
        backend.propose(run.id, state)
    backend.delete_flow_run(run.id)
    [told] = listed(
        backend, event="nbflow.variable.deleted", resource=f"nbflow.variable.{variable.id}"
    )
    assert told.resource[NAME] == variable.name
    [told] = listed(backend, event="nbflow.flow-run.deleted", resource=f"nbflow.flow-run.{run.id}")
    assert (told.resource[NAME], "id" in told.payload) == (run.name, False)
    assert f"nbflow.flow.{run.flow_name}" in {other[ID] for other in told.related}


def test_a_worker_that_comes_back_is_told_of_and_so_is_its_pool(
    backend: Backend,
) -> None:
    pool = f"pool-{uuid7()[-12:]}"
    owner = Owner("elsewhere", "boot", 1, 1.0)
    worker = backend.register_worker(NewWorker("w", pool, owner, 1))
    backend.stop_worker(worker.id)
    backend.heartbeat((), worker_id=worker.id)
    backend.heartbeat((), worker_id=worker.id)
    mine = listed(backend, resource=f"nbflow.worker.{worker.id}")
    assert [one.event for one in mine][::-1] == [
        f"nbflow.worker.{verb}" for verb in ("started", "stopped", "started")
    ]
    assert {one.resource[NAME] for one in mine} == {"w"}
    assert f"nbflow.work-pool.{pool}" in {other[ID] for other in mine[1].related}
    told = listed(backend, event="nbflow.work-pool.*", resource=f"nbflow.work-pool.{pool}")
    assert [one.event.rpartition(".")[2] for one in told][:3] == ["ready", "not-ready", "ready"]


def test_a_schema_of_a_block_is_told_of_once(backend: Backend) -> None:
    slug = f"t-{uuid7()[-12:]}"
    backend.register_block_type(NewBlockType(slug, slug))
    schema = NewBlockSchema(slug, {"properties": {"a": {"type": "string"}}})
    made = [backend.register_block_schema(schema) for _ in range(2)]
    told = listed(backend, event="nbflow.block-schema.*", resource=f"nbflow.block-schema.{slug}")
    assert [(one.event, one.payload["checksum"]) for one in told] == [
        ("nbflow.block-schema.created", made[0].checksum)
    ]
