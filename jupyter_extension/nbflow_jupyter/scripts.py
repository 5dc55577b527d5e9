"""Flows in scripts and modules of this Jupyter server: found by contents path, never imported here.

A process of their own says what they take (`nbflow.kernels.describing`).
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from jupyter_server.services.contents.fileio import FileManagerMixin
from jupyter_server.utils import ApiPath, to_os_path

from nbflow.exceptions import InvalidInput, NotFound
from nbflow.kernels import describing
from nbflow.model import entrypoints, names
from nbflow.model.deploying import DeployRequest
from nbflow.model.deployments import NewDeployment
from nbflow.model.entrypoints import Entrypoint
from nbflow_jupyter.base import ApiHandler


async def new_deployment(handler: ApiHandler, asked: DeployRequest) -> NewDeployment:
    """Make a deployment of the flow that was asked for, checked whole.

    Raises InvalidInput, NotFound.
    """
    entrypoint = entrypoints.parse(asked.entrypoint)
    path = _given(asked) if asked.content is not None else _found(handler, asked, entrypoint)
    text = asked.content if entrypoint.is_file else None
    made = await handler.off_loop(describing.deployment_of, asked, entrypoint, path=path, text=text)
    return replace(made, created_by=handler.current_user.username)


def _given(asked: DeployRequest) -> str:
    if not os.path.isabs(asked.path):
        raise InvalidInput(
            f"{names.shown(asked.path)} is not an absolute path.",
            code="path.relative",
            field="path",
            hint="With `content`, path says where the file is on this machine.",
        )
    return os.path.normpath(asked.path)


def _found(handler: ApiHandler, asked: DeployRequest, entrypoint: Entrypoint) -> str:
    """Give the path of a script, or of the folder a module is imported from, in this machine."""
    field = "path" if asked.path else "entrypoint"
    said = asked.path or (entrypoint.where if entrypoint.is_file else "")
    manager = handler.contents_manager
    if not isinstance(manager, FileManagerMixin):
        raise InvalidInput(
            "This server keeps no files, so no script can be run from it.",
            code="source.no_files",
            field=field,
        )
    _check_contents_path(said, field)
    root = Path(manager.root_dir)
    path = Path(to_os_path(ApiPath(said.strip("/")), manager.root_dir))
    real = path.resolve()
    inside = real == root.resolve() or root.resolve() in real.parents
    if entrypoint.is_file and path.suffix.lower() != ".py":
        raise InvalidInput(
            f"{names.shown(said)} is no Python file.", code="entrypoint.invalid", field=field
        )
    if entrypoint.is_file and path.name != Path(entrypoint.where).name:
        raise InvalidInput(
            f"{entrypoint.where} is not {names.shown(said)}.",
            code="entrypoint.invalid",
            field="entrypoint",
        )
    there = path.is_file() if entrypoint.is_file else path.is_dir()
    if not inside or not there:
        what = "file" if entrypoint.is_file else "folder"
        raise NotFound(
            f"There is no {what} {names.shown(said)}.", code="entrypoint.missing", field=field
        )
    return str(path)


def _check_contents_path(path: str, field: str) -> None:
    parts = path.strip("/").split("/")
    hidden = any(part.startswith((".", "~")) for part in parts if part)
    odd = re.search(r"[\\\x00-\x1f\x7f]|://|^[A-Za-z]:", path) or path.startswith("/")
    if hidden or odd or len(path) > 4096 or path != path.strip():
        raise InvalidInput(
            f"{names.shown(path)} is no path below this server's folder.",
            code="path.invalid",
            field=field,
            hint="Say it from there on, with / between, such as flows/etl.py.",
        )
