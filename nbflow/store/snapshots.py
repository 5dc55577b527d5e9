"""What was deployed, kept as files named by the sha256 of their content: notebooks, scripts, and
the files included with them. Whoever needs one asks here, by its digest.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from nbflow import settings
from nbflow.exceptions import NotFound
from nbflow.model import clock

_DIGEST = re.compile(r"[0-9a-f]{64}")


def digest(content: bytes) -> str:
    """Give the name of a content."""
    return hashlib.sha256(content).hexdigest()


def write(text: str) -> str:
    """Keep a text and give its digest; one that is there already is left alone."""
    return write_bytes(text.encode("utf-8"))


def write_bytes(content: bytes) -> str:
    """Keep a content and give its digest; one that is there already is left alone."""
    name = digest(content)
    target = _path(name)
    if not target.exists():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = target.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
    return name


def read(name: str) -> str:
    """Read a text by its digest. Raises NotFound (also when the file was changed)."""
    return read_bytes(name).decode("utf-8")


def read_bytes(name: str) -> bytes:
    """Read a content by its digest. Raises NotFound (also when the file was changed)."""
    try:
        content = _path(name).read_bytes() if _DIGEST.fullmatch(name) else None
    except OSError:
        content = None
    if content is None or digest(content) != name:
        raise NotFound(
            f"The deployed content {name[:12]}… is missing or damaged.",
            code="snapshot.missing",
            hint="Deploy it again.",
        )
    return content


def _path(name: str) -> Path:
    return settings.home() / "snapshots" / name[:2] / f"{name}.ipynb"


def kept(before: datetime) -> Iterator[str]:
    """Give the digests of the contents written before an instant."""
    limit = clock.micros(before) / 1e6
    for path in (settings.home() / "snapshots").glob("*/*.ipynb"):
        try:
            if _DIGEST.fullmatch(path.stem) and path.stat().st_mtime < limit:
                yield path.stem
        except FileNotFoundError:
            continue


def forget(name: str) -> None:
    """Delete a content."""
    _path(name).unlink(missing_ok=True)
