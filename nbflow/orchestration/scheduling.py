"""From schedules to runs: every due instant becomes one run or one recorded skip.

Nothing is written ahead: a schedule's row holds its next instant, and the tick that finds it due
inserts the run and moves the high-water mark in one transaction. Two servers may tick at once: the
mark moves by guarded update, and `(schedule_id, due_at)` is unique.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from nbflow import settings
from nbflow.faults import fault
from nbflow.model import schedules, states
from nbflow.model.deployments import Deployment, Schedule, Skip
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.orchestration import creating, transitions
from nbflow.store import deployments, flow_runs

#: runs after which a tick commits, whatever else is due: others wait for its lock
_ENOUGH = 200


def tick(connection: sa.Connection, now: datetime, *, limit: int = 1000) -> int:
    """Make the runs that are due, or many of them; give how many schedules were looked at."""
    made = 0
    due = deployments.due_schedules(connection, now, limit=limit)
    for count, schedule in enumerate(due, 1):
        made += _advance(connection, schedule, now)
        if made >= _ENOUGH:
            return count
    return len(due)


def _advance(connection: sa.Connection, schedule: Schedule, now: datetime) -> int:
    plan = schedules.plan(
        done_until=schedule.done_until,
        timing=schedule.timing,
        now=now,
        catchup=schedule.catchup,
        grace_seconds=settings.late_seconds,
        window_seconds=settings.catchup_window_seconds,
        maximum=settings.catchup_max,
    )
    moved = deployments.move_mark(
        connection, schedule, done_until=plan.done_until, next_at=plan.next_at
    )
    if not moved:
        return 0
    skips = [Skip(schedule.id, *skip) for skip in plan.skips]
    deployments.add_skips(connection, skips, at=now)
    deployment = deployments.get(connection, schedule.deployment_id)
    for due_at in plan.run:
        _fire(connection, deployment, schedule, due_at, now)
    return len(plan.run)


def _fire(
    connection: sa.Connection,
    deployment: Deployment,
    schedule: Schedule,
    due_at: datetime,
    now: datetime,
) -> None:
    earlier = () if schedule.overlap in ("enqueue", "allow") else _earlier(connection, deployment)
    if earlier and schedule.overlap == "cancel_new":
        skip = Skip(schedule.id, due_at, due_at, 1, "overlap")
        deployments.add_skips(connection, [skip], at=now)
        return
    for run in earlier:
        message = f"Replaced by the run due at {due_at.isoformat()}."
        transitions.transit(connection, run, states.Cancelling(message=message))
    creating.create(connection, _new_run(deployment, schedule, due_at))
    fault("tick.after_insert")


def _earlier(connection: sa.Connection, deployment: Deployment) -> tuple[FlowRun, ...]:
    return flow_runs.live_of_deployment(connection, deployment.id)


def _new_run(deployment: Deployment, schedule: Schedule, due_at: datetime) -> NewFlowRun:
    return NewFlowRun(
        flow_name=deployment.flow_name,
        kind="notebook",
        state=states.Scheduled(due_at),
        due_at=due_at,
        deployment_id=deployment.id,
        schedule_id=schedule.id,
        parameters=schedule.parameters,
        idempotency_key=f"schedule:{schedule.id}:{due_at.isoformat()}",
        created_by="schedule",
    )
