"""Artifacts: what runs show to people, one version each, and how they are asked for.

A small content lies in its row; a larger one is kept apart, so that a list is read without it.
Making one out of user code is `nbflow.artifacts`; how one looks is `artifact_views`; the table and
the files are `store.artifacts` and `store.contents`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from nbflow.exceptions import InvalidInput
from nbflow.model import clock, ids, names

if TYPE_CHECKING:
    from nbflow.model.pages import Page

#: a content of at most so many bytes of JSON lies in its row
MOST_INLINE_BYTES = 8192
#: nested deeper than this a content is kept apart: requests carry no deeper JSON
DEEPEST_INLINE = 16
LONGEST_KEY = 255

_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

ArtifactKind = Literal["markdown", "table", "link", "image", "progress", "mime", "notebook"]


@dataclass(frozen=True)
class Artifact:
    """Something a run shows to people.

    Attributes:
        kind: `markdown`, `table`, `link`, `image`, `progress`, `mime` or `notebook`.
        data: Markdown text; a table as `{columns, rows}`, with `total` when rows were left out; a
            link as `{url, text}`; an image as `{mime, base64}` or `{url}`; a progress as
            `{progress}` in percent; a notebook, or an export of one, as `{path}`; else a MIME
            bundle as a notebook keeps it (binary types in base64). None: kept apart, under the
            artifact's id.
        key: names the artifact over many runs (lower case, digits, dashes); None: only this run's.
        updated_at: when it last changed, if it ever did; of two records of one id the later wins.
        size: bytes of the content.
        mime_types: what there is to show, the richest first.
        sha256: of the content's JSON text, when it is kept apart.
    """

    kind: ArtifactKind
    data: Any
    key: str | None = None
    description: str | None = None
    flow_run_id: str | None = None
    task_run_id: str | None = None
    created_at: datetime = field(default_factory=clock.now)
    id: str = field(default_factory=ids.uuid7)
    updated_at: datetime | None = None
    size: int = 0
    mime_types: tuple[str, ...] = ()
    sha256: str | None = None


@dataclass(frozen=True)
class ArtifactFilter:
    """Which artifacts to list. Everything left out matches.

    Attributes:
        latest: of each key only the newest version; those without a key are left out.
        flow_name: those that runs of this flow made.
        since: made at or after this instant; `until`: made before.
    """

    flow_run_id: str | None = None
    task_run_id: str | None = None
    key: str | None = None
    kind: ArtifactKind | None = None
    latest: bool = False
    flow_name: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class ArtifactChange:
    """An edit of an artifact; None leaves a field as it is.

    Attributes:
        progress: percent; what lies beyond 0 to 100 becomes the nearer of both.
    """

    description: str | None = None
    progress: float | None = None


@dataclass(frozen=True)
class ArtifactContent:
    """What an artifact shows."""

    data: Any


@dataclass(frozen=True)
class DeletedArtifacts:
    """How many artifacts were deleted."""

    count: int


class Artifacts(Protocol):
    """The part of the Backend that keeps artifacts; they are written with `Batch.artifacts`."""

    def list_artifacts(
        self, where: ArtifactFilter | None = None, *, limit: int = 200, cursor: str | None = None
    ) -> Page[Artifact]:
        """List artifacts, newest first; what is kept apart comes without data."""
        ...

    def read_artifact(self, key_or_id: str) -> Artifact:
        """Read an artifact by id, or the newest version of a key. Raises NotFound."""
        ...

    def read_artifact_content(self, artifact_id: str) -> Any:
        """Read the data of an artifact, wherever it lies. Raises NotFound."""
        ...

    def keep_artifact_content(self, artifact_id: str, text: str) -> None:
        """Keep a content's JSON text, before its artifact is recorded. Raises InvalidInput."""
        ...

    def update_artifact(self, artifact_id: str, change: ArtifactChange) -> Artifact:
        """Edit an artifact. Raises NotFound, InvalidInput."""
        ...

    def delete_artifact(self, key_or_id: str) -> int:
        """Delete an artifact by id, or every version of a key; give how many. Raises NotFound."""
        ...


def check_key(key: Any) -> str:
    """Give a key that may name an artifact. Raises InvalidInput."""
    wrong = None
    if not isinstance(key, str):
        wrong = f"A key is text, not {type(key).__name__}."
    elif len(key) > LONGEST_KEY:
        wrong = f"The key has {len(key)} characters; {LONGEST_KEY} is the most."
    elif not _KEY.fullmatch(key):
        wrong = f"The key {names.shown(key)} is not made of lower-case letters, digits and dashes."
    elif ids.canonical(key):
        wrong = f"The key {key} looks like an id."
    if wrong is not None:
        raise InvalidInput(wrong, field="key", hint="Write it like `daily-report`.")
    return cast("str", key)


def clamped(progress: Any) -> float:
    """Give a progress in percent, from 0 to 100. Raises InvalidInput for what is no number."""
    try:
        value = float(progress)
    except (TypeError, ValueError, OverflowError):
        value = float("nan")
    if value != value or isinstance(progress, (str, bytes)):
        raise InvalidInput(
            f"The progress is {names.shown(progress)}; it must be a number.",
            field="progress",
            hint="Say how many percent are done, from 0 to 100.",
        )
    return min(max(value, 0.0), 100.0)


def too_large(size: int, most: int, *, field: str) -> InvalidInput:
    """Give the error of a content that is not kept."""
    return InvalidInput(
        f"The artifact has {size:,} bytes; {most:,} is the most.",
        code="artifact.too_large",
        field=field,
        hint="Show less of it, or raise NBFLOW_ARTIFACT_BYTES.",
    )


def mime_types(kind: ArtifactKind, data: Any) -> tuple[str, ...]:
    """Give the MIME types of a content."""
    if kind == "mime":
        return tuple(cast("Mapping[str, Any]", data))
    if kind == "image":
        mime = cast("Mapping[str, Any]", data).get("mime")
        return (mime,) if mime else ()
    return ("text/markdown",) if kind == "markdown" else ("application/json",)


def is_binary(mime: str) -> bool:
    """Say whether a bundle keeps a type in base64, as notebooks do."""
    kind, _, subtype = mime.partition("/")
    if kind == "text" or subtype.endswith(("json", "xml", "javascript")):
        return False
    return kind in ("image", "audio", "video", "font") or kind == "application"


def too_deep(data: Any) -> bool:
    """Say whether data is nested too deep to lie in its row."""
    level: list[Any] = [data]
    for _ in range(DEEPEST_INLINE):
        level = [child for item in level for child in _inside(item)]
        if not level:
            return False
    return True


def _inside(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(cast("Mapping[Any, Any]", value).values())
    return cast("list[Any]", value) if isinstance(value, list) else []
