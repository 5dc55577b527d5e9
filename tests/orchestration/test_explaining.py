"""A run that waits says why in plain words: each cause by itself, on a real store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nbflow.exceptions import NotFound
from nbflow.model import clock, ids, states
from nbflow.model.deployments import Deployment, NewDeployment, NewSchedule
from nbflow.model.explaining import Explanation
from nbflow.model.limits import NewLimit, SlotRequest
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.schedules import Interval
from nbflow.model.work_pools import NewWorkPool, WorkPoolChange, WorkQueueChange
from nbflow.model.workers import NewWorker, Worker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

POOL = "p"


@pytest.fixture
def why(orchestrator: Orchestrator) -> Callable[[FlowRun], Explanation]:
    def ask(run: FlowRun) -> Explanation:
        return orchestrator.explain_flow_run(run.id)

    return ask


Why = Callable[[FlowRun], Explanation]


def a_run(orchestrator: Orchestrator, **said: Any) -> FlowRun:
    due_at = said.pop("due_at", None)
    new = NewFlowRun(
        "n", kind="notebook", state=states.Scheduled(due_at), due_at=due_at, path="/n.ipynb",
        work_pool=POOL, **said,
    )  # fmt: skip
    return orchestrator.create_flow_run(new)


def a_worker(orchestrator: Orchestrator, **said: Any) -> Worker:
    made = ids.uuid7()
    return orchestrator.register_worker(
        NewWorker("w-1", POOL, owners.current(worker_id=made), 100, made, **said)
    )


def a_deployment(orchestrator: Orchestrator, **said: Any) -> Deployment:
    given: dict[str, Any] = {"kernel_name": "python3", "work_pool": POOL, **said}
    return orchestrator.deploy(NewDeployment("d", "d", "/d.ipynb", '{"cells": []}', **given))


def a_run_of(orchestrator: Orchestrator, deployment: Deployment, **said: Any) -> FlowRun:
    new = NewFlowRun("n", state=states.Scheduled(), deployment_id=deployment.id, **said)
    return orchestrator.create_flow_run(new)


def codes(explanation: Explanation) -> list[str]:
    return [reason.code for reason in explanation.reasons]


def test_no_worker_is_online(orchestrator: Orchestrator, why: Why) -> None:
    run = a_run(orchestrator)
    said = why(run)
    assert codes(said) == ["worker.none"]
    assert "none is online" in said.message
    assert "nbflow worker start --pool p" in str(said.reasons[0].hint)
    worker = a_worker(orchestrator)
    assert why(run).reasons == ()
    assert "a free place of a worker" in why(run).message
    orchestrator.stop_worker(worker.id)
    assert codes(why(run)) == ["worker.none"]


def test_a_pool_and_a_queue_are_paused(orchestrator: Orchestrator, why: Why) -> None:
    a_worker(orchestrator)
    run = a_run(orchestrator, work_queue="q")
    orchestrator.update_work_queue(POOL, "q", WorkQueueChange(paused=True))
    assert codes(why(run)) == ["queue.paused"]
    orchestrator.update_work_pool(POOL, WorkPoolChange(paused=True))
    assert codes(why(run)) == ["pool.paused"]
    assert "nbflow work-pool resume p" in str(why(run).reasons[0].hint)


def test_no_worker_has_the_queue_the_host_or_the_kernel(
    orchestrator: Orchestrator, why: Why
) -> None:
    a_worker(orchestrator, work_queues=("other",), kernels=("python3",))
    queue = a_run(orchestrator)
    assert codes(why(queue)) == ["worker.queue"]
    assert "w-1" in why(queue).message
    kernel = a_run(orchestrator, work_queue="other", kernel_name="rare")
    assert codes(why(kernel)) == ["worker.kernel"]
    assert "'rare'" in why(kernel).message
    deployment = a_deployment(orchestrator, host="elsewhere", work_queue="other")
    assert codes(why(a_run_of(orchestrator, deployment))) == ["worker.host"]
    live = a_deployment(
        orchestrator, host="elsewhere", work_queue="other", source="live", replace=True
    )
    (reason,) = why(a_run_of(orchestrator, live)).reasons
    assert "on the host 'elsewhere', where /d.ipynb lies (it is live" in reason.message


def test_the_limits_say_who_holds_them_and_its_place(orchestrator: Orchestrator, why: Why) -> None:
    orchestrator.create_work_pool(NewWorkPool(POOL, concurrency_limit=2))
    deployment = a_deployment(orchestrator, concurrency_limit=1)
    worker = a_worker(orchestrator)
    held, _, last = (a_run_of(orchestrator, deployment) for _ in range(3))
    assert len(orchestrator.claim_flow_runs(worker.id, 5)) == 1
    (reason,) = why(last).reasons
    assert (reason.code, reason.position, reason.waiting) == ("limit.deployment", 2, 2)
    assert reason.runs == (held.id,)
    assert f"the only place of the deployment 'd', held by {held.name}; number 2 of 2" in (
        reason.message
    )
    other, waiting = a_run(orchestrator), a_run(orchestrator)
    assert [c.run.id for c in orchestrator.claim_flow_runs(worker.id, 5)] == [other.id]
    (reason,) = why(waiting).reasons
    assert (reason.code, set(reason.runs)) == ("limit.pool", {held.id, other.id})
    assert "one of the 2 places of the pool 'p'" in reason.message
    orchestrator.update_work_pool(POOL, WorkPoolChange(concurrency_limit=None))
    orchestrator.update_work_queue(POOL, "default", WorkQueueChange(concurrency_limit=0))
    (reason,) = why(waiting).reasons
    assert reason.code == "limit.queue"
    assert "whose limit is 0" in reason.message


def test_a_scheduled_run_waits_for_the_one_before(orchestrator: Orchestrator, why: Why) -> None:
    second = timedelta(seconds=1)
    start = datetime(2026, 3, 2, 12, tzinfo=UTC)
    with clock.frozen(start):
        timing = Interval(second, anchor_date=start)
        new = NewSchedule(timing, catchup="all")
        a_deployment(orchestrator, schedules=(new,))
    with clock.frozen(start + 2 * second):
        orchestrator.tick(start + 2 * second)
        worker = a_worker(orchestrator)
        newest, oldest = orchestrator.list_flow_runs().rows
        orchestrator.claim_flow_runs(worker.id, 5)
        (reason,) = why(newest).reasons
    assert (reason.code, reason.runs) == ("overlap", (oldest.id,))
    assert "the scheduled run before it to end" in reason.message


def test_it_is_not_due_yet(orchestrator: Orchestrator, why: Why) -> None:
    a_worker(orchestrator)
    later = clock.now() + timedelta(hours=1)
    (reason,) = why(a_run(orchestrator, due_at=later)).reasons
    assert (reason.code, reason.until) == ("not_due", later)
    run = orchestrator.create_flow_run(
        NewFlowRun("f", owner=owners.current(), retries=1, retry_delay_seconds=60.0)
    )
    orchestrator.propose(run.id, states.Running(), attempt=1)
    orchestrator.propose(run.id, states.Failed(message="boom"), attempt=1)
    assert "its next try" in why(run).message


def test_a_running_run_waits_for_slots_of_a_tag_or_for_nothing(
    orchestrator: Orchestrator, why: Why
) -> None:
    run = orchestrator.create_flow_run(NewFlowRun("f", owner=owners.current()))
    orchestrator.propose(run.id, states.Running(), attempt=1)
    assert (why(run).waits, why(run).message) == (False, "It does not wait: it is Running.")
    orchestrator.create_limit(NewLimit("tag:db", 1))
    orchestrator.acquire_slots(SlotRequest(("tag:db",), owner=owners.current()))
    asked = SlotRequest(("tag:db",), owner=owners.current(), flow_run_id=run.id)
    orchestrator.acquire_slots(asked)
    (reason,) = why(run).reasons
    assert (reason.code, reason.position) == ("slots", 1)
    assert "'tag:db'" in reason.message


def test_a_paused_run_waits_for_an_answer(orchestrator: Orchestrator, why: Why) -> None:
    run = orchestrator.create_flow_run(NewFlowRun("f", owner=owners.current()))
    orchestrator.propose(run.id, states.Running(), attempt=1)
    orchestrator.propose(run.id, states.Paused(), attempt=1)
    assert codes(why(run)) == ["paused"]
    with pytest.raises(NotFound):
        why(replace(run, id=ids.uuid7()))
