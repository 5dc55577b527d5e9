"""Artifacts: what a run shows to people, made from user code.

Recorded with the run around the code; in a process that a run started, with that run; elsewhere
alone. Each call gives the artifact's id; `Artifact.get(key)` gives an artifact that a notebook
shows when it is a cell's last line. Every function has a twin for `await`, `acreate_…`.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from nbflow import connect, settings
from nbflow.artifacts import bundles, images, recording, tables, views
from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import artifacts as words
from nbflow.model import texts
from nbflow.model.artifacts import ArtifactKind

__all__ = [
    "Artifact",
    "acreate_artifact",
    "acreate_image_artifact",
    "acreate_link_artifact",
    "acreate_markdown_artifact",
    "acreate_progress_artifact",
    "acreate_table_artifact",
    "aupdate_progress_artifact",
    "create_artifact",
    "create_image_artifact",
    "create_link_artifact",
    "create_markdown_artifact",
    "create_progress_artifact",
    "create_table_artifact",
    "update_progress_artifact",
]

#: characters of a description
LONGEST_DESCRIPTION = 10_000

P = ParamSpec("P")
R = TypeVar("R")


def create_artifact(obj: Any, key: str | None = None, description: str | None = None) -> str:
    """Show whatever a notebook can display; give the artifact's id. Raises InvalidInput.

    Args:
        obj: a figure, a DataFrame, a chart, anything with `_repr_mimebundle_`, `_repr_html_`,
            `_repr_png_` …, or a MIME bundle such as `{"text/html": "<b>done</b>"}`.
        key: names the artifact over many runs: lower case, digits, dashes.
        description: Markdown shown above it.
    """
    return _create("mime", obj, key, description).id


def create_markdown_artifact(
    markdown: str, key: str | None = None, description: str | None = None
) -> str:
    """Show Markdown text; give the artifact's id. Raises InvalidInput."""
    return _create("markdown", markdown, key, description).id


def create_link_artifact(
    link: str,
    link_text: str | None = None,
    key: str | None = None,
    description: str | None = None,
) -> str:
    """Show a link; give the artifact's id. Raises InvalidInput."""
    return _create("link", {"url": link, "text": link_text or link}, key, description).id


def create_table_artifact(
    table: Any, key: str | None = None, description: str | None = None
) -> str:
    """Show a table, its first 10,000 rows at most; give the artifact's id. Raises InvalidInput.

    Args:
        table: a list of dicts, a dict of lists, a list of lists, a DataFrame or a 2-D array.
        key: names the artifact over many runs: lower case, digits, dashes.
        description: Markdown shown above it.
    """
    return _create("table", table, key, description).id


def create_image_artifact(
    image: Any = None,
    key: str | None = None,
    description: str | None = None,
    *,
    image_url: str | None = None,
) -> str:
    """Show an image; give the artifact's id. Raises InvalidInput.

    Args:
        image: a file's path, the bytes of a PNG, JPEG, GIF, WebP or SVG, a matplotlib figure, or
            an address.
        key: names the artifact over many runs: lower case, digits, dashes.
        description: Markdown shown above it.
        image_url: the address of an image that is not kept, instead of `image`.
    """
    return _create("image", image if image_url is None else image_url, key, description).id


def create_progress_artifact(
    progress: float, key: str | None = None, description: str | None = None
) -> str:
    """Show a progress in percent, from 0 to 100; give the artifact's id. Raises InvalidInput."""
    return _create("progress", progress, key, description).id


def update_progress_artifact(
    artifact_id: str, progress: float, description: str | None = None
) -> str:
    """Say how far a progress is, as often as you like; give its id.

    Of the values of a tenth of a second the last one is recorded. Raises InvalidInput, NotFound.
    """
    recording.go_on(artifact_id, words.clamped(progress), _description(description))
    return artifact_id


class Artifact:
    """Something a run shows to people, to be made or found again; a notebook displays it.

    Args:
        data: what `create_artifact`, or the function of its `type`, takes.
        key: names the artifact over many runs.
        description: Markdown shown above it.
        type: `markdown`, `table`, `link`, `image` or `progress`; left out: whatever can be shown.
    """

    def __init__(
        self,
        data: Any = None,
        key: str | None = None,
        description: str | None = None,
        *,
        type: ArtifactKind = "mime",
    ) -> None:
        self.type: ArtifactKind = type
        self.key = key
        self.description = description
        self._data = data
        self._kept: words.Artifact | None = None

    def create(self) -> Artifact:
        """Record it, as a new version of its key; give it as it is kept. Raises InvalidInput."""
        return _of(_create(self.type, self._data, self.key, self.description), self.format())

    def format(self) -> Any:
        """Give what it shows as it is kept: JSON values. Raises InvalidInput, NotFound."""
        return _data(self.type, self._data) if self._kept is None else self.data

    @property
    def data(self) -> Any:
        """Give what it was made of; of one that was found again, what it shows. Raises NotFound."""
        if self._data is None and self._kept is not None:
            self._data = connect.connect().read_artifact_content(self._kept.id)
        return self._data

    @classmethod
    def get(cls, key: str) -> Artifact | None:
        """Give the newest version of a key (or the artifact of an id), or None."""
        recording.arrive()
        try:
            return _of(connect.connect().read_artifact(key))
        except NotFound:
            return None

    @classmethod
    def get_or_create(
        cls,
        key: str,
        description: str | None = None,
        data: Any = None,
        *,
        type: ArtifactKind = "mime",
    ) -> tuple[Artifact, bool]:
        """Give the newest version of a key, made if there is none, and whether it was made."""
        found = cls.get(key)
        if found is not None:
            return found, False
        return cls(data, key, description, type=type).create(), True

    @property
    def id(self) -> str | None:
        """Give its id; None before it is created."""
        return None if self._kept is None else self._kept.id

    @property
    def flow_run_id(self) -> str | None:
        """Give the run that made it."""
        return None if self._kept is None else self._kept.flow_run_id

    @property
    def task_run_id(self) -> str | None:
        """Give the task run that made it."""
        return None if self._kept is None else self._kept.task_run_id

    @property
    def created_at(self) -> datetime | None:
        """Give when it was made."""
        return None if self._kept is None else self._kept.created_at

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        data = self.format()
        kept = self._kept or words.Artifact(self.type, None, self.key, self.description)
        return views.bundle(kept, data)

    def __repr__(self) -> str:
        said = [f"type={self.type!r}", *([f"key={self.key!r}"] if self.key else [])]
        return f"Artifact({', '.join([*said, *([f'id={self.id!r}'] if self.id else [])])})"

    # -- twins for await ----------------------------------------------------------------------
    async def acreate(self) -> Artifact:
        """Record it, as `create` does."""
        return await _twin(self.create)()

    async def aformat(self) -> Any:
        """Give what it shows, as `format` does."""
        return await _twin(self.format)()

    @classmethod
    async def aget(cls, key: str) -> Artifact | None:
        """Give the newest version of a key, as `get` does."""
        return await _twin(cls.get)(key)

    @classmethod
    async def aget_or_create(
        cls,
        key: str,
        description: str | None = None,
        data: Any = None,
        *,
        type: ArtifactKind = "mime",
    ) -> tuple[Artifact, bool]:
        """Give the newest version of a key, or make it, as `get_or_create` does."""
        return await _twin(cls.get_or_create)(key, description, data, type=type)


def _of(kept: words.Artifact, data: Any = None) -> Artifact:
    made = Artifact(kept.data if data is None else data, kept.key, kept.description, type=kept.kind)
    made._kept = kept
    return made


def _create(
    kind: ArtifactKind, value: Any, key: str | None, description: str | None
) -> words.Artifact:
    if key is not None:
        key = words.check_key(key)
    description = _description(description)
    return recording.keep(kind, _data(kind, value), key, description)


def _data(kind: ArtifactKind, value: Any) -> Any:
    """Give what is kept of a value shown as a kind of artifact. Raises InvalidInput."""
    match kind:
        case "markdown":
            return _safe(_str(value, "markdown"))
        case "link":
            return _link(value)
        case "table":
            return tables.table(value, most_bytes=settings.artifact_bytes, text=_safe)
        case "image":
            return images.image(value, most_bytes=settings.artifact_bytes)
        case "progress":
            return {"progress": words.clamped(value)}
        case "mime":
            return bundles.bundle(value, text=_safe)
    raise InvalidInput(
        f"There is no type of artifact {kind!r}.",
        field="type",
        hint="There are markdown, table, link, image, progress and mime.",
    )


def _safe(text: str) -> str:
    """Give a text as it may leave the run; one that is too long is refused later, not cut."""
    return texts.safe(text, longest=sys.maxsize)


def _link(value: Any) -> dict[str, str]:
    said = {"url": value, "text": value} if isinstance(value, str) else value
    url = _str(said["url"], "link")
    if url.split(":", 1)[0].strip().lower() in ("javascript", "data", "vbscript"):
        raise InvalidInput(f"A link to {url[:40]!r} could run code.", field="link")
    return {"url": _safe(url), "text": _safe(_str(said["text"], "link_text"))}


def _str(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise tables.wrong(field, "text", value)
    return value


def _description(description: Any) -> str | None:
    if description is None:
        return None
    if len(_str(description, "description")) > LONGEST_DESCRIPTION:
        raise InvalidInput(
            f"The description has {len(description):,} characters; "
            f"{LONGEST_DESCRIPTION:,} is the most.",
            field="description",
            hint="Show what is longer as a Markdown artifact.",
        )
    return _safe(description)


def _twin(call: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Give a function's twin for await: the store may have to be waited for, so in a thread."""

    @functools.wraps(call)
    async def acall(*args: P.args, **kwargs: P.kwargs) -> R:
        import asyncio

        return await asyncio.to_thread(call, *args, **kwargs)

    return acall


acreate_artifact = _twin(create_artifact)
acreate_markdown_artifact = _twin(create_markdown_artifact)
acreate_link_artifact = _twin(create_link_artifact)
acreate_table_artifact = _twin(create_table_artifact)
acreate_image_artifact = _twin(create_image_artifact)
acreate_progress_artifact = _twin(create_progress_artifact)
aupdate_progress_artifact = _twin(update_progress_artifact)
