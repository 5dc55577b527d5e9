"""Files that belong to a deployment beside its notebook or script: found, bounded, and kept.

Reading them back is `snapshots`' work; laying them out for a run is the executor's.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from nbflow.exceptions import InvalidInput
from nbflow.model import names
from nbflow.model.shapes import is_sequence
from nbflow.store import snapshots

#: at most so many files, each and all together at most so many bytes
MOST_FILES = 1000
LARGEST_FILE = 100_000_000
LARGEST = 500_000_000
MOST_PATTERNS = 100
_LONGEST_PATTERN = 1024
_SKIPPED = frozenset({"__pycache__", "node_modules"})


def keep(folder: str, patterns: Sequence[str], *, besides: str) -> dict[str, str]:
    """Keep the files that globs name below a folder; give the digest of each by its path there.

    Args:
        besides: the notebook or script itself, which is kept anyway.

    Raises InvalidInput: a pattern leads out of the folder or names nothing, or it is too much.
    """
    found = find(folder, patterns, besides=besides)
    return {path: snapshots.write_bytes(file.read_bytes()) for path, file in found.items()}


def find(folder: str, patterns: Sequence[str], *, besides: str) -> dict[str, Path]:
    """Give the files that globs name below a folder, by path. Raises InvalidInput (as `keep`)."""
    root, found, size = Path(folder).resolve(), dict[str, Path](), 0
    for at, pattern in enumerate(patterns):
        matched = False
        for file in _matching(root, pattern, f"include.{at}"):
            matched = True
            path = file.relative_to(root).as_posix()
            if path in found or file == Path(besides).resolve():
                continue
            found[path] = file
            size += _checked_size(root, file, f"include.{at}")
            if len(found) > MOST_FILES or size > LARGEST:
                raise _refused(
                    f"The files to include are more than {MOST_FILES:,}, or than "
                    f"{LARGEST // 1_000_000} MB.",
                    "include.too_large",
                    f"include.{at}",
                )
        if not matched:
            said = f"The pattern {names.shown(pattern)} names no file in {folder}."
            raise _refused(said, "include.nothing", f"include.{at}")
    return dict(sorted(found.items()))


def check_patterns(patterns: object) -> tuple[str, ...]:
    """Give globs as they are kept. Raises InvalidInput."""
    if not is_sequence(patterns):
        raise _refused(f"include is {names.shown(patterns)}, not a list.", "include.invalid")
    if len(patterns) > MOST_PATTERNS:
        raise _refused(f"There are more than {MOST_PATTERNS} patterns.", "include.invalid")
    return tuple(dict.fromkeys(_pattern(one, f"include.{at}") for at, one in enumerate(patterns)))


def _pattern(pattern: object, field: str) -> str:
    if not isinstance(pattern, str) or not pattern.strip() or len(pattern) > _LONGEST_PATTERN:
        raise _refused(f"{names.shown(pattern)} is no pattern.", "include.invalid", field)
    text = pattern.strip()
    parts = PurePosixPath(text).parts
    outside = text.startswith(("/", "~")) or ".." in parts or "\\" in text or "\0" in text
    if outside or re.match(r"[A-Za-z]:|\w+://", text):
        raise _refused(
            f"{names.shown(pattern)} leads out of the folder.", "include.outside", field,
            hint="Patterns are relative to the notebook's folder, such as data/*.csv.",
        )  # fmt: skip
    return text


def _matching(root: Path, pattern: str, field: str) -> Iterator[Path]:
    hidden = any(part.startswith(".") for part in PurePosixPath(pattern).parts)
    try:
        for path in root.glob(pattern):
            below = path.relative_to(root).parts
            if not hidden and any(part.startswith(".") or part in _SKIPPED for part in below):
                continue
            if path.is_dir() and not path.is_symlink():
                continue
            yield path
    except (ValueError, NotImplementedError, OSError) as error:
        said = f"The pattern {names.shown(pattern)} cannot be read: {error}."
        raise _refused(said, "include.invalid", field) from None


def _checked_size(root: Path, file: Path, field: str) -> int:
    """Give a file's size. Raises InvalidInput for a link out of the folder, or no plain file."""
    real = Path(os.path.realpath(file))
    if real != root and root not in real.parents:
        raise _refused(
            f"{file.relative_to(root)} is a link that leads out of the folder.",
            "include.outside",
            field,
        )
    try:
        found = real.stat()
    except OSError as error:
        raise _refused(f"{file} cannot be read: {error}.", "include.invalid", field) from None
    if not stat.S_ISREG(found.st_mode):
        raise _refused(f"{file.relative_to(root)} is no file.", "include.invalid", field)
    if found.st_size > LARGEST_FILE:
        raise _refused(
            f"{file.relative_to(root)} has more than {LARGEST_FILE // 1_000_000} MB.",
            "include.too_large",
            field,
        )
    return found.st_size


def _refused(
    message: str, code: str, field: str = "include", hint: str | None = None
) -> InvalidInput:
    return InvalidInput(message, code=code, field=field, hint=hint)
