"""`nbflow deploy`: a notebook or a flow, its parameters and its schedules."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

from nbflow import deployments
from nbflow.cli import checking, deploy_all, execution, fields, given, printing, zone
from nbflow.cli import deployment as shown
from nbflow.cli.deploy_all import ALL
from nbflow.cli.execution import EXECUTION
from nbflow.cli.fields import FIELDS
from nbflow.cli.parsing import OUTPUT, PARAMETERS, argument, duration, takes, usage
from nbflow.connect import connect
from nbflow.model import notebooks, slices
from nbflow.model.deployments import Deployment
from nbflow.model.pages import every
from nbflow.model.run_options import Checkpoint
from nbflow.model.schedules import Catchup, Cron, Interval, Overlap, RRule, Timing
from nbflow.workers import presence

SCHEDULES = (
    argument("--cron", action="append", default=[], metavar="EXPR",
             help="five fields, such as '0 7 * * 1-5'"),
    argument("--every", action="append", default=[], type=duration, metavar="DUR",
             help="10s, 5m, 1h, 1d, …"),
    argument("--rrule", action="append", default=[], metavar="RULE",
             help="an iCalendar rule, such as 'FREQ=WEEKLY;BYDAY=MO'"),
    argument("--timezone", default=None, metavar="ZONE",
             help="of the schedules, such as Europe/Paris (default: yours)"),
    argument("--catchup", choices=get_args(Catchup), default="latest",
             help="which missed runs are made up (default: latest)"),
    argument("--overlap", choices=get_args(Overlap), default="enqueue",
             help="when a run is due and the one before goes on (default: enqueue)"),
    argument("--paused", action="store_true", help="make no scheduled runs yet"),
)  # fmt: skip


@takes(
    argument("target", metavar="NOTEBOOK[:FLOW] | FILE.py:FLOW | MODULE:FLOW", nargs="?",
             help="a notebook, a flow of it and the cells it needs, or a flow of a script"),
    argument("--name", default=None,
             help="the deployment's name (default: the flow's, else the file's stem)"),
    *SCHEDULES,
    *PARAMETERS,
    *FIELDS,
    argument("--include", action="append", default=[], metavar="GLOB",
             help="files below its folder that belong to the snapshot (repeat for several)"),
    argument("-k", "--kernel", default=None, help="the kernel (default: the notebook's own)"),
    argument("--check", action="store_true",
             help="deploy nothing: run its imports in its kernel and list what is missing"),
    *ALL,
    *EXECUTION,
    OUTPUT,
)  # fmt: skip
def deploy(
    *,
    target: str | None,
    cron: list[str],
    every: list[timedelta],
    rrule: list[str],
    timezone: str | None,
    param: list[str],
    parameters: str | None,
    kernel: str | None,
    checkpoint: Checkpoint,
    on_failure: list[str] | None,
    to: list[str],
    check: bool,
    output: str,
    **rest: Any,
) -> int | None:
    """Deploy a notebook or a flow, and say in plain words when it will run."""
    everything, whole = deploy_all.taken(rest)
    if everything:
        others = {"a target": target, "--cron": cron, "--every": every, "--rrule": rrule,
                  "--param": param, "--parameters": parameters, "--kernel": kernel,
                  "--to": to, "--check": check, **rest}  # fmt: skip
        return deploy_all.deploy_all(others=others, output=output, **whole)
    if target is None:
        raise usage("deploy needs a notebook or a flow.", "Or --all, for what a file declares.")
    if check:
        return checking.check(target, kernel=kernel, output=output)
    said = fields.said(rest)
    made = deployments.deploy(
        target,
        parameters=_parameters(target, param, parameters),
        schedules=timings(cron, every, rrule, timezone or zone.mine()),
        kernel_name=kernel,
        options=execution.options(checkpoint=checkpoint, on_failure=on_failure, to=to),
        made_by="cli",
        version=said.pop("note", ""),
        **said,
        **rest,
    )
    if output == "json":
        printing.as_json(made)
    else:
        _tell(made)
        _tell_slice(made)
    absent = presence.missing(connect(), made.work_pool, scheduled=bool(made.schedules))
    if absent is not None:
        printing.note(absent)
    _tell_namesakes(made)
    return None


def _tell_namesakes(made: Deployment) -> None:
    """Say where the flow's name is another file's, too: their runs are listed as one flow's."""
    others = {
        one.path
        for one in every(connect().list_deployments)
        if one.flow_name == made.flow_name and (one.path, one.host) != (made.path, made.host)
    }
    if others:
        printing.note(
            f"The flow name {made.flow_name!r} of {made.path} is also that of "
            f"{', '.join(sorted(others))}: their runs are listed together."
        )


def _parameters(target: str, pairs: list[str], text: str | None) -> dict[str, Any]:
    """Read what was typed by the types of what is deployed. Raises InvalidInput."""
    if not pairs and text is None:
        return {}
    return given.parameters(deployments.schema_of(target), pairs, text, what=Path(target).name)


def timings(
    cron: list[str], every: list[timedelta], rrule: list[str], timezone: str
) -> list[Timing]:
    """Give the schedules that were typed. Raises InvalidSchedule."""
    return [
        *(Cron(text, timezone) for text in cron),
        *(Interval(interval, timezone=timezone) for interval in every),
        *(RRule(text, timezone) for text in rrule),
    ]


def _tell(made: Deployment) -> None:
    flow = made.entrypoint or made.function
    what = made.path if flow is None else f"{made.path}, its flow {flow}"
    print(printing.clean(f"Deployed {made.name!r} ({made.id}) from {what}."))
    for item in made.schedules:
        shown.show_schedule(item)
    if made.paused:
        print(f"\nIt is paused; `nbflow deployment resume {made.name}` starts its schedules.")
    elif not made.schedules:
        print(f"It has no schedule; `nbflow deployment run {made.name}` runs it.")


def _tell_slice(made: Deployment) -> None:
    """Show the cells a flow of a notebook needs."""
    if made.function is not None:
        text = connect().read_snapshot(made.snapshot)
        nb = notebooks.parse(text, name=Path(made.path).name)
        print(slices.flow_slice(nb, made.function))
