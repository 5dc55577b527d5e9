"""`nbflow backfill …`: runs for instants that have passed."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from nbflow.cli import finding, given, printing
from nbflow.cli.parsing import OUTPUT, PARAMETERS, argument, positive, takes, usage
from nbflow.cli.schedule import TIMING, timing_of
from nbflow.connect import connect
from nbflow.model import schedules, wallclock
from nbflow.model.backfills import Backfill, Backfilled, NewBackfill
from nbflow.model.deployments import Deployment
from nbflow.model.pages import every
from nbflow.model.schedules import Timing

_ID = argument("backfill", metavar="ID", help="the backfill's id")
_SHOWN = 5


@takes(
    argument("deployment", metavar="DEPLOYMENT", help="the deployment's name or id"),
    argument("--since", required=True, metavar="INSTANT",
             help="from then on, such as 2026-01-01; by the clock of the schedule"),
    argument("--until", default=None, metavar="INSTANT", help="before then (default: now)"),
    argument("--schedule", default=None, metavar="SLUG",
             help="whose instants: a schedule's slug or id (default: the only one)"),
    *TIMING,
    *PARAMETERS,
    argument("--again", action="store_true", help="also instants that have a run already"),
    argument("--limit", type=positive, default=None, metavar="N",
             help="at most so many, the oldest first; said again, the next ones"),
    argument("--dry-run", action="store_true", help="only show what it would make"),
    argument("--yes", action="store_true", help="do not ask"),
    OUTPUT,
)  # fmt: skip
def run(
    *,
    deployment: str,
    since: str,
    until: str | None,
    schedule: str | None,
    param: list[str],
    parameters: str | None,
    again: bool,
    limit: int | None,
    dry_run: bool,
    yes: bool,
    output: str,
    **typed: Any,
) -> int | None:
    """Make a run for each instant that has passed and has none."""
    backend = connect()
    of = finding.deployment(backend, deployment)
    timing = timing_of(typed)
    by = _clock(of, schedule, timing)
    asked = NewBackfill(
        deployment=of.id,
        since=_instant("since", since, by),
        until=None if until is None else _instant("until", until, by),
        schedule=schedule,
        timing=timing,
        parameters=given.parameters(of.parameter_schema, param, parameters, what=of.name),
        again=again,
        limit=limit,
        created_by="cli",
    )
    planned = backend.plan_backfill(asked)
    if not dry_run and planned.due_at and _agreed(planned, by, yes or output == "json"):
        planned = backend.create_backfill(asked)
    if output == "json":
        printing.as_json(planned)
        return None
    _tell(planned, by)
    return 0 if dry_run or planned.backfill or not planned.due_at else 1


@takes(
    argument("deployment", metavar="DEPLOYMENT", nargs="?", help="only this deployment's"),
    OUTPUT,
)
def ls(*, deployment: str | None, output: str) -> None:
    """List backfills, newest first."""
    backend = connect()
    of = None if deployment is None else finding.deployment(backend, deployment).id
    found = tuple(every(backend.list_backfills, of))
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("id", "since", "until", "runs", "state"),
        (
            (one.id, printing.instant(one.since), printing.instant(one.until), str(one.count),
             _progress(one))
            for one in found
        ),
        none="There are no backfills. `nbflow backfill run DEPLOYMENT --since …` makes one.",
    )  # fmt: skip


@takes(_ID, OUTPUT)
def inspect(*, backfill: str, output: str) -> None:
    """Show a backfill, and how far its runs are."""
    _show(connect().read_backfill(backfill), output)


@takes(_ID, OUTPUT)
def cancel(*, backfill: str, output: str) -> None:
    """Cancel those of its runs that have not ended."""
    _show(connect().cancel_backfill(backfill), output)


def _clock(of: Deployment, schedule: str | None, timing: Timing | None) -> str:
    """Give the zone by whose clock instants are said."""
    if timing is not None:
        return timing.timezone
    zones = {s.timing.timezone for s in of.schedules if schedule in (None, s.slug, s.id)}
    return zones.pop() if len(zones) == 1 else "UTC"


def _instant(field: str, text: str, by: str) -> datetime:
    return wallclock.aware(wallclock.parse_instant(text, field=field), wallclock.zone(by))


def _agreed(planned: Backfilled, by: str, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise usage("A backfill asks before it makes runs.", "Say --yes, or --dry-run.", "yes")
    _tell(planned, by)
    return input("Make these runs? [y/N] ").strip().lower() in ("y", "yes")


def _tell(planned: Backfilled, by: str) -> None:
    print(planned.description)
    for at in planned.due_at[:_SHOWN]:
        print(f"  {printing.instant(at, by)}")
    if len(planned.due_at) > _SHOWN:
        last = planned.due_at[-1].astimezone(ZoneInfo(by))
        print(f"  … until {printing.instant(last, by)}")
    made = planned.backfill
    verb = "are made" if made else "would be made"
    left = f"; {len(planned.left_out)} have one already" if planned.left_out else ""
    print(f"{len(planned.due_at)} runs {verb}{left}.")
    if made is not None:
        print(f"`nbflow backfill inspect {made.id}` shows how far they are.")


def _progress(one: Backfill) -> str:
    said = ", ".join(f"{count} {state.lower()}" for state, count in one.states.items())
    return f"{said} (cancelled)" if one.cancelled_at else said


def _show(one: Backfill, output: str) -> None:
    if output == "json":
        printing.as_json(one)
        return
    printing.facts(
        [
            ("Backfill", one.id),
            ("When", schedules.describe(one.timing)),
            ("From", f"{printing.instant(one.since)} until {printing.instant(one.until)}"),
            ("Runs", f"{one.count}: {_progress(one)}"),
            ("Made", f"{printing.instant(one.created_at)} by {one.created_by or 'nobody known'}"),
            ("Cancelled", printing.instant(one.cancelled_at)),
        ]
    )
