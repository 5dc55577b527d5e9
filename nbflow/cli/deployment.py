"""`nbflow deployment …`: list deployments, look at one, run it, pause and resume it, delete it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nbflow import deployments
from nbflow.cli import fields, finding, given, printing, progress, watching, zone
from nbflow.cli.fields import FIELDS
from nbflow.cli.parsing import OUTPUT, PARAMETERS, argument, duration, positive, takes, usage
from nbflow.connect import connect
from nbflow.model import clock, names, schedules, states, versions, wallclock
from nbflow.model.deployments import Deployment, DeploymentChange, Schedule
from nbflow.model.pages import every
from nbflow.model.runs import NewFlowRun
from nbflow.workers import presence

NAME = argument("name", metavar="NAME", help="the deployment's name or id")


@takes(OUTPUT)
def ls(*, output: str) -> None:
    """List deployments by name."""
    found = tuple(every(connect().list_deployments))
    if output == "json":
        printing.as_json(found)
        return
    printing.columns(
        ("name", "notebook", "schedule", "next", "pool"),
        (
            (item.name, item.path, _when(item), printing.instant(_next(item)), item.work_pool)
            for item in found
        ),
        none="There are no deployments. `nbflow deploy NOTEBOOK` makes one.",
    )


def _when(deployment: Deployment) -> str:
    if deployment.paused:
        return "paused"
    active = [item for item in deployment.schedules if item.active]
    if not active:
        return "paused" if deployment.schedules else "none"
    more = f" (and {len(active) - 1} more)" if len(active) > 1 else ""
    return f"{schedules.describe(active[0].timing)}{more}"


def _next(deployment: Deployment) -> datetime | None:
    due = [item.next_at for item in deployment.schedules if item.active and item.next_at]
    return None if deployment.paused else min(due, default=None)


@takes(
    NAME,
    argument("--version", type=positive, default=None, metavar="N", help="as it was in version N"),
    OUTPUT,
)
def inspect(*, name: str, version: int | None, output: str) -> None:
    """Show a deployment: what it runs, with which parameters, when."""
    found = finding.deployment(connect(), name)
    if version is not None:
        content = connect().read_deployment_version(found.id, version).content
        found = replace(versions.restored(found, content), version=version)
    if output == "json":
        printing.as_json(found)
        return
    printing.facts(
        [
            ("Deployment", f"{found.name}  ({found.id})"),
            ("Version", str(found.version)),
            ("Notebook" if found.entrypoint is None else "Path", found.path),
            ("Flow", found.entrypoint or found.function),
            ("Source", f"{found.source} ({found.snapshot[:12]})"),
            ("Included", ", ".join(found.files)),
            ("Kernel", _kernel(found)),
            ("Work pool", found.work_pool),
            ("Work queue", None if found.work_queue == "default" else found.work_queue),
            ("Job variables", json.dumps(found.job_variables) if found.job_variables else None),
            ("Retries", str(found.retries or "")),
            ("Crash retries", str(found.crash_retries or "")),
            ("Paused", "yes" if found.paused else None),
            ("Limit", _limit(found)),
            ("Tags", ", ".join(found.tags)),
            ("Description", found.description),
            ("Made", f"{printing.instant(found.created_at)}, by {found.made_by}"),
            ("Defined in", found.defined_in),
            ("Changed", printing.instant(found.updated_at)),
        ]
    )
    _show_parameters(found)
    for item in found.schedules:
        show_schedule(item)


def _kernel(found: Deployment) -> str | None:
    return f"{found.kernel_name} on {found.host or 'any host'}" if found.kernel_name else None


def _limit(found: Deployment) -> str | None:
    if found.concurrency_limit is None:
        return None
    beyond = "cancelled" if found.collision_strategy == "cancel_new" else "waiting"
    return f"{found.concurrency_limit} at once, others {beyond}"


def _show_parameters(deployment: Deployment) -> None:
    properties = deployment.parameter_schema.get("properties", {})
    if not properties:
        return
    printing.heading("Parameters")
    defaults = {key: value.get("default") for key, value in properties.items()}
    values = {**defaults, **deployment.parameters}
    printing.columns(
        ("", "name", "type", "value"),
        (
            ("", key, str(schema.get("type", "any")), json.dumps(values[key], ensure_ascii=False))
            for key, schema in properties.items()
        ),
        none="",
    )


def show_schedule(schedule: Schedule, *, count: int = 5) -> None:
    """Print a schedule in plain words, and its next instants by its own zone's clock."""
    paused = "" if schedule.active else " (paused)"
    printing.heading(f"Schedule: {schedules.describe(schedule.timing)}{paused}")
    print(f"  overlap {schedule.overlap}, missed runs {schedule.catchup}, id {schedule.id}")
    zone = schedule.timing.timezone
    for at in schedule.timing.next(count):
        print(f"  next  {printing.instant(at, zone)}")


@takes(
    NAME,
    *PARAMETERS,
    argument("--run-name", "--name", dest="run_name", default=None,
             help="the run's name (made up when left out)"),
    argument("--tag", action="append", default=[], help="a tag of the run (repeat for several)"),
    argument("--start-in", type=duration, default=None, metavar="DUR", help="when: 10m, 1h, …"),
    argument("--start-at", default=None, metavar="TIME",
             help="when: 2026-11-23T07:00, in your zone unless it says another"),
    argument("--queue", default=None, help="the queue it waits in (default: the deployment's)"),
    argument("--job-variable", action="append", default=[], metavar="NAME=VALUE",
             help="laid over the deployment's; VALUE is JSON, or text"),
    argument("--idempotency-key", default=None, metavar="KEY",
             help="a second run of the same key is the first"),
    argument("--watch", action="store_true", help="follow the run; exit by its outcome"),
    argument("--watch-timeout", type=duration, default=None, metavar="DUR",
             help="follow it no longer; the run goes on"),
    OUTPUT,
)  # fmt: skip
def run(
    *,
    name: str,
    param: list[str],
    parameters: str | None,
    run_name: str | None,
    tag: list[str],
    start_in: timedelta | None,
    start_at: str | None,
    queue: str | None,
    job_variable: list[str],
    idempotency_key: str | None,
    watch: bool,
    watch_timeout: timedelta | None,
    output: str,
) -> int:
    """Make a run that a worker takes at once; parameters are laid over the deployment's own."""
    backend = connect()
    found = finding.deployment(backend, name)
    due_at = _due_at(start_in, start_at)
    named: dict[str, Any] = {} if run_name is None else {"name": names.check_name(run_name)}
    if queue is not None:
        named["work_queue"] = names.check_name(queue, field="queue")
    new = NewFlowRun(
        flow_name=found.flow_name,
        state=states.Scheduled(due_at),
        due_at=due_at,
        deployment_id=found.id,
        parameters=given.parameters(found.parameter_schema, param, parameters, what=found.name),
        tags=names.check_tags(tag),
        job_variables=fields.variables(job_variable),
        idempotency_key=idempotency_key,
        created_by="cli",
        **named,
    )
    made = backend.create_flow_run(new)
    if output == "text":
        print(f"{made.name} ({made.id}) waits for a worker of the pool {made.work_pool!r}.")
    absent = presence.missing(backend, found.work_pool, scheduled=False)
    if absent is not None:
        printing.note(absent)
    if watch or watch_timeout is not None:
        seconds = None if watch_timeout is None else watch_timeout.total_seconds()
        made = watching.until_ended(backend, made.id, quiet=output == "json", seconds=seconds)
    if output == "json":
        printing.as_json(made)
    return progress.exit_code(made.state) if watch and made.state.is_final() else 0


def _due_at(start_in: timedelta | None, start_at: str | None) -> datetime | None:
    """Give when a run is due; None: now. Raises InvalidInput."""
    if start_in is not None and start_at is not None:
        raise usage("A run starts in a while or at a time, not both.", "Leave one out.")
    if start_in is not None:
        return clock.now() + start_in
    if start_at is None:
        return None
    try:
        at = datetime.fromisoformat(start_at.strip())
    except ValueError:
        problem = f"--start-at is {names.shown(start_at)}, not a time."
        raise usage(problem, "Write it as 2026-11-23T07:00 or 2026-11-23T07:00+01:00.") from None
    return (at if at.tzinfo else at.replace(tzinfo=wallclock.zone(zone.mine()))).astimezone(UTC)


@takes(
    NAME,
    argument("--from-file", action="store_true",
             help="deploy the file as it now is; all else stays as it was"),
    argument("--no-limit", action="store_true", help="let any number of its runs go on at once"),
    *PARAMETERS,
    *FIELDS,
    OUTPUT,
)  # fmt: skip
def update(
    *,
    name: str,
    from_file: bool,
    no_limit: bool,
    param: list[str],
    parameters: str | None,
    output: str,
    **rest: Any,
) -> None:
    """Edit a deployment; what is left out stays as it is."""
    backend = connect()
    found = finding.deployment(backend, name)
    said = fields.said(rest)
    if param or parameters is not None:
        typed = given.parameters(found.taken, param, parameters, what=found.name)
        said["parameters"] = {**found.parameters, **typed}
    if no_limit:
        said["concurrency_limit"] = None
    if not from_file and not set(said) - {"replace", "note"}:
        raise usage("There is nothing to change.", "Say --from-file, or what is to be changed.")
    changed = backend.deploy(deployments.again(found)) if from_file else found
    if set(said) - {"replace", "note"}:
        change = DeploymentChange(made_by="cli", **said)
        changed = backend.update_deployment(found.id, change)
    if output == "json":
        printing.as_json(changed)
        return
    again = "as it was" if changed.version == found.version else f"now version {changed.version}"
    print(f"{changed.name}: {again}.")


@takes(NAME, OUTPUT)
def pause(*, name: str, output: str) -> None:
    """Stop making scheduled runs."""
    _change(name, DeploymentChange(paused=True), "paused", output)


@takes(NAME, OUTPUT)
def resume(*, name: str, output: str) -> None:
    """Make scheduled runs again, from now: nothing is made up."""
    _change(name, DeploymentChange(paused=False), "resumed", output)


def _change(name: str, change: DeploymentChange, done: str, output: str) -> None:
    backend = connect()
    found = finding.deployment(backend, name)
    changed = backend.update_deployment(found.id, change)
    if output == "json":
        printing.as_json(changed)
        return
    print(f"{changed.name}: {done}.")


@takes(NAME, OUTPUT)
def delete(*, name: str, output: str) -> None:
    """Delete a deployment, its schedules and its waiting runs; past runs stay."""
    backend = connect()
    found = finding.deployment(backend, name)
    backend.delete_deployment(found.id)
    if output == "json":
        printing.as_json({"deleted": found.id})
        return
    print(f"{found.name}: deleted.")
