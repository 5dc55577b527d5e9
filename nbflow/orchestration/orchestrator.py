"""`Orchestrator`: the Backend over SQL, the authority on runs. One method, one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

import nbflow
from nbflow import settings
from nbflow.exceptions import Conflict, NotFound
from nbflow.faults import fault
from nbflow.model import clock, releases, states
from nbflow.model.backend import Changes, Recorded, check_wait
from nbflow.model.event_log import checked
from nbflow.model.events import Event, parting
from nbflow.model.names import shown
from nbflow.model.pages import MOST_ROWS, Page, check_limit
from nbflow.model.runs import Batch, FlowRun, NewFlowRun, Owner, TaskRun
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import Abort, Verdict
from nbflow.model.wire import jsonable
from nbflow.model.workers import EVERY, Beat, Claim, Held, NewWorker, Worker
from nbflow.orchestration import artifacts as telling
from nbflow.orchestration import claiming, creating, removing, scheduling, transitions
from nbflow.orchestration import events as emitting
from nbflow.orchestration import work_pools as standing
from nbflow.orchestration.artifacts import SqlArtifacts
from nbflow.orchestration.automations import SqlAutomations
from nbflow.orchestration.backfills import SqlBackfills
from nbflow.orchestration.base import again
from nbflow.orchestration.blocks import SqlBlocks
from nbflow.orchestration.deployments import SqlDeployments
from nbflow.orchestration.estimates import SqlEstimates
from nbflow.orchestration.events import SqlEvents
from nbflow.orchestration.explaining import SqlExplaining
from nbflow.orchestration.inputs import SqlInputs
from nbflow.orchestration.limits import SqlLimits
from nbflow.orchestration.requests import SqlRequests
from nbflow.orchestration.retention import SqlRetention
from nbflow.orchestration.run_files import SqlRunFiles
from nbflow.orchestration.run_lists import SqlRunLists
from nbflow.orchestration.run_parts import SqlRunParts
from nbflow.orchestration.schedules import SqlSchedules
from nbflow.orchestration.tokens import SqlTokens
from nbflow.orchestration.variables import SqlVariables
from nbflow.orchestration.work_pools import SqlWorkPools
from nbflow.store import (  # fmt: skip
    artifacts,
    event_pruning,
    events,
    flow_runs,
    limits,
    lines,
    logs,
    owners,
    results,
    schedules,
    slots,
    task_runs,
    work_pools,
    workers,
)
from nbflow.store.hints import Hints, Watch

#: how often commits are looked for that no hint told of
_LOOK_SECONDS = 5.0


class Orchestrator(
    SqlArtifacts,
    SqlAutomations,
    SqlBackfills,
    SqlBlocks,
    SqlDeployments,
    SqlEstimates,
    SqlEvents,
    SqlExplaining,
    SqlInputs,
    SqlLimits,
    SqlRequests,
    SqlRetention,
    SqlRunFiles,
    SqlRunLists,
    SqlRunParts,
    SqlSchedules,
    SqlTokens,
    SqlVariables,
    SqlWorkPools,
):
    """The authority over one store. Threads may share it."""

    # -- runs ---------------------------------------------------------------------------------
    @again
    def create_flow_run(self, new: NewFlowRun) -> FlowRun:
        """Create a run, or give the one its idempotency key already made."""
        with self._write() as connection:
            return creating.create(connection, new)

    @again
    def propose(
        self,
        flow_run_id: str,
        state: State,
        *,
        attempt: int | None = None,
        owner: Owner | None = None,
    ) -> Verdict:
        """Ask for a transition of a flow run."""
        with self._write() as connection:
            run = flow_runs.get(connection, flow_run_id)
            verdict, _ = transitions.transit(connection, run, state, attempt=attempt, owner=owner)
            if isinstance(verdict, Abort):
                transitions.note_late(connection, run, state, attempt=attempt)
            if state.is_final():
                fault("finish.before_commit")
        if state.is_final():
            fault("finish.after_commit")
        elif state.is_cancelling():
            fault("cancel.after_request")
        return verdict

    @again
    def record(self, batch: Batch) -> Recorded:
        """Keep results, task runs, log lines, artifacts; tell which runs were asked to stop."""
        emitted = [checked(event) for event in batch.events]
        shown = artifacts.settle(batch.artifacts)  # writes files: not while the store is locked
        with self._write() as connection:
            results.append(connection, batch.results)  # before what tells of them
            new = task_runs.record(connection, batch.task_runs)
            logs.append(connection, batch.logs)
            kept, lacking = artifacts.record(connection, shown)
            touched = transitions.emit_task_runs(connection, new)
            telling.emit(connection, kept)
            emitting.emit(connection, emitted)
            touched |= {entry.flow_run_id for entry in batch.logs}
            cancel, paused = flow_runs.told(connection, touched)
            return Recorded(cancel, tuple(lacking), paused, limits.of_tags(connection))

    def delete_flow_run(self, flow_run_id: str) -> None:
        """Delete an ended run and all that belongs to it."""
        with self._write() as connection:
            run = flow_runs.get(connection, flow_run_id)
            if not run.state.is_final():
                raise Conflict(
                    f"The run {run.name} is {run.state.name}.",
                    hint="Cancel it first.",
                    code="run.live",
                )
            left = removing.remove(connection, [flow_run_id])
        left.delete()

    # -- workers ------------------------------------------------------------------------------
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

    @again
    def heartbeat(
        self,
        held: tuple[Held, ...],
        *,
        worker_id: str | None = None,
        kernels: tuple[str, ...] | None = None,
    ) -> Beat:
        """Renew the lease of a worker and of the runs it, or this process, holds."""
        now = clock.now()
        until = transitions.lease_until(now)
        lost: list[str] = []
        cancel: list[str] = []
        paused: list[str] = []
        revived = False
        with self.database.write() as connection:  # mostly no event: nobody needs to hear of it
            if worker_id is not None:
                renew = partial(workers.renew, now=now, lease_until=until, kernels=kernels)
                revived = _renew(connection, worker_id, renew)
            for item in held:
                run = flow_runs.renew(connection, item.flow_run_id, item.attempt, lease_until=until)
                if run is None:
                    lost.append(item.flow_run_id)
                elif run.state.type is StateType.CANCELLING:
                    cancel.append(item.flow_run_id)
                elif run.state.is_paused():
                    paused.append(item.flow_run_id)
            of_tags = limits.of_tags(connection)
        for listener in self.listeners if revived else ():
            listener()
        return Beat(tuple(lost), tuple(cancel), tuple(paused), of_tags)

    def stop_worker(self, worker_id: str) -> None:
        """Say that a worker has stopped; runs it claimed and never started wait again."""
        with self._write() as connection:
            worker = workers.get(connection, worker_id)
            self._release(connection, worker_id)
            with standing.told_of(connection, worker.work_pool):
                if workers.stop(connection, worker_id, at=clock.now()):
                    _emit_worker(connection, worker, "stopped")

    def _release(self, connection: sa.Connection, worker_id: str) -> None:
        """Put runs a worker claimed and never started back to wait."""
        for run in flow_runs.held_by_worker(connection, worker_id):
            if run.state.type is StateType.PENDING:
                back = states.Scheduled(run.due_at, message="The worker stopped before it started.")
                transitions.transit(connection, run, back)

    # -- reads --------------------------------------------------------------------------------
    @again
    def read_flow_run(self, flow_run_id: str) -> FlowRun:
        """Read a run."""
        with self.database.read() as connection:
            return flow_runs.get(connection, flow_run_id)

    @again
    def list_states(self, flow_run_id: str) -> tuple[State, ...]:
        """List the states a run went through, oldest first."""
        with self.database.read() as connection:
            flow_runs.get(connection, flow_run_id)
            return flow_runs.states(connection, flow_run_id)

    def list_task_runs(self, flow_run_id: str) -> tuple[TaskRun, ...]:
        """List a run's task runs of its latest attempt, in order."""
        with self.database.read() as connection:
            flow_runs.get(connection, flow_run_id)
            return task_runs.of_flow_run(connection, flow_run_id)

    def read_task_run(self, task_run_id: str) -> TaskRun:
        """Read a task run."""
        found = self.read_task_runs([task_run_id])
        if not found:
            raise NotFound(f"There is no task run {shown(task_run_id)}.", field="task_run_id")
        return found[0]

    def read_task_runs(self, ids: Sequence[str]) -> tuple[TaskRun, ...]:
        """Give the task runs of some ids, those that are there."""
        with self.database.read() as connection:
            return task_runs.by_ids(connection, ids)

    def list_workers(self, *, limit: int = MOST_ROWS, cursor: str | None = None) -> Page[Worker]:
        """List workers that have not stopped, newest first."""
        with self.database.read() as connection:
            return workers.page(connection, limit=limit, cursor=cursor)

    def marks(self) -> dict[str, tuple[Any, ...]]:
        """Give what is another whenever slots, or workers' heartbeats, are: they have no events."""
        with self.database.read() as connection:
            return {"slots": slots.mark(connection), "workers": workers.mark(connection)}

    def read_worker(self, worker_id: str) -> Worker:
        """Read a worker. Raises NotFound."""
        with self.database.read() as connection:
            return workers.get(connection, worker_id)

    def changes(self, since: int, *, limit: int = 1000, wait: float = 0.0) -> Changes:
        """Give the events after `since`, oldest first."""
        check_limit(limit, 1000)
        check_wait(wait)
        found = self._changes(since, limit)
        if wait == 0.0 or found.events or not found.complete:
            return found
        hints = Hints(self.watch())
        self.listeners.append(hints.wake)
        try:
            until = clock.monotonic() + wait
            while not (found := self._changes(since, limit)).events and found.complete:
                if (left := until - clock.monotonic()) <= 0:
                    break
                hints.rest(min(left, _LOOK_SECONDS))
            return found
        finally:
            self.listeners.remove(hints.wake)
            hints.close()

    @again
    def _changes(self, since: int, limit: int) -> Changes:
        with self.database.read() as connection:
            found = events.since(connection, since, limit=limit)
            first, last = events.first_seq(connection), events.last_seq(connection)
            first = max(first, event_pruning.until(connection) + 1)
        seq = found[-1].seq if len(found) == limit else max(last, since)
        return Changes(tuple(found), seq, complete=since >= first - 1)

    # -- for the services of this process -----------------------------------------------------
    def hold_duty(self, name: str, owner: Owner, now: datetime) -> bool:
        """Take or renew a shared chore, rarely enough to cost nothing; False: another holds it."""
        with self.database.read() as connection:
            held = workers.duty_holder(connection, name)
        fresh = now + timedelta(seconds=settings.lease_seconds / 2)
        gone = held is not None and owners.alive(held[0]) is False
        if held is not None and not gone and held[2] > (fresh if held[0] == owner else now):
            return held[0] == owner
        with self.database.write() as connection:
            if held is not None and gone:
                workers.drop_duty(connection, name, held[0])
            until = transitions.lease_until(now)
            return workers.take_duty(connection, name, owner, now=now, lease_until=until)

    def drop_duty(self, name: str, owner: Owner) -> None:
        """Give a shared chore back."""
        with self.database.write() as connection:
            workers.drop_duty(connection, name, owner)

    def duty_holder(self, name: str) -> tuple[Owner, datetime] | None:
        """Give who does a shared chore, and since when; None: nobody that is trusted."""
        with self.database.read() as connection:
            held = workers.duty_holder(connection, name)
        return held[:2] if held is not None and held[2] > clock.now() else None

    def live_runs(self) -> tuple[FlowRun, ...]:
        """List every run a process may be working on."""
        with self.database.read() as connection:
            return flow_runs.live(connection)

    def any_unfinished(self) -> bool:
        """Say whether any run has yet to end."""
        with self.database.read() as connection:
            return flow_runs.any_unfinished(connection)

    def end_lost(self, run: FlowRun, crashed: State) -> None:
        """End a run whose process is gone: Cancelled if that was asked first."""
        with self._write() as connection:
            found = flow_runs.get(connection, run.id)
            transitions.transit(connection, found, crashed, attempt=run.attempt)
            fault("reap.before_commit")
        fault("reap.after_commit")

    def lose_worker(self, worker_id: str) -> None:
        """Record that a worker is gone; runs it claimed and never started wait again."""
        with self._write() as connection:
            worker = workers.get(connection, worker_id)
            self._release(connection, worker_id)
            with standing.told_of(connection, worker.work_pool):
                if workers.stop(connection, worker_id, at=clock.now()):
                    _emit_worker(connection, worker, "lost")

    def turn_away(self, now: datetime) -> None:
        """Cancel due runs whose deployment is at its limit, or say that they wait for it."""
        with self.database.read() as connection:
            found = lines.turned_away(connection, now, limit=500)
        if found:
            with self._write() as connection:
                for waiting in lines.turned_away(connection, now, limit=500):
                    claiming.turn_away(connection, waiting)

    def cancel_orphans(self) -> None:
        """Cancel the runs that a cancelled run has called and that were not told."""
        with self.database.read() as connection:
            found = flow_runs.cancelled_children(connection)
        if not found:
            return
        with self._write() as connection:
            message = "The run that called it was cancelled."
            for run in found:
                transitions.transit(connection, run, states.Cancelling(message=message))

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

    def mark_late(self, before: datetime) -> None:
        """Call runs Late that could have started before an instant and have not."""
        with self.database.read() as connection:
            if not flow_runs.overdue(connection, before=before, limit=1):
                return
        with self._write() as connection:
            late = flow_runs.overdue(connection, before=before)
            transitions.call_late(connection, late, before=before)

    def seq(self) -> int:
        """Give the newest event's number."""
        with self.database.read() as connection:
            return events.last_seq(connection)

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

    def watch(self) -> Watch:
        """Give a watch on commits of other processes and threads."""
        return self.database.watch()

    def next_instant(self) -> datetime | None:
        """Give when the next schedule is due."""
        with self.database.read() as connection:
            return schedules.next_instant(connection)


def _renew(connection: sa.Connection, worker_id: str, renew: Callable[..., None]) -> bool:
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
