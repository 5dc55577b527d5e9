"""What workers ask, over SQL, and what the services do to runs that wait for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

import nbflow
from nbflow.faults import fault
from nbflow.model import clock, releases, states
from nbflow.model.events import Event, parting
from nbflow.model.pages import MOST_ROWS
from nbflow.model.states import StateType
from nbflow.model.wire import jsonable
from nbflow.model.workers import EVERY, Claim, Held, NewWorker, Worker
from nbflow.orchestration import claiming, scheduling, transitions
from nbflow.orchestration import work_pools as standing
from nbflow.orchestration.base import OverSql, again
from nbflow.store import events, flow_runs, lines, schedules, work_pools, workers


class SqlWorkers(OverSql):
    """The part of the Orchestrator that gives runs to workers."""

    def register_worker(self, new: NewWorker, *, token_id: str | None = None) -> Worker:
        """Register a worker, making its pool if there is none; `token_id`: it may use that token.

        Raises Conflict (it is of a version that this one does not work with).
        """
        releases.check(new.version, nbflow.__version__, who=f"Worker {new.name}")
        now = clock.now()
        fields = {name: getattr(new, name) for name in new.__dataclass_fields__}
        until = transitions.lease_until(now)
        with self._write() as connection:
            pool = work_pools.ensure(connection, new.work_pool, at=now, type=new.type)
            fields["type"] = new.type or pool.type
            made = Worker(**fields, started_at=now, heartbeat_at=now, lease_until=until)
            claiming.check_serves(made, pool)
            named = [one for one in new.work_queues if not one.endswith(EVERY)]
            work_pools.ensure_queues(connection, pool.name, named, at=now)
            with standing.told_of(connection, pool.name):
                workers.insert(connection, made, token_id=token_id)
                _emit_worker(connection, made, "started")
        return made

    @again
    def claim_flow_runs(
        self, worker_id: str, limit: int, *, holding: tuple[Held, ...] | None = None
    ) -> tuple[Claim, ...]:
        """Take at most `limit` due runs for a worker."""
        limit = min(limit, MOST_ROWS)
        with self.database.read() as connection:
            worker = workers.get(connection, worker_id)
            due = lines.any_due(connection, worker.work_pool, clock.now())
            if not (due or claiming.any_unheard(connection, worker, holding)):
                return ()
        with self._write() as connection:
            worker = workers.get(connection, worker_id)
            claims: tuple[Claim, ...] = ()
            if not worker.stopped_at:
                claims = claiming.claim(connection, worker, limit, holding=holding)
            if claims:
                fault("claim.before_commit")
        if claims:
            fault("claim.after_commit")
        return claims

    def stop_worker(self, worker_id: str) -> None:
        """Say that a worker has stopped; runs it claimed and never started wait again."""
        self._end(worker_id, "stopped")

    def lose_worker(self, worker_id: str) -> None:
        """Record that a worker is gone; runs it claimed and never started wait again."""
        self._end(worker_id, "lost")

    def _end(self, worker_id: str, verb: str) -> None:
        with self._write() as connection:
            worker = workers.get(connection, worker_id)
            self._release(connection, worker_id)
            with standing.told_of(connection, worker.work_pool):
                if workers.stop(connection, worker_id, at=clock.now()):
                    _emit_worker(connection, worker, verb)

    def _release(self, connection: sa.Connection, worker_id: str) -> None:
        """Put runs a worker claimed and never started back to wait."""
        for run in flow_runs.held_by_worker(connection, worker_id):
            if run.state.type is StateType.PENDING:
                back = states.Scheduled(run.due_at, message="The worker stopped before it started.")
                transitions.transit(connection, run, back)

    def turn_away(self, now: datetime) -> None:
        """Cancel due runs whose deployment is at its limit, or say that they wait for it."""
        with self.database.read() as connection:
            found = lines.turned_away(connection, now, limit=500)
        if found:
            with self._write() as connection:
                for waiting in lines.turned_away(connection, now, limit=500):
                    claiming.turn_away(connection, waiting)

    def give_back(self, now: datetime) -> None:
        """Let claims wait again that nobody renewed and that never began."""
        with self.database.read() as connection:
            found = flow_runs.unstarted(connection, now)
        if not found:
            return
        with self._write() as connection:
            for run in found:
                back = states.Scheduled(run.due_at, message="Its worker never started it.")
                transitions.transit(connection, run, back)

    def next_start(self, work_pool: str) -> datetime | None:
        """Give when the next waiting run of a pool may be claimed."""
        with self.database.read() as connection:
            return lines.next_start(connection, work_pool)

    @again
    def tick(self, now: datetime) -> int:
        """Make the runs that are due; give how many schedules were."""
        fault("tick.before_begin")
        with self._write() as connection:
            done = scheduling.tick(connection, now)
            fault("tick.before_commit")
        fault("tick.after_commit")
        return done.schedules

    def mend_schedules(self) -> int:
        """Let schedules fire again whose problem is no more; give how many."""
        with self.database.read() as connection:
            if not schedules.page(connection, problem=True, limit=1).rows:
                return 0
        with self._write() as connection:
            return scheduling.mend(connection)

    def next_instant(self) -> datetime | None:
        """Give when the next schedule is due."""
        with self.database.read() as connection:
            return schedules.next_instant(connection)


def renewed(connection: sa.Connection, worker_id: str, renew: Callable[..., None]) -> bool:
    """Renew a worker's registration; say whether it had been given up, and is there again."""
    gone = workers.given_up(connection, worker_id)
    if gone is None:
        renew(connection, worker_id)
        return False
    with standing.told_of(connection, gone.work_pool):
        renew(connection, worker_id)
    _emit_worker(connection, workers.get(connection, worker_id), "started")
    return True


def _emit_worker(connection: sa.Connection, worker: Worker, verb: str) -> None:
    row = jsonable(worker) if verb == "started" else parting(worker)
    now = clock.now()
    events.append(connection, [Event(f"worker.{verb}", "workers", worker.id, now, row)])
