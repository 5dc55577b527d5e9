"""Contents of artifacts too large for their rows: one file each, below the home folder.

Not in the database: its one writer would be held up by megabytes, and a list would read past them.
Named by the artifact, not by a digest, so that deleting one needs no count of who else shares it.
A file is on disk before the row that names it is written; the row holds its sha256.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbflow import settings
from nbflow.exceptions import NotFound, StoreFull
from nbflow.model import ids
from nbflow.model.runs import Batch
from nbflow.store import mirroring

if TYPE_CHECKING:
    from nbflow.model.backend import Backend
    from nbflow.model.changes import Recorded


def digest(text: str) -> str:
    """Give the sha256 of a content."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def write(artifact_id: str, text: str) -> str:
    """Keep a content, durably, and give its sha256. Raises StoreFull."""
    data = text.encode("utf-8")
    try:
        _write(_path(artifact_id), data)
    except OSError as error:
        raise StoreFull(
            f"The artifact's content cannot be written: {error.strerror or error}.",
            code="artifact.unwritable",
            hint="Is there room on the disk of NBFLOW_HOME, and may you write there?",
        ) from error
    return hashlib.sha256(data).hexdigest()


def _write(target: Path, data: bytes) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = target.with_suffix(f".{ids.uuid7()}.tmp")
    try:
        with scratch.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
    except BaseException:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise


def exists(artifact_id: str) -> bool:
    """Say whether a content is kept here."""
    return _path(artifact_id).exists()


def read(artifact_id: str, sha256: str) -> str:
    """Read a content. Raises NotFound (also when the file was changed)."""
    try:
        text = _path(artifact_id).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        text = None
    if text is None or digest(text) != sha256:
        raise NotFound(
            f"The content of the artifact {artifact_id} is missing or damaged.",
            code="artifact.content_missing",
            hint="Run again what made it.",
        )
    return text


def delete(artifact_ids: Iterable[str]) -> None:
    """Forget contents; those that are not there are gone already."""
    for artifact_id in artifact_ids:
        with suppress(OSError):
            _path(artifact_id).unlink(missing_ok=True)


def record(backend: Backend, batch: Batch) -> Recorded:
    """Record a batch, together with the files that lie here and the authority has not.

    Mostly it has them: it has the same home folder.
    """
    if batch.results:
        mirroring.send_results(backend, batch.results)
    told = backend.record(batch)
    lacking = [a for a in batch.artifacts if a.sha256 and a.id in told.lacking]
    if not lacking:
        return told
    for artifact in lacking:
        backend.keep_artifact_content(artifact.id, read(artifact.id, artifact.sha256 or ""))
    backend.record(Batch(artifacts=tuple(lacking)))
    delete(artifact.id for artifact in lacking)  # the authority's home is another one
    return replace(told, lacking=())


def _path(artifact_id: str) -> Path:
    # The last digits are random; the first are the time, the same for many.
    return settings.home() / "artifacts" / artifact_id[-2:] / f"{artifact_id}.json"
