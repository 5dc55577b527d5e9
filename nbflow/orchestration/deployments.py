"""`Deployments` over SQL: one method, one transaction. Files are read before one begins."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from nbflow.exceptions import Conflict, NotFound
from nbflow.model import automations_declared, drift
from nbflow.model.deployments import (
    Deployment,
    DeploymentChange,
    DeploymentVersion,
    NewDeployment,
)
from nbflow.model.drift import Drift, FileDrift
from nbflow.model.entrypoints import folder_of
from nbflow.model.pages import MOST_ROWS, Page
from nbflow.orchestration import automations, deploying, versioning
from nbflow.orchestration.base import OverSql
from nbflow.store import deployments, included, snapshots


class SqlDeployments(OverSql):
    """The deployments of a store."""

    def deploy(self, new: NewDeployment) -> Deployment:
        """Create or replace a deployment and its schedules."""
        patterns = included.check_patterns(new.include)
        if patterns and not new.files:
            files = included.keep(folder_of(new.path, new.entrypoint), patterns, besides=new.path)
            new = dataclasses.replace(new, files=files, include=patterns)
        snapshot = snapshots.write(new.content)
        with self._write() as connection:
            made = deploying.deploy(
                connection, dataclasses.replace(new, include=patterns), snapshot=snapshot
            )
            if new.triggers is not None:
                wanted = automations_declared.triggers(new.triggers, deployment=made.name)
                automations.of_deployment(connection, made.id, wanted)
            return made

    def update_deployment(
        self, name_or_id: str, change: DeploymentChange, *, expected: datetime | None = None
    ) -> Deployment:
        """Edit a deployment."""
        with self._write() as connection:
            return deploying.update(connection, name_or_id, change, expected=expected)

    def delete_deployment(self, name_or_id: str) -> None:
        """Delete a deployment, its schedules and its waiting runs."""
        with self._write() as connection:
            gone = deployments.get(connection, name_or_id)
            deploying.delete(connection, name_or_id)
            automations.delete_of(connection, gone.id)

    def read_deployment(self, name_or_id: str) -> Deployment:
        """Read a deployment by name or id."""
        with self.database.read() as connection:
            return deployments.get(connection, name_or_id)

    def list_deployments(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Deployment]:
        """List deployments by name."""
        with self.database.read() as connection:
            return deployments.page(connection, limit=limit, cursor=cursor)

    # -- versions -----------------------------------------------------------------------------
    def list_deployment_versions(
        self, name_or_id: str, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[DeploymentVersion]:
        """List what a deployment was, newest first."""
        with self.database.read() as connection:
            found = deployments.get(connection, name_or_id)
            return versioning.page(connection, found, limit=limit, cursor=cursor)

    def read_deployment_version(self, name_or_id: str, version: int) -> DeploymentVersion:
        """Read one version of a deployment."""
        with self.database.read() as connection:
            return versioning.one(connection, deployments.get(connection, name_or_id), version)

    def rollback_deployment(
        self, name_or_id: str, version: int, *, made_by: str | None = None, replace: bool = False
    ) -> Deployment:
        """Make a new version that is equal to an earlier one."""
        with self._write() as connection:
            return deploying.rollback(
                connection, name_or_id, version, made_by=made_by, force=replace
            )

    # -- files --------------------------------------------------------------------------------
    def read_drift(self, name_or_id: str) -> Drift:
        """Say what has changed in a deployment's files since it was deployed."""
        found = self.read_deployment(name_or_id)
        if found.host not in (None, socket.gethostname()):
            raise Conflict(
                f"The files of {found.name} are on {found.host}, this is {socket.gethostname()}.",
                code="deployment.host",
                hint="Ask there.",
            )
        return _drift(found)

    def read_snapshot(self, digest: str) -> str:
        """Read a deployed notebook's or script's text by its sha256."""
        return snapshots.read(digest)

    def read_snapshot_bytes(self, digest: str) -> bytes:
        """Read any deployed content by its sha256."""
        return snapshots.read_bytes(digest)


def _drift(found: Deployment) -> Drift:
    cells, files, problem = drift.of_source(
        found.path, snapshots.read(found.snapshot), _text(_source(found)),
        script=found.entrypoint is not None,
    )  # fmt: skip
    files = (*files, *_included(found.files, Path(folder_of(found.path, found.entrypoint))))
    return Drift(
        deployment_id=found.id,
        version=found.version,
        path=found.path,
        drifted=bool(cells or files or problem),
        cells=cells,
        files=files,
        problem=problem,
    )


def _source(found: Deployment) -> Path:
    """Give the file whose text was kept; of a module, as it lies below its folder."""
    path = Path(found.path)
    if found.entrypoint is None or found.path.lower().endswith(".py"):
        return path
    module = path.joinpath(*found.entrypoint.partition(":")[0].split("."))
    package = module / "__init__.py"
    return package if package.is_file() else module.with_suffix(".py")


def _included(files: Mapping[str, str], folder: Path) -> tuple[FileDrift, ...]:
    found = (
        drift.of_file(path, _kept(digest), _bytes(folder / path)) for path, digest in files.items()
    )
    return tuple(one for one in found if one is not None)


def _kept(digest: str) -> bytes | None:
    try:
        return snapshots.read_bytes(digest)
    except NotFound:
        return None


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None


def _text(path: Path) -> str | None:
    content = _bytes(path)
    return None if content is None else content.decode("utf-8-sig", "replace")
