"""`nbflow deployment …`: list deployments, look at one, run it, pause and resume it, delete it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from nbflow.cli import finding, given, printing, progress, watching
from nbflow.cli.parsing import OUTPUT, PARAMETERS, argument, takes
from nbflow.connect import connect
from nbflow.model import names, schedules, states
from nbflow.model.deployments import Deployment, DeploymentChange, Schedule
from nbflow.model.runs import NewFlowRun
from nbflow.workers import presence

NAME = argument("name", metavar="NAME", help="the deployment's name or id")


@takes(OUTPUT)
def ls(*, output: str) -> None:
    """List deployments by name."""
    found = connect().list_deployments()
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


@takes(NAME, OUTPUT)
def inspect(*, name: str, output: str) -> None:
    """Show a deployment: what it runs, with which parameters, when."""
    found = finding.deployment(connect(), name)
    if output == "json":
        printing.as_json(found)
        return
    printing.facts(
        [
            ("Deployment", f"{found.name}  ({found.id})"),
            ("Notebook", found.path),
            ("Source", f"{found.source} ({found.snapshot[:12]})"),
            ("Kernel", f"{found.kernel_name} on {found.host or 'any host'}"),
            ("Work pool", found.work_pool),
            ("Paused", "yes" if found.paused else None),
            ("Limit", str(found.concurrency_limit or "")),
            ("Tags", ", ".join(found.tags)),
            ("Description", found.description),
            ("Made", f"{printing.instant(found.created_at)}, by {found.made_by}"),
            ("Changed", printing.instant(found.updated_at)),
        ]
    )
    _show_parameters(found)
    for item in found.schedules:
        show_schedule(item)


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
    argument("--run-name", default=None, help="the run's name (made up when left out)"),
    argument("--tag", action="append", default=[], help="a tag of the run (repeat for several)"),
    argument("--watch", action="store_true", help="follow the run; exit by its outcome"),
    OUTPUT,
)
def run(
    *,
    name: str,
    param: list[str],
    parameters: str | None,
    run_name: str | None,
    tag: list[str],
    watch: bool,
    output: str,
) -> int:
    """Make a run that a worker takes at once; parameters are laid over the deployment's own."""
    backend = connect()
    found = finding.deployment(backend, name)
    named: dict[str, Any] = {} if run_name is None else {"name": names.check_name(run_name)}
    new = NewFlowRun(
        flow_name=found.flow_name,
        kind="notebook",
        state=states.Scheduled(),
        deployment_id=found.id,
        parameters=given.parameters(found.parameter_schema, param, parameters, what=found.name),
        tags=tuple(tag),
        created_by="cli",
        **named,
    )
    made = backend.create_flow_run(new)
    if output == "text":
        print(f"{made.name} ({made.id}) waits for a worker of the pool {made.work_pool!r}.")
    absent = presence.missing(backend, found.work_pool, scheduled=False)
    if absent is not None:
        printing.note(absent)
    if watch:
        made = watching.until_ended(backend, made.id, quiet=output == "json")
    if output == "json":
        printing.as_json(made)
    return progress.exit_code(made.state) if watch else 0


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
