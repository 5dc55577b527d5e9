"""Deployed notebooks, kept as files named by the sha256 of their content."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from nbflow import settings
from nbflow.exceptions import NotFound

_DIGEST = re.compile(r"[0-9a-f]{64}")


def digest(text: str) -> str:
    """Give the name of a content."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def write(text: str) -> str:
    """Keep a content and give its digest; one that is there already is left alone."""
    name = digest(text)
    target = _path(name)
    if not target.exists():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = target.with_suffix(f".{os.getpid()}.tmp")
        with scratch.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
    return name


def read(name: str) -> str:
    """Read a content by its digest. Raises NotFound (also when the file was changed)."""
    try:
        text = _path(name).read_text(encoding="utf-8") if _DIGEST.fullmatch(name) else None
    except OSError:
        text = None
    if text is None or digest(text) != name:
        raise NotFound(
            f"The deployed notebook {name[:12]}… is missing or damaged.",
            code="snapshot.missing",
            hint="Deploy the notebook again.",
        )
    return text


def _path(name: str) -> Path:
    return settings.home() / "snapshots" / name[:2] / f"{name}.ipynb"
