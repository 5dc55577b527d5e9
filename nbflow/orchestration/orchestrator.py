"""`Orchestrator`: the Backend over SQL, the authority on runs. One method, one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sa

from nbflow import settings
from nbflow.exceptions import Conflict, NotFound
from nbflow.faults import fault
from nbflow.model import clock, states
from nbflow.model.changes import Changes, Recorded, check_wait
from nbflow.model.events import NewEvent
from nbflow.model.names import shown
from nbflow.model.pages import MOST_ROWS, Page, check_limit
from nbflow.model.runs import Batch, FlowRun, NewFlowRun, Owner, TaskRun
from nbflow.model.states import State, StateType
from nbflow.model.verdicts import Abort, Verdict
from nbflow.model.workers import Beat, Held, Worker
from nbflow.orchestration import artifacts as telling
from nbflow.orchestration import creating, transitions
from nbflow.orchestration.base import again
from nbflow.orchestration.parts import Parts
from nbflow.store import (  # fmt: skip
    artifacts,
    events,
    flow_runs,
    limits,
    logs,
    owners,
    results,
    slots,
    task_runs,
    workers,
)
from nbflow.store.hints import Hints, Watch

#: how often commits are looked for that no hint told of
_LOOK_SECONDS = 5.0


class Orchestrator(Parts):
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
        emitted = _checked(batch.events) if batch.events else ()
        shown = artifacts.settle(batch.artifacts)  # writes files: not while the store is locked
        with self._write() as connection:
            results.append(connection, batch.results)  # before what tells of them
            new = task_runs.record(connection, batch.task_runs)
            logs.append(connection, batch.logs)
            kept, lacking = artifacts.record(connection, shown)
            touched = transitions.emit_task_runs(connection, new)
            telling.emit(connection, kept)
            if emitted:
                _emit(connection, emitted)
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
            from nbflow.orchestration import removing

            left = removing.remove(connection, [flow_run_id])
        left.delete()

    # -- workers ------------------------------------------------------------------------------
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
                from nbflow.orchestration import workers as serving  # a script is none

                revived = serving.renewed(connection, worker_id, renew)
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
        from nbflow.store import event_pruning

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

    def expire_pauses(self) -> int:
        """End the runs whose pause nobody ended in time; give how many."""
        with self.database.read() as connection:
            late = flow_runs.waited_in_vain(connection, clock.now())
        if not late:
            return 0
        with self._write() as connection:
            for run in late:
                transitions.transit(connection, run, transitions.resumed(run))
        return len(late)

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

    def watch(self) -> Watch:
        """Give a watch on commits of other processes and threads."""
        return self.database.watch()


def _checked(new: Sequence[NewEvent]) -> list[NewEvent]:
    from nbflow.model.event_log import checked  # most runs emit none

    return [checked(one) for one in new]


def _emit(connection: sa.Connection, new: Sequence[NewEvent]) -> None:
    from nbflow.orchestration import emitting

    emitting.emit(connection, new)
