"""What deployments were, how their files differ from them now, and going to one or the other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import deploying, versions
from nbflow.model.deploying import DeployRequest
from nbflow.model.deployments import Deployment
from nbflow.model.versions import VersionDiff
from nbflow_jupyter import notebooks, scripts
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.queries import DiffQuery
from nbflow_jupyter.shapes import Rollback


class Versions(ApiHandler):
    """The versions of a deployment."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:deployments")
    async def get(self, name_or_id: str) -> None:
        """List what a deployment was, newest first."""
        await self.answer_page(self.backend.list_deployment_versions, name_or_id)


class Version(ApiHandler):
    """One version of a deployment."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:deployments")
    async def get(self, name_or_id: str, version: str) -> None:
        """Read one version of a deployment."""
        await self.answer(self.backend.read_deployment_version, name_or_id, _number(version))


class Diff(ApiHandler):
    """Two versions of a deployment."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:deployments")
    async def get(self, name_or_id: str) -> None:
        """Say how one version of a deployment differs from another."""
        asked = self.query(DiffQuery)
        await self.answer(self._diff, name_or_id, asked.before, asked.after)

    def _diff(self, name_or_id: str, before: int, after: int) -> VersionDiff:
        one = self.backend.read_deployment_version(name_or_id, before)
        other = self.backend.read_deployment_version(name_or_id, after)
        changes = versions.differences(one.content, other.content)
        return VersionDiff(one.deployment_id, before, after, changes)


class RollbackOf(ApiHandler):
    """Going back to a version."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:deployments")
    async def post(self, name_or_id: str) -> None:
        """Make a new version that is equal to an earlier one."""
        asked = self.body(Rollback)
        await self.answer(
            self.backend.rollback_deployment,
            name_or_id,
            asked.version,
            made_by=asked.made_by,
            replace=asked.replace,
        )


class DriftOf(ApiHandler):
    """What has changed in a deployment's files since."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:deployments")
    async def get(self, name_or_id: str) -> None:
        """Say which cells, lines and included files differ from what is deployed."""
        await self.answer(self.backend.read_drift, name_or_id)


class Refresh(ApiHandler):
    """Deploying what lies there now."""

    @web.authenticated
    @authorized(action="execute", resource="nbflow:deployments")
    async def post(self, name_or_id: str) -> None:
        """Deploy a deployment's file as it now is; all else stays as it was."""
        found = await self.off_loop(self.backend.read_deployment, name_or_id)
        maker = notebooks if found.entrypoint is None else scripts
        new = await maker.new_deployment(self, await self.off_loop(_as_it_is, found))
        await self.answer(self.backend.deploy, replace(new, created_by=found.created_by))


class SnapshotBytes(ApiHandler):
    """A deployed content as it is."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:deployments")
    async def get(self, digest: str) -> None:
        """Give any deployed content, an included file's too, by its sha256."""
        content = await self.off_loop(self.backend.read_snapshot_bytes, digest)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Content-Security-Policy", "sandbox; default-src 'none'")
        self.set_header("Content-Disposition", "attachment")
        self.finish(content, set_content_type="application/octet-stream")


def _as_it_is(found: Deployment) -> DeployRequest:
    path = Path(found.path)
    if found.entrypoint is not None and not path.name.lower().endswith(".py"):
        return replace(deploying.again(found), content="")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        raise NotFound(
            f"{found.path} cannot be read.",
            code="notebook.missing" if found.entrypoint is None else "entrypoint.missing",
            field="path",
            hint="It was moved or deleted since it was deployed.",
        ) from None
    return replace(deploying.again(found), content=text)


def _number(text: str) -> int:
    if text.isascii() and text.isdecimal() and 0 < len(text) < 10:
        return int(text)
    raise InvalidInput(f"{text[:20]!r} is no version.", code="version.invalid", field="version")
