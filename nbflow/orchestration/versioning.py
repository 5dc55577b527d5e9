"""Versions of deployments: one for each deploy or edit that changes what is run."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from nbflow.exceptions import NotFound, ParameterError
from nbflow.model import ids, parameters, versions
from nbflow.model.deployments import Deployment, DeploymentVersion
from nbflow.model.pages import Page
from nbflow.store import versions as rows


def versioned(
    connection: sa.Connection, before: Deployment | None, made: Deployment
) -> tuple[Deployment, DeploymentVersion | None]:
    """Give a deployment under its version's number, and the version; None: nothing has changed.

    What was deployed before versions were kept is recorded first.
    """
    if before is None:
        return replace(made, version=1), _of(replace(made, version=1))
    latest = rows.latest(connection, before.id)
    if latest is None:
        latest = _of(before)
        rows.insert(connection, latest)
    if versions.content_of(made) == versions.content_of(before):
        return replace(made, version=before.version), None
    made = replace(made, version=latest.version + 1)
    return made, _of(made)


def keep(connection: sa.Connection, version: DeploymentVersion | None, note: str = "") -> None:
    """Record a version, once its deployment is there."""
    if version is not None:
        rows.insert(connection, replace(version, note=note))


def every(connection: sa.Connection, deployment: Deployment) -> tuple[DeploymentVersion, ...]:
    """List a deployment's versions, newest first."""
    return rows.of(connection, deployment.id) or (_of(deployment),)


def page(
    connection: sa.Connection, deployment: Deployment, *, limit: int, cursor: str | None
) -> Page[DeploymentVersion]:
    """List some of a deployment's versions, newest first."""
    found = rows.page(connection, deployment.id, limit=limit, cursor=cursor)
    return found if found.rows or cursor else Page((_of(deployment),))


def one(connection: sa.Connection, deployment: Deployment, version: int) -> DeploymentVersion:
    """Read a version of a deployment. Raises NotFound."""
    found = every(connection, deployment)
    for each in found:
        if each.version == version:
            return each
    raise NotFound(
        f"{deployment.name} has no version {version}.",
        code="version.missing",
        field="version",
        hint=f"Its versions are {found[-1].version} to {found[0].version}.",
    )


def back(deployment: Deployment, version: DeploymentVersion) -> Deployment:
    """Give a deployment as it was in a version. Raises ParameterError.

    Its schedules stay, and must be able to run it: what they give is checked.
    """
    made = versions.restored(deployment, version.content)
    for schedule in made.schedules:
        values = {**made.parameters, **schedule.parameters}
        try:
            parameters.check(made.taken, values, what=f"a schedule of {made.name}")
        except ParameterError as error:
            raise ParameterError(
                f"Version {version.version} cannot run its schedule: {error.message}",
                code=error.code,
                field=error.field,
                hint="Change or delete the schedule first.",
            ) from None
    return made


def _of(deployment: Deployment) -> DeploymentVersion:
    return DeploymentVersion(
        id=ids.uuid7(),
        deployment_id=deployment.id,
        version=deployment.version,
        content=versions.content_of(deployment),
        snapshot=deployment.snapshot,
        made_by=deployment.made_by,
        created_at=deployment.updated_at,
        created_by=deployment.created_by,
    )
