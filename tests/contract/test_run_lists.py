"""Flow runs by the many: lists in each order, counts, history, bulk, flows, what lies inside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from nbflow.exceptions import InvalidInput, NotFound, TransitionRefused
from nbflow.model import clock, ids, states
from nbflow.model.backend import Backend
from nbflow.model.pages import every
from nbflow.model.run_lists import BulkRequest, RunChange, RunFilter
from nbflow.model.run_parts import LogFilter, TaskRunFilter
from nbflow.model.runs import Batch, FlowRun, LogEntry, NewFlowRun, TaskRun
from nbflow.model.states import StateType
from nbflow.model.verdicts import accepted

NOW = clock.now().replace(microsecond=0)


@pytest.fixture
def tag() -> str:
    return f"t-{ids.uuid7()[-12:]}"


def _made(backend: Backend, tag: str, count: int, **said: Any) -> list[FlowRun]:
    """Runs due one second after the other."""
    new = [
        NewFlowRun(
            said.get("flow", f"flow-{tag}"),
            name=f"{'abcdefghij'[-number]}-{tag}",
            tags=(tag, f"n{number % 2}"),
            due_at=NOW + timedelta(seconds=number),
        )
        for number in range(count)
    ]
    made = backend.create_flow_runs(new)
    assert made == tuple(one.id for one in new)
    return [backend.read_flow_run(run_id) for run_id in made]


@pytest.mark.parametrize("sort", ["due_at", "-due_at", "name", "-name"])
def test_pages_of_an_order_hold_every_run_once(backend: Backend, tag: str, sort: Any) -> None:
    made = _made(backend, tag, 7)
    found: list[FlowRun] = []
    cursor = None
    while True:
        page = backend.list_flow_runs(RunFilter(tags=(tag,)), sort=sort, limit=3, cursor=cursor)
        found += page.rows
        cursor = page.cursor
        if cursor is None:
            break
    key = sort.removeprefix("-")
    assert found == sorted(made, key=lambda run: getattr(run, key), reverse=sort[0] == "-")


def test_runs_that_ended_are_listed_by_how_long_they_took(
    backend: Backend, tag: str, end: Callable[[FlowRun], FlowRun]
) -> None:
    made = [end(run) for run in _made(backend, tag, 4)]
    _made(backend, tag, 1)  # has not ended

    def took(run: FlowRun) -> tuple[timedelta, str]:
        assert run.ended_at is not None
        assert run.started_at is not None
        return run.ended_at - run.started_at, run.id

    longest_first = sorted(made, key=took, reverse=True)
    where = RunFilter(tags=(tag,))
    found = [*every(backend.list_flow_runs, where, sort="-duration", limit=1)]
    assert found == longest_first
    asked = RunFilter(tags=(tag,), state=("COMPLETED", "FAILED"))
    found = [*every(backend.list_flow_runs, asked, sort="duration", limit=3)]
    assert found == longest_first[::-1]


def test_only_runs_that_ended_are_in_the_order_of_ends(
    backend: Backend, tag: str, end: Callable[[FlowRun], FlowRun]
) -> None:
    first, second, _ = _made(backend, tag, 3)
    ended = [end(second), end(first)]
    where = RunFilter(tags=(tag,))
    assert list(backend.list_flow_runs(where, sort="ended_at").rows) == ended
    assert list(backend.list_flow_runs(where, sort="-started_at").rows) == ended[::-1]


def test_a_cursor_is_of_one_order(backend: Backend, tag: str) -> None:
    _made(backend, tag, 2)
    where = RunFilter(tags=(tag,))
    cursor = backend.list_flow_runs(where, sort="name", limit=1).cursor
    for wrong in (cursor, "x", "1.2", "1" * 30 + ".x"):
        with pytest.raises(InvalidInput) as refused:
            backend.list_flow_runs(where, cursor=wrong)
        assert (refused.value.code, refused.value.field) == ("cursor.invalid", "cursor")


def test_filters_name_any_of_several(
    backend: Backend, tag: str, end: Callable[[FlowRun], FlowRun]
) -> None:
    one, two, three = _made(backend, tag, 3)
    two = end(two)

    def found(**said: Any) -> set[str]:
        where = RunFilter(**{"tags": (tag,), **said})
        rows = backend.list_flow_runs(where).rows
        assert backend.count_flow_runs(where).count == len(rows)
        return {run.id for run in rows}

    assert found() == {one.id, two.id, three.id}
    assert found(state=("COMPLETED", "PENDING")) == {one.id, two.id, three.id}
    assert found(state=("Completed", "Late")) == {two.id}
    assert found(id=(one.id, three.id)) == {one.id, three.id}
    assert found(name=two.name) == {two.id}
    assert found(all_tags=("n0", tag)) == {one.id, three.id}
    assert found(flow_name=(f"flow-{tag}", "another")) == {one.id, two.id, three.id}
    assert found(ended_since=NOW) == {two.id}
    assert found(roots=True, kind=("flow",)) == {one.id, two.id, three.id}
    assert found(parent_flow_run_id=one.id) == set()


def test_a_filter_that_names_too_much_is_refused(backend: Backend) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.count_flow_runs(RunFilter(id=tuple(str(n) for n in range(201))))
    assert (refused.value.code, refused.value.field) == ("query.too_many", "id")


def test_history_counts_runs_by_time_and_state(
    backend: Backend, tag: str, end: Callable[[FlowRun], FlowRun]
) -> None:
    end(_made(backend, tag, 4)[0])
    where = RunFilter(tags=(tag,))
    buckets = backend.read_history(NOW, NOW + timedelta(seconds=5), 2.0, where)
    told = [{state.type: state.count for state in bucket.states} for bucket in buckets]
    both = {StateType.COMPLETED: 1, StateType.PENDING: 1}
    assert told == [both, {StateType.PENDING: 2}, {}]
    assert buckets[2].until == NOW + timedelta(seconds=5)
    assert backend.read_lateness(where).runs >= 1
    for until, interval, field in (
        (NOW, 1.0, "until"),
        (NOW + timedelta(days=1), 1.0, "interval_seconds"),
    ):
        with pytest.raises(InvalidInput) as refused:
            backend.read_history(NOW, until, interval)
        assert refused.value.field == field


def test_many_runs_are_made_or_none(backend: Backend, tag: str) -> None:
    good, bad = NewFlowRun(tag), NewFlowRun(tag, state=states.Completed())
    with pytest.raises(InvalidInput):
        backend.create_flow_runs([good, bad])
    with pytest.raises(NotFound):
        backend.read_flow_run(good.id)
    assert backend.create_flow_runs([good, good]) == (good.id, good.id)
    assert backend.create_flow_runs([good]) == (good.id,)
    assert backend.count_flow_runs(RunFilter(flow_name=tag)).count == 1


def test_a_run_is_renamed_and_tagged(backend: Backend, tag: str) -> None:
    (run,) = _made(backend, tag, 1)
    changed = backend.update_flow_run(run.id, RunChange(name="better", tags=("a", "b")))
    assert (changed.name, changed.tags) == ("better", ("a", "b"))
    assert backend.read_flow_run(run.id) == changed
    with pytest.raises(InvalidInput):
        backend.update_flow_run(run.id, RunChange(name=""))


def test_an_operator_sets_a_state_against_the_rules(
    backend: Backend, tag: str, end: Callable[[FlowRun], FlowRun]
) -> None:
    run = end(_made(backend, tag, 1)[0])
    with pytest.raises(TransitionRefused):
        accepted(backend.propose(run.id, states.Running()), states.Running())
    backend.force_state(run.id, states.Failed(message="It was wrong."))
    assert backend.read_flow_run(run.id).state.is_failed()
    assert [state.name for state in backend.list_states(run.id)][-2:] == ["Completed", "Failed"]


def test_bulk_does_to_each_what_can_be_done(
    backend: Backend, tag: str, end: Callable[[FlowRun], FlowRun]
) -> None:
    ended, live = end(_made(backend, tag, 2)[0]), _made(backend, tag, 1)[0]
    missing = ids.uuid7()
    answer = backend.change_flow_runs(BulkRequest("delete", ids=(ended.id, live.id, missing)))
    assert answer.done == (ended.id,)
    assert [(one.id, one.code) for one in answer.refused] == [
        (live.id, "run.live"),
        (missing, "not_found"),
    ]
    where = RunFilter(tags=(tag,))
    meant = backend.change_flow_runs(BulkRequest("cancel", where=where, dry_run=True))
    assert len(meant.done) == 2
    assert not meant.more
    tagged = backend.change_flow_runs(BulkRequest("add_tags", where=where, tags=("x",)))
    assert set(tagged.done) == set(meant.done)
    again = backend.change_flow_runs(BulkRequest("add_tags", where=where, tags=("x",)))
    assert again.done == ()
    assert set(backend.change_flow_runs(BulkRequest("cancel", where=where)).done) == set(meant.done)
    for wrong in (BulkRequest("cancel"), BulkRequest("cancel", where=RunFilter())):
        with pytest.raises(InvalidInput):
            backend.change_flow_runs(wrong)


def test_flows_are_what_runs_share_a_name_with(backend: Backend, tag: str) -> None:
    _made(backend, tag, 3, flow=f"one-{tag}")
    _made(backend, tag, 1, flow=f"two-{tag}")
    first = backend.list_flows(tag, limit=1)
    assert [(flow.name, flow.runs.count) for flow in first.rows] == [(f"one-{tag}", 3)]
    rest = backend.list_flows(tag, cursor=first.cursor)
    assert [flow.name for flow in rest.rows] == [f"two-{tag}"]
    read = backend.read_flow(f"one-{tag}")
    assert read.last_run is not None
    assert read.last_run.due_at == NOW + timedelta(seconds=2)
    with pytest.raises(NotFound):
        backend.read_flow(f"none-{tag}")


def _task(run: FlowRun, name: str, *, upstream: tuple[str, ...] = ()) -> TaskRun:
    return TaskRun(
        ids.uuid7(), run.id, name, name, "task", states.Completed(), NOW, upstream=upstream
    )


def test_task_runs_are_found_and_make_a_graph(backend: Backend, tag: str) -> None:
    (run,) = _made(backend, tag, 1)
    one = _task(run, f"one-{tag}")
    two = _task(run, f"two-{tag}", upstream=(one.id,))
    backend.record(Batch(task_runs=(one, two)))
    child = backend.create_flow_run(
        NewFlowRun(tag, parent_flow_run_id=run.id, parent_task_run_id=two.id)
    )
    where = TaskRunFilter(flow_run_id=run.id)
    page = backend.find_task_runs(where, limit=1)
    rest = backend.find_task_runs(where, limit=1, cursor=page.cursor)
    listed = [task.id for task in (*page.rows, *rest.rows)]
    assert listed == sorted([one.id, two.id], reverse=True)
    assert rest.cursor is None
    named = backend.find_task_runs(TaskRunFilter(search=f"one-{tag}", state=("COMPLETED",)))
    assert [task.id for task in named.rows] == [one.id]
    graph = backend.read_run_graph(run.id)
    assert {(node.id, node.upstream, node.called_from) for node in graph.nodes} == {
        (one.id, (), None),
        (two.id, (one.id,), None),
        (child.id, (), two.id),
    }
    assert backend.read_run_graph(run.id, since=clock.now() + timedelta(hours=1)).nodes == ()


def test_log_lines_are_filtered_and_read_both_ways(backend: Backend, tag: str) -> None:
    (run,) = _made(backend, tag, 1)
    lines = tuple(
        LogEntry(run.id, NOW + timedelta(seconds=n), 10 * n, f"line {n} 100% {tag}")
        for n in range(1, 5)
    )
    backend.record(Batch(logs=lines))

    def said(where: LogFilter | None = None, **how: Any) -> list[int]:
        return [line.level for line in backend.list_logs(run.id, where=where, **how).rows]

    assert said() == [10, 20, 30, 40]
    assert said(sort="-at", limit=2) == [40, 30]
    newest = backend.list_logs(run.id, sort="-at", limit=2)
    assert said(sort="-at", after=newest.cursor) == [20, 10]
    assert said(LogFilter(level=30)) == [30, 40]
    assert said(LogFilter(search="LINE 2 100%")) == [20]
    assert said(LogFilter(since=NOW + timedelta(seconds=2), until=lines[3].at)) == [20, 30]
    everywhere = backend.list_logs(where=LogFilter(search=tag))
    assert {line.level for line in everywhere.rows} == {10, 20, 30, 40}
