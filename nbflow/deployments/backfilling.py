"""Making runs for instants that have passed: `backfill`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nbflow import connect
from nbflow.model import wallclock
from nbflow.model.backfills import Backfilled, NewBackfill
from nbflow.model.schedules import Cron, Interval, RRule


def backfill(
    name: str,
    since: datetime,
    until: datetime | None = None,
    *,
    schedule: str | None = None,
    timing: Cron | Interval | RRule | None = None,
    parameters: Mapping[str, Any] | None = None,
    again: bool = False,
    limit: int | None = None,
    dry_run: bool = False,
) -> Backfilled:
    """Make a run for each instant from `since` on and before `until` that has none.

    Args:
        name: the deployment's name or id.
        since, until: aware, or read by the clock of `timing` (else in UTC); until now when left
            out.
        schedule: the slug or id of the schedule that is meant, where there are several.
        timing: other instants than those of a schedule.
        parameters: laid over the deployment's and the schedule's.
        again: also instants that have a run.
        limit: at most so many, the oldest first; called again, the next ones. 1,000 is the most.
        dry_run: only tell what would be made.

    Raises NotFound, ParameterError, InvalidInput (`backfill.too_many` and its like).
    """
    zone = wallclock.zone("UTC" if timing is None else timing.timezone)
    asked = NewBackfill(
        deployment=name,
        since=wallclock.aware(since, zone),
        until=None if until is None else wallclock.aware(until, zone),
        schedule=schedule,
        timing=timing,
        parameters=parameters or {},
        again=again,
        limit=limit,
        created_by="code",
    )
    backend = connect.connect()
    return backend.plan_backfill(asked) if dry_run else backend.create_backfill(asked)
