"""Artifacts over SQL: listing, reading, editing and deleting them, and what is told of each.

They are recorded with everything else a run records (`Orchestrator.record`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from nbflow.exceptions import InvalidInput
from nbflow.model import clock
from nbflow.model.artifacts import Artifact, ArtifactChange, ArtifactFilter, clamped
from nbflow.model.events import Event, parting
from nbflow.model.pages import Page
from nbflow.model.wire import jsonable
from nbflow.orchestration.base import OverSql
from nbflow.store import artifacts, events

#: rows a list gives at most
MOST_ROWS = 200


class SqlArtifacts(OverSql):
    """The artifacts of one store."""

    def list_artifacts(
        self, where: ArtifactFilter | None = None, *, limit: int = 200, cursor: str | None = None
    ) -> Page[Artifact]:
        """List artifacts, newest first; what is kept apart comes without data."""
        if not 1 <= limit <= MOST_ROWS:
            raise InvalidInput(
                f"limit is {limit}; it must be 1 to {MOST_ROWS}.", field="limit", code="limit.range"
            )
        with self.database.read() as connection:
            where = where or ArtifactFilter()
            return artifacts.page(connection, where, limit=limit, cursor=cursor)

    def read_artifact(self, key_or_id: str) -> Artifact:
        """Read an artifact by id, or the newest version of a key."""
        with self.database.read() as connection:
            return artifacts.get(connection, key_or_id)

    def read_artifact_content(self, artifact_id: str) -> Any:
        """Read the data of an artifact, wherever it lies."""
        with self.database.read() as connection:
            return artifacts.content(connection, artifact_id)

    def keep_artifact_content(self, artifact_id: str, text: str) -> None:
        """Keep a content's JSON text, before its artifact is recorded."""
        artifacts.keep_content(artifact_id, text)

    def update_artifact(self, artifact_id: str, change: ArtifactChange) -> Artifact:
        """Edit an artifact."""
        with self._write() as connection:
            before = artifacts.get(connection, artifact_id)
            if before.data is None and before.sha256 is None:  # large, and in its row nevertheless
                before = replace(before, data=artifacts.content(connection, before.id))
            after = _changed(before, change)
            artifacts.record(connection, [after])
            emit(connection, [after])
        return after

    def delete_artifact(self, key_or_id: str) -> int:
        """Delete an artifact by id, or every version of a key; give how many."""
        with self._write() as connection:
            artifacts.get(connection, key_or_id)
            gone = artifacts.delete(connection, key_or_id)
            emit_gone(connection, gone)
        artifacts.forget_contents(gone)
        return len(gone)


def _changed(before: Artifact, change: ArtifactChange) -> Artifact:
    after = replace(before, updated_at=clock.now())
    if change.description is not None:
        after = replace(after, description=change.description)
    if change.progress is not None:
        if before.kind != "progress":
            raise InvalidInput(
                f"The artifact {before.id} is a {before.kind}; only a progress goes on.",
                field="progress",
            )
        after = replace(after, data={"progress": clamped(change.progress)})
    return after


def emit(connection: sa.Connection, changed: Iterable[Artifact]) -> None:
    """Append the events of artifacts that were made or changed."""
    events.append(
        connection,
        [
            Event(
                "artifact.updated" if a.updated_at else "artifact.created",
                "artifacts",
                a.id,
                a.updated_at or a.created_at,
                _row(a),
            )
            for a in changed
        ],
    )


def emit_gone(connection: sa.Connection, gone: Iterable[Artifact]) -> None:
    """Append the events of artifacts that were deleted."""
    now = clock.now()
    made = [Event("artifact.deleted", "artifacts", a.id, now, _place(a)) for a in gone]
    events.append(connection, made)


def _row(a: Artifact) -> dict[str, Any]:
    """Give an artifact as events show it: with data only where that is what changes."""
    return jsonable(a if a.kind == "progress" else replace(a, data=None))


def _place(a: Artifact) -> dict[str, Any]:
    return {**parting(a), "flow_run_id": a.flow_run_id}
