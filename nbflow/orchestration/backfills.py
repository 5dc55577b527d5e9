"""`Backfills` over SQL: planned and made in one transaction, followed and cancelled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import backfills as model
from nbflow.model import clock, ids, names, schedules, states
from nbflow.model.backfills import Backfill, Backfilled, NewBackfill
from nbflow.model.deployments import Deployment, Schedule
from nbflow.model.events import Event
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.model.runs import NewFlowRun, begin
from nbflow.model.schedules import Timing
from nbflow.model.wire import flow_run_row, jsonable
from nbflow.orchestration import placing, transitions
from nbflow.orchestration.base import OverSql
from nbflow.store import backfills, deployments, events, flow_runs, work_pools


class SqlBackfills(OverSql):
    """The backfills of a store."""

    def plan_backfill(self, new: NewBackfill) -> Backfilled:
        """Say what a backfill would make, and make nothing."""
        with self.database.read() as connection:
            asked = _read(connection, new)
            _runs(asked)  # what they would be refused for, is said now
            return asked.told

    def create_backfill(self, new: NewBackfill) -> Backfilled:
        """Make a run for each instant."""
        with self._write() as connection:
            asked = _read(connection, new)
            made = asked.backfill(new.created_by)
            if asked.told.due_at:
                backfills.insert(connection, made)
                _insert(connection, asked, made.id)
                _emit(connection, made, "created")
            return replace(asked.told, backfill=backfills.get(connection, made.id))

    def list_backfills(
        self,
        deployment: str | None = None,
        *,
        limit: int = MOST_ROWS,
        cursor: str | None = None,
    ) -> Page[Backfill]:
        """List backfills, newest first."""
        with self.database.read() as connection:
            of = None if deployment is None else deployments.get(connection, deployment).id
            return backfills.page(connection, of, limit=limit, cursor=cursor)

    def read_backfill(self, backfill_id: str) -> Backfill:
        """Read a backfill, with how far its runs are."""
        with self.database.read() as connection:
            return backfills.get(connection, backfill_id)

    def cancel_backfill(self, backfill_id: str) -> Backfill:
        """Cancel those of its runs that have not ended."""
        with self._write() as connection:
            backfills.get(connection, backfill_id)
            for run in backfills.unfinished(connection, backfill_id):
                message = f"The backfill {backfill_id} was cancelled."
                transitions.transit(connection, run, states.Cancelling(message=message))
            backfills.set_cancelled(connection, backfill_id, at=clock.now())
            made = backfills.get(connection, backfill_id)
            _emit(connection, made, "cancelled")
            return made


@dataclass(frozen=True)
class _Asked:
    """A backfill as it was asked for, checked against what is there."""

    new: NewBackfill
    deployment: Deployment
    schedule: Schedule | None
    timing: Timing
    since: datetime
    until: datetime
    told: Backfilled

    def backfill(self, created_by: str | None) -> Backfill:
        """Make its record."""
        return Backfill(
            id=ids.uuid7(),
            deployment_id=self.deployment.id,
            schedule_id=None if self.schedule is None else self.schedule.id,
            timing=self.timing,
            since=self.since,
            until=self.until,
            count=len(self.told.due_at),
            created_at=clock.now(),
            parameters=self.new.parameters,
            created_by=created_by,
        )


def _read(connection: sa.Connection, new: NewBackfill) -> _Asked:
    now = clock.now()
    since, until = model.checked(new, now)
    of = deployments.get(connection, new.deployment)
    schedule = None if new.timing is not None else _schedule(of, new.schedule)
    if new.timing is not None:
        timing = new.timing
    else:
        assert schedule is not None
        timing = schedule.timing
    due = model.chosen(timing, since, until, now=now)
    there = frozenset[datetime]()
    if schedule is not None:
        if schedule.active and not of.paused:  # what lies behind its mark it will make itself
            due = [at for at in due if at <= schedule.done_until]
        if not new.again:
            there = backfills.have_runs(connection, schedule.id, due)
    wanted = [at for at in due if at not in there]
    told = Backfilled(schedules.describe(timing), tuple(wanted[: new.limit]), tuple(sorted(there)))
    return _Asked(new, of, schedule, timing, since, until, told)


def _schedule(of: Deployment, said: str | None) -> Schedule:
    if said is None and len(of.schedules) == 1:
        return of.schedules[0]
    found = next((one for one in of.schedules if said in (one.id, one.slug) and said), None)
    if found is not None:
        return found
    slugs = [one.slug or one.id for one in of.schedules]
    if said is not None:
        raise NotFound(
            f"{of.name} has no schedule {names.shown(said)}.",
            field="schedule",
            hint=names.did_you_mean(said, slugs, "It has"),
        )
    raise InvalidInput(
        f"{of.name} has {len(slugs) or 'no'} schedules; which instants are meant?",
        code="backfill.which",
        field="schedule",
        hint=f"Say one of {', '.join(slugs)}." if slugs else "Say a timing, such as a cron.",
    )


def _runs(asked: _Asked) -> list[NewFlowRun]:
    """Give the runs to be made, each as its deployment says. Raises ParameterError."""
    own: dict[str, Any] = {} if asked.schedule is None else dict(asked.schedule.parameters)
    pattern = placing.of_deployment(
        NewFlowRun(
            flow_name=asked.deployment.flow_name,
            kind="notebook",
            deployment_id=asked.deployment.id,
            parameters={**own, **asked.new.parameters},
            tags=(model.TAG,),
            work_queue=model.QUEUE,
            created_by=asked.new.created_by or "backfill",
        ),
        asked.deployment,
    )
    return [
        replace(
            pattern,
            id=ids.uuid7(),
            name=ids.run_name(),
            state=states.Scheduled(),
            due_at=due_at,
        )
        for due_at in asked.told.due_at
    ]


def _insert(connection: sa.Connection, asked: _Asked, backfill_id: str) -> None:
    now = clock.now()
    made = [
        begin(replace(new, backfill_id=backfill_id), created_at=now, lease_until=None)
        for new in _runs(asked)
    ]
    pool = made[0].work_pool
    if pool is not None:
        work_pools.ensure(connection, pool, at=now)
        work_pools.ensure_queues(connection, pool, [model.QUEUE], at=now)
    rows = [flow_runs.row_of(run, start_at=now) for run in made]
    flow_runs.insert_rows(connection, rows)
    told = [
        Event("flow-run.Scheduled", "flow-runs", run.id, now, flow_run_row(run)) for run in made
    ]
    events.append(connection, told)


def _emit(connection: sa.Connection, made: Backfill, verb: str) -> None:
    event = Event(f"backfill.{verb}", "backfills", made.id, clock.now(), jsonable(made))
    events.append(connection, [event])
