"""Files below a root, on this machine or in a remote storage: read, written, copied as a whole.

A file that is written is there whole or not at all. What may be named is `paths`' business.
"""

from __future__ import annotations

import io
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from nbflow.exceptions import InvalidInput, NbflowError, NotFound, StorageFailed
from nbflow.filesystems import ignoring, paths
from nbflow.model import ids, texts
from nbflow.model.names import shown

_CHUNK = 1 << 20


class Tree(Protocol):
    """Files below a root."""

    def key(self, path: Any, *, field: str = "path") -> str:
        """Give a path as it is below the root. Raises InvalidInput."""
        ...

    def reading(self, key: str) -> BinaryIO:
        """Open a file. Raises NotFound, StorageFailed."""
        ...

    def write(self, key: str, source: bytes | Path) -> None:
        """Write a file whole: these bytes, or another file's. Raises StorageFailed."""
        ...

    def files(self, below: str) -> Iterator[tuple[str, int]]:
        """List the files below a folder: the path of each from there, and its size."""
        ...


class LocalTree:
    """A folder of this machine; no link leads out of it."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def key(self, path: Any, *, field: str = "path") -> str:
        """Give a path as it is below the root, links followed."""
        relative = paths.check_local(self.root, path, field=field).relative_to(self.root)
        return "" if relative == Path(".") else relative.as_posix()

    def reading(self, key: str) -> BinaryIO:
        """Open a plain file; no part of its path may have become a link meanwhile."""
        with self._said(key), self._folder(key) as (folder, name):
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            file = os.open(name, flags, dir_fd=folder)
            if not stat.S_ISREG(os.fstat(file).st_mode):
                os.close(file)
                raise InvalidInput(f"{shown(key)} is no file.", code="path.invalid", field="path")
            return os.fdopen(file, "rb")

    def write(self, key: str, source: bytes | Path) -> None:
        """Write a file whole."""
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as content:
            self.write_from(key, content)

    def write_from(self, key: str, source: BinaryIO) -> None:
        """Write a file under another name, to the disk, and rename it."""
        with self._said(key), self._folder(key, make=True) as (folder, name):
            draft = f".{ids.uuid7()}.part"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
            try:
                with os.fdopen(os.open(draft, flags, 0o666, dir_fd=folder), "wb") as file:
                    shutil.copyfileobj(source, file, _CHUNK)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(draft, dir_fd=folder)
                raise

    def files(self, below: str) -> Iterator[tuple[str, int]]:
        """List what is there."""
        folder = self.root / below
        if not folder.is_dir():
            raise NotFound(f"There is no folder {shown(below)} in {self.root}.", field="from_path")
        yield from ((one.path, one.size) for one in ignoring.find(folder, None))

    @contextmanager
    def _folder(self, key: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Give a descriptor of the folder a file lies in, and the file's name there."""
        *above, name = key.split("/")
        if make:
            self.root.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        folder = os.open(self.root, flags)
        try:
            for part in above:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=folder)
                inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=folder)
                os.close(folder)
                folder = inner
            yield folder, name
        finally:
            os.close(folder)

    @contextmanager
    def _said(self, key: str) -> Iterator[None]:
        if not key:
            said = "The path is the storage's root, not a file."
            raise InvalidInput(said, code="path.invalid", field="path")
        try:
            yield
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"There is no file {shown(key)} in {self.root}.", field="path") from None
        except OSError as error:
            said = f"{shown(key)} in {self.root}: {error.strerror}."
            raise StorageFailed(said, field="path") from None


class RemoteTree:
    """Files of an fsspec filesystem below a place in it."""

    def __init__(self, filesystem: Any, root: str, *, shown_as: str) -> None:
        self._fs = filesystem
        self._root = root.rstrip("/")
        self._shown = shown_as

    def key(self, path: Any, *, field: str = "path") -> str:
        """Give a path as it is below the root."""
        return paths.check_key(path, field=field)

    def reading(self, key: str) -> BinaryIO:
        """Open a file."""
        with self._said(key):
            self._fs.info(self._at(key))  # opening alone asks for nothing
            return self._fs.open(self._at(key), "rb")

    def write(self, key: str, source: bytes | Path) -> None:
        """Write a file: an object appears when it is complete, elsewhere it is renamed to be."""
        target = self._at(key)
        draft = f"{target}.{ids.uuid7()}.part" if self._has_folders() else target
        with self._said(key):
            if draft != target:
                self._fs.makedirs(target.rpartition("/")[0], exist_ok=True)
            if isinstance(source, bytes):
                self._fs.pipe_file(draft, source)
            else:
                self._fs.put_file(str(source), draft)
            if draft != target:
                self._fs.mv(draft, target)

    def files(self, below: str) -> Iterator[tuple[str, int]]:
        """List what is there."""
        with self._said(below):
            place = self._at(below)
            found = self._fs.find(place, detail=True)
            if not found:
                where = f"{self._shown}/{below}".rstrip("/")
                raise NotFound(f"There is nothing in {where}.", field="from_path")
        for path, facts in sorted(found.items()):
            relative = path.lstrip("/")[len(place.lstrip("/")) :].lstrip("/")
            if relative and not relative.endswith("/"):
                yield relative, int(facts.get("size") or 0)

    def _at(self, key: str) -> str:
        return f"{self._root}/{key}" if key else self._root

    def _has_folders(self) -> bool:
        """Say whether a file appears before it is complete."""
        name = self._fs.protocol if isinstance(self._fs.protocol, str) else self._fs.protocol[0]
        return name in ("sftp", "ssh", "ftp", "smb", "hdfs", "webhdfs")

    @contextmanager
    def _said(self, key: str) -> Iterator[None]:
        where = f"{self._shown}/{key}".rstrip("/")
        try:
            yield
        except NbflowError:
            raise
        except FileNotFoundError:
            raise NotFound(f"There is no {where}.", field="path") from None
        except Exception as error:  # each storage's client has its own
            said = texts.safe(texts.of_error(error))
            raise StorageFailed(f"{where} cannot be had: {said}") from error


def read(tree: Tree, path: Any) -> bytes:
    """Read a file whole. Raises InvalidInput, NotFound, StorageFailed."""
    with tree.reading(tree.key(path)) as file:
        return file.read()


def put_folder(tree: Tree, local: Path, to: Any, *, ignore_file: str | None) -> int:
    """Copy a folder of this machine into a tree; give how many files that were.

    Everything is looked at before the first is copied. Raises InvalidInput, StorageFailed.
    """
    if not local.is_dir():
        raise InvalidInput(f"There is no folder {local}.", code="path.missing", field="local_path")
    below = tree.key(to, field="to_path")
    found = ignoring.find(local.resolve(), ignore_file)
    targets = [tree.key(f"{below}/{one.path}" if below else one.path) for one in found]
    for one, target in zip(found, targets, strict=True):
        tree.write(target, one.file)
    return len(found)


def get_folder(tree: Tree, below: Any, local: Path) -> int:
    """Copy a folder of a tree to this machine; give how many files that were.

    Nothing is written outside the local folder, whatever the names in the storage.
    Raises InvalidInput, NotFound, StorageFailed.
    """
    source, target = tree.key(below, field="from_path"), LocalTree(local)
    found, size = list[tuple[str, str]](), 0
    for path, length in tree.files(source):
        key = target.key(paths.check_key(path, field="from_path"), field="from_path")
        found.append((f"{source}/{path}" if source else path, key))
        size += length
        if len(found) > ignoring.MOST_FILES or size > ignoring.LARGEST:
            raise ignoring.too_much(source or "The storage")
    local.mkdir(parents=True, exist_ok=True)
    for path, key in found:
        with tree.reading(path) as file:
            target.write_from(key, file)
    return len(found)
