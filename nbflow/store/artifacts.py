"""Artifacts: what runs show to people. Appended, listed by run or by key."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from nbflow.model import clock
from nbflow.model.runs import Artifact
from nbflow.store import codec
from nbflow.store.tables import artifact

_APPEND = upsert(artifact).on_conflict_do_nothing(index_elements=["id"])


def append(connection: sa.Connection, artifacts: Sequence[Artifact]) -> None:
    """Append artifacts; one sent twice is kept once."""
    if artifacts:
        connection.execute(
            _APPEND,
            [
                {
                    "id": a.id,
                    "key": a.key,
                    "kind": a.kind,
                    "data": codec.dumps(a.data),
                    "description": a.description,
                    "flow_run_id": a.flow_run_id,
                    "task_run_id": a.task_run_id,
                    "created_at": clock.micros(a.created_at),
                }
                for a in artifacts
            ],
        )


def listed(
    connection: sa.Connection, *, flow_run_id: str | None, key: str | None
) -> tuple[Artifact, ...]:
    """List artifacts of a run (in order) or of a key (newest first), 1,000 at most."""
    query = sa.select(artifact)
    if flow_run_id is not None:
        query = query.where(artifact.c.flow_run_id == flow_run_id)
    if key is not None:
        query = query.where(artifact.c.key == key)
    newest_first = flow_run_id is None
    order = artifact.c.created_at.desc() if newest_first else artifact.c.created_at
    rows = connection.execute(query.order_by(order, artifact.c.id).limit(1000)).mappings()
    return tuple(
        Artifact(
            id=r["id"],
            key=r["key"],
            kind=r["kind"],
            data=codec.loads(r["data"]),
            description=r["description"],
            flow_run_id=r["flow_run_id"],
            task_run_id=r["task_run_id"],
            created_at=clock.instant(r["created_at"]),
        )
        for r in rows
    )
