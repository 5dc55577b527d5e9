"""`nbflow schedule …`: when deployments run; what is left out, and what is to come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, get_args

from nbflow.cli import finding, given, printing, zone
from nbflow.cli.parsing import OUTPUT, PARAMETERS, argument, duration, positive, takes, usage
from nbflow.connect import connect
from nbflow.model import schedules, wallclock
from nbflow.model.backend import Backend
from nbflow.model.deployments import Deployment, Schedule
from nbflow.model.pages import every
from nbflow.model.schedule_said import new_schedule_of
from nbflow.model.schedules import Catchup, Cron, Interval, Overlap, RRule, Timing
from nbflow.model.scheduling import ScheduleChange, ScheduleFilter

ID = argument("schedule", metavar="SCHEDULE", help="its id, or DEPLOYMENT/SLUG")
_NAME = argument("deployment", metavar="DEPLOYMENT", help="the deployment's name or id")
TIMING = (
    argument("--cron", default=None, metavar="EXPR", help="five fields, such as '0 7 * * 1-5'"),
    argument("--every", default=None, type=duration, metavar="DUR", help="10s, 5m, 1h, 1d, …"),
    argument("--rrule", default=None, metavar="RULE",
             help="an iCalendar rule, such as 'FREQ=WEEKLY;BYDAY=MO'"),
    argument("--timezone", default=None, metavar="ZONE",
             help="by whose clock, such as Europe/Paris (default: yours)"),
    argument("--day-and", action="store_true",
             help="a cron's day and weekday must both match (default: either)"),
    argument("--anchor", default=None, metavar="INSTANT", help="an instant of --every's series"),
)  # fmt: skip
_REST = (
    argument("--slug", default=None, help="what to call it, within its deployment"),
    argument("--catchup", choices=get_args(Catchup), default=None,
             help="which missed runs are made up (default: latest)"),
    argument("--catchup-window", type=duration, default=None, metavar="DUR",
             help="how far back (default: 1d)"),
    argument("--catchup-max", type=int, default=None, metavar="N", help="at most so many"),
    argument("--overlap", choices=get_args(Overlap), default=None,
             help="when a run is due and the one before goes on (default: enqueue)"),
    argument("--jitter", type=duration, default=None, metavar="DUR",
             help="start up to so much later, so that not all start at once"),
    argument("--starts-at", default=None, metavar="INSTANT", help="none before"),
    argument("--ends-at", default=None, metavar="INSTANT", help="none from then on"),
    argument("--max-runs", type=positive, default=None, metavar="N", help="it ends after so many"),
    *PARAMETERS,
)  # fmt: skip


@takes(
    argument("deployment", metavar="DEPLOYMENT", nargs="?", help="only this deployment's"),
    OUTPUT,
)
def ls(*, deployment: str | None, output: str) -> None:
    """List schedules, the next due first."""
    backend = connect()
    names = {one.id: one.name for one in every(backend.list_deployments)}
    of = None if deployment is None else finding.deployment(backend, deployment).id
    found = tuple(every(backend.list_schedules, ScheduleFilter(of)))
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("deployment", "schedule", "when", "next", "id"),
        (
            (names.get(one.deployment_id, ""), one.slug or "", said(one),
             _status(one) or printing.instant(one.next_at, one.timing.timezone), one.id)
            for one in found
        ),
        none="There are no schedules. `nbflow schedule create DEPLOYMENT --cron …` makes one.",
    )  # fmt: skip


@takes(ID, OUTPUT)
def inspect(*, schedule: str, output: str) -> None:
    """Show a schedule, what is to come, and what it left out."""
    backend = connect()
    found = find(backend, schedule)
    if output == "json":
        printing.as_json(found)
        return
    _show(backend, found)


@takes(_NAME, *TIMING, *_REST, argument("--paused", action="store_true", help="not yet"), OUTPUT)
def create(*, deployment: str, paused: bool, output: str, **typed: Any) -> None:
    """Give a deployment a schedule; it begins now, nothing is made up."""
    backend = connect()
    of = finding.deployment(backend, deployment)
    timing = timing_of(typed)
    if timing is None:
        raise usage("Nothing was said of when.", "Say --cron, --every or --rrule.", "timing")
    new = new_schedule_of({**_typed(of, typed), "timing": timing, "active": not paused})
    made = backend.create_schedule(of.id, new)
    _done(backend, made, output)


@takes(
    ID, *TIMING, *_REST,
    argument("--clear", action="append", default=[], metavar="NAME",
             choices=("slug", "catchup-window", "catchup-max", "starts-at", "ends-at", "max-runs"),
             help="take this away (repeat for several)"),
    OUTPUT,
)  # fmt: skip
def update(*, schedule: str, clear: list[str], output: str, **typed: Any) -> None:
    """Change a schedule; other times or parameters count from now."""
    backend = connect()
    found = find(backend, schedule)
    of = backend.read_deployment(found.deployment_id)
    change: dict[str, Any] = _typed(of, typed)
    for name in clear:
        key = name.replace("-", "_")
        change["catchup_window_seconds" if key == "catchup_window" else key] = None
    timing = timing_of(typed)
    if timing is not None:
        change["timing"] = timing
    if not change:
        raise usage("Nothing was said to change.", "Say --cron, --slug, --overlap, …")
    made = backend.update_schedule(found.id, ScheduleChange(**_instants(change, found, timing)))
    _done(backend, made, output)


@takes(ID, OUTPUT)
def delete(*, schedule: str, output: str) -> None:
    """Delete a schedule and its runs nobody has claimed; past runs stay."""
    backend = connect()
    found = find(backend, schedule)
    backend.delete_schedule(found.id)
    _tell({"deleted": found.id}, f"{said(found)}: deleted.", output)


@takes(_NAME, OUTPUT)
def clear(*, deployment: str, output: str) -> None:
    """Delete all schedules of a deployment."""
    backend = connect()
    of = finding.deployment(backend, deployment)
    for one in of.schedules:
        backend.delete_schedule(one.id)
    gone = [one.id for one in of.schedules]
    _tell({"deleted": gone}, f"{of.name}: {len(gone)} deleted.", output)


@takes(ID, OUTPUT)
def pause(*, schedule: str, output: str) -> None:
    """Let a schedule make no runs."""
    _activate(schedule, False, output)


@takes(ID, OUTPUT)
def resume(*, schedule: str, output: str) -> None:
    """Let it make runs again, from now: nothing is made up."""
    _activate(schedule, True, output)


@takes(*TIMING, argument("--count", type=positive, default=5, metavar="N", help="1 to 100"), OUTPUT)
def preview(*, count: int, output: str, **typed: Any) -> None:
    """Say in plain words when a timing is due, and its next instants."""
    timing = timing_of(typed)
    if timing is None:
        raise usage("Nothing was said of when.", "Say --cron, --every or --rrule.", "timing")
    if count > 100:
        raise usage(f"count is {count}; it must be 1 to 100.", "Ask for fewer.", "count")
    upcoming = timing.next(count)
    notes = schedules.notes(timing, upcoming)
    if output == "json":
        description = schedules.describe(timing)
        printing.as_json({"description": description, "next": upcoming, "notes": notes})
        return
    print(schedules.describe(timing))
    for at in upcoming:
        print(f"  {printing.instant(at, timing.timezone)}")
    for note in notes:
        printing.note(note)


@takes(
    ID,
    argument("instant", metavar="INSTANT", nargs="?",
             help="2026-11-22T13:00, by the schedule's clock (default: the next one)"),
    OUTPUT,
)  # fmt: skip
def skip(*, schedule: str, instant: str | None, output: str) -> None:
    """Leave out one instant to come."""
    backend = connect()
    found = find(backend, schedule)
    at = _instant(instant, "instant", found.timing) if instant else found.next_at
    if at is None:
        raise usage("This schedule has no instants to come.", field="instant")
    made = backend.skip_instant(found.id, at)
    when = printing.instant(made.first_at, found.timing.timezone)
    _tell(made, f"{said(found)}: {when} is left out.", output)


def find(backend: Backend, text: str) -> Schedule:
    """Give the schedule of an id, or of DEPLOYMENT/SLUG. Raises NotFound."""
    name, slash, slug = text.partition("/")
    if slash:
        of = finding.deployment(backend, name)
        same = [one for one in of.schedules if slug in (one.slug, one.id)]
        if same:
            return same[0]
    return backend.read_schedule(text)


def said(schedule: Schedule) -> str:
    """Say in plain words when a schedule is due."""
    if schedule.problem is not None:
        return f"(cannot be told here: {schedule.problem})"
    return schedules.describe(schedule.timing)


def timing_of(typed: Mapping[str, Any]) -> Timing | None:
    """Give the timing that was typed; None: none was. Raises InvalidInput."""
    where = zone.mine() if typed["timezone"] is None else typed["timezone"]
    told = [name for name in ("cron", "every", "rrule") if typed[name] is not None]
    if len(told) > 1:
        raise usage(f"Say one of --{' and --'.join(told)}.", field=told[1])
    if typed["cron"] is not None:
        return Cron(typed["cron"], where, not typed["day_and"])
    if typed["every"] is not None:
        anchor = typed["anchor"]
        at = None if anchor is None else wallclock.parse_instant(anchor, field="anchor_date")
        return Interval(typed["every"], at, where)
    return None if typed["rrule"] is None else RRule(typed["rrule"], where)


def _typed(of: Deployment, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Give what was typed beside the timing, as a schedule's fields."""
    seconds: dict[str, timedelta | None] = {
        "catchup_window_seconds": typed["catchup_window"],
        "jitter_seconds": typed["jitter"],
    }
    plain = ("slug", "catchup", "catchup_max", "overlap", "starts_at", "ends_at", "max_runs")
    found: dict[str, Any] = {name: typed[name] for name in plain}
    found |= {name: span and span.total_seconds() for name, span in seconds.items()}
    if typed["param"] or typed["parameters"]:
        found["parameters"] = given.parameters(
            of.parameter_schema, typed["param"], typed["parameters"], what=of.name
        )
    return {name: value for name, value in found.items() if value is not None}


def _instants(change: dict[str, Any], found: Schedule, timing: Timing | None) -> dict[str, Any]:
    """Read the instants of an edit; naive ones by the schedule's clock."""
    by = timing or found.timing
    return {
        name: _instant(value, name, by) if name.endswith("_at") and value else value
        for name, value in change.items()
    }


def _instant(text: str, field: str, by: Timing) -> datetime:
    at = wallclock.parse_instant(text, field=field)
    return wallclock.aware(at, wallclock.zone(by.timezone))


def _activate(schedule: str, active: bool, output: str) -> None:
    backend = connect()
    made = backend.update_schedule(find(backend, schedule).id, ScheduleChange(active=active))
    _tell(made, f"{said(made)}: {'resumed' if active else 'paused'}.", output)


def _tell(value: Any, text: str, output: str) -> None:
    if output == "json":
        printing.as_json(value)
    else:
        print(printing.clean(text))


def _done(backend: Backend, made: Schedule, output: str) -> None:
    if output == "json":
        printing.as_json(made)
    else:
        _show(backend, made)


def _status(schedule: Schedule) -> str:
    if schedule.problem is not None:
        return "has a problem"
    if not schedule.active:
        return "paused"
    return "" if schedule.next_at else "has ended"


def _show(backend: Backend, found: Schedule) -> None:
    of = backend.read_deployment(found.deployment_id)
    window, most = found.catchup_window_seconds, found.catchup_max
    printing.facts(
        [
            ("Schedule", f"{found.slug or 'unnamed'}  ({found.id})"),
            ("Deployment", f"{of.name}{', which is paused' if of.paused else ''}"),
            ("When", said(found)),
            ("Status", _status(found)),
            ("Missed runs", _missed(found.catchup, window, most)),
            ("Overlap", found.overlap),
            ("Jitter", f"up to {found.jitter_seconds:g} s" if found.jitter_seconds else None),
            ("Starts", printing.instant(found.starts_at, found.timing.timezone)),
            ("Ends", printing.instant(found.ends_at, found.timing.timezone)),
            ("Runs", f"{found.runs_made} of {found.max_runs}" if found.max_runs else None),
        ]
    )
    printing.columns(
        ("to come", ""),
        (
            (printing.instant(one.due_at, found.timing.timezone), "left out" if one.skipped else "")
            for one in backend.list_upcoming(of.id, limit=1000)
            if one.schedule_id == found.id
        ),
        none="",
    )


def _missed(catchup: str, window: float | None, most: int | None) -> str:
    bounds = [
        *([] if window is None else [f"of the last {printing.seconds(window)}"]),
        *([] if most is None else [f"at most {most}"]),
    ]
    return ", ".join([catchup, *bounds])
