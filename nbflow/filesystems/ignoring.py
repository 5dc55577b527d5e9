"""`.nbflowignore`: what of a folder is left out of a storage, in the syntax of .gitignore."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model.names import shown

FILE_NAME = ".nbflowignore"
#: left out, too, unless that file takes them in again (`!.venv/`)
ALWAYS = (
    ".git/", "__pycache__/", "*.py[co]", ".ipynb_checkpoints/", ".venv/", "venv/", "node_modules/",
    ".DS_Store",
)  # fmt: skip
#: of one folder that is put into a storage, or taken out of it: files, and bytes together
MOST_FILES = 20_000
LARGEST = 5_000_000_000
_LARGEST_RULES = 1_000_000


@dataclass(frozen=True)
class Found:
    """A file of a folder: its path there, where it is, and its size in bytes."""

    path: str
    file: Path
    size: int


def rules(root: Path, ignore_file: str | None) -> Any:
    """Read what is to be left out, as a pathspec.

    Args:
        ignore_file: seen from the folder; the usual one need not be there, any other has to be.
            None: nothing is left out.

    Raises InvalidInput.
    """
    import pathspec

    lines = list[str]()
    if ignore_file is not None:
        own = _lines(root / ignore_file, missing_ok=ignore_file == FILE_NAME)
        lines = [*ALWAYS, *own]
    try:
        return pathspec.GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise _refused(f"{ignore_file} cannot be understood: {error}", "ignore.invalid") from None


def find(root: Path, ignore_file: str | None = FILE_NAME) -> list[Found]:
    """List the files of a folder that are not left out, in order of their paths.

    Raises InvalidInput: a link leads out of the folder, or it is too much.
    """
    found, size = list[Found](), 0
    for one in _walk(root, "", rules(root, ignore_file)):
        found.append(one)
        size += one.size
        if len(found) > MOST_FILES or size > LARGEST:
            raise too_much(str(root))
    return sorted(found, key=lambda one: one.path)


def too_much(what: str) -> InvalidInput:
    """Give the error of a folder that is more than a storage takes."""
    return InvalidInput(
        f"{what} holds more than {MOST_FILES:,} files, or than {LARGEST // 10**9} GB.",
        code="storage.too_large", field="path",
        hint=f"Leave out what a run does not need: name it in {FILE_NAME}.",
    )  # fmt: skip


def _walk(root: Path, below: str, ignored: Any) -> Iterator[Found]:
    for entry in sorted((root / below).iterdir()):
        path = f"{below}/{entry.name}" if below else entry.name
        folder = entry.is_dir()
        if ignored.match_file(f"{path}/" if folder else path):
            continue
        if entry.is_symlink() and (folder or root not in entry.resolve().parents):
            what = "is a link to a folder" if folder else "is a link that leads out of the folder"
            raise _refused(f"{shown(path)} {what}.", "path.outside", leave_out=True)
        if folder:
            yield from _walk(root, path, ignored)
            continue
        state = entry.stat()
        if not S_ISREG(state.st_mode):
            raise _refused(f"{shown(path)} is no plain file.", "path.invalid", leave_out=True)
        yield Found(path, entry, state.st_size)


def _lines(file: Path, *, missing_ok: bool) -> list[str]:
    try:
        if file.stat().st_size > _LARGEST_RULES:
            raise _refused(f"{file.name} is too large.", "ignore.invalid")
        return file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        if missing_ok:
            return []
        raise _refused(f"There is no file {file}.", "ignore.missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(f"{file} cannot be read: {error}.", "ignore.invalid") from None


def _refused(message: str, code: str, *, leave_out: bool = False) -> InvalidInput:
    hint = f"Leave it out: name it in {FILE_NAME}." if leave_out else None
    return InvalidInput(message, code=code, field="path" if leave_out else "ignore_file", hint=hint)
