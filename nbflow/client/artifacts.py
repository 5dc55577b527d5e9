"""Artifacts over HTTP: listing, reading, editing and deleting them."""

from __future__ import annotations

from typing import Any

from nbflow.client.base import OverHttp, path_of
from nbflow.model import reading
from nbflow.model.artifacts import (
    Artifact,
    ArtifactChange,
    ArtifactContent,
    ArtifactFilter,
    DeletedArtifacts,
)
from nbflow.model.pages import Page


class HttpArtifacts(OverHttp):
    """The artifacts a server keeps."""

    def list_artifacts(
        self, where: ArtifactFilter | None = None, *, limit: int = 200, cursor: str | None = None
    ) -> Page[Artifact]:
        """List artifacts, newest first; what is kept apart comes without data."""
        said = vars(where or ArtifactFilter())
        query = {**said, "latest": said["latest"] or None, "limit": limit, "cursor": cursor}
        return self._get(Page[Artifact], "artifacts", query)

    def read_artifact(self, key_or_id: str) -> Artifact:
        """Read an artifact by id, or the newest version of a key."""
        return self._get(Artifact, path_of("artifacts", key_or_id))

    def read_artifact_content(self, artifact_id: str) -> Any:
        """Read the data of an artifact, wherever it lies."""
        return self._get(ArtifactContent, path_of("artifacts", artifact_id, "content")).data

    def keep_artifact_content(self, artifact_id: str, text: str) -> None:
        """Keep a content's JSON text, before its artifact is recorded."""
        self._ask("PUT", path_of("artifacts", artifact_id, "content"), body={"text": text})

    def update_artifact(self, artifact_id: str, change: ArtifactChange) -> Artifact:
        """Edit an artifact."""
        text = self._ask("PATCH", path_of("artifacts", artifact_id), body=change)
        return reading.answer(Artifact, text)

    def delete_artifact(self, key_or_id: str) -> int:
        """Delete an artifact by id, or every version of a key; give how many."""
        text = self._ask("DELETE", path_of("artifacts", key_or_id), again=False)
        return reading.answer(DeletedArtifacts, text).count
