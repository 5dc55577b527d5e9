"""Results: the same promise over SQL and over a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import clock, ids
from nbflow.model.backend import Backend
from nbflow.model.results import ResultRecord
from nbflow.model.runs import Batch, NewFlowRun, TaskRun
from nbflow.model.states import State, StateType


def record(key: str, data: bytes = b"\x80\x05K\x05.\xff\x00", **said: Any) -> ResultRecord:
    made: dict[str, Any] = {
        "key": key,
        "created_at": clock.now(),
        "flow_run_id": None,
        "task_run_id": None,
        "serializer": "pickle",
        "size": len(data),
        "sha256": sha256(data).hexdigest(),
        "data": data,
        "preview": "5",
    }
    return ResultRecord(**{**made, **said})


def test_a_recorded_result_is_read_as_it_was(backend: Backend) -> None:
    made = record(
        f"a/ä {ids.uuid7()}",
        flow_run_id=ids.uuid7(),
        task_run_id=ids.uuid7(),
        expires_at=clock.now() + timedelta(days=1),
        task_key="mod.task",
        call="x.0",
        parts={"input x": "1"},
        preview="ä" * 100,
    )
    backend.record(Batch(results=(made,)))
    backend.record(Batch(results=(made,)))
    assert backend.read_result(made.key) == made


def test_of_two_with_one_key_the_newer_stays(backend: Backend) -> None:
    key = ids.uuid7()
    old, new = record(key), record(key, b"new")
    backend.record(Batch(results=(new,)))
    backend.record(Batch(results=(old,)))
    assert backend.read_result(key) == new


def test_a_runs_results_are_listed_by_key_in_pages_without_data(backend: Backend) -> None:
    run, other = ids.uuid7(), ids.uuid7()
    keys = [run, *(f"{run}.{n:03}" for n in range(5))]
    backend.record(Batch(results=tuple(map(record, [*reversed(keys), other, f"{other}.1"]))))
    listed = backend.list_results(run).rows
    assert [r.key for r in listed] == keys
    assert {r.data for r in listed} == {None}
    assert {r.data for r in backend.list_results(run, data=True).rows} == {record("").data}
    first = backend.list_results(run, limit=4)
    assert [r.key for r in first.rows] == keys[:4]
    rest = backend.list_results(run, limit=4, cursor=first.cursor)
    assert [r.key for r in rest.rows] == keys[4:]
    assert rest.cursor is None


def test_a_tasks_results_are_listed_newest_first(backend: Backend) -> None:
    task_key = ids.uuid7()
    made = [record(ids.uuid7(), task_key=task_key) for _ in range(3)]
    backend.record(Batch(results=tuple(made)))
    listed = backend.list_results(task_key=task_key, limit=2).rows
    assert [r.key for r in listed] == [made[2].key, made[1].key]


def test_a_deleted_result_is_gone(backend: Backend) -> None:
    made = record(ids.uuid7())
    backend.record(Batch(results=(made,)))
    backend.delete_result(made.key)
    for ask in (backend.read_result, backend.delete_result):
        with pytest.raises(NotFound):
            ask(made.key)


def test_pruning_tells_what_it_would_delete_and_deletes_it(backend: Backend) -> None:
    old = record(ids.uuid7(), created_at=clock.now() - timedelta(days=3))
    expired = record(ids.uuid7(), expires_at=clock.now() - timedelta(seconds=1))
    fresh = record(ids.uuid7())
    backend.record(Batch(results=(old, expired, fresh)))
    before = clock.now() - timedelta(days=1)
    told = backend.prune_results(before, dry_run=True)
    assert told.results >= 2
    assert backend.prune_results(before) == told
    assert backend.prune_results(before).results == 0
    assert backend.read_result(fresh.key) == fresh


def test_a_list_of_nobody_or_too_long_is_refused(backend: Backend) -> None:
    for asked in ({}, {"task_key": "a", "flow_run_id": "b"}, {"task_key": "a", "limit": 0}):
        with pytest.raises(InvalidInput):
            backend.list_results(**asked)  # type: ignore[arg-type]


def test_a_result_that_says_it_lies_outside_deletes_nothing(
    backend: Backend, tmp_path: Any
) -> None:
    trap = tmp_path / "precious"
    trap.write_text("x")
    for where in (str(trap), "../precious", "results/../../precious", f"file://{trap}"):
        made = replace(record(ids.uuid7()), data=None, location=where)
        backend.record(Batch(results=(made,)))
        backend.delete_result(made.key)
    assert trap.exists()


def test_a_task_run_that_is_read_knows_where_its_result_is(backend: Backend) -> None:
    run = backend.create_flow_run(NewFlowRun("by-hand"))
    made = TaskRun(
        id=ids.uuid7(),
        flow_run_id=run.id,
        key="mod.task",
        name="task-0",
        kind="task",
        state=State(StateType.COMPLETED),
        created_at=clock.now(),
        result_key=f"{run.id}.0",
        note="Result not stored: never mind",
    )
    backend.record(Batch(task_runs=(made,)))
    (read,) = backend.list_task_runs(run.id)
    assert read.state.result_key == f"{run.id}.0"
    assert read.note == made.note
