"""Deploying from Python: `deploy` reads a notebook file, checks it whole, and hands it over.

What makes a valid deployment is decided in `model.deploying`, when it is due in `model.schedules`.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, cast

from nbflow.connect import connect
from nbflow.kernels import environments, specs
from nbflow.model import deploying, names
from nbflow.model.deploying import DeployRequest, KernelSpec
from nbflow.model.deployments import Deployment, NewSchedule, Source
from nbflow.model.run_options import RunOptions
from nbflow.model.schedules import Catchup, Cron, Interval, Overlap, RRule, Timing
from nbflow.notebook.files import read as read_notebook

__all__ = ["Deployment", "deploy", "kernels", "read_notebook"]


def deploy(
    path: str | os.PathLike[str],
    *,
    name: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    cron: str | None = None,
    interval: float | timedelta | None = None,
    rrule: str | None = None,
    timezone: str = "UTC",
    schedules: Iterable[Timing | NewSchedule] | None = None,
    source: Source = "snapshot",
    kernel_name: str | None = None,
    tags: Iterable[str] = (),
    description: str = "",
    work_pool: str | None = None,
    concurrency_limit: int | None = None,
    catchup: Catchup = "latest",
    overlap: Overlap = "enqueue",
    paused: bool = False,
    replace: bool = False,
    options: RunOptions | None = None,
    made_by: str = "code",
) -> Deployment:
    """Deploy a notebook: from now on it can be run by name, and runs when its schedules say.

    Args:
        path: the notebook file; its folder will be the working directory. `NB.ipynb:FLOW` deploys a
            flow of it: only the cells it needs are run.
        name: the file's stem when left out; of a flow, its name.
        parameters: laid over the defaults of the notebook's `parameters` cell.
        cron, interval, rrule: a schedule each, by the clock of `timezone`; an interval is a
            timedelta, or seconds.
        schedules: more of them.
        source: `snapshot` runs what is deployed now, `live` what lies there when a run starts.
        kernel_name: the notebook's own when left out.
        concurrency_limit: at most so many of its runs at once.
        catchup: which instants missed while nothing ran are made up.
        overlap: what happens when a scheduled run is due and an earlier one goes on.
        replace: take over a name that another path holds.
        options: how it is to be executed.

    Raises InvalidNotebook, ParameterError, InvalidSchedule, InvalidInput; Conflict for a name that
    another path holds. Nothing is made then.
    """
    named, function = deploying.split(os.fspath(path))
    file, text = read_notebook(named)
    timings = [*_timings(cron, interval, rrule, timezone), *(schedules or ())]
    request = DeployRequest(
        path=file,
        name=name,
        kernel_name=kernel_name,
        source=source,
        parameters=parameters or {},
        schedules=tuple(_schedule(item, catchup, overlap) for item in timings),
        tags=names.check_tags(tags),
        description=description,
        work_pool=work_pool,
        concurrency_limit=concurrency_limit,
        paused=paused,
        replace=replace,
        made_by=made_by,
        function=function,
        options={} if options is None else options.to_json(),
    )
    new = deploying.deployment_of(
        request, notebook_text=text, path=file, kernels=kernels(), host=socket.gethostname()
    )
    environments.check(new)
    return connect().deploy(new)


def kernels() -> dict[str, KernelSpec]:
    """Give the kernels that can be started here, by name, from their kernelspecs."""
    return specs.known()


def _timings(
    cron: str | None, interval: float | timedelta | None, rrule: str | None, timezone: str
) -> list[Timing]:
    every = cast("timedelta | None", interval)  # Interval reads seconds, and refuses wrong ones
    return [
        *([] if cron is None else [Cron(cron, timezone)]),
        *([] if every is None else [Interval(every, timezone=timezone)]),
        *([] if rrule is None else [RRule(rrule, timezone)]),
    ]


def _schedule(item: Timing | NewSchedule, catchup: Catchup, overlap: Overlap) -> NewSchedule:
    if isinstance(item, NewSchedule):
        return item
    return NewSchedule(item, catchup=catchup, overlap=overlap)
