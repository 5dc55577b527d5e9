"""From a notebook's text to a deployment, checked whole before anything is made.

Also what a form needs to know of a notebook beforehand (`notebook_info`). Reading files, listing
kernels and storing the deployment are the callers'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Protocol

from nbflow import settings
from nbflow.exceptions import InvalidInput, InvalidNotebook
from nbflow.model import (  # fmt: skip
    automations_declared,
    deployment_fields,
    entrypoints,
    names,
    notebooks,
    parameter_cell,
    parameters,
    run_options,
    schedule_said,
    slices,
)
from nbflow.model.deployments import Collision, Deployment, NewDeployment, NewSchedule, Source

_PREVIEW_LINES, _PREVIEW_CHARACTERS = 3, 200
_NOT_IN_NAMES = re.compile(r"[/%&><\x00-\x1f\x7f-\x9f]")
_FLOW_IN = re.compile(r"(?P<path>.*\.ipynb):(?P<flow>[^/\\]*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class KernelSpec:
    """A kernel that can be started here. `argv` is its command, as its kernelspec gives it."""

    name: str
    display_name: str
    language: str
    argv: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeployRequest:
    """What somebody says to deploy a notebook or a flow; what is left out follows from its file.

    Attributes:
        path: where the notebook or script is, or the folder a module is imported from; what kind of
            path is the face's matter. May be left out where `entrypoint` says it.
        content: its text, when it is not to be read from `path`.
        name: the flow's, else the file's stem, when left out.
        kernel_name: the kernel the notebook was saved with when left out.
        parameters: laid over the notebook's own defaults.
        work_pool: the setting `worker_pool` when left out.
        function: a flow inside the notebook; only the cells it needs are run.
        options: how it is to be executed (`model.run_options`), as JSON.
        entrypoint: `FILE.py:FLOW` or `PACKAGE.MODULE:FLOW`; None: a notebook is deployed.
        include: globs of files below its folder that belong to the snapshot.
        retries, retry_delay_seconds: of a run; the flow's own when left out.
        replace: take over a name that another path holds, or a deployment made another way.
        note: what is said of this version.
        triggers: events that run it, too; null: those it has stay.
    """

    path: str = ""
    content: str | None = None
    name: str | None = None
    kernel_name: str | None = None
    source: Source = "snapshot"
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    schedules: tuple[NewSchedule, ...] = ()
    tags: tuple[str, ...] = ()
    description: str = ""
    work_pool: str | None = None
    concurrency_limit: int | None = None
    paused: bool = False
    replace: bool = False
    made_by: str = "rest"
    function: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    entrypoint: str | None = None
    include: tuple[str, ...] = ()
    work_queue: str | None = None
    job_variables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    enforce_parameter_schema: bool = True
    retries: int | None = None
    retry_delay_seconds: float | None = None
    crash_retries: int = 0
    collision_strategy: Collision = "enqueue"
    defined_in: str | None = None
    note: str = ""
    triggers: tuple[Mapping[str, Any], ...] | None = None


@dataclass(frozen=True)
class CellInfo:
    """A cell as a form or a graph shows it."""

    id: str
    index: int
    type: str
    name: str
    source_preview: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class NotebookInfo:
    """What there is to know of a notebook before it is deployed.

    Attributes:
        kernels: `{name, display_name, language}` of each kernel it could run with.
        parameters: JSON Schema of its parameters.
        problems: `{code, message, field?, hint?}` of what is odd, or would refuse a deployment.
    """

    path: str
    name: str
    kernel_name: str | None
    language: str | None
    kernels: tuple[Mapping[str, str], ...]
    parameters: Mapping[str, Any]
    cells: tuple[CellInfo, ...]
    problems: tuple[Mapping[str, Any], ...]
    deployments: tuple[Deployment, ...] = ()


def deployment_of(
    request: DeployRequest,
    *,
    notebook_text: str,
    path: str,
    kernels: Mapping[str, KernelSpec],
    host: str | None,
) -> NewDeployment:
    """Make a deployment of a notebook, or refuse it whole.

    `path` is the notebook's absolute path, `kernels` those that can be started on `host`.

    Raises InvalidNotebook, ParameterError, InvalidSchedule, InvalidInput (`kernel.missing` lists
    the kernels there are).
    """
    nb = notebooks.parse(notebook_text, name=_file_name(path))
    notebooks.check_cells(nb, name=_file_name(path))
    flow = _flow_name(request.function) or default_name(path)
    name = names.check_name(flow if request.name is None else request.name)
    kernel = kernel_of(nb, request.kernel_name, kernels)
    schema = schema_of(nb, request.function)
    if request.enforce_parameter_schema is False:
        raise InvalidInput(
            "A notebook's parameters are always checked.",
            code="parameters.enforced", field="enforce_parameter_schema",
            hint="Only a flow of a script or module can be given others.",
        )  # fmt: skip
    return NewDeployment(
        name=name,
        flow_name=flow,
        path=path,
        content=notebook_text,
        kernel_name=kernel.name,
        kernel_argv=kernel.argv,
        host=_host(request, host),
        function=_flow_name(request.function),
        options=run_options.of_json(request.options).to_json(),
        **_said(request, schema, name=name),
    )


def flow_deployment_of(
    request: DeployRequest,
    *,
    entrypoint: entrypoints.Entrypoint,
    described: Described,
    text: str,
    path: str,
    host: str | None,
) -> NewDeployment:
    """Make a deployment of a flow in a script or module, or refuse it whole.

    `path` is the script's absolute path, or the folder the module is imported from; `text` what is
    kept of it. A module is always `live`: what it imports cannot be kept.

    Raises ParameterError, InvalidSchedule, InvalidInput.
    """
    name = names.check_name(described.name if request.name is None else request.name)
    if request.options:
        raise InvalidInput(
            "Only a notebook's run has options.", code="options.no_notebook", field="options"
        )
    if request.kernel_name is not None or request.function is not None:
        field = "function" if request.kernel_name is None else "kernel_name"
        raise InvalidInput(f"A flow of {entrypoint.where} has no {field}.", field=field)
    said = _said(request, described.schema, name=name)
    if request.retries is None:
        said["retries"] = min(described.retries, deployment_fields.MOST_RETRIES)
    if request.retry_delay_seconds is None:
        delay = described.retry_delay_seconds
        said["retry_delay_seconds"] = min(delay, deployment_fields.LONGEST_DELAY)
    if not entrypoint.is_file:
        said["source"] = "live"
    if not said["description"]:
        said["description"] = described.description[: deployment_fields.LONGEST_DESCRIPTION]
    return NewDeployment(
        flow_name=described.name,
        path=path,
        content=text,
        kernel_name="",
        host=_host(request, host),
        entrypoint=entrypoint.stored,
        name=name,
        **said,
    )


class Described(Protocol):
    """A flow as its own process describes it."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def description(self) -> str:
        """Its docstring."""
        ...

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of its parameters."""
        ...

    @property
    def retries(self) -> int:
        """Its own."""
        ...

    @property
    def retry_delay_seconds(self) -> float:
        """Before the first of them."""
        ...


def _host(request: DeployRequest, host: str | None) -> str | None:
    """Give the machine a deployment needs: none where its code comes from a storage."""
    return None if request.job_variables.get("storage") else host


def _said(request: DeployRequest, schema: Mapping[str, Any], *, name: str) -> dict[str, Any]:
    """Give what a request says of any deployment, checked."""
    given = {
        **{word: getattr(request, word) for word in _COPIED},
        "work_pool": request.work_pool or settings.worker_pool,
        "work_queue": request.work_queue or "default",
        "retries": request.retries or 0,
        "retry_delay_seconds": request.retry_delay_seconds or 0.0,
    }
    checked = deployment_fields.checked(given)
    taken: Mapping[str, Any] = schema if checked["enforce_parameter_schema"] else {}
    values = parameters.check(taken, request.parameters, what=name, partial=True)
    schedules = schedule_said.checked_all(request.schedules, taken, values, what=name)
    if request.triggers is not None:
        automations_declared.triggers(request.triggers, deployment=name)
    return {
        **checked,
        "parameter_schema": dict(schema),
        "parameters": values,
        "schedules": schedules,
        "triggers": request.triggers,
    }


#: fields of a request that are a deployment's as they are
_COPIED = (
    "source tags description concurrency_limit paused made_by replace include job_variables "
    "enforce_parameter_schema crash_retries collision_strategy defined_in note"
).split()


def again(deployment: Deployment) -> DeployRequest:
    """Give what is said to deploy a deployment's file as it now is, all else as it was."""
    kept = {word: getattr(deployment, word) for word in _AGAIN}
    return DeployRequest(
        **kept, schedules=tuple(schedule_said.said_of(one) for one in deployment.schedules),
        kernel_name=deployment.kernel_name or None, replace=True,
    )  # fmt: skip


_AGAIN = (
    "path name source parameters tags description work_pool concurrency_limit paused made_by "
    "function options entrypoint include work_queue job_variables enforce_parameter_schema retries "
    "retry_delay_seconds crash_retries collision_strategy defined_in"
).split()


def notebook_info(text: str, *, path: str, kernels: Mapping[str, KernelSpec]) -> NotebookInfo:
    """Tell a notebook's kernel, parameters, cells and problems. Raises InvalidNotebook."""
    nb = notebooks.parse(text, name=_file_name(path))
    problems = notebooks.problems(nb)
    try:
        kernel_name = kernel_of(nb, None, kernels).name
    except InvalidInput as error:
        kernel_name = notebooks.kernel_name(nb)
        problems.append(error.problem())
    try:
        schema = notebooks.parameters_schema(nb)
    except InvalidNotebook:
        schema = parameter_cell.schema("")
    return NotebookInfo(
        path=path,
        name=default_name(path),
        kernel_name=kernel_name,
        language=notebooks.language(nb),
        kernels=tuple(_shown_kernel(kernel) for kernel in kernels.values()),
        parameters=schema,
        cells=tuple(_cell_info(index, cell) for index, cell in enumerate(nb["cells"])),
        problems=tuple(problems),
    )


def schema_of(nb: Mapping[str, Any], function: str | None) -> dict[str, Any]:
    """Give the JSON Schema of the parameters of a notebook, or of a flow in it.

    Raises InvalidNotebook, and InvalidInput for a flow it does not have.
    """
    if function is None:
        return notebooks.parameters_schema(nb)
    return slices.flow_slice(nb, function).schema


def split(path: str) -> tuple[str, str | None]:
    """Split `NOTEBOOK.ipynb:FLOW` into the notebook's path and the flow's name, if there is one."""
    found = _FLOW_IN.fullmatch(path)
    return (found["path"], found["flow"]) if found else (path, None)


def default_name(path: str) -> str:
    """Give the name a notebook's deployment has when none is said: the file's stem."""
    stem = PurePath(_file_name(path)).stem
    return names.check_name(_NOT_IN_NAMES.sub("-", stem)[: names.LONGEST_NAME], field="path")


def _flow_name(function: str | None) -> str | None:
    return None if function is None else names.check_name(function, field="function")


# -- the notebook -----------------------------------------------------------------------------


def _file_name(path: str) -> str:
    name = re.split(r"[/\\]", path)[-1]
    if not name.lower().endswith(".ipynb"):
        raise InvalidNotebook(
            f"{names.shown(path)} is not a notebook's path.",
            field="path",
            hint="It ends with .ipynb.",
        )
    return name


def kernel_of(
    nb: Mapping[str, Any], asked: str | None, kernels: Mapping[str, KernelSpec]
) -> KernelSpec:
    """Give the kernel asked for, else the notebook's own. Raises InvalidInput."""
    name = notebooks.kernel_name(nb) or "python3" if asked is None else asked
    kernel = kernels.get(name)
    if kernel is None:
        raise InvalidInput(
            f"There is no kernel {names.shown(name)} here.",
            code="kernel.missing",
            field="kernel_name",
            hint=f"There are: {', '.join(sorted(kernels)) or 'none'}.",
        )
    language = notebooks.language(nb)
    if language is not None and kernel.language and language != kernel.language.lower():
        raise InvalidInput(
            f"The notebook is written in {language}, the kernel {name} runs {kernel.language}.",
            code="kernel.language",
            field="kernel_name",
            hint="Choose a kernel of the notebook's language.",
        )
    return kernel


def _shown_kernel(kernel: KernelSpec) -> dict[str, str]:
    return {
        "name": kernel.name,
        "display_name": kernel.display_name,
        "language": kernel.language,
    }


def _cell_info(index: int, cell: Mapping[str, Any]) -> CellInfo:
    lines = cell["source"].strip("\n").splitlines()[:_PREVIEW_LINES]
    return CellInfo(
        id=cell["id"],
        index=index,
        type=cell["cell_type"],
        name=notebooks.cell_name(cell),
        source_preview="\n".join(lines)[:_PREVIEW_CHARACTERS],
        tags=notebooks.tags(cell),
    )
