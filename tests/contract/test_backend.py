"""What `Backend` promises, asked of both authorities: the store's own, and a server's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbflow.exceptions import (
    Conflict,
    InvalidInput,
    InvalidSchedule,
    NbflowError,
    NotFound,
    ParameterError,
)
from nbflow.model import clock, ids, states
from nbflow.model.artifacts import Artifact, ArtifactFilter
from nbflow.model.backend import Backend, RunFilter
from nbflow.model.deployments import DeploymentChange, NewSchedule
from nbflow.model.runs import (
    Batch,
    FlowRun,
    LogEntry,
    NewFlowRun,
    TaskRun,
    advance,
)
from nbflow.model.schedules import Cron, Interval, RRule
from nbflow.model.scheduling import ScheduleChange
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import Abort, Accept, Wait
from nbflow.model.workers import Held
from nbflow.store import owners

End = Callable[[FlowRun], FlowRun]
YEARS = Cron("0 0 1 1 *", timezone="Europe/Paris")


def task_run(run: FlowRun, *path: State, position: int = 0, **said: Any) -> TaskRun:
    """A task run of a flow run that went through some states."""
    new = TaskRun(
        id=said.pop("id", ids.uuid7()),
        flow_run_id=run.id,
        key="clean",
        name="clean",
        kind="task",
        state=states.Pending(at=path[0].at),
        created_at=path[0].at,
        position=position,
        **said,
    )
    for state in path:
        new = advance(new, state)
    return new


# -- creating ---------------------------------------------------------------------------------


def test_a_run_is_read_as_it_was_created(backend: Backend, make: Any) -> None:
    run = make.run(parameters={"n": 10**40, "text": "ü\n", "deep": [{"a": None}]}, tags=("a", "b"))
    assert (run.state.type, run.attempt) == (StateType.PENDING, 1)
    assert run.parameters == {"n": 10**40, "text": "ü\n", "deep": [{"a": None}]}
    assert run.lease_until > clock.now()
    assert backend.read_flow_run(run.id) == run
    assert backend.list_states(run.id) == (run.state,)


def test_a_run_made_twice_is_one_run(backend: Backend) -> None:
    new = NewFlowRun("twice", parameters={"n": 1}, idempotency_key=ids.uuid7())
    first = backend.create_flow_run(new)
    again = NewFlowRun("twice", parameters={"n": 1}, idempotency_key=new.idempotency_key)
    assert backend.create_flow_run(new) == first
    assert backend.create_flow_run(again).id == first.id


def test_a_key_that_asks_for_something_else_is_refused(backend: Backend) -> None:
    key = ids.uuid7()
    backend.create_flow_run(NewFlowRun("first", parameters={"n": 1}, idempotency_key=key))
    with pytest.raises(Conflict) as refused:
        backend.create_flow_run(NewFlowRun("first", parameters={"n": 2}, idempotency_key=key))
    assert refused.value.code == "idempotency.mismatch"


@pytest.mark.parametrize("wrong", ["abc", "../../etc", "018F0000-0000-7000-8000-000000000000"])
def test_an_id_that_is_none_is_refused(backend: Backend, wrong: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.create_flow_run(NewFlowRun("x", id=wrong))
    assert (refused.value.code, refused.value.field) == ("id.invalid", "id")


def test_a_run_cannot_begin_ended(backend: Backend) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.create_flow_run(NewFlowRun("x", state=states.Completed()))
    assert refused.value.field == "state"


def test_a_run_of_no_deployment_is_not_found(backend: Backend) -> None:
    new = NewFlowRun("x", state=states.Scheduled(), deployment_id=ids.uuid7())
    with pytest.raises(NotFound):
        backend.create_flow_run(new)
    with pytest.raises(NotFound):
        backend.read_flow_run(new.id)


# -- moving -----------------------------------------------------------------------------------


def test_a_run_moves_as_proposed(backend: Backend, make: Any) -> None:
    run, running, done = make.run(), states.Running(), states.Completed(message="Fine.")
    assert backend.propose(run.id, running, attempt=1) == Accept(running, 1)
    assert backend.propose(run.id, done, attempt=1) == Accept(done, 1)
    after = backend.read_flow_run(run.id)
    assert (after.state, after.ended_at, after.lease_until) == (done, done.at, None)
    assert [s.name for s in backend.list_states(run.id)] == ["Pending", "Running", "Completed"]


def test_the_same_proposal_twice_is_one_transition(backend: Backend, make: Any) -> None:
    run, running = make.run(), states.Running()
    assert backend.propose(run.id, running) == backend.propose(run.id, running)
    assert len(backend.list_states(run.id)) == 2


def test_what_has_ended_stays_ended(backend: Backend, make: Any, end: End) -> None:
    run = end(make.run())
    verdict = backend.propose(run.id, states.Failed())
    assert isinstance(verdict, Abort)
    assert verdict.state == run.state


def test_an_old_attempt_is_fenced(backend: Backend, make: Any, pool: str) -> None:
    waiting = make.waiting(pool, retries=1)
    first = make.worker(pool)
    (claim,) = backend.claim_flow_runs(first.id, 1)
    backend.propose(waiting.id, states.Running(), attempt=claim.attempt)
    backend.propose(waiting.id, states.Failed(), attempt=claim.attempt)
    (second,) = backend.claim_flow_runs(first.id, 1)
    assert (claim.attempt, second.attempt) == (1, 2)
    late = backend.propose(waiting.id, states.Completed(), attempt=claim.attempt)
    assert isinstance(late, Abort)
    assert backend.read_flow_run(waiting.id).state.is_pending()


def test_a_run_that_is_not_due_has_to_wait(backend: Backend, make: Any, pool: str) -> None:
    run = make.waiting(pool, due_at=clock.now() + timedelta(hours=1))
    verdict = backend.propose(run.id, states.Running())
    assert isinstance(verdict, Wait)
    assert 3500 < verdict.seconds <= 3600


def test_the_proposer_becomes_the_owner(backend: Backend, make: Any) -> None:
    run, me = make.run(), owners.current()
    backend.propose(run.id, states.Running(), owner=me)
    assert backend.read_flow_run(run.id).owner == me


def test_nothing_can_be_proposed_for_no_run(backend: Backend) -> None:
    with pytest.raises(NotFound):
        backend.propose(ids.uuid7(), states.Running())


# -- cancelling and deleting ------------------------------------------------------------------


def test_a_waiting_run_is_cancelled_at_once(backend: Backend, make: Any, pool: str) -> None:
    run = make.waiting(pool)
    verdict = backend.propose(run.id, states.Cancelling())
    assert isinstance(verdict, Accept)
    assert verdict.state.is_cancelled()
    assert backend.claim_flow_runs(make.worker(pool).id, 1) == ()


def test_a_running_run_is_told_to_stop_and_then_is_cancelled(backend: Backend, make: Any) -> None:
    run = make.run()
    backend.propose(run.id, states.Running(), attempt=1)
    backend.propose(run.id, states.Cancelling())
    assert backend.heartbeat((Held(run.id, 1),)).cancel == (run.id,)
    assert backend.record(Batch((task_run(run, states.Running()),))).cancel == (run.id,)
    backend.propose(run.id, states.Failed(message="KeyboardInterrupt"), attempt=1)
    assert backend.read_flow_run(run.id).state.is_cancelled()


def test_cancelling_twice_is_cancelling(backend: Backend, make: Any) -> None:
    run = make.run()
    first = backend.propose(run.id, states.Cancelling())
    assert backend.propose(run.id, states.Cancelling()) == first


def test_only_an_ended_run_is_deleted(backend: Backend, make: Any, end: End) -> None:
    run = make.run()
    with pytest.raises(Conflict) as refused:
        backend.delete_flow_run(run.id)
    assert refused.value.code == "run.live"
    end(run)
    backend.delete_flow_run(run.id)
    for ask in (backend.read_flow_run, backend.delete_flow_run, backend.list_states):
        with pytest.raises(NotFound):
            ask(run.id)


# -- recording --------------------------------------------------------------------------------


def test_records_sent_twice_are_kept_once(backend: Backend, make: Any) -> None:
    run = make.run()
    done = task_run(run, states.Running(), states.Completed())
    line = LogEntry(run.id, clock.now(), 20, "hello", task_run_id=done.id)
    shown = Artifact("table", {"columns": ["n"], "rows": [[1]]}, key="t", flow_run_id=run.id)
    batch = Batch((done,), (line,), (shown,))
    backend.record(batch)
    assert backend.record(batch).cancel == ()
    assert backend.list_task_runs(run.id) == (done,)
    assert [s.name for s in done.history] == ["Pending", "Running", "Completed"]
    assert backend.list_logs(run.id).rows == (line,)
    assert backend.list_artifacts(ArtifactFilter(run.id)).rows == (shown,)


def test_an_older_record_changes_nothing(backend: Backend, make: Any) -> None:
    run = make.run()
    running, task_id = states.Running(), ids.uuid7()
    older = task_run(run, running, id=task_id)
    newer = task_run(run, running, states.Completed(), id=task_id)
    backend.record(Batch((newer,)))
    backend.record(Batch((older,)))
    assert backend.list_task_runs(run.id) == (newer,)


def test_task_runs_come_in_order(backend: Backend, make: Any) -> None:
    run = make.run()
    updates = [task_run(run, states.Running(), position=n) for n in (2, 0, 1)]
    backend.record(Batch(tuple(updates)))
    assert [t.position for t in backend.list_task_runs(run.id)] == [0, 1, 2]


def test_logs_come_in_pages_oldest_first(backend: Backend, make: Any) -> None:
    run = make.run()
    at = clock.now()
    lines = tuple(
        LogEntry(run.id, at + timedelta(microseconds=n), 20, f"line {n}") for n in range(25)
    )
    backend.record(Batch(logs=lines[::-1]))
    first = backend.list_logs(run.id, limit=20)
    rest = backend.list_logs(run.id, limit=20, after=first.cursor)
    assert (*first.rows, *rest.rows) == lines
    assert rest.cursor is None


# -- deployments ------------------------------------------------------------------------------


def test_a_deployment_is_read_as_it_was_made(backend: Backend, make: Any) -> None:
    new = make.new_deployment(
        schedules=(
            NewSchedule(YEARS, catchup="all", overlap="allow", parameters={"n": 3}),
            NewSchedule(Interval(timedelta(days=2), anchor_date=datetime(2026, 1, 1, tzinfo=UTC))),
            NewSchedule(RRule("FREQ=WEEKLY;BYDAY=MO"), active=False),
        ),
        parameters={"n": 2},
        tags=("x",),
        description="What it does.",
        concurrency_limit=3,
    )
    made = backend.deploy(new)
    for name in "name flow_name path source kernel_name parameter_schema parameters tags".split():
        assert getattr(made, name) == getattr(new, name), name
    assert [(s.timing, s.catchup, s.overlap, s.active) for s in made.schedules] == [
        (s.timing, s.catchup, s.overlap, s.active) for s in new.schedules
    ]
    assert made.schedules[0].next_at is not None
    assert backend.read_deployment(made.id) == backend.read_deployment(made.name) == made
    assert made in backend.list_deployments().rows
    assert backend.read_snapshot(made.snapshot) == new.content
    assert made.work_pool in [pool.name for pool in backend.list_work_pools().rows]


def test_a_name_belongs_to_one_path(backend: Backend, make: Any) -> None:
    mine = make.deployment()
    taken = make.new_deployment(name=mine.name, path=make.folder / "other.ipynb")
    with pytest.raises(Conflict) as refused:
        backend.deploy(taken)
    assert (refused.value.code, refused.value.field) == ("deployment.name_taken", "name")
    over = make.new_deployment(name=mine.name, path=make.folder / "other.ipynb", replace=True)
    assert backend.deploy(over).id == mine.id


def test_deploying_again_keeps_the_id_and_a_schedules_place(backend: Backend, make: Any) -> None:
    first = make.deployment(schedules=(NewSchedule(YEARS),))
    new = make.new_deployment(name=first.name, schedules=(NewSchedule(YEARS),))
    again = backend.deploy(new)
    assert again.id == first.id
    assert again.schedules == first.schedules


def test_an_edit_changes_what_it_names(backend: Backend, make: Any) -> None:
    made = make.deployment(tags=("a",), parameters={"n": 5})
    after = backend.update_deployment(made.name, DeploymentChange(paused=True, description="New."))
    assert (after.paused, after.description) == (True, "New.")
    assert (after.tags, after.parameters) == (("a",), {"n": 5})
    with pytest.raises(ParameterError) as refused:
        backend.update_deployment(made.id, DeploymentChange(parameters={"m": 1}))
    assert refused.value.code == "parameter.unknown"


def test_a_resumed_schedule_makes_nothing_up(backend: Backend, make: Any) -> None:
    hourly = NewSchedule(Interval(timedelta(hours=1)), active=False)
    (schedule,) = make.deployment(schedules=(hourly,)).schedules
    before = clock.now()
    resumed = backend.update_schedule(schedule.id, ScheduleChange(active=True))
    assert resumed.active
    assert resumed.done_until >= before
    assert resumed.next_at is not None
    assert not backend.update_schedule(schedule.id, ScheduleChange(active=False)).active


def test_deleting_a_deployment_leaves_its_past_runs(backend: Backend, make: Any, end: End) -> None:
    made = make.deployment()
    past, waiting = make.run_of(made), make.run_of(made)
    (claim,) = backend.claim_flow_runs(make.worker(made.work_pool).id, 1)
    end(claim.run)
    backend.delete_deployment(made.name)
    assert backend.read_flow_run(claim.run.id).state.is_completed()
    other = waiting if claim.run.id == past.id else past
    for ask, name in ((backend.read_flow_run, other.id), (backend.read_deployment, made.id)):
        with pytest.raises(NotFound):
            ask(name)


def test_a_run_takes_its_deployments_parameters(backend: Backend, make: Any) -> None:
    made = make.deployment(parameters={"n": 7}, tags=("d",))
    run = make.run_of(made, tags=("r",))
    assert run.parameters == {"n": 7}
    assert (run.tags, run.snapshot, run.path) == (("d", "r"), made.snapshot, made.path)
    assert make.run_of(made, parameters={"n": 8}).parameters == {"n": 8}


@pytest.mark.parametrize(
    ("wrong", "code"), [({"n": "many"}, "parameter.type"), ({"m": 1}, "parameter.unknown")]
)
def test_a_wrong_parameter_makes_no_run(
    backend: Backend, make: Any, wrong: dict[str, Any], code: str
) -> None:
    made = make.deployment()
    with pytest.raises(ParameterError) as refused:
        make.run_of(made, parameters=wrong)
    assert refused.value.code == code
    assert backend.list_flow_runs(RunFilter(deployment_id=made.id)).rows == ()


# -- workers ----------------------------------------------------------------------------------


def test_a_second_worker_loses(backend: Backend, make: Any, pool: str) -> None:
    run = make.waiting(pool)
    first, second = make.worker(pool), make.worker(pool)
    (claim,) = backend.claim_flow_runs(first.id, 1)
    assert (claim.run.id, claim.attempt) == (run.id, 1)
    assert claim.run.owner == first.owner
    assert backend.claim_flow_runs(second.id, 1) == ()


def test_a_worker_is_given_what_it_has_room_for_oldest_first(
    backend: Backend, make: Any, pool: str
) -> None:
    at = clock.now() - timedelta(hours=1)
    runs = [make.waiting(pool, due_at=at + timedelta(seconds=n)) for n in (3, 1, 2)]
    worker = make.worker(pool)
    given = [claim.run.id for claim in backend.claim_flow_runs(worker.id, 2)]
    assert given == [runs[1].id, runs[2].id]


def test_a_worker_is_not_given_what_is_not_due_or_anothers(
    backend: Backend, make: Any, pool: str
) -> None:
    make.waiting(pool, due_at=clock.now() + timedelta(hours=1))
    make.waiting(f"{pool}-other")
    assert backend.claim_flow_runs(make.worker(pool).id, 5) == ()


def test_no_more_runs_of_a_deployment_than_its_limit(backend: Backend, make: Any, end: End) -> None:
    made = make.deployment(concurrency_limit=1)
    make.run_of(made)
    make.run_of(made)
    worker = make.worker(made.work_pool)
    (claim,) = backend.claim_flow_runs(worker.id, 5)
    assert backend.claim_flow_runs(worker.id, 5) == ()
    end(claim.run)
    assert len(backend.claim_flow_runs(worker.id, 5)) == 1


def test_scheduled_runs_that_enqueue_go_one_after_another(
    backend: Backend, make: Any, end: End
) -> None:
    made = make.deployment(schedules=(NewSchedule(YEARS, overlap="enqueue"),))
    (schedule,) = made.schedules
    at = clock.now() - timedelta(minutes=5)
    for n in range(2):
        make.run_of(made, schedule_id=schedule.id, due_at=at + timedelta(seconds=n))
    worker = make.worker(made.work_pool)
    (first,) = backend.claim_flow_runs(worker.id, 5)
    assert backend.claim_flow_runs(worker.id, 5) == ()
    end(first.run)
    (second,) = backend.claim_flow_runs(worker.id, 5)
    assert second.run.due_at > first.run.due_at


def test_an_instant_of_a_schedule_is_one_run(backend: Backend, make: Any) -> None:
    made = make.deployment(schedules=(NewSchedule(YEARS),))
    at = clock.now()
    make.run_of(made, schedule_id=made.schedules[0].id, due_at=at)
    with pytest.raises(Conflict):
        make.run_of(made, schedule_id=made.schedules[0].id, due_at=at)


def test_a_heartbeat_renews_what_is_held_and_names_what_is_lost(
    backend: Backend, make: Any, pool: str
) -> None:
    make.waiting(pool)
    worker = make.worker(pool)
    (claim,) = backend.claim_flow_runs(worker.id, 1)
    beat = backend.heartbeat(
        (Held(claim.run.id, claim.attempt), Held(claim.run.id, 7)), worker_id=worker.id
    )
    assert (beat.lost, beat.cancel) == ((claim.run.id,), ())
    assert backend.read_flow_run(claim.run.id).lease_until >= claim.run.lease_until
    (seen,) = [w for w in backend.list_workers().rows if w.id == worker.id]
    assert seen.heartbeat_at >= worker.heartbeat_at


def test_a_worker_that_stops_gives_back_what_it_never_started(
    backend: Backend, make: Any, pool: str
) -> None:
    run = make.waiting(pool)
    worker = make.worker(pool)
    backend.claim_flow_runs(worker.id, 1)
    backend.stop_worker(worker.id)
    backend.stop_worker(worker.id)
    assert backend.read_flow_run(run.id).state.is_scheduled()
    assert worker.id not in [w.id for w in backend.list_workers().rows]
    assert backend.claim_flow_runs(worker.id, 1) == ()


@pytest.mark.parametrize(
    "ask",
    [lambda b, i: b.claim_flow_runs(i, 1), lambda b, i: b.stop_worker(i)],
    ids=["claim", "stop"],
)
def test_an_unknown_worker_is_not_found(backend: Backend, ask: Any) -> None:
    with pytest.raises(NotFound):
        ask(backend, ids.uuid7())


# -- lists ------------------------------------------------------------------------------------


def test_runs_are_filtered(backend: Backend, make: Any, end: End) -> None:
    made = make.deployment()
    tag = f"tag-{ids.uuid7()[-12:]}"
    mine = make.run_of(made, tags=(tag,), name="crimson-condor")
    late = make.run_of(made, due_at=clock.now() + timedelta(days=1))
    done = end(make.run(tags=(tag,)))

    def found(**said: Any) -> set[str]:
        return {run.id for run in backend.list_flow_runs(RunFilter(**said)).rows}

    assert found(deployment_id=made.id) == {mine.id, late.id}
    assert found(tags=(tag,)) == {mine.id, done.id}
    assert found(tags=("no such tag", tag)) == {mine.id, done.id}
    assert found(tags=(tag,), state=("COMPLETED", "FAILED")) == {done.id}
    assert found(deployment_id=made.id, search="CONDOR") == {mine.id}
    assert found(deployment_id=made.id, since=late.due_at) == {late.id}
    assert found(deployment_id=made.id, until=late.due_at) == {mine.id}
    assert found(tags=(tag,), flow_name="by-hand") == {done.id}


def test_runs_of_a_kernels_session_are_hidden_unless_asked_for(backend: Backend, make: Any) -> None:
    tag = f"tag-{ids.uuid7()[-12:]}"
    session = make.run(kind="session", tags=(tag,))
    assert backend.list_flow_runs(RunFilter(tags=(tag,))).rows == ()
    assert backend.list_flow_runs(RunFilter(tags=(tag,), sessions=True)).rows == (session,)


def test_children_are_listed_by_their_parent(backend: Backend, make: Any) -> None:
    parent = make.run()
    child = make.run(parent_flow_run_id=parent.id)
    where = RunFilter(parent_flow_run_id=parent.id)
    assert backend.list_flow_runs(where).rows == (child,)


def test_pages_hold_every_run_once_newest_first(backend: Backend, make: Any) -> None:
    tag, at = f"tag-{ids.uuid7()[-12:]}", clock.now()
    for n in range(7):
        make.run(tags=(tag,), due_at=at + timedelta(seconds=n // 2))
    seen: list[FlowRun] = []
    cursor = None
    while True:
        page = backend.list_flow_runs(RunFilter(tags=(tag,)), limit=3, cursor=cursor)
        seen += page.rows
        cursor = page.cursor
        if cursor is None:
            break
    assert len({run.id for run in seen}) == len(seen) == 7
    assert [run.due_at for run in seen] == sorted((run.due_at for run in seen), reverse=True)


@pytest.mark.parametrize("limit", [0, -1, 201, 10**12])
def test_a_limit_out_of_range_is_refused(backend: Backend, limit: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.list_flow_runs(limit=limit)
    assert refused.value.field == "limit"


@pytest.mark.parametrize("cursor", ["x", "1.2", f"{10**30}.{'0' * 36}", "", "1.';--"])
def test_a_cursor_that_was_made_up_is_refused(backend: Backend, make: Any, cursor: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        backend.list_flow_runs(cursor=cursor)
    assert refused.value.code == "cursor.invalid"
    with pytest.raises(InvalidInput):
        backend.list_logs(make.run().id, after=cursor)


# -- changes ----------------------------------------------------------------------------------


def test_changes_are_numbered_and_hold_the_row(backend: Backend, make: Any, end: End) -> None:
    since = backend.changes(0, limit=1).seq
    while (more := backend.changes(since)).seq > since:
        since = more.seq
    run = end(make.run())
    backend.record(Batch((task_run(run, states.Running()),)))
    found = backend.changes(since)
    mine = [event for event in found.events if event.resource_id == run.id]
    assert [event.kind for event in mine] == [
        "flow-run.Pending",
        "flow-run.Running",
        "flow-run.Completed",
        "task-runs.recorded",
    ]
    numbers = [event.seq for event in found.events]
    assert numbers == sorted(set(numbers))
    assert (found.seq, found.complete) == (numbers[-1], True)
    assert mine[2].row["state"]["type"] == "COMPLETED"
    assert "parameters" not in mine[2].row
    assert backend.changes(found.seq).events == ()


@pytest.mark.parametrize("limit", [0, 1001])
def test_changes_come_in_bounded_numbers(backend: Backend, limit: int) -> None:
    with pytest.raises(InvalidInput):
        backend.changes(0, limit=limit)


# -- nothing there ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ask",
    [
        lambda b: b.read_flow_run("no"),
        lambda b: b.list_task_runs("no"),
        lambda b: b.list_logs("no"),
        lambda b: b.read_artifact("no"),
        lambda b: b.read_deployment("no"),
        lambda b: b.delete_deployment("no"),
        lambda b: b.update_deployment("no", DeploymentChange(paused=True)),
        lambda b: b.update_schedule("no", ScheduleChange(active=True)),
        lambda b: b.read_schedule("no"),
        lambda b: b.delete_schedule("no"),
        lambda b: b.list_skips("no").rows,
        lambda b: b.skip_instant("no", clock.now()),
        lambda b: b.list_upcoming("no"),
        lambda b: b.create_schedule("no", NewSchedule(Interval(60))),
        lambda b: b.read_snapshot("0" * 64),
        lambda b: b.read_snapshot("../../etc/passwd"),
    ],
)
def test_what_is_not_there_is_not_found(backend: Backend, ask: Callable[[Backend], Any]) -> None:
    with pytest.raises(NotFound) as refused:
        ask(backend)
    assert refused.value.message


def test_errors_say_the_same_whichever_way_they_come(make: Any, backend: Backend) -> None:
    made = make.deployment()
    wrong: NbflowError | None = None
    try:
        make.run_of(made, parameters={"n": "many"})
    except ParameterError as error:
        wrong = error
    assert wrong is not None
    assert wrong.status == 422
    assert wrong.field == "n"
    assert "whole number" in wrong.message


def test_a_schedule_that_never_fires_is_refused(make: Any) -> None:
    with pytest.raises(InvalidSchedule):
        make.deployment(schedules=(NewSchedule(Cron("0 0 31 2 *")),))
