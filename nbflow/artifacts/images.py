"""Images out of bytes, files and figures. An image elsewhere is named by its address only."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from nbflow.artifacts.bundles import png
from nbflow.artifacts.tables import wrong
from nbflow.exceptions import InvalidInput
from nbflow.model.artifacts import too_large

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}


def image(value: Any, *, most_bytes: int) -> dict[str, str]:
    """Give an image as `{mime, base64}`, or `{url}` for an address. Raises InvalidInput."""
    if isinstance(value, str) and value.lower().startswith(("http://", "https://")):
        return {"url": value}
    content = _bytes(value, most_bytes)
    if len(content) > most_bytes:
        raise too_large(len(content), most_bytes, field="image")
    mime = _mime(content)
    if mime is None:
        raise InvalidInput("This is no PNG, JPEG, GIF, WebP or SVG image.", field="image")
    return {"mime": mime, "base64": base64.b64encode(content).decode("ascii")}


def _mime(content: bytes) -> str | None:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    begins = content[:1000].removeprefix(b"\xef\xbb\xbf").lstrip()
    if begins.startswith(b"<svg") or (begins.startswith((b"<?xml", b"<!")) and b"<svg" in begins):
        return "image/svg+xml"
    return next((mime for magic, mime in _MAGIC.items() if content.startswith(magic)), None)


def _bytes(value: Any, most_bytes: int) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if hasattr(value, "savefig"):
        return png(value)
    if not isinstance(value, (str, os.PathLike)):
        raise wrong("image", "a path, an address, bytes or a matplotlib figure", value)
    try:
        with Path(value).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > most_bytes:
                raise too_large(size, most_bytes, field="image")
            return file.read(most_bytes + 1)  # a device has no size, and no end
    except OSError as error:
        reason = error.strerror or error
        raise InvalidInput(
            f"The image {str(value)[:200]!r} cannot be read: {reason}.", field="image"
        ) from None
