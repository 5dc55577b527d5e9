"""Every due instant becomes one run or one recorded skip, whoever ticks and however late."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbflow.model import clock, states
from nbflow.model.backend import RunFilter
from nbflow.model.deployments import Deployment, DeploymentChange, NewDeployment, NewSchedule, Skip
from nbflow.model.runs import FlowRun, NewFlowRun, Owner
from nbflow.model.schedules import Cron, Interval
from nbflow.model.verdicts import Accept
from nbflow.model.workers import NewWorker, Worker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners, schedules

START = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
EVERY_SECOND = Interval(SECOND, anchor_date=START)

Deploy = Callable[..., Deployment]


@pytest.fixture
def deploy(orchestrator: Orchestrator) -> Deploy:
    def make(name: str = "nightly", **schedule: object) -> Deployment:
        given: dict[str, Any] = {"timing": EVERY_SECOND, **schedule}
        new = NewDeployment(
            name=name,
            flow_name=name,
            path=f"/work/{name}.ipynb",
            content="{}",
            kernel_name="python3",
            schedules=(NewSchedule(**given),),
        )
        with clock.frozen(START):
            return orchestrator.deploy(new)

    return make


def runs(orchestrator: Orchestrator) -> tuple[FlowRun, ...]:
    return orchestrator.list_flow_runs(limit=200).rows


def skips(orchestrator: Orchestrator, deployment: Deployment) -> tuple[Skip, ...]:
    with orchestrator.database.read() as connection:
        return schedules.skips(connection, deployment.schedules[0].id).rows


def tick(orchestrator: Orchestrator, after: float) -> None:
    at = START + timedelta(seconds=after)
    with clock.frozen(at):
        orchestrator.tick(at)


def a_worker(orchestrator: Orchestrator, *, limit: int = 10) -> Worker:
    new = NewWorker(name="w", work_pool="default", owner=owners.current(), limit=limit)
    return orchestrator.register_worker(new)


def test_a_due_instant_is_a_run(orchestrator: Orchestrator, deploy: Deploy) -> None:
    deploy()
    tick(orchestrator, 0.5)
    assert runs(orchestrator) == ()
    tick(orchestrator, 1.0)
    (run,) = runs(orchestrator)
    assert run.due_at == START + SECOND
    assert run.state.name == "Scheduled"


def test_ticking_twice_makes_one_run(orchestrator: Orchestrator, deploy: Deploy) -> None:
    deploy()
    tick(orchestrator, 1.0)
    tick(orchestrator, 1.0)
    assert len(runs(orchestrator)) == 1


def test_a_late_tick_makes_every_run_within_grace(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    deploy()
    tick(orchestrator, 5.2)
    assert sorted(run.due_at for run in runs(orchestrator) if run.due_at) == [
        START + i * SECOND for i in range(1, 6)
    ]


def test_catchup_all_makes_up_what_was_missed(orchestrator: Orchestrator, deploy: Deploy) -> None:
    made = deploy(catchup="all")
    tick(orchestrator, 60.0)
    assert len(runs(orchestrator)) == 60
    assert skips(orchestrator, made) == ()


def test_catchup_latest_makes_up_one_and_records_the_rest(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    made = deploy(timing=Interval(timedelta(minutes=1), anchor_date=START))
    tick(orchestrator, 600 + 30)
    assert [run.due_at for run in runs(orchestrator)] == [START + timedelta(minutes=10)]
    assert sum(skip.count for skip in skips(orchestrator, made)) == 9


def test_catchup_none_records_all_as_missed(orchestrator: Orchestrator, deploy: Deploy) -> None:
    made = deploy(timing=Interval(timedelta(minutes=1), anchor_date=START), catchup="none")
    tick(orchestrator, 600 + 30)
    assert runs(orchestrator) == ()
    assert sum(skip.count for skip in skips(orchestrator, made)) == 10


def test_eight_threads_ticking_at_once_make_each_run_once(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    deploy(catchup="all")
    at = START + 60 * SECOND
    with clock.frozen(at), ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: orchestrator.tick(at), range(8)))
    instants = [run.due_at for run in runs(orchestrator)]
    assert len(instants) == len(set(instants)) == 60


def test_enqueue_gives_a_worker_one_scheduled_run_at_a_time_oldest_first(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    deploy()
    tick(orchestrator, 3.0)
    worker = a_worker(orchestrator)
    (first,) = orchestrator.claim_flow_runs(worker.id, 10)
    assert first.run.due_at == START + SECOND
    assert orchestrator.claim_flow_runs(worker.id, 10) == ()
    orchestrator.propose(first.run.id, states.Running(), attempt=1)
    orchestrator.propose(first.run.id, states.Completed(), attempt=1)
    (second,) = orchestrator.claim_flow_runs(worker.id, 10)
    assert second.run.due_at == START + 2 * SECOND


def test_allow_gives_them_all(orchestrator: Orchestrator, deploy: Deploy) -> None:
    deploy(overlap="allow")
    tick(orchestrator, 3.0)
    assert len(orchestrator.claim_flow_runs(a_worker(orchestrator).id, 10)) == 3


def test_a_queueing_deployment_does_not_starve_another(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    deploy("busy", catchup="all")
    tick(orchestrator, 60.0)
    deploy("other", timing=Cron("1 12 * * *"))
    tick(orchestrator, 61.0)
    given = orchestrator.claim_flow_runs(a_worker(orchestrator).id, 10)
    assert sorted(claim.run.flow_name for claim in given) == ["busy", "other"]


def test_cancel_new_records_a_skip(orchestrator: Orchestrator, deploy: Deploy) -> None:
    made = deploy(overlap="cancel_new")
    tick(orchestrator, 1.0)
    tick(orchestrator, 2.0)
    assert len(runs(orchestrator)) == 1
    assert [skip.reason for skip in skips(orchestrator, made)] == ["overlap"]


def test_cancel_previous_cancels_the_one_before(orchestrator: Orchestrator, deploy: Deploy) -> None:
    deploy(overlap="cancel_previous")
    tick(orchestrator, 1.0)
    (claim,) = orchestrator.claim_flow_runs(a_worker(orchestrator).id, 10)
    tick(orchestrator, 2.0)
    assert orchestrator.read_flow_run(claim.run.id).state.name == "Cancelling"
    tick(orchestrator, 3.0)
    states_now = [run.state.name for run in runs(orchestrator)]
    assert states_now == ["Scheduled", "Cancelled", "Cancelling"]


def test_a_paused_deployment_makes_no_runs_and_resumes_from_now(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    made = deploy(catchup="all")
    orchestrator.update_deployment(made.id, DeploymentChange(paused=True))
    tick(orchestrator, 100.0)
    assert runs(orchestrator) == ()
    with clock.frozen(START + 100 * SECOND):
        orchestrator.update_deployment(made.id, DeploymentChange(paused=False))
    tick(orchestrator, 101.0)
    assert len(runs(orchestrator)) == 1


def test_a_deployment_limit_counts_live_runs(orchestrator: Orchestrator) -> None:
    new = NewDeployment(
        name="limited",
        flow_name="limited",
        path="/work/l.ipynb",
        content="{}",
        kernel_name="python3",
        concurrency_limit=2,
    )
    made = orchestrator.deploy(new)
    for _ in range(5):
        orchestrator.create_flow_run(
            NewFlowRun("", state=states.Scheduled(), deployment_id=made.id)
        )
    worker = a_worker(orchestrator)
    given = orchestrator.claim_flow_runs(worker.id, 10)
    assert len(given) == 2
    assert orchestrator.claim_flow_runs(worker.id, 10) == ()
    verdict = orchestrator.propose(given[0].run.id, states.Crashed(), attempt=1)
    assert isinstance(verdict, Accept)
    assert len(orchestrator.claim_flow_runs(worker.id, 10)) == 1


def test_a_worker_elsewhere_is_not_given_what_only_this_host_can_run(
    orchestrator: Orchestrator,
) -> None:
    here = owners.current()
    new = NewDeployment(
        name="here",
        flow_name="here",
        path="/work/h.ipynb",
        content="{}",
        kernel_name="python3",
        host=here.host,
    )
    made = orchestrator.deploy(new)
    orchestrator.create_flow_run(NewFlowRun("", state=states.Scheduled(), deployment_id=made.id))
    there = Owner("another-host", "b", 1, 0.0)
    away = orchestrator.register_worker(NewWorker("away", "default", there, 1))
    assert orchestrator.claim_flow_runs(away.id, 1) == ()
    assert len(orchestrator.claim_flow_runs(a_worker(orchestrator).id, 1)) == 1


def test_editing_a_deployment_keeps_an_unchanged_schedule_s_place(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    first = deploy(catchup="all")
    tick(orchestrator, 10.0)
    again = deploy(catchup="all")
    assert again.schedules[0].id == first.schedules[0].id
    tick(orchestrator, 20.0)
    assert len(runs(orchestrator)) == 20


def test_deleting_a_deployment_takes_its_waiting_runs_and_leaves_the_past(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    made = deploy()
    tick(orchestrator, 2.0)
    (claim,) = orchestrator.claim_flow_runs(a_worker(orchestrator).id, 1)
    orchestrator.propose(claim.run.id, states.Running(), attempt=1)
    orchestrator.propose(claim.run.id, states.Completed(), attempt=1)
    orchestrator.delete_deployment(made.name)
    assert [run.id for run in runs(orchestrator)] == [claim.run.id]
    page = orchestrator.list_flow_runs(RunFilter(deployment_id=made.id))
    assert len(page.rows) == 1


# -- what a schedule says beside its times ----------------------------------------------------

MINUTELY = Interval(timedelta(minutes=1), anchor_date=START)


def test_a_run_has_all_that_its_deployment_and_schedule_say(
    orchestrator: Orchestrator,
) -> None:
    new = NewDeployment(
        name="full",
        flow_name="full",
        path="/work/full.ipynb",
        content="{}",
        kernel_name="python3",
        parameter_schema={"properties": {"n": {"type": "integer"}, "m": {"type": "integer"}}},
        parameters={"n": 1, "m": 2},
        tags=("a", "b"),
        work_pool="full",
        job_variables={"env": {"A": "1"}},
        retries=2,
        retry_delay_seconds=3.0,
        crash_retries=1,
        schedules=(NewSchedule(MINUTELY, parameters={"n": 5}),),
    )
    with clock.frozen(START):
        made = orchestrator.deploy(new)
    tick(orchestrator, 60.0)
    (run,) = runs(orchestrator)
    by_hand = orchestrator.create_flow_run(
        NewFlowRun("", state=states.Scheduled(), deployment_id=made.id, parameters={"n": 5})
    )
    differ = ("id", "name", "state", "created_at", "due_at", "schedule_id", "created_by",
              "idempotency_key", "lease_until")  # fmt: skip
    for name in vars(run):
        if name not in differ:
            assert getattr(run, name) == getattr(by_hand, name), name
    assert (run.parameters, run.schedule_id) == ({"n": 5, "m": 2}, made.schedules[0].id)
    events = [e for e in orchestrator.changes(0).events if e.resource_id == run.id]
    assert events[0].row["state"]["id"] == run.state.id
    assert orchestrator.list_states(run.id) == (run.state,)


def test_an_edited_deployment_makes_edited_runs(orchestrator: Orchestrator, deploy: Deploy) -> None:
    made = deploy(timing=MINUTELY)
    tick(orchestrator, 60.0)
    with clock.frozen(START):
        orchestrator.update_deployment(made.id, DeploymentChange(tags=("new",)))
    tick(orchestrator, 120.0)
    assert [run.tags for run in runs(orchestrator)] == [("new",), ()]


def test_jitter_moves_the_start_and_not_the_instant(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    deploy(timing=MINUTELY, jitter_seconds=60.0, catchup="all")
    tick(orchestrator, 1200.0)
    found = runs(orchestrator)
    assert {run.due_at for run in found} == {START + n * timedelta(minutes=1) for n in range(1, 21)}
    later = [
        (datetime.fromisoformat(run.state.details["due_at"]) - run.due_at).total_seconds()
        for run in found
        if run.due_at
    ]
    assert all(0 <= one <= 60 for one in later)
    assert max(later) - min(later) > 20
    with clock.frozen(START + timedelta(seconds=1199)):
        claims = orchestrator.claim_flow_runs(a_worker(orchestrator).id, 1)
    assert claims[0].run.due_at != START + timedelta(minutes=20)


def test_it_ends_after_so_many_runs(orchestrator: Orchestrator, deploy: Deploy) -> None:
    made = deploy(timing=MINUTELY, max_runs=3, catchup="all")
    for minute in range(1, 6):
        tick(orchestrator, 60.0 * minute)
    assert len(runs(orchestrator)) == 3
    (schedule,) = orchestrator.read_deployment(made.id).schedules
    assert (schedule.runs_made, schedule.next_at) == (3, None)
    assert skips(orchestrator, made) == ()


def test_its_bounds_hold(orchestrator: Orchestrator, deploy: Deploy) -> None:
    minute = timedelta(minutes=1)
    made = deploy(timing=MINUTELY, starts_at=START + 3 * minute, ends_at=START + 6 * minute)
    for at in range(1, 9):
        tick(orchestrator, 60.0 * at)
    assert sorted(run.due_at for run in runs(orchestrator) if run.due_at) == [
        START + n * minute for n in (3, 4, 5)
    ]
    assert orchestrator.read_deployment(made.id).schedules[0].next_at is None


def test_a_skip_asked_for_within_an_outage_is_counted_once(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    made = deploy(timing=MINUTELY, catchup="none")
    (schedule,) = made.schedules
    with clock.frozen(START):
        orchestrator.skip_instant(schedule.id, START + timedelta(minutes=5))
    tick(orchestrator, 630.0)
    found = [(s.reason, s.count) for s in orchestrator.list_skips(schedule.id).rows]
    assert sorted(found) == [("asked", 1), ("missed", 4), ("missed", 5)]


def test_a_schedule_no_run_can_be_made_of_stops_no_other(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    bad = deploy("bad", timing=MINUTELY, parameters={"n": 1})
    with orchestrator.database.write() as connection:
        schema = '{"properties":{},"additionalProperties":false}'
        connection.exec_driver_sql(
            f"UPDATE deployment SET parameter_schema = '{schema}' WHERE name = 'bad'"
        )
    deploy("good", timing=MINUTELY)
    tick(orchestrator, 60.0)
    assert [run.flow_name for run in runs(orchestrator)] == ["good"]
    problem = orchestrator.read_schedule(bad.schedules[0].id).problem
    assert problem is not None
    assert "no parameter 'n'" in problem


def test_a_week_of_minutes_missed_is_one_run_and_one_record(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    made = deploy(timing=Cron("* * * * *"))
    began = time.process_time()
    tick(orchestrator, 7 * 86_400.0 + 20)
    assert time.process_time() - began < 5.0
    assert len(runs(orchestrator)) == 1
    assert [skip.count for skip in skips(orchestrator, made)] == [10_079]


def test_ten_thousand_missed_runs_are_made_up_at_once(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    week = 7 * 86_400.0
    made = deploy(
        timing=Cron("* * * * *"), catchup="all", catchup_window_seconds=week, catchup_max=10_000
    )
    began = time.process_time()
    tick(orchestrator, week + 20)
    print(f"10,080 missed: {time.process_time() - began:.2f} s CPU")
    assert time.process_time() - began < 20.0
    (schedule,) = orchestrator.read_deployment(made.id).schedules
    assert schedule.runs_made == 10_000
    assert [skip.count for skip in skips(orchestrator, made)] == [80]


def test_late_is_said_after_the_threshold_and_the_run_starts_all_the_same(
    orchestrator: Orchestrator, deploy: Deploy
) -> None:
    deploy(timing=MINUTELY)
    tick(orchestrator, 60.0)
    for after, name in ((74.0, "Scheduled"), (76.0, "Late")):
        with clock.frozen(START + timedelta(seconds=after)):
            orchestrator.mark_late(clock.now() - timedelta(seconds=15))
        assert runs(orchestrator)[0].state.name == name
    (claim,) = orchestrator.claim_flow_runs(a_worker(orchestrator).id, 1)
    verdict = orchestrator.propose(claim.run.id, states.Running(), attempt=1)
    assert isinstance(verdict, Accept)
