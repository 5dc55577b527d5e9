"""`Deployments` over HTTP."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

from nbflow.client import problems
from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.deploying import DeployRequest
from nbflow.model.deployments import (
    Deployment,
    DeploymentChange,
    DeploymentVersion,
    NewDeployment,
)
from nbflow.model.drift import Drift
from nbflow.model.pages import MOST_ROWS, Page


class HttpDeployments(OverHttp):
    """The deployments of a server."""

    def deploy(self, new: NewDeployment) -> Deployment:
        """Create or replace a deployment; the server makes what follows from its file."""
        names = {field.name for field in fields(DeployRequest)}
        body = {name: getattr(new, name) for name in names}
        if new.entrypoint is not None:
            body["kernel_name"] = None
        return self._post(Deployment, "deployments", body)

    def update_deployment(
        self, name_or_id: str, change: DeploymentChange, *, expected: datetime | None = None
    ) -> Deployment:
        """Edit a deployment."""
        path = path_of("deployments", name_or_id)
        text = self._ask("PATCH", path, body=change, expected=expected)
        return reading.answer(Deployment, text)

    def delete_deployment(self, name_or_id: str) -> None:
        """Delete a deployment, its schedules and its waiting runs."""
        self._ask("DELETE", path_of("deployments", name_or_id), again=False)

    def read_deployment(self, name_or_id: str) -> Deployment:
        """Read a deployment by name or id."""
        return self._get(Deployment, path_of("deployments", name_or_id))

    def list_deployments(
        self, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[Deployment]:
        """List deployments by name."""
        return self._get(Page[Deployment], "deployments", {"limit": limit, "cursor": cursor})

    # -- versions -----------------------------------------------------------------------------
    def list_deployment_versions(
        self, name_or_id: str, *, limit: int = MOST_ROWS, cursor: str | None = None
    ) -> Page[DeploymentVersion]:
        """List what a deployment was, newest first."""
        path = path_of("deployments", name_or_id, "versions")
        return self._get(Page[DeploymentVersion], path, {"limit": limit, "cursor": cursor})

    def read_deployment_version(self, name_or_id: str, version: int) -> DeploymentVersion:
        """Read one version of a deployment."""
        path = path_of("deployments", name_or_id, "versions", str(version))
        return self._get(DeploymentVersion, path)

    def rollback_deployment(
        self, name_or_id: str, version: int, *, made_by: str | None = None, replace: bool = False
    ) -> Deployment:
        """Make a new version that is equal to an earlier one."""
        said = {} if made_by is None else {"made_by": made_by}
        body = {"version": version, "replace": replace, **said}
        path = path_of("deployments", name_or_id, "rollback")
        return reading.answer(Deployment, self._ask("POST", path, body=body, again=False))

    # -- files --------------------------------------------------------------------------------
    def read_drift(self, name_or_id: str) -> Drift:
        """Say what has changed in a deployment's files since it was deployed."""
        return self._get(Drift, path_of("deployments", name_or_id, "drift"))

    def read_snapshot(self, digest: str) -> str:
        """Read a deployed notebook's or script's text by its sha256."""
        return self._ask("GET", path_of("snapshots", digest))

    def read_snapshot_bytes(self, digest: str) -> bytes:
        """Read any deployed content by its sha256."""
        path = path_of("snapshots", digest, "bytes")
        response = self._send(self._client.build_request("GET", self.url + path), again=True)
        if not response.is_success:
            raise problems.error_of(response.status_code, response.text, url=self.url)
        return response.content
