"""`nbflow deploy`: a notebook, its parameters and its schedules."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

from nbflow import deployments
from nbflow.cli import checking, execution, given, printing, zone
from nbflow.cli import deployment as shown
from nbflow.cli.execution import EXECUTION
from nbflow.cli.parsing import OUTPUT, PARAMETERS, argument, duration, positive, takes
from nbflow.connect import connect
from nbflow.model import deploying, notebooks, slices
from nbflow.model.deployments import Deployment, Source
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
    argument("notebook", metavar="NOTEBOOK[:FLOW]",
             help="the notebook file; with :FLOW, that flow of it and the cells it needs"),
    argument("--name", default=None,
             help="the deployment's name (default: the flow's, else the file's stem)"),
    *SCHEDULES,
    *PARAMETERS,
    argument("--source", choices=get_args(Source), default="snapshot",
             help="run what is deployed now (snapshot) or what lies there then (live)"),
    argument("-k", "--kernel", default=None, help="the kernel (default: the notebook's own)"),
    argument("--pool", default=None, help="the work pool whose workers run it"),
    argument("--tag", action="append", default=[], help="a tag (repeat for several)"),
    argument("--description", default="", help="what it is for"),
    argument("--limit", type=positive, default=None, help="at most so many of its runs at once"),
    argument("--replace", action="store_true", help="take over another notebook's name"),
    argument("--check", action="store_true",
             help="deploy nothing: run its imports in its kernel and list what is missing"),
    *EXECUTION,
    OUTPUT,
)  # fmt: skip
def deploy(
    *,
    notebook: str,
    cron: list[str],
    every: list[timedelta],
    rrule: list[str],
    timezone: str | None,
    param: list[str],
    parameters: str | None,
    kernel: str | None,
    pool: str | None,
    tag: list[str],
    limit: int | None,
    checkpoint: Checkpoint,
    on_failure: list[str] | None,
    to: list[str],
    check: bool,
    output: str,
    **rest: Any,
) -> int | None:
    """Deploy a notebook, or a flow of it, and say in plain words when it will run."""
    if check:
        return checking.check(notebook, kernel=kernel, output=output)
    named, function = deploying.split(notebook)
    path, text = deployments.read_notebook(named)
    nb = notebooks.parse(text, name=Path(path).name)
    schema = deploying.schema_of(nb, function)
    made = deployments.deploy(
        path if function is None else f"{path}:{function}",
        parameters=given.parameters(schema, param, parameters, what=function or Path(path).name),
        schedules=_timings(cron, every, rrule, timezone or zone.mine()),
        kernel_name=kernel,
        work_pool=pool,
        tags=tag,
        concurrency_limit=limit,
        options=execution.options(checkpoint=checkpoint, on_failure=on_failure, to=to),
        made_by="cli",
        **rest,
    )
    if output == "json":
        printing.as_json(made)
    else:
        _tell(made)
        if made.function is not None:
            print(slices.flow_slice(nb, made.function))
    absent = presence.missing(connect(), made.work_pool, scheduled=bool(made.schedules))
    if absent is not None:
        printing.note(absent)
    return None


def _timings(
    cron: list[str], every: list[timedelta], rrule: list[str], timezone: str
) -> list[Timing]:
    return [
        *(Cron(text, timezone) for text in cron),
        *(Interval(interval, timezone=timezone) for interval in every),
        *(RRule(text, timezone) for text in rrule),
    ]


def _tell(made: Deployment) -> None:
    what = made.path if made.function is None else f"{made.path}, its flow {made.function}"
    print(printing.clean(f"Deployed {made.name!r} ({made.id}) from {what}."))
    for item in made.schedules:
        shown.show_schedule(item)
    if made.paused:
        print(f"\nIt is paused; `nbflow deployment resume {made.name}` starts its schedules.")
    elif not made.schedules:
        print(f"It has no schedule; `nbflow deployment run {made.name}` runs it.")
