"""Which due runs a worker is given. Limits are counted inside the claiming transaction.

A pool's queues are drained in the order of their priority, each up to its limit, all within the
pool's. What finds its deployment at its limit waits under that name, or is cancelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import sqlalchemy as sa

from nbflow.exceptions import Conflict, InvalidInput
from nbflow.model import clock, job_variables, pool_types, states
from nbflow.model.runs import FlowRun
from nbflow.model.verdicts import Accept
from nbflow.model.work_pools import WorkPool, WorkQueue, template_of
from nbflow.model.workers import Claim, Held, Worker, offers, serves
from nbflow.orchestration import infrastructures, transitions
from nbflow.rules import flow as rules
from nbflow.store import flow_runs, lines, variables, work_pools, workers
from nbflow.store.lines import Busy, Waiting

#: rows looked at in one query, at least
_PAGE = 10
_NO_LIMIT = 1_000_000


@dataclass
class _Tally:
    """What is live by deployment, kept true while a claim goes on."""

    busy: dict[str, Busy]
    full: set[str] = field(default_factory=set[str])
    queueing: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.queueing |= {b.deployment_id for b in self.busy.values() if b.scheduled}

    def hindrance(self, waiting: Waiting) -> Literal["overlap", "limit"] | None:
        """Say what keeps a run from starting now; notes the deployment that is full."""
        name = waiting.run.deployment_id
        if name is None:
            return None
        if waiting.run.schedule_id and waiting.overlap != "allow" and name in self.queueing:
            return "overlap"
        taken = self.busy.get(name, Busy(name, 0, 0)).runs
        if waiting.concurrency_limit is not None and taken >= waiting.concurrency_limit:
            if waiting.collision != "cancel_new":
                self.full.add(name)  # each of the others is cancelled, so each is looked at
            return "limit"
        return None

    def take(self, waiting: Waiting) -> None:
        """Count a run that was just given away."""
        name = waiting.run.deployment_id
        if name is None:
            return
        was = self.busy.get(name, Busy(name, 0, 0))
        scheduled = was.scheduled + bool(waiting.run.schedule_id)
        self.busy[name] = Busy(name, was.runs + 1, scheduled)
        if scheduled:
            self.queueing.add(name)


@dataclass
class _Giving:
    """One claim as it goes on."""

    connection: sa.Connection
    worker: Worker
    pool: WorkPool
    tally: _Tally
    #: it came with a token of its own, so it is meant to run what was deployed on other hosts
    elsewhere: bool

    def drain(self, queue: WorkQueue, most: int) -> Iterator[Claim]:
        """Give at most so many runs of a queue, oldest first."""
        after: tuple[int, str] | None = None
        given = 0
        while given < most:
            found = self._page(queue, after, limit=max(most - given, _PAGE))
            for waiting in found:
                claim = self._take(waiting) if given < most else None
                if claim is not None:
                    given += 1
                    yield claim
            if not found:
                return
            after = found[-1].place

    def _page(
        self, queue: WorkQueue, after: tuple[int, str] | None, *, limit: int
    ) -> tuple[Waiting, ...]:
        return lines.waiting(
            self.connection,
            work_pool=self.pool.name,
            work_queue=queue.name,
            host=self.worker.owner.host,
            snapshots=self.elsewhere,
            now=clock.now(),
            after=after,
            except_deployments=self.tally.full,
            except_scheduled=self.tally.queueing,
            limit=limit,
        )

    def _take(self, waiting: Waiting) -> Claim | None:
        hindrance = self.tally.hindrance(waiting)
        if hindrance == "limit":
            turn_away(self.connection, waiting)
        if hindrance is not None:
            return None
        try:
            job = job_of(self.connection, self.pool, waiting.run)
        except InvalidInput as error:
            message = f"Its job cannot be made from the work pool's template: {error}"
            crashed = states.Crashed(message=message, details={"cause": error.code})
            transitions.transit(self.connection, waiting.run, crashed)
            return None
        run = replace(waiting.run, kernel_name=kernel_of(waiting.run, job))
        kind = job.get("type", self.pool.type)
        if not offers(self.worker, run, kind, run.kernel_name):
            return None
        return self._give(replace(waiting, run=run), job)

    def _give(self, waiting: Waiting, job: Mapping[str, Any]) -> Claim | None:
        pending = states.Pending(message=f"Claimed by worker {self.worker.name}.")
        verdict, run = transitions.transit(
            self.connection, waiting.run, pending, owner=self.worker.owner
        )
        if not isinstance(verdict, Accept):
            return None
        self.tally.take(waiting)
        return Claim(run, run.attempt, job)


def claim(
    connection: sa.Connection,
    worker: Worker,
    limit: int,
    *,
    holding: Iterable[Held] | None = None,
) -> tuple[Claim, ...]:
    """Give a worker at most `limit` due runs of its pool, by queue, oldest first.

    `holding`: what the worker knows it has; a claim it never heard of is given again, first.
    """
    pool = work_pools.find(connection, worker.work_pool)
    if pool is None:
        return ()
    claims = list(_unheard(connection, worker, pool, holding))[:limit]
    if pool.paused or pool.type != worker.type:
        return tuple(claims)
    live = lines.busy_by_queue(connection, pool.name)
    room = _room(pool.concurrency_limit, sum(live.values()))
    elsewhere = workers.token_of(connection, worker.id) is not None
    giving = _Giving(connection, worker, pool, _Tally(lines.busy(connection)), elsewhere)
    for queue in _served(connection, worker):
        most = min(limit - len(claims), room, _room(queue.concurrency_limit, live.get(queue.name)))
        for given in giving.drain(queue, most):
            claims.append(given)
            room -= 1
    return tuple(claims)


def check_serves(worker: Worker, pool: WorkPool) -> None:
    """Refuse a worker of another type than its pool's. Raises Conflict."""
    if worker.type != pool.type:
        raise Conflict(
            f"The work pool {pool.name!r} has the type {pool.type}, not {worker.type}.",
            code="work_pool.type",
            field="type",
            hint="Leave the type out, or name another pool.",
        )


def _served(connection: sa.Connection, worker: Worker) -> list[WorkQueue]:
    """List the queues a worker serves, first priority first."""
    return [
        queue
        for queue in work_pools.queues(connection, worker.work_pool)
        if not queue.paused and serves(worker, queue.name)
    ]


def _room(limit: int | None, taken: int | None) -> int:
    return _NO_LIMIT if limit is None else limit - (taken or 0)


def _unheard(
    connection: sa.Connection, worker: Worker, pool: WorkPool, holding: Iterable[Held] | None
) -> Iterator[Claim]:
    """Give claims again whose answer was lost on its way: the worker does not know it has them."""
    if holding is None:
        return
    known = {(held.flow_run_id, held.attempt) for held in holding}
    for run in flow_runs.held_by_worker(connection, worker.id):
        if run.state.is_pending() and (run.id, run.attempt) not in known:
            yield Claim(run, run.attempt, job_of(connection, pool, run))


def any_unheard(connection: sa.Connection, worker: Worker, holding: Iterable[Held] | None) -> bool:
    """Say whether a worker has a claim it does not know of (a look that takes no lock)."""
    if holding is None:
        return False
    known = {held.flow_run_id for held in holding}
    mine = flow_runs.held_by_worker(connection, worker.id)
    return any(run.state.is_pending() and run.id not in known for run in mine)


def job_of(connection: sa.Connection, pool: WorkPool, run: FlowRun) -> dict[str, Any]:
    """Give how a run is to be launched. Raises InvalidInput."""
    template = template_of(pool)
    names = job_variables.stored_names(template, run.job_variables)
    found = {name: variables.find(connection, name) for name in sorted(names)}
    stored = {name: one.value for name, one in found.items() if one is not None}
    if pool.type != pool_types.AGENT:
        return job_variables.configure(template, run.job_variables, stored=stored)
    kind, said = infrastructures.of_run(connection, template, run)
    job = job_variables.configure(template, said, run.job_variables, stored=stored)
    return {**job, "type": kind}


def kernel_of(run: FlowRun, job: Mapping[str, Any]) -> str | None:
    """Give the kernelspec that executes a run: its job's, else its own."""
    return job.get("kernel_name") or run.kernel_name


def turn_away(connection: sa.Connection, waiting: Waiting) -> None:
    """Say of a due run that its deployment is at its limit: it is cancelled, or waits by name."""
    run, limit = waiting.run, waiting.concurrency_limit
    at_it = f"its deployment is at its limit of {limit}"
    if waiting.collision == "cancel_new":
        message = f"Cancelled: {at_it}, and cancels what comes then."
        transitions.transit(connection, run, states.Cancelled(message=message))
    elif run.state.name in ("Scheduled", "Late"):
        message = f"It waits: {at_it}."
        named = states.AwaitingConcurrencySlot(rules.due(run), message=message)
        transitions.transit(connection, run, named)
