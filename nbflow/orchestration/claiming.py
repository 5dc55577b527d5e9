"""Which due runs a worker is given. Limits are counted inside the claiming transaction."""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from nbflow.model import clock, states
from nbflow.model.verdicts import Accept
from nbflow.model.work_pools import WorkPool
from nbflow.model.workers import Claim, Worker
from nbflow.orchestration import transitions
from nbflow.store import flow_runs, work_pools
from nbflow.store.flow_runs import Busy, Waiting


@dataclass
class _Tally:
    """What is live by deployment, kept true while a claim goes on."""

    busy: dict[str, Busy]
    full: set[str] = field(default_factory=set[str])
    queueing: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.queueing |= {b.deployment_id for b in self.busy.values() if b.scheduled}

    def fits(self, waiting: Waiting) -> bool:
        """Say whether a run may start now; notes the deployment when it may not."""
        name = waiting.run.deployment_id
        if name is None:
            return True
        if waiting.run.schedule_id and waiting.overlap != "allow" and name in self.queueing:
            return False
        taken = self.busy.get(name, Busy(name, 0, 0)).runs
        if waiting.concurrency_limit is not None and taken >= waiting.concurrency_limit:
            self.full.add(name)
            return False
        return True

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


def claim(connection: sa.Connection, worker: Worker, limit: int) -> tuple[Claim, ...]:
    """Give a worker at most `limit` due runs of its pool, oldest first."""
    pool = next((p for p in work_pools.every(connection) if p.name == worker.work_pool), None)
    wanted = min(limit, _room(connection, pool)) if pool else 0
    tally = _Tally(flow_runs.busy(connection))
    claims: list[Claim] = []
    while len(claims) < wanted:
        found = _next(connection, worker, tally, limit=max(wanted - len(claims), 10))
        if not found:
            break
        for waiting in found:
            given = _take(connection, worker, tally, waiting) if len(claims) < wanted else None
            if given is not None:
                claims.append(given)
    return tuple(claims)


def _room(connection: sa.Connection, pool: WorkPool) -> int:
    if pool.paused:
        return 0
    if pool.concurrency_limit is None:
        return 1_000_000
    return pool.concurrency_limit - flow_runs.busy_in_pool(connection, pool.name)


def _next(
    connection: sa.Connection, worker: Worker, tally: _Tally, *, limit: int
) -> tuple[Waiting, ...]:
    return flow_runs.waiting(
        connection,
        work_pool=worker.work_pool,
        host=worker.owner.host,
        now=clock.now(),
        except_deployments=tally.full,
        except_scheduled=tally.queueing,
        limit=limit,
    )


def _take(
    connection: sa.Connection, worker: Worker, tally: _Tally, waiting: Waiting
) -> Claim | None:
    if not tally.fits(waiting):
        return None
    message = f"Claimed by worker {worker.name}."
    verdict, run = transitions.transit(
        connection, waiting.run, states.Pending(message=message), owner=worker.owner
    )
    if not isinstance(verdict, Accept):
        return None
    tally.take(waiting)
    return Claim(run, run.attempt)
