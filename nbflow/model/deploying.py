"""From a notebook's text to a deployment, checked whole before anything is made.

Also what a form needs to know of a notebook beforehand (`notebook_info`). Reading files, listing
kernels and storing the deployment are the callers'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, get_args

from nbflow import settings
from nbflow.exceptions import InvalidInput, InvalidNotebook
from nbflow.model import (  # fmt: skip
    names,
    notebooks,
    parameter_cell,
    parameters,
    run_options,
    schedule_said,
    slices,
)
from nbflow.model.deployments import Deployment, NewDeployment, NewSchedule, Source

LONGEST_DESCRIPTION = 10_000
_PREVIEW_LINES, _PREVIEW_CHARACTERS = 3, 200
_NOT_IN_NAMES = re.compile(r"[/%&><\x00-\x1f\x7f-\x9f]")
_FLOW_IN = re.compile(r"(?P<path>.*\.ipynb):(?P<flow>[^/\\]*)", re.IGNORECASE | re.DOTALL)
_FACES = ("form", "cli", "code", "rest")


@dataclass(frozen=True)
class KernelSpec:
    """A kernel that can be started here. `argv` is its command, as its kernelspec gives it."""

    name: str
    display_name: str
    language: str
    argv: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeployRequest:
    """What somebody says to deploy a notebook; what is left out follows from the notebook.

    Attributes:
        path: where the notebook is; what kind of path is the face's matter.
        content: its JSON text, when it is not to be read from `path`.
        name: the flow's, else the file's stem, when left out.
        kernel_name: the kernel the notebook was saved with when left out.
        parameters: laid over the notebook's own defaults.
        work_pool: the setting `worker_pool` when left out.
        function: a flow inside the notebook; only the cells it needs are run.
        options: how it is to be executed (`model.run_options`), as JSON.
    """

    path: str
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
    values = parameters.check(schema, request.parameters, what=name, partial=True)
    return NewDeployment(
        name=name,
        flow_name=flow,
        path=path,
        content=notebook_text,
        kernel_name=kernel.name,
        source=_one_of("source", request.source, get_args(Source)),
        kernel_argv=kernel.argv,
        host=host,
        work_pool=names.check_name(request.work_pool or settings.worker_pool, field="work_pool"),
        parameter_schema=schema,
        parameters=values,
        tags=names.check_tags(request.tags),
        description=_description(request.description),
        concurrency_limit=_limit(request.concurrency_limit),
        paused=_flag("paused", request.paused),
        schedules=schedule_said.checked_all(request.schedules, schema, values, what=name),
        made_by=_one_of("made_by", request.made_by, _FACES),
        function=_flow_name(request.function),
        options=run_options.of_json(request.options).to_json(),
        replace=_flag("replace", request.replace),
    )


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


# -- the rest of a request --------------------------------------------------------------------


def _description(value: object) -> str:
    if not isinstance(value, str) or "\x00" in value or len(value) > LONGEST_DESCRIPTION:
        message = f"The description is not text of at most {LONGEST_DESCRIPTION} characters."
        raise InvalidInput(message, code="description.invalid", field="description")
    return value


def _limit(value: Any) -> int | None:
    if value is None or (type(value) is int and 1 <= value < 2**31):
        return value
    raise InvalidInput(
        f"The concurrency limit is {names.shown(value)}, not a count of at least 1.",
        code="concurrency_limit.invalid",
        field="concurrency_limit",
        hint="Leave it out for no limit; pause the deployment to run none.",
    )


def _flag(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise InvalidInput(f"{name} is {names.shown(value)}, not true or false.", field=name)


def _one_of(name: str, value: Any, known: tuple[str, ...]) -> Any:
    if value in known:
        return value
    hint = names.did_you_mean(str(value), known, "Known are")
    raise InvalidInput(f"{name} is {names.shown(value)}.", field=name, hint=hint)
