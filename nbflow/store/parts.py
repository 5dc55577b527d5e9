"""Files that come in parts: each part is put at its place, in order."""

from __future__ import annotations

import os
from pathlib import Path

from nbflow.exceptions import InvalidInput, StoreFull
from nbflow.model.run_files import PART, gap


def add(path: Path, data: bytes, *, offset: int, most: int) -> int:
    """Put a part of a file at its place; what is there already stays. Gives the file's size.

    Raises FileGap, InvalidInput (it would have more than `most` bytes), StoreFull.
    """
    if offset < 0 or offset + len(data) > most:
        raise InvalidInput(
            f"The file would have more than {most:,} bytes.", code="file.too_large", field="offset"
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(path, flags, 0o600)
        try:
            return _add(file, data, offset)
        finally:
            os.close(file)
    except OSError as error:
        raise StoreFull(
            f"The file cannot be written: {error.strerror or error}.",
            code="file.unwritable",
            hint="Is there room on the disk of NBFLOW_HOME?",
        ) from error


def _add(file: int, data: bytes, offset: int) -> int:
    size = os.fstat(file).st_size
    if offset > size:
        raise gap(size, offset)
    left, at = memoryview(data)[size - offset :], size
    while left:
        written = os.pwrite(file, left, at)
        left, at = left[written:], at + written
    return at


def read(path: Path, *, offset: int) -> bytes:
    """Read at most `PART` bytes from a place on. Raises OSError."""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(PART)


def plain(path: Path) -> bool:
    """Say whether there is a file, and no link to one elsewhere."""
    return path.is_file() and not path.is_symlink()


def size_of(path: Path) -> int:
    """Give a file's size; 0: there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
