"""What `WorkPools` promises, asked of both authorities."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from nbflow.client.http import HttpBackend
from nbflow.exceptions import Conflict, InvalidInput, NotFound, Stale
from nbflow.model import ids, pool_types, states
from nbflow.model.backend import Backend
from nbflow.model.work_pools import (
    NewWorkPool,
    NewWorkQueue,
    WorkPoolChange,
    WorkQueueChange,
    template_of,
)

from .conftest import Make

TEMPLATE: dict[str, Any] = {
    "job_configuration": {"env": "{{ env }}"},
    "variables": {"type": "object", "properties": {"env": {"type": "object", "default": {}}}},
}


def queues(backend: Backend, pool: str) -> list[tuple[str, int]]:
    return [(one.name, one.priority) for one in backend.list_work_queues(pool).rows]


@pytest.mark.parametrize("kind", pool_types.TEMPLATES)
def test_a_pool_is_read_as_it_was_made(backend: Backend, pool: str, kind: str) -> None:
    made = backend.create_work_pool(NewWorkPool(pool, kind, "what for", 3))
    assert (made.type, made.description, made.concurrency_limit) == (kind, "what for", 3)
    assert template_of(made) == pool_types.TEMPLATES[kind]
    for name in (made.name, made.id):
        assert backend.read_work_pool(name) == made
    assert made in backend.list_work_pools().rows
    assert queues(backend, pool) == [("default", 1)]


def test_a_pool_is_made_once(backend: Backend, pool: str) -> None:
    backend.create_work_pool(NewWorkPool(pool))
    with pytest.raises(Conflict) as refused:
        backend.create_work_pool(NewWorkPool(pool))
    assert (refused.value.code, refused.value.field) == ("work_pool.exists", "name")


def test_an_edit_changes_what_it_says_and_nothing_else(backend: Backend, pool: str) -> None:
    made = backend.create_work_pool(NewWorkPool(pool, concurrency_limit=3, description="d"))
    paused = backend.update_work_pool(pool, WorkPoolChange(paused=True))
    assert (paused.status, paused.concurrency_limit, paused.description) == ("PAUSED", 3, "d")
    assert paused.updated_at > made.updated_at
    free = backend.update_work_pool(pool, WorkPoolChange(False, None, base_job_template=TEMPLATE))
    assert (free.status, free.concurrency_limit) == ("NOT_READY", None)
    assert free.base_job_template == TEMPLATE
    assert backend.update_work_pool(pool, WorkPoolChange(base_job_template={})) != free


def test_an_edit_of_an_older_version_is_refused(backend: Backend, pool: str) -> None:
    made = backend.create_work_pool(NewWorkPool(pool))
    change = WorkPoolChange(description="mine")
    backend.update_work_pool(pool, change, expected=made.updated_at)
    with pytest.raises(Stale):
        backend.update_work_pool(pool, change, expected=made.updated_at)
    (queue,) = backend.list_work_queues(pool).rows
    with pytest.raises(Stale):
        backend.update_work_queue(
            pool, "default", WorkQueueChange(), expected=queue.updated_at - timedelta(seconds=1)
        )


def test_a_type_does_not_change(backend: Backend, pool: str) -> None:
    backend.create_work_pool(NewWorkPool(pool, "process"))
    backend.update_work_pool(pool, WorkPoolChange(type="process"))
    with pytest.raises(InvalidInput) as refused:
        backend.update_work_pool(pool, WorkPoolChange(type="kernel"))
    assert (refused.value.code, refused.value.field) == ("work_pool.type", "type")


def test_a_pool_that_is_needed_stays(backend: Backend, make: Any, pool: str) -> None:
    backend.create_work_pool(NewWorkPool(pool))
    run = make.waiting(pool)
    with pytest.raises(Conflict) as refused:
        backend.delete_work_pool(pool)
    assert refused.value.code == "work_pool.in_use"
    backend.delete_flow_run(backend_cancelled(backend, run.id))
    backend.delete_work_pool(pool)
    for ask in (backend.read_work_pool, backend.list_work_queues, backend.delete_work_pool):
        with pytest.raises(NotFound) as missing:
            ask(pool)
        assert missing.value.field == "work_pool"


def backend_cancelled(backend: Backend, run_id: str) -> str:
    backend.propose(run_id, states.Cancelling())
    return run_id


def test_a_queue_takes_its_priority_and_the_others_move_down(backend: Backend, pool: str) -> None:
    backend.create_work_pool(NewWorkPool(pool))
    backend.create_work_queue(pool, NewWorkQueue("last"))
    backend.create_work_queue(pool, NewWorkQueue("far", 9))
    backend.create_work_queue(pool, NewWorkQueue("first", 1, 2, description="q"))
    assert queues(backend, pool) == [("first", 1), ("default", 2), ("last", 3), ("far", 9)]
    backend.update_work_queue(pool, "last", WorkQueueChange(priority=1))
    assert queues(backend, pool) == [("last", 1), ("first", 2), ("default", 3), ("far", 9)]
    first = backend.read_work_queue(pool, "first")
    assert (first.concurrency_limit, first.description) == (2, "q")
    assert first in backend.list_work_queues().rows
    free = backend.update_work_queue(pool, first.id, WorkQueueChange(concurrency_limit=None))
    assert (free.concurrency_limit, free.priority) == (None, 2)
    with pytest.raises(Conflict):
        backend.create_work_queue(pool, NewWorkQueue("first"))


def test_a_queue_that_is_deleted_hands_its_runs_to_the_default_one(
    backend: Backend, make: Any, pool: str
) -> None:
    run = make.waiting(pool, work_queue="named")
    assert run.work_queue == "named"
    assert [name for name, _ in queues(backend, pool)] == ["default", "named"]
    backend.delete_work_queue(pool, "named")
    assert backend.read_flow_run(run.id).work_queue == "default"
    with pytest.raises(NotFound) as missing:
        backend.read_work_queue(pool, "named")
    assert missing.value.field == "work_queue"
    with pytest.raises(Conflict) as refused:
        backend.delete_work_queue(pool, "default")
    assert refused.value.code == "work_queue.default"
    assert make.waiting(pool).work_queue == "default"


def test_a_pool_is_ready_while_a_worker_is_there(backend: Backend, make: Any, pool: str) -> None:
    backend.create_work_pool(NewWorkPool(pool))
    assert backend.read_work_pool(pool).status == "NOT_READY"
    worker = make.worker(pool)
    assert worker.status == "ONLINE"
    assert backend.read_work_pool(pool).status == "READY"
    assert backend.read_work_queue(pool, "default").status == "READY"
    backend.update_work_queue(pool, "default", WorkQueueChange(paused=True))
    assert backend.read_work_queue(pool, "default").status == "PAUSED"
    backend.stop_worker(worker.id)
    assert backend.read_work_pool(pool).status == "NOT_READY"


@pytest.mark.parametrize("limit", [-1, 1_000_000_000, 2**70, 1.5, "3", True])
def test_row_128_a_limit_is_a_number_that_can_be_meant(
    backend: Backend, pool: str, limit: Any
) -> None:
    for new in (
        lambda: backend.create_work_pool(NewWorkPool(pool, concurrency_limit=limit)),
        lambda: backend.create_work_queue("default", NewWorkQueue(pool, concurrency_limit=limit)),
    ):
        with pytest.raises((InvalidInput, NotFound)) as refused:
            new()
        if isinstance(refused.value, InvalidInput):
            assert str(refused.value.field).startswith("concurrency_limit")
    with pytest.raises(NotFound):
        backend.read_work_pool(pool)


def test_row_128_a_limit_of_none_starts_nothing(backend: Backend, make: Any, pool: str) -> None:
    backend.create_work_pool(NewWorkPool(pool, concurrency_limit=0))
    make.waiting(pool)
    assert backend.claim_flow_runs(make.worker(pool).id, 5) == ()


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": ""}, "name"), ({"name": "a/b"}, "name"), ({"name": "x" * 300}, "name"),
        ({"type": "docker"}, "type"), ({"description": "x" * 20_000}, "description"),
        ({"base_job_template": {"variables": {}}}, "base_job_template"),
    ],
)  # fmt: skip
def test_a_pool_that_cannot_be_is_refused(
    backend: Backend, pool: str, said: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.create_work_pool(NewWorkPool(**{"name": pool, **said}))
    assert refused.value.field == field


@pytest.mark.parametrize("priority", [0, -1, 10**9])
def test_a_priority_begins_at_one(backend: Backend, pool: str, priority: int) -> None:
    backend.create_work_pool(NewWorkPool(pool))
    with pytest.raises(InvalidInput) as refused:
        backend.create_work_queue(pool, NewWorkQueue("q", priority))
    assert refused.value.field == "priority"
    assert queues(backend, pool) == [("default", 1)]


def test_names_are_escaped_on_the_way(backend: Backend) -> None:
    name = f"a b.c ü#? {ids.uuid7()[-12:]}"
    made = backend.create_work_pool(NewWorkPool(name))
    backend.create_work_queue(name, NewWorkQueue(".. x"))
    assert backend.read_work_pool(name).id == made.id
    assert backend.read_work_queue(name, ".. x").priority == 2


def test_a_run_that_waits_is_explained(backend: Backend, make: Any, pool: str) -> None:
    run = make.waiting(pool)
    said = backend.explain_flow_run(run.id)
    assert (said.flow_run_id, said.waits, said.state) == (run.id, True, "Scheduled")
    assert [reason.code for reason in said.reasons] == ["worker.none"]
    with pytest.raises(NotFound):
        backend.explain_flow_run(ids.uuid7())


def test_a_claim_that_its_worker_never_heard_of_is_given_again(
    backend: Backend, make: Any, pool: str
) -> None:
    first, second = make.waiting(pool), make.waiting(pool)
    worker, other = make.worker(pool), make.worker(pool)
    (lost,) = backend.claim_flow_runs(worker.id, 1, holding=())
    again = backend.claim_flow_runs(worker.id, 2, holding=())
    assert [(one.run.id, one.attempt) for one in again] == [(first.id, 1), (second.id, 1)]
    assert again[0].job == lost.job
    known = tuple(one.held for one in again)
    assert backend.claim_flow_runs(worker.id, 2, holding=known) == ()
    assert backend.claim_flow_runs(other.id, 2, holding=()) == ()


def test_an_answer_lost_on_its_way_leaves_no_run_pending(
    server: Any, tmp_path: Any, wait_for: Any
) -> None:
    client = HttpBackend(server.url, server.token)
    make, pool = Make(client, tmp_path), f"pool-{ids.uuid7()[-12:]}"
    run, worker = make.waiting(pool), make.worker(pool)
    address = urlsplit(client.url)
    body = b'{"limit": 1, "holding": []}'
    head = (
        f"POST {address.path}workers/{worker.id}/claim HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: token {server.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((str(address.hostname), int(address.port or 80))) as line:
        line.sendall(head.encode() + body)
        wait_for(lambda: client.read_flow_run(run.id).state.is_pending())
    (claim,) = client.claim_flow_runs(worker.id, 1, holding=())
    assert (claim.run.id, claim.attempt) == (run.id, 1)
    client.close()


def test_two_workers_of_one_name_are_two_and_share_the_work(
    backend: Backend, make: Any, pool: str
) -> None:
    first, second = make.worker(pool), make.worker(pool)
    assert first.name == second.name
    assert first.id != second.id
    waiting = {make.waiting(pool).id for _ in range(8)}
    given = [backend.claim_flow_runs(worker.id, 4) for worker in (first, second)]
    claimed = [claim.run.id for claims in given for claim in claims]
    assert [len(claims) for claims in given] == [4, 4]
    assert sorted(claimed) == sorted(waiting)


def test_a_pool_counts_its_live_runs_and_its_late_ones(
    backend: Backend, make: Any, pool: str
) -> None:
    runs, worker = (make.waiting(pool), make.waiting(pool)), make.worker(pool)
    (claim,) = backend.claim_flow_runs(worker.id, 1)
    (late,) = (run for run in runs if run.id != claim.run.id)
    backend.propose(late.id, states.Late(late.due_at))
    found = backend.read_work_pool(pool)
    assert (found.running, found.late) == (1, 1)
    assert found in backend.list_work_pools().rows


def test_each_change_of_a_pool_and_its_queues_is_an_event(backend: Backend, pool: str) -> None:
    before = backend.changes(0, limit=1000)
    while before.events:
        before = backend.changes(before.seq, limit=1000)
    made = backend.create_work_pool(NewWorkPool(pool))
    queue = backend.create_work_queue(pool, NewWorkQueue("q"))
    backend.update_work_pool(pool, WorkPoolChange(paused=True))
    backend.update_work_queue(pool, "q", WorkQueueChange(priority=1))
    backend.delete_work_queue(pool, "q")
    backend.delete_work_pool(pool)
    told = [e for e in backend.changes(before.seq).events if e.noun.startswith("work-")]
    mine = [e for e in told if e.resource_id in (made.id, queue.id)]
    assert [(e.kind, e.row.get("paused")) for e in mine] == [
        ("work-pool.created", False),
        ("work-queue.created", False),
        ("work-pool.paused", True),
        ("work-queue.updated", False),
        ("work-queue.deleted", None),
        ("work-pool.deleted", None),
    ]
