"""The files results lie in: whole or not there, below the home folder or at an fsspec address.

A file of the home folder is named by its record's `location` (`results/RUN/ID`). A file of a
`Folder` is named by its key and tells about itself: a head line, what the record says as one line
of JSON, then the bytes; so another machine finds it with no database. Nothing is unpickled here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from nbflow import settings
from nbflow.exceptions import DamagedResult, InvalidInput, NbflowError, ResultGone
from nbflow.model import clock
from nbflow.model.ids import uuid7
from nbflow.model.results import ResultRecord
from nbflow.store import whole_files

HOME_FOLDER = "results"
#: run-less results (a cache that every run may use) lie here
SHARED = "shared"
_HEAD = b"nbflow-result 1\n"
_LONGEST_PART = 180
_UNSAFE = re.compile(r"[^\w=+,@.-]", re.ASCII)


def checked(data: bytes, record: ResultRecord) -> bytes:
    """Give bytes that are what the record says. Raises DamagedResult."""
    if len(data) != record.size or hashlib.sha256(data).hexdigest() != record.sha256:
        raise DamagedResult(
            f"The result {record.key} at {record.location or 'its row'} is damaged: it has "
            f"{len(data)} bytes, {record.size} were written, or their checksum differs.",
            hint="Delete it and run again what made it.",
        )
    return data


# -- files of the home folder -----------------------------------------------------------------
def write_home(data: bytes, flow_run_id: str | None) -> str:
    """Write a new file; give its location."""
    location = f"{HOME_FOLDER}/{flow_run_id or SHARED}/{uuid7()}"
    settings.ensure_home()
    path = settings.home() / location
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    whole_files.write(path, data)
    return location


def read(location: str) -> bytes:
    """Read a whole file by its record's location. Raises ResultGone."""
    if is_address(location):
        folder, _, name = location.rpartition("/")
        return split(Folder(folder).read(name), location)[1]
    try:
        return home_path(location).read_bytes()
    except OSError as error:
        raise _gone(location, error) from None


def settle(growing: Path, path: Path) -> None:
    """Let a file that came in parts, and is whole, be a result's: on the disk, then renamed."""
    file = os.open(growing, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
    growing.replace(path)


def there(location: str, size: int) -> bool:
    """Say whether a file of the home folder is there, as long as it should be."""
    try:
        return home_path(location).stat().st_size == size
    except OSError:
        return False


def delete(location: str) -> None:
    """Delete a file of the home folder; one elsewhere is its owner's."""
    try:
        path = home_path(location)
    except InvalidInput:  # whoever recorded it said so: the server deletes nothing else
        return
    path.unlink(missing_ok=True)
    try:
        path.parent.rmdir()
    except OSError:  # another result of the run is there
        pass


def home_path(location: str) -> Path:
    """Give the path of a location. Raises InvalidInput for one that leads out of the folder."""
    parts = location.split("/")
    if len(parts) != 3 or parts[0] != HOME_FOLDER or any(p in ("", ".", "..") for p in parts):
        raise InvalidInput(f"{location!r} is no place for a result.", field="location")
    return settings.home() / location


def is_address(location: str) -> bool:
    """Say whether a location is an address or an absolute path, outside the home folder."""
    return "://" in location or location.startswith("/")


def home_files(before: datetime) -> Iterator[str]:
    """Give the locations of all files last written before an instant, torn ones too."""
    limit = clock.micros(before) / 1e6
    for path in (settings.home() / HOME_FOLDER).glob("*/*"):
        try:
            if path.stat().st_mtime < limit:
                yield path.relative_to(settings.home()).as_posix()
        except FileNotFoundError:
            continue


# -- files that tell about themselves ---------------------------------------------------------
class Folder:
    """A folder of results: a local one, or an fsspec address (`memory://`, `s3://bucket/…`)."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/") or "/"
        self._local = Path(self.url).expanduser().absolute() if "://" not in self.url else None
        if self._local is not None:
            self.url = str(self._local)
        self._fs: Any = None

    def location(self, name: str) -> str:
        """Give the address of a file."""
        return f"{self.url}/{name}"

    def write(self, name: str, data: bytes) -> None:
        """Write a file, whole or not at all. Raises NbflowError when the storage does."""
        with _translated(self.location(name)):
            if self._local is not None:
                path = self._local / name
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                whole_files.write(path, data)
                return
            fs, path = self._remote(name)
            fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            temporary = f"{path}.{uuid7()}.part"
            fs.pipe_file(temporary, data)
            fs.mv(temporary, path)

    def read(self, name: str) -> bytes:
        """Read a whole file. Raises ResultGone, NbflowError when the storage does."""
        with _translated(self.location(name)):
            if self._local is not None:
                return (self._local / name).read_bytes()
            fs, path = self._remote(name)
            return fs.cat_file(path)

    def delete(self, name: str) -> None:
        """Delete a file; one that is not there is fine."""
        with _translated(self.location(name)):
            if self._local is not None:
                (self._local / name).unlink(missing_ok=True)
                return
            fs, path = self._remote(name)
            if fs.exists(path):
                fs.rm_file(path)

    def _remote(self, name: str) -> tuple[Any, str]:
        if self._fs is None:
            try:
                core: Any = import_module("fsspec.core")  # some 60 ms, and it has no types
                found: Any = core.url_to_fs(self.url)
            except (ImportError, ValueError) as error:
                raise InvalidInput(
                    f"Results cannot be kept at {self.url}: {error}", field="result_storage"
                ) from None
            self._fs, self._root = found[0], str(found[1]).rstrip("/")
        return self._fs, f"{self._root}/{name}"


class _translated:
    """Turns what a storage raises into nbflow's errors."""

    def __init__(self, location: str) -> None:
        self.location = location

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None or isinstance(error, NbflowError) or not isinstance(error, Exception):
            return
        if isinstance(error, FileNotFoundError):
            raise _gone(self.location, error) from None
        raise NbflowError(
            f"The result storage failed at {self.location}: {type(error).__name__}: {error}",
            code="result.storage",
        ) from error


def _gone(location: str, error: Exception) -> ResultGone:
    said = getattr(error, "strerror", None) or error
    return ResultGone(
        f"The file of this result, {location}, cannot be read: {said}.",
        hint="It was removed, or it lies on the machine that wrote it.",
    )


def name_of(key: str) -> str:
    """Give the file name of a key: sub-folders stay, what a file system may not take is quoted."""
    return "/".join(_part(part) for part in key.split("/"))


def _part(part: str) -> str:
    safe = _UNSAFE.sub(lambda found: f"%{ord(found.group()):02X}", part)
    if safe.strip(".") == "":  # empty, and the way up
        safe = f"%{safe.replace('.', '%2E')}"
    if len(safe) > _LONGEST_PART or safe.endswith(".part"):
        digest = hashlib.sha256(part.encode("utf-8", "surrogatepass")).hexdigest()
        safe = f"{safe[:100]}-{digest[:32]}"
    return safe


def framed(record: ResultRecord, data: bytes) -> bytes:
    """Give a file that tells about itself. With no bytes it tells where they lie."""
    fields = {name: getattr(record, name) for name in ResultRecord.__dataclass_fields__} | {
        "location": None if data else record.location,
        "created_at": clock.micros(record.created_at),
        "expires_at": None if record.expires_at is None else clock.micros(record.expires_at),
        "parts": None if record.parts is None else dict(record.parts),
    }
    del fields["data"]
    return _HEAD + json.dumps(fields).encode() + b"\n" + data


def split(content: bytes, location: str) -> tuple[ResultRecord, bytes]:
    """Give what a file says of itself, and its bytes. Raises DamagedResult."""
    try:
        if not content.startswith(_HEAD):
            raise ValueError("it does not begin as one")
        end = content.index(b"\n", len(_HEAD))
        fields: dict[str, Any] = json.loads(content[len(_HEAD) : end])
        for name in ("created_at", "expires_at"):
            fields[name] = None if fields[name] is None else clock.instant(fields[name])
        elsewhere = fields.pop("location")
        record = ResultRecord(**fields, location=elsewhere or location)
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedResult(f"{location} is not a result nbflow wrote: {error}.") from None
    return record, content[end + 1 :]
