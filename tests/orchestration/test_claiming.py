"""Who is given which run: queues by priority, limits never exceeded, nothing lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from nbflow.exceptions import Conflict, InvalidInput
from nbflow.model import clock, ids, states
from nbflow.model.deployments import Deployment, NewDeployment
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.model.variables import NewVariable
from nbflow.model.work_pools import NewWorkPool, NewWorkQueue, WorkPoolChange, WorkQueueChange
from nbflow.model.workers import NewWorker, Worker
from nbflow.orchestration import reaping
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

POOL = "p"
Waiting = Callable[..., FlowRun]


@pytest.fixture
def waiting(orchestrator: Orchestrator) -> Waiting:
    """A run that waits in a queue of the pool; each is due a second after the one before."""
    count = 0

    def make(queue: str | None = None, **said: Any) -> FlowRun:
        nonlocal count
        count += 1
        due_at = clock.now() - timedelta(hours=1) + timedelta(seconds=count)
        new = NewFlowRun(
            "n", kind="notebook", state=states.Scheduled(due_at), due_at=due_at, path="/n.ipynb",
            work_pool=POOL, work_queue=queue, **said,
        )  # fmt: skip
        return orchestrator.create_flow_run(new)

    return make


def a_worker(orchestrator: Orchestrator, **said: Any) -> Worker:
    made = ids.uuid7()
    owner = said.pop("owner", owners.current(worker_id=made))
    new = NewWorker("w", said.pop("pool", POOL), replace(owner, worker_id=made), 100, made, **said)
    return orchestrator.register_worker(new)


def a_deployment(orchestrator: Orchestrator, **said: Any) -> Deployment:
    name = f"d-{ids.uuid7()[-8:]}"
    given: dict[str, Any] = {"kernel_name": "python3", "work_pool": POOL, **said}
    return orchestrator.deploy(
        NewDeployment(name, name, f"/{name}.ipynb", '{"cells": []}', **given)
    )


def a_run_of(orchestrator: Orchestrator, deployment: Deployment, **said: Any) -> FlowRun:
    state = states.Scheduled(said.get("due_at"))
    new = NewFlowRun("n", state=state, deployment_id=deployment.id, **said)
    return orchestrator.create_flow_run(new)


def claimed(orchestrator: Orchestrator, worker: Worker, limit: int = 100) -> list[str]:
    return [claim.run.id for claim in orchestrator.claim_flow_runs(worker.id, limit)]


def finish(orchestrator: Orchestrator, run_id: str) -> None:
    run = orchestrator.read_flow_run(run_id)
    for state in (states.Running(), states.Completed()):
        orchestrator.propose(run_id, state, attempt=run.attempt)


def test_behaviour_20_queues_are_drained_by_priority_within_the_limits(
    orchestrator: Orchestrator, waiting: Waiting
) -> None:
    orchestrator.create_work_pool(NewWorkPool(POOL, concurrency_limit=3))
    orchestrator.update_work_queue(POOL, "default", WorkQueueChange(priority=2))
    orchestrator.create_work_queue(POOL, NewWorkQueue("first", 1, concurrency_limit=1))
    second = [waiting() for _ in range(4)]
    first = [waiting("first") for _ in range(3)]
    worker = a_worker(orchestrator)
    assert claimed(orchestrator, worker) == [first[0].id, second[0].id, second[1].id]
    assert claimed(orchestrator, worker) == []
    finish(orchestrator, second[0].id)
    assert claimed(orchestrator, worker) == [second[2].id]
    finish(orchestrator, first[0].id)
    assert claimed(orchestrator, worker) == [first[1].id]


def test_a_queue_keeps_its_own_limit_and_order(
    orchestrator: Orchestrator, waiting: Waiting
) -> None:
    runs = [waiting("q").id for _ in range(4)]
    orchestrator.update_work_queue(POOL, "q", WorkQueueChange(concurrency_limit=2))
    worker = a_worker(orchestrator)
    assert claimed(orchestrator, worker) == runs[:2]
    orchestrator.update_work_queue(POOL, "q", WorkQueueChange(concurrency_limit=None))
    assert claimed(orchestrator, worker) == runs[2:]


@pytest.mark.parametrize("what", ["pool", "queue"])
def test_what_is_paused_or_has_a_limit_of_none_at_all_starts_nothing(
    orchestrator: Orchestrator, waiting: Waiting, what: str
) -> None:
    run = waiting("q")
    worker = a_worker(orchestrator)

    def change(**said: Any) -> None:
        if what == "pool":
            orchestrator.update_work_pool(POOL, WorkPoolChange(**said))
        else:
            orchestrator.update_work_queue(POOL, "q", WorkQueueChange(**said))

    change(concurrency_limit=0)
    assert claimed(orchestrator, worker) == []
    change(concurrency_limit=None, paused=True)
    assert claimed(orchestrator, worker) == []
    change(paused=False)
    assert claimed(orchestrator, worker) == [run.id]


def test_a_worker_serves_the_queues_it_names_and_makes_those_that_are_missing(
    orchestrator: Orchestrator, waiting: Waiting
) -> None:
    worker = a_worker(orchestrator, work_queues=("mine", "new"))
    waiting()
    mine = waiting("mine")
    assert claimed(orchestrator, worker) == [mine.id]
    names = [queue.name for queue in orchestrator.list_work_queues(POOL).rows]
    assert names == ["default", "mine", "new"]
    ready = {queue.name: queue.status for queue in orchestrator.list_work_queues(POOL).rows}
    assert ready == {"default": "NOT_READY", "mine": "READY", "new": "READY"}


def test_a_worker_of_another_type_is_refused_and_one_without_takes_the_pool_s(
    orchestrator: Orchestrator,
) -> None:
    orchestrator.create_work_pool(NewWorkPool(POOL, "kernel"))
    with pytest.raises(Conflict) as refused:
        a_worker(orchestrator, type="process")
    assert refused.value.code == "work_pool.type"
    assert a_worker(orchestrator).type == "kernel"


def test_a_run_is_given_only_to_who_has_its_kernel_and_its_host(
    orchestrator: Orchestrator, waiting: Waiting
) -> None:
    run = waiting(kernel_name="rare")
    here = a_deployment(orchestrator, host="this-host")
    bound = a_run_of(orchestrator, here)
    lacking = a_worker(orchestrator, kernels=("python3",))
    assert claimed(orchestrator, lacking) == []
    beat = orchestrator.heartbeat((), worker_id=lacking.id, kernels=("python3", "rare"))
    assert beat.lost == ()
    assert claimed(orchestrator, lacking) == [run.id]
    elsewhere = replace(owners.current(), host="this-host")
    assert claimed(orchestrator, a_worker(orchestrator, owner=elsewhere)) == [bound.id]


def test_a_kernel_pool_names_the_kernel_of_its_runs(
    orchestrator: Orchestrator, waiting: Waiting
) -> None:
    orchestrator.create_work_pool(NewWorkPool(POOL, "kernel"))
    plain = waiting(kernel_name="own")
    chosen = waiting(kernel_name="own", job_variables={"kernel_name": "shared", "env.A": "1"})
    claims = orchestrator.claim_flow_runs(a_worker(orchestrator).id, 10)
    kernels = {claim.run.id: claim.run.kernel_name for claim in claims}
    assert kernels == {plain.id: "own", chosen.id: "shared"}
    assert orchestrator.read_flow_run(chosen.id).kernel_name == "shared"
    assert claims[1].job["env"] == {"A": "1"}


def test_the_job_is_made_when_it_is_claimed_from_deployment_run_and_store(
    orchestrator: Orchestrator,
) -> None:
    deployment = a_deployment(
        orchestrator, job_variables={"env": {"A": "deployment", "B": "deployment"}}
    )
    said = {"env.B": "{{ nbflow.variables.where }}", "labels": {"x": "y"}}
    a_run_of(orchestrator, deployment, job_variables=said)
    orchestrator.set_variable(NewVariable("where", "store"))
    (claim,) = orchestrator.claim_flow_runs(a_worker(orchestrator).id, 1)
    assert claim.job["env"] == {"A": "deployment", "B": "store"}
    assert claim.job["labels"] == {"x": "y"}


def test_a_job_that_cannot_be_made_ends_its_run_and_holds_up_no_other(
    orchestrator: Orchestrator, waiting: Waiting
) -> None:
    broken = waiting(job_variables={"name": "{{ nbflow.variables.gone }}"})
    good = waiting()
    assert claimed(orchestrator, a_worker(orchestrator)) == [good.id]
    state = orchestrator.read_flow_run(broken.id).state
    assert state.is_crashed()
    assert "gone" in state.message


def test_job_variables_are_checked_when_a_run_is_made(waiting: Waiting) -> None:
    with pytest.raises(InvalidInput) as refused:
        waiting(job_variables={"enviroment": {}})
    assert refused.value.field == "job_variables.enviroment"


def test_behaviour_11_a_deployment_at_its_limit_enqueues(orchestrator: Orchestrator) -> None:
    deployment = a_deployment(orchestrator, concurrency_limit=1)
    first, second, third = (a_run_of(orchestrator, deployment) for _ in range(3))
    worker = a_worker(orchestrator)
    assert claimed(orchestrator, worker) == [first.id]
    assert claimed(orchestrator, worker) == []
    orchestrator.turn_away(clock.now())
    for run in (second, third):
        assert orchestrator.read_flow_run(run.id).state.name == "AwaitingConcurrencySlot"
    finish(orchestrator, first.id)
    assert claimed(orchestrator, worker) == [second.id]
    assert claimed(orchestrator, worker) == []


@pytest.mark.parametrize("by", ["worker", "service"])
def test_behaviour_11_a_deployment_at_its_limit_cancels_what_is_new(
    orchestrator: Orchestrator, by: str
) -> None:
    deployment = a_deployment(orchestrator, concurrency_limit=1, collision_strategy="cancel_new")
    first, second, third = (a_run_of(orchestrator, deployment) for _ in range(3))
    later = a_run_of(orchestrator, deployment, due_at=clock.now() + timedelta(hours=1))
    worker = a_worker(orchestrator)
    assert claimed(orchestrator, worker, 1 if by == "service" else 10) == [first.id]
    if by == "service":
        orchestrator.turn_away(clock.now())
    for run in (second, third):
        state = orchestrator.read_flow_run(run.id).state
        assert state.is_cancelled()
        assert "limit of 1" in state.message
    assert orchestrator.read_flow_run(later.id).state.is_cancelled() is False


@pytest.mark.parametrize(
    ("strategy", "becomes"), [("enqueue", "AwaitingConcurrencySlot"), ("cancel_new", "Cancelled")]
)
def test_behaviour_11_a_limit_of_zero_starts_nothing(
    orchestrator: Orchestrator, strategy: Any, becomes: str
) -> None:
    deployment = a_deployment(orchestrator, concurrency_limit=0, collision_strategy=strategy)
    run = a_run_of(orchestrator, deployment)
    assert claimed(orchestrator, a_worker(orchestrator)) == []
    assert orchestrator.read_flow_run(run.id).state.name == becomes


def test_behaviour_11_a_crash_frees_the_slot(orchestrator: Orchestrator) -> None:
    deployment = a_deployment(orchestrator, concurrency_limit=1)
    first, second = (a_run_of(orchestrator, deployment) for _ in range(2))
    gone = a_worker(orchestrator, owner=replace(owners.current(), boot="before-the-restart"))
    worker = a_worker(orchestrator)
    assert claimed(orchestrator, gone) == [first.id]
    orchestrator.propose(first.id, states.Running(), attempt=1)
    assert claimed(orchestrator, worker) == []
    reaping.end_dead(orchestrator)
    assert orchestrator.read_flow_run(first.id).state.is_crashed()
    assert claimed(orchestrator, worker) == [second.id]


def test_many_workers_exceed_no_limit_and_get_no_run_twice(
    orchestrator: Orchestrator, waiting: Waiting
) -> None:
    orchestrator.create_work_pool(NewWorkPool(POOL, concurrency_limit=7))
    runs = [waiting("q" if n % 2 else None).id for n in range(40)]
    workers = [a_worker(orchestrator) for _ in range(8)]
    given: list[str] = []
    while len(given) < len(runs):
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda one: claimed(orchestrator, one, 3), workers))
        now = [run_id for some in found for run_id in some]
        assert 0 < len(now) <= 7
        given += now
        for run_id in now:
            finish(orchestrator, run_id)
    assert sorted(given) == sorted(runs)


def test_a_claim_whose_answer_was_lost_is_given_again_to_its_worker(
    orchestrator: Orchestrator, waiting: Waiting
) -> None:
    run, other = waiting(), waiting()
    worker, second = a_worker(orchestrator), a_worker(orchestrator)
    (lost,) = orchestrator.claim_flow_runs(worker.id, 1, holding=())
    assert lost.run.id == run.id
    again = orchestrator.claim_flow_runs(worker.id, 1, holding=())
    assert [(claim.run.id, claim.attempt) for claim in again] == [(run.id, 1)]
    assert again[0].job == lost.job
    known = tuple(claim.held for claim in again)
    assert [c.run.id for c in orchestrator.claim_flow_runs(worker.id, 1, holding=known)] == [
        other.id
    ]
    assert orchestrator.claim_flow_runs(second.id, 1, holding=()) == ()
    orchestrator.propose(run.id, states.Running(), attempt=1)
    assert [c.run.id for c in orchestrator.claim_flow_runs(worker.id, 5, holding=())] == [other.id]


def test_a_deployment_that_names_what_is_not_there_is_refused(orchestrator: Orchestrator) -> None:
    for named in ("nbflow.variables.gone", "nbflow.blocks.secret.gone.value"):
        with pytest.raises(InvalidInput, match="gone") as refused:
            a_deployment(orchestrator, job_variables={"env": {"A": f"x {{{{ {named} }}}}"}})
        assert refused.value.code == "job_variables.unknown_name"
    assert orchestrator.list_deployments().rows == ()
