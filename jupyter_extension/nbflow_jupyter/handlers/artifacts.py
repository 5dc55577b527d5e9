"""Artifacts: listing, reading, editing and deleting them, and their contents as files.

What a run made is not trusted: a browser that is led to a content gets a picture or a download,
never a page, and nothing in it runs.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from nbflow import settings
from nbflow.exceptions import InvalidInput, NotFound
from nbflow.model import artifacts
from nbflow.model.artifacts import (
    Artifact,
    ArtifactChange,
    ArtifactContent,
    DeletedArtifacts,
)
from nbflow_jupyter.base import ApiHandler
from nbflow_jupyter.queries import ArtifactQuery, MimeQuery
from nbflow_jupyter.shapes import ArtifactText

#: what a browser may show by itself, with the ending of its file
_PICTURES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
#: other types a file may have; those a browser would run or render are sent as plain text
_FILES = {"application/pdf": "pdf", "application/json": "json", "text/csv": "csv",
          "text/plain": "txt", "text/markdown": "md"}  # fmt: skip
_TEXTS = {"text/html": "html", "image/svg+xml": "svg", "application/javascript": "js",
          "text/latex": "tex"}  # fmt: skip


class Artifacts(ApiHandler):
    """Artifacts of all runs."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:artifacts")
    async def get(self) -> None:
        """List artifacts, newest first."""
        asked = self.query(ArtifactQuery)
        await self.answer(
            self.backend.list_artifacts, asked, limit=asked.limit, cursor=asked.cursor
        )


class OfKeyOrId(ApiHandler):
    """One artifact, or the versions of a key."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:artifacts")
    async def get(self, key_or_id: str) -> None:
        """Read an artifact by id, or the newest version of a key."""
        await self.answer(self.backend.read_artifact, key_or_id)

    @web.authenticated
    @authorized(action="execute", resource="nbflow:artifacts")
    async def patch(self, key_or_id: str) -> None:
        """Edit an artifact: its description, or how far a progress is."""
        await self.answer(self.backend.update_artifact, key_or_id, self.body(ArtifactChange))

    @web.authenticated
    @authorized(action="write", resource="nbflow:artifacts")
    async def delete(self, key_or_id: str) -> None:
        """Delete an artifact by id, or every version of a key."""
        await self.answer(lambda: DeletedArtifacts(self.backend.delete_artifact(key_or_id)))


class _Content(ApiHandler):
    """What an artifact shows."""

    @property
    def largest_body(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Give the bytes a content may have as JSON text within JSON: a quote becomes four."""
        return settings.artifact_bytes * 4 + 1_000_000

    def set_default_headers(self) -> None:
        """Let no browser run anything in the answer, nor guess what it is."""
        super().set_default_headers()
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Cache-Control", "no-store")

    @property
    def content_security_policy(self) -> str:
        """Give the policy of an answer that is only ever data."""
        return "sandbox; default-src 'none'"


class Content(_Content):
    """What an artifact shows, as JSON."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:artifacts")
    async def get(self, key_or_id: str) -> None:
        """Read what an artifact shows."""
        await self.answer(lambda: ArtifactContent(self.backend.read_artifact_content(key_or_id)))

    @web.authenticated
    @authorized(action="execute", resource="nbflow:records")
    async def put(self, key_or_id: str) -> None:
        """Keep a content before its artifact is recorded."""
        await self.done(self.backend.keep_artifact_content, key_or_id, self.body(ArtifactText).text)


class Download(_Content):
    """One of the forms an artifact has, as a file."""

    @web.authenticated
    @authorized(action="read", resource="nbflow:artifacts")
    async def get(self, key_or_id: str) -> None:
        """Give one form of an artifact as a file: a picture to look at, else a download."""
        asked = self.query(MimeQuery)
        found = await self.off_loop(self.backend.read_artifact, key_or_id)
        data = await self.off_loop(self.backend.read_artifact_content, found.id)
        mime, content = await self.off_loop(_form, found, data, asked.mime)
        kind = mime if mime in _PICTURES or mime in _FILES else "application/octet-stream"
        kind = "text/plain; charset=utf-8" if mime in _TEXTS else kind
        how = "inline" if mime in _PICTURES else "attachment"
        ending = {**_PICTURES, **_FILES, **_TEXTS}.get(mime, "bin")
        name = f"{found.key or found.id}.{ending}"
        self.set_header("Content-Disposition", f'{how}; filename="{name}"')
        self.finish(content, set_content_type=kind)


def _form(found: Artifact, data: Any, mime: str | None) -> tuple[str, bytes]:
    """Give one form of an artifact: its type and bytes. Raises NotFound, InvalidInput."""
    forms = _forms(found, data)
    chosen = mime or next(iter(forms), None)
    if chosen is None or chosen not in forms:
        known = ", ".join(forms) or "none"
        raise NotFound(
            f"The artifact {found.id} has no form of that type.",
            field="mime",
            hint=f"There are: {known}.",
        )
    return chosen, _bytes(chosen, forms[chosen])


def _forms(found: Artifact, data: Any) -> Mapping[str, Any]:
    match found.kind:
        case "mime":
            return data
        case "image" if "base64" in data:
            return {data["mime"]: data["base64"]}
        case "markdown":
            return {"text/markdown": data}
        case _:
            return {"application/json": data}


def _bytes(mime: str, value: Any) -> bytes:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).encode()
    if not artifacts.is_binary(mime):
        return value.encode()
    try:
        return base64.b64decode(value)
    except binascii.Error:
        raise InvalidInput(f"The artifact's {mime} is not base64.", field="mime") from None
