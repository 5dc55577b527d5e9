"""Notebooks of this Jupyter server: read through its ContentsManager, with its own kernels.

What a notebook means (its parameters, whether it can be deployed) is `nbflow.model.deploying`'s.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
from jupyter_server.services.contents.fileio import FileManagerMixin
from jupyter_server.utils import ApiPath, ensure_async, to_os_path
from tornado import web

from nbflow import settings
from nbflow.exceptions import InvalidInput, InvalidNotebook, NotFound
from nbflow.kernels import environments
from nbflow.model import (
    cell_graph,
    clock,
    deploying,
    names,
    notebooks,
    parameters,
    slices,
    states,
)
from nbflow.model.backend import Backend
from nbflow.model.cell_graph import CellGraph
from nbflow.model.deploying import DeployRequest, KernelSpec, NotebookInfo
from nbflow.model.deployments import NewDeployment
from nbflow.model.pages import every
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.store import journal, snapshots
from nbflow_jupyter.base import ApiHandler, dumps
from nbflow_jupyter.shapes import RunNotebook

Kernels = Mapping[str, KernelSpec]

#: the drive name by which jupyter-collaboration calls the server's own files
_SHARED_DRIVE = "RTC:"


@dataclass(frozen=True)
class Source:
    """A notebook that was read.

    Attributes:
        path: its contents path.
        text: its JSON.
        file: its absolute path; None: the ContentsManager keeps no files.
    """

    path: str
    text: str
    file: str | None


# -- from the server --------------------------------------------------------------------------


async def kernels(handler: ApiHandler) -> Kernels:
    """Give the kernels this server can start."""
    found = await ensure_async(handler.kernel_spec_manager.get_all_specs())
    return {name: _kernel(name, entry["spec"]) for name, entry in found.items()}


async def read(handler: ApiHandler, path: str) -> Source:
    """Read a notebook by its contents path. Raises NotFound, InvalidNotebook."""
    manager = handler.contents_manager
    path = path.removeprefix(_SHARED_DRIVE).strip("/")
    try:
        known = await ensure_async(manager.get(path, content=False))
        file = (
            to_os_path(ApiPath(path), manager.root_dir)
            if isinstance(manager, FileManagerMixin)
            else None
        )
        _check_file(path, known, file, manager)
        if file is not None:
            model = await ensure_async(manager.get(path, type="file", format="text"))
            return Source(path, model["content"], file)
        model = await ensure_async(manager.get(path, type="notebook"))
        return Source(path, nbformat.writes(nbformat.from_dict(model["content"])), None)
    except web.HTTPError as error:
        raise _meaning(error, path) from None
    except OSError as error:  # a loop of links, no permission
        said = error.strerror or "it cannot be read"
        raise InvalidNotebook(f"{names.shown(path)}: {said}.", field="path") from None


def _kernel(name: str, spec: Mapping[str, Any]) -> KernelSpec:
    return KernelSpec(
        name=name,
        display_name=spec.get("display_name", name),
        language=spec.get("language", ""),
        argv=tuple(spec.get("argv", ())),
    )


def _check_file(path: str, known: Mapping[str, Any], file: str | None, manager: Any) -> None:
    """Refuse what is no file before it is opened (a pipe would never end), or is too large.

    A link that leads out of the server's root leads nowhere.
    """
    if file is not None:
        root = os.path.realpath(manager.root_dir)
        if os.path.commonpath([root, os.path.realpath(file)]) != root:
            raise web.HTTPError(404)
    if known["type"] == "directory" or (file is not None and not os.path.isfile(file)):
        raise InvalidNotebook(f"{names.shown(path)} is not a file.", field="path")
    if (known.get("size") or 0) > notebooks.LARGEST:
        most = notebooks.LARGEST >> 20
        raise InvalidNotebook(
            f"{names.shown(path)} has {known['size'] >> 20} MB; {most} MB is the most.",
            code="notebook.too_large",
            field="path",
        )


def _meaning(error: web.HTTPError, path: str) -> Exception:
    if error.status_code == 404:
        return NotFound(
            f"There is no notebook {names.shown(path)}.", code="notebook.missing", field="path"
        )
    if error.status_code in (400, 409):
        said = error.log_message or "it cannot be read"
        return InvalidNotebook(f"{names.shown(path)}: {said}.", field="path")
    return error


# -- to the authority -------------------------------------------------------------------------


async def new_deployment(handler: ApiHandler, asked: DeployRequest) -> NewDeployment:
    """Make a deployment of what was asked, checked whole."""
    if not asked.path:
        raise InvalidInput("path is missing.", code="field.missing", field="path")
    if asked.content is not None:
        source = _given(asked.path, asked.content)
    else:
        source = await read(handler, asked.path)
    known = await kernels(handler)
    made = await handler.off_loop(_checked, source, asked, known)
    return replace(made, created_by=handler.current_user.username)


async def new_run(handler: ApiHandler, asked: RunNotebook) -> NewFlowRun:
    """Make a run of a notebook that is not deployed: its content now, kept as a snapshot."""
    source = await read(handler, asked.path)
    known = await kernels(handler)
    made = await handler.off_loop(_run_of, source, asked, known)
    return replace(made, created_by=handler.current_user.username)


def info(source: Source, kernels: Kernels, backend: Backend) -> NotebookInfo:
    """Say what the deploy form needs to know of a notebook, with its deployments."""
    found = deploying.notebook_info(source.text, path=source.path, kernels=kernels)
    path = _absolute(source)
    deployed = tuple(one for one in every(backend.list_deployments) if one.path == path)
    return replace(found, deployments=deployed)


def graph(path: str, text: str, run: str | None, backend: Backend) -> CellGraph:
    """Read a notebook's cell graph; with a run, marked where it changed since. Raises NotFound."""
    name = path.rpartition("/")[2]
    nb = notebooks.parse(text, name=name)
    if run is None:
        return cell_graph.cell_graph(nb, title=name)
    made = backend.read_flow_run(run)
    started = journal.started(_folder(made))
    return replace(slices.since(nb, started, flow_name=made.function), title=name)


def executed(run: FlowRun) -> str:
    """Give a run's executed notebook as JSON, as far as it has run. Raises NotFound."""
    return dumps(journal.read(_folder(run), run.state))


def _folder(run: FlowRun) -> Path:
    if run.run_dir is None:
        raise NotFound(f"The run {run.name} has not begun.", code="notebook.not_begun")
    return journal.folder(run.run_dir)


def _given(path: str, content: str) -> Source:
    if not os.path.isabs(path):
        raise InvalidInput(
            f"{names.shown(path)} is not an absolute path.",
            code="path.relative",
            field="path",
            hint="With `content`, path says where the notebook's folder is on this machine.",
        )
    return Source(path, content, os.path.normpath(path))


def _checked(source: Source, asked: DeployRequest, kernels: Kernels) -> NewDeployment:
    if source.file is None and asked.source == "live":
        raise InvalidInput(
            "This server keeps no files, so a run cannot read the notebook when it starts.",
            code="source.no_files",
            field="source",
            hint="Deploy a snapshot.",
        )
    made = deploying.deployment_of(
        asked,
        notebook_text=source.text,
        path=_absolute(source),
        kernels=kernels,
        host=socket.gethostname(),
    )
    environments.check(made)
    _materialise(source)
    return made


def _run_of(source: Source, asked: RunNotebook, kernels: Kernels) -> NewFlowRun:
    request = DeployRequest(
        path=asked.path, kernel_name=asked.kernel_name, parameters=asked.parameters
    )
    made = _checked(source, request, kernels)
    values = parameters.check(made.parameter_schema, made.parameters, what=made.name)
    now = clock.now()
    new = NewFlowRun(
        flow_name=made.flow_name,
        kind="notebook",
        state=states.Scheduled(now),
        due_at=now,
        parameters=values,
        work_pool=made.work_pool,
        path=made.path,
        snapshot=snapshots.write(source.text),
        kernel_name=made.kernel_name,
    )
    return new if asked.name is None else replace(new, name=names.check_name(asked.name))


def _absolute(source: Source) -> str:
    """Give a notebook's absolute path; one that is kept elsewhere gets a place below the home."""
    return source.file or str(settings.home() / "contents" / source.path)


def _materialise(source: Source) -> None:
    """Make the working directory of a notebook that lies in no folder."""
    if source.file is None:
        Path(_absolute(source)).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
