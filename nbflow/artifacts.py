"""Artifacts: what a run shows to people. Tables, Markdown, links and images, made from user code.

Recorded with the run around the code; in a process that a run started, with that run.
"""

from __future__ import annotations

import base64
import io
import math
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from nbflow import connect, context
from nbflow.exceptions import InvalidInput
from nbflow.model.runs import Artifact, Batch

#: bytes of one image
MOST_IMAGE_BYTES = 10_000_000
_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"<svg": "image/svg+xml",
    b"<?xml": "image/svg+xml",
}

Kind = Literal["markdown", "table", "link", "image"]


def create_markdown_artifact(
    markdown: str, *, key: str | None = None, description: str | None = None
) -> str:
    """Show Markdown text; give the artifact's id. Raises InvalidInput."""
    if not isinstance(markdown, str):
        raise _wrong("markdown", "text", markdown)
    return _create("markdown", markdown, key, description)


def create_link_artifact(
    link: str,
    link_text: str | None = None,
    *,
    key: str | None = None,
    description: str | None = None,
) -> str:
    """Show a link; give the artifact's id. Raises InvalidInput."""
    if not isinstance(link, str):
        raise _wrong("link", "text", link)
    if link.split(":", 1)[0].strip().lower() in ("javascript", "data", "vbscript"):
        raise InvalidInput(f"A link to {link[:40]!r} could run code.", field="link")
    return _create("link", {"url": link, "text": link_text or link}, key, description)


def create_table_artifact(
    table: Any, *, key: str | None = None, description: str | None = None
) -> str:
    """Show a table; give the artifact's id. Raises InvalidInput.

    Args:
        table: a list of dicts, a dict of lists, a list of lists, or a pandas DataFrame.
        key: names the artifact over many runs: lower case, digits, dashes.
        description: Markdown shown above it.
    """
    columns, rows = _table(table)
    data = {"columns": columns, "rows": [[_cell(value) for value in row] for row in rows]}
    return _create("table", data, key, description)


def create_image_artifact(
    image: Any, *, key: str | None = None, description: str | None = None
) -> str:
    """Show an image; give the artifact's id. Raises InvalidInput.

    Args:
        image: a file's path, the bytes of a PNG, JPEG, GIF or SVG, or a matplotlib figure.
        key: names the artifact over many runs: lower case, digits, dashes.
        description: Markdown shown above it.
    """
    content = _image_bytes(image)
    mime = next((mime for magic, mime in _MAGIC.items() if content.startswith(magic)), None)
    if mime is None:
        raise InvalidInput("This is no PNG, JPEG, GIF or SVG image.", field="image")
    if len(content) > MOST_IMAGE_BYTES:
        most = f"{MOST_IMAGE_BYTES // 1_000_000} MB"
        raise InvalidInput(
            f"The image has {len(content)} bytes; {most} is the most.", field="image"
        )
    data = {"mime": mime, "base64": base64.b64encode(content).decode("ascii")}
    return _create("image", data, key, description)


def _create(kind: Kind, data: Any, key: str | None, description: str | None) -> str:
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidInput(
            f"The key {key!r} is not made of lower-case letters, digits and dashes.",
            field="key",
            hint="Write it like `daily-report`.",
        )
    run = context.here() or context.ambient()
    inside = run.flow_context.flow_run.id if run else os.environ.get("NBFLOW_FLOW_RUN_ID") or None
    artifact = Artifact(kind, data, key, description, inside, run.task_run_id if run else None)
    if run is not None:
        run.flow_context.recorder.artifact(artifact)
    else:
        connect.connect().record(Batch(artifacts=(artifact,)))
    return artifact.id


def _table(table: Any) -> tuple[list[str], list[Sequence[Any]]]:
    if hasattr(table, "to_dict") and hasattr(table, "columns"):  # a DataFrame
        return [str(c) for c in table.columns], list(table.itertuples(index=False, name=None))
    if isinstance(table, Mapping):
        lists = [list(values) for values in table.values()]
        if len({len(values) for values in lists}) > 1:
            raise InvalidInput("The table's columns are not of one length.", field="table")
        return [str(name) for name in table], [list(row) for row in zip(*lists, strict=True)]
    if not isinstance(table, (list, tuple)):
        raise _wrong("table", "a list of dicts, a dict of lists or a list of lists", table)
    if all(isinstance(row, Mapping) for row in table):
        columns = list(dict.fromkeys(name for row in table for name in row))
        return [str(name) for name in columns], [[row.get(c) for c in columns] for row in table]
    if all(isinstance(row, (list, tuple)) for row in table):
        width = max(map(len, table), default=0)
        return [str(n) for n in range(width)], [
            [*row, *[None] * (width - len(row))] for row in table
        ]
    raise _wrong("table", "rows of one kind, dicts or lists", table)


def _cell(value: Any) -> Any:
    """Give a table's value as JSON: what is not a number, a text or a truth is shown as text."""
    item = getattr(value, "item", None)  # a numpy scalar
    if callable(item) and getattr(value, "ndim", None) == 0:
        value = item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


def _image_bytes(image: Any) -> bytes:
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    if hasattr(image, "savefig"):
        buffer = io.BytesIO()
        image.savefig(buffer, format="png", bbox_inches="tight")
        return buffer.getvalue()
    if not isinstance(image, (str, os.PathLike)):
        raise _wrong("image", "a path, bytes or a matplotlib figure", image)
    try:
        return Path(image).read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise InvalidInput(
            f"The image {str(image)!r} cannot be read: {reason}.", field="image"
        ) from None


def _wrong(field: str, takes: str, value: Any) -> InvalidInput:
    return InvalidInput(f"{field} is {type(value).__name__}; it must be {takes}.", field=field)
