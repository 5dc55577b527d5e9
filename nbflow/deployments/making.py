"""Deploying from Python: a notebook or a flow is read where it lies, checked whole, handed over.

What makes a valid deployment is decided in `model.deploying`, when it is due in `model.schedules`.
"""

from __future__ import annotations

import inspect
import os
import socket
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast, overload

from nbflow import flows
from nbflow.connect import connect
from nbflow.exceptions import InvalidInput
from nbflow.flows import Flow
from nbflow.kernels import describing, environments, specs
from nbflow.model import deploying, entrypoints, names, notebooks
from nbflow.model.deploying import DeployRequest, KernelSpec
from nbflow.model.deployments import Collision, Deployment, NewDeployment, NewSchedule, Source
from nbflow.model.run_options import RunOptions
from nbflow.model.schedules import Catchup, Cron, Interval, Overlap, RRule, Timing
from nbflow.model.trigger_kinds import to_json
from nbflow.notebook.files import read as read_notebook

__all__ = ["Deployable", "deploy", "kernels", "prepare", "read_notebook", "schema_of"]


@dataclass(frozen=True)
class Deployable:
    """A flow or notebook and what is said to deploy it: nothing is made yet.

    Attributes:
        what: a Flow, a path, or an entrypoint.
        said: what `deploy` takes.
    """

    what: What
    said: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def new(self, **more: Any) -> NewDeployment:
        """Give the deployment it makes, checked whole. Raises as `deploy`."""
        return prepare(self.what, **{**self.said, **more})


What = str | os.PathLike[str] | Flow[..., Any]


@overload
def deploy(what: What | Deployable, /, **said: Any) -> Deployment: ...
@overload
def deploy(
    what: What | Deployable, other: What | Deployable, /, *more: What | Deployable, **said: Any
) -> tuple[Deployment, ...]: ...
def deploy(*what: What | Deployable, **said: Any) -> Deployment | tuple[Deployment, ...]:
    """Deploy a notebook or a flow: from now on it can be run by name, and runs when it is due.

    Several are checked whole before the first is deployed; a tuple is given then.

    Args:
        what: a notebook file; `NB.ipynb:FLOW`, a flow of it with the cells it needs; a flow of a
            script, `FILE.py:FLOW`, or of a module, `PACKAGE.MODULE:FLOW`; a Flow; or what
            `Flow.to_deployment` gives. Its folder will be the working directory.
        said: what `prepare` takes.

    Raises InvalidNotebook, NotFound, ParameterError, InvalidSchedule, InvalidInput; Conflict for a
    name that another path holds, or a deployment made another way. Nothing is made then.
    """
    if not what:
        raise InvalidInput("There is nothing to deploy.", field="what")
    if len(what) > 1 and "name" in said:
        raise InvalidInput("Several deployments cannot have one name.", field="name")
    new = [one.new(**said) if isinstance(one, Deployable) else prepare(one, **said) for one in what]
    made = tuple(connect().deploy(one) for one in new)
    return made[0] if len(made) == 1 else made


def prepare(
    what: What,
    *,
    name: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    cron: str | None = None,
    interval: float | timedelta | None = None,
    rrule: str | None = None,
    timezone: str = "UTC",
    schedules: Iterable[Timing | NewSchedule] | None = None,
    source: Source = "snapshot",
    include: Iterable[str] = (),
    kernel_name: str | None = None,
    tags: Iterable[str] = (),
    description: str = "",
    work_pool: str | None = None,
    work_queue: str | None = None,
    job_variables: Mapping[str, Any] | None = None,
    retries: int | None = None,
    retry_delay_seconds: float | None = None,
    crash_retries: int = 0,
    concurrency_limit: int | None = None,
    collision_strategy: Collision = "enqueue",
    enforce_parameter_schema: bool = True,
    catchup: Catchup = "latest",
    overlap: Overlap = "enqueue",
    paused: bool = False,
    replace: bool = False,
    version: str = "",
    triggers: Iterable[Any] | None = None,
    options: RunOptions | None = None,
    made_by: str = "code",
    defined_in: str | None = None,
    **named_otherwise: Any,
) -> NewDeployment:
    """Read and check what is to be deployed; make nothing.

    Args:
        name: the file's stem when left out; of a flow, its name.
        parameters: laid over the defaults of the `parameters` cell, or the signature.
        cron, interval, rrule: a schedule each, by the clock of `timezone`; an interval is a
            timedelta, or seconds.
        schedules: more of them.
        source: `snapshot` runs what is deployed now, `live` what lies there when a run starts. A
            module is always live.
        include: globs of files below its folder that belong to the snapshot.
        kernel_name: the notebook's own when left out.
        work_pool, work_queue: where its runs wait for a worker (also `…_name`, as Prefect says).
        job_variables: laid over the defaults of the pool's template.
        retries, retry_delay_seconds: of a run; the flow's own when left out.
        crash_retries: of a run whose process died.
        concurrency_limit: at most so many of its runs at once.
        collision_strategy: a run beyond that limit waits (`enqueue`) or is cancelled.
        enforce_parameter_schema: False lets a flow's run be given other parameters, too.
        catchup: which instants missed while nothing ran are made up.
        overlap: what happens when a scheduled run is due and an earlier one goes on.
        replace: take over a name that another path holds, or what was made another way.
        version: what is said of this version; they are counted anyway.
        options: how a notebook is to be executed.
        triggers: events that run it, too (`nbflow.automations.DeploymentEventTrigger` …, or dicts);
            those of `@triggered_by` when left out.
        made_by: what makes it: `form`, `yaml`, `cli`, `code`, `rest`. defined_in: in which file.

    Raises as `deploy`.
    """
    pools = _prefects(named_otherwise)
    if triggers is None and isinstance(what, Flow):
        triggers = what.triggers
    timings = [*_timings(cron, interval, rrule, timezone), *(schedules or ())]
    request = DeployRequest(
        name=name,
        kernel_name=kernel_name,
        source=source,
        parameters=parameters or {},
        schedules=tuple(_schedule(item, catchup, overlap) for item in timings),
        tags=names.check_tags(tags),
        description=description,
        work_pool=pools.get("work_pool_name", work_pool),
        work_queue=pools.get("work_queue_name", work_queue),
        job_variables=job_variables or {},
        include=(include,) if isinstance(include, str) else tuple(include),
        retries=retries,
        retry_delay_seconds=retry_delay_seconds,
        crash_retries=crash_retries,
        concurrency_limit=concurrency_limit,
        collision_strategy=collision_strategy,
        enforce_parameter_schema=enforce_parameter_schema,
        paused=paused,
        replace=replace,
        made_by=made_by,
        options={} if options is None else options.to_json(),
        defined_in=defined_in,
        note=version,
        triggers=None if triggers is None else tuple(map(to_json, triggers)),
    )
    return new_deployment(request, what)


def new_deployment(
    request: DeployRequest, what: What, *, folder: str | None = None
) -> NewDeployment:
    """Read what a request is about, and check both; modules are imported from `folder`.

    Raises as `deploy`.
    """
    named, own_folder = target(what)
    if entrypoints.is_meant(named):
        return _of_flow(request, named, folder or own_folder)
    named, function = deploying.split(named)
    file, text = read_notebook(named)
    asked = _with(request, path=file, function=function)
    new = deploying.deployment_of(
        asked, notebook_text=text, path=file, kernels=kernels(), host=socket.gethostname()
    )
    environments.check(new)
    return new


def again(deployment: Deployment) -> NewDeployment:
    """Give a deployment of the file as it now is, with all else as it was. Raises as `deploy`."""
    request = deploying.again(deployment)
    if deployment.entrypoint is None:
        path = deployment.path
        return new_deployment(
            request, path if deployment.function is None else f"{path}:{deployment.function}"
        )
    entrypoint = entrypoints.parse(deployment.entrypoint)
    asked = _with(request, entrypoint=entrypoint.stored)
    return describing.deployment_of(asked, entrypoint, path=deployment.path)


def _of_flow(request: DeployRequest, named: str, folder: str) -> NewDeployment:
    entrypoint = entrypoints.parse(named)
    path = os.path.abspath(os.path.expanduser(entrypoint.where)) if entrypoint.is_file else folder
    asked = _with(request, path=path, entrypoint=entrypoint.stored)
    return describing.deployment_of(asked, entrypoint, path=path)


def _with(request: DeployRequest, **changes: Any) -> DeployRequest:
    from dataclasses import replace  # not at the top: `prepare` has a parameter of that name

    return replace(request, **changes)


def target(what: What) -> tuple[str, str]:
    """Give what is to be deployed as text, and the folder modules are imported from."""
    if not isinstance(what, Flow):
        return os.fspath(what), os.getcwd()
    fn = inspect.unwrap(what.fn)
    if what.is_of_notebook():
        return f"{flows.open_notebook()}:{fn.__name__}", os.getcwd()
    code = getattr(fn, "__code__", None)
    if code is None or not os.path.isfile(code.co_filename) or "<locals>" in fn.__qualname__:
        raise InvalidInput(
            f"Flow {what.name} is not at the top of a file, where a worker could find it.",
            code="flow.no_file", field="what",
            hint="Define it at the top of a script, module or notebook.",
        )  # fmt: skip
    package = getattr(sys.modules.get(fn.__module__), "__package__", None)
    if package:
        folder = Path(code.co_filename).resolve().parents[package.count(".") + 1]
        return f"{fn.__module__}:{fn.__qualname__}", str(folder)
    return f"{os.path.abspath(code.co_filename)}:{fn.__qualname__}", os.getcwd()


def schema_of(what: What) -> Mapping[str, Any]:
    """Give the JSON Schema of the parameters of what is to be deployed. Raises as `deploy`."""
    named, folder = target(what)
    if entrypoints.is_meant(named):
        entrypoint = entrypoints.parse(named)
        path = os.path.abspath(os.path.expanduser(entrypoint.where))
        if entrypoint.is_file:
            describing.read(path)
            folder = str(Path(path).parent)
        return describing.describe(entrypoint.stored, folder).schema
    named, function = deploying.split(named)
    path, text = read_notebook(named)
    return deploying.schema_of(notebooks.parse(text, name=Path(path).name), function)


def kernels() -> dict[str, KernelSpec]:
    """Give the kernels that can be started here, by name, from their kernelspecs."""
    return specs.known()


#: what Prefect's `deploy` takes and nbflow has another way for, or none
_NOT_HERE = {
    "image": "nbflow makes no images: workers run in environments that are there.",
    "build": "nbflow makes no images: leave it out.",
    "push": "nbflow makes no images: leave it out.",
    "triggers": "Triggers are not part of a deployment here.",
    "entrypoint_type": "Say FILE.py:FLOW or PACKAGE.MODULE:FLOW.",
}
_NAMES = ("work_pool_name", "work_queue_name")


def _prefects(given: Mapping[str, Any]) -> dict[str, Any]:
    """Take Prefect's names of pool and queue. Raises InvalidInput for what nbflow has not."""
    for name in given:
        if name in _NOT_HERE:
            said = f"A deployment takes no {name}."
            raise InvalidInput(said, code="deploy.not_here", field=name, hint=_NOT_HERE[name])
        if name not in _NAMES:
            known = [*inspect.signature(prepare).parameters, *_NAMES]
            hint = names.did_you_mean(name, set(known) - {"what", "named_otherwise"}, "It takes")
            said = f"A deployment takes no {names.shown(name)}."
            raise InvalidInput(said, code="field.unknown", field=name, hint=hint)
    return {name: value for name, value in given.items() if value is not None}


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
