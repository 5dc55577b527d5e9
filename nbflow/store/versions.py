"""The rows of deployments' versions."""

from __future__ import annotations

import sqlalchemy as sa

from nbflow.model import clock
from nbflow.model.deployments import DeploymentVersion
from nbflow.model.pages import Page
from nbflow.store import codec, paging
from nbflow.store.tables import deployment_version

_PLAIN = "id deployment_id version snapshot made_by created_by note".split()


def insert(connection: sa.Connection, made: DeploymentVersion) -> None:
    """Insert a version."""
    plain = {name: getattr(made, name) for name in _PLAIN}
    content = codec.dumps(dict(made.content))
    connection.execute(
        deployment_version.insert(),
        {**plain, "content": content, "created_at": clock.micros(made.created_at)},
    )


def of(connection: sa.Connection, deployment_id: str) -> tuple[DeploymentVersion, ...]:
    """List a deployment's versions, newest first."""
    query = (
        sa.select(deployment_version)
        .where(deployment_version.c.deployment_id == deployment_id)
        .order_by(deployment_version.c.version.desc())
    )
    return tuple(_version(row) for row in connection.execute(query).mappings())


def page(
    connection: sa.Connection, deployment_id: str, *, limit: int, cursor: str | None
) -> Page[DeploymentVersion]:
    """List some of a deployment's versions, newest first."""
    c = deployment_version.c
    query = sa.select(deployment_version).where(c.deployment_id == deployment_id)
    rows, after = paging.page(
        connection, query, (c.version,), limit=limit, cursor=cursor, down=True
    )
    return Page(tuple(map(_version, rows)), after)


def latest(connection: sa.Connection, deployment_id: str) -> DeploymentVersion | None:
    """Give a deployment's newest version; None where none was recorded."""
    query = (
        sa.select(deployment_version)
        .where(deployment_version.c.deployment_id == deployment_id)
        .order_by(deployment_version.c.version.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else _version(row)


def _version(row: sa.RowMapping) -> DeploymentVersion:
    return DeploymentVersion(
        **{name: row[name] for name in _PLAIN},
        content=codec.loads(row["content"]),
        created_at=clock.instant(row["created_at"]),
    )
