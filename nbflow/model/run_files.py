"""Files of runs and of results, as they go between a worker elsewhere and the authority's home.

A file only ever grows: its parts are sent in order, each with its place, so that a part sent twice
changes nothing. What the files hold is `store.journal`'s and `store.result_files`' business.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from nbflow.exceptions import FileGap, InvalidInput, NotFound
from nbflow.model.names import shown

#: bytes of one part
PART = 1_000_000

_EXPORT = re.compile(r"notebook(\.[a-z0-9]{1,12}){1,2}", re.ASCII)
_MEDIA_TYPES = {
    "asciidoc": "text/asciidoc; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ipynb": "application/x-ipynb+json",
    "md": "text/markdown; charset=utf-8",
    "pdf": "application/pdf",
    "png": "image/png",
    "py": "text/x-python; charset=utf-8",
    "rst": "text/x-rst; charset=utf-8",
    "tex": "text/x-tex; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
}

_NAME = re.compile(r"(checkpoint/)?[A-Za-z0-9_][A-Za-z0-9._-]{0,150}", re.ASCII)


@dataclass(frozen=True)
class RunFile:
    """A file of one attempt of a run: `journal.jsonl`, say, or `checkpoint/index.jsonl`."""

    attempt: int
    name: str
    size: int


@dataclass(frozen=True)
class Export:
    """The executed notebook of a run's latest attempt, or what was made of it when it ended.

    Attributes:
        name: `notebook.ipynb`, `notebook.html`, …
    """

    name: str
    media_type: str
    size: int


@dataclass(frozen=True)
class ResultFile:
    """A result's file by its record's location, and its whole size."""

    location: str
    size: int


@dataclass(frozen=True)
class Written:
    """The answer to a part of a file: how many bytes of it are there now."""

    size: int


@dataclass(frozen=True)
class Home:
    """What only a process that shares the home folder finds there, too."""

    fingerprint: str


class RunFiles(Protocol):
    """The part of the Backend that keeps what lies in files, for those who do not see its disk."""

    def shares_home(self) -> bool:
        """Say whether the authority's files are this process's: nothing has to be sent then."""
        ...

    def list_run_files(self, flow_run_id: str) -> tuple[RunFile, ...]:
        """List the files of all attempts of a run."""
        ...

    def read_run_file(self, flow_run_id: str, attempt: int, name: str, *, offset: int) -> bytes:
        """Read at most `PART` bytes of a file from a place on; none: it ends there.

        Raises NotFound.
        """
        ...

    def write_run_file(
        self, flow_run_id: str, attempt: int, name: str, data: bytes, *, offset: int
    ) -> int:
        """Add a part to a file of a run's latest attempt; give its size then.

        Raises FileGap (what is before it is lacking), Conflict (another attempt has begun).
        """
        ...

    def list_exports(self, flow_run_id: str) -> tuple[Export, ...]:
        """List the executed notebook and its exports by name. Raises NotFound."""
        ...

    def read_export(self, flow_run_id: str, name: str) -> bytes:
        """Read the executed notebook or an export of it. Raises NotFound."""
        ...

    def lacking_result_files(self, files: tuple[ResultFile, ...]) -> tuple[str, ...]:
        """Give the locations of those that the authority does not have whole."""
        ...

    def read_result_file(self, location: str, *, offset: int) -> bytes:
        """Read at most `PART` bytes of a result's file. Raises ResultGone."""
        ...

    def write_result_file(self, file: ResultFile, data: bytes, *, offset: int) -> int:
        """Add a part to a result's file, which appears when it is whole; give its size then.

        Raises FileGap.
        """
        ...


def check_name(name: str) -> str:
    """Give a name a file of an attempt may have. Raises InvalidInput."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{shown(name)} is no file of an attempt.", code="file.name", field="name"
        )
    return name


def media_type(name: str) -> str:
    """Give the media type of an export by its name."""
    return _MEDIA_TYPES.get(name.rpartition(".")[2], "application/octet-stream")


def check_export(name: str) -> str:
    """Give a name an export may have. Raises NotFound: it is none."""
    if not _EXPORT.fullmatch(name):
        raise NotFound(f"There is no export {shown(name)}.", code="export.missing", field="name")
    return name


def gap(size: int, offset: int) -> FileGap:
    """Make the error of a part that begins past the end of what is there."""
    return FileGap(
        f"The file has {size:,} bytes; the next part begins at {size:,}, not at {offset:,}.",
        field="offset",
    )
