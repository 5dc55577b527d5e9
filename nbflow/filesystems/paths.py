"""Where a path or URL of a storage leads, looked at before anything is opened.

A path is held against its root after resolving, part by part: `/data` does not admit `/data-more`.
A URL has one protocol, of those named here, and nothing else than a place: no chain (`a::b`), no
options, no password.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PurePosixPath
from typing import Any

from nbflow.exceptions import InvalidInput
from nbflow.model.names import shown

#: what a remote storage may be; local files are `LocalFileSystem`'s
PROTOCOLS = (
    "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "sftp", "ssh", "ftp", "smb", "hdfs", "webhdfs",
)  # fmt: skip
LONGEST = 4096

_URL = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]*)://(?P<place>.*)", re.DOTALL)
_DISGUISED = re.compile(r"%(?:2e|2f|5c|00|25)", re.IGNORECASE)


def check_text(path: Any, *, field: str = "path") -> str:
    """Give a path as text in Unicode's NFC. Raises InvalidInput (`path.invalid`)."""
    text = str(path) if isinstance(path, PurePosixPath) else path
    if not isinstance(text, str):
        raise _bad(f"{shown(path)} is not a path.", field)
    text = unicodedata.normalize("NFC", text)
    if len(text) > LONGEST:
        raise _bad(f"The path has {len(text)} characters; {LONGEST} is the most.", field)
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise _bad(f"The path {shown(text)} holds a control character.", field)
    return text


def check_key(path: Any, *, field: str = "path") -> str:
    """Give a path below a storage's root: `a/b.txt`; "" is the root itself.

    Raises InvalidInput: it is absolute, leads upwards, or is no path but a URL or a drive.
    """
    text = check_text(path, field=field)
    if "\\" in text or text.startswith(("/", "~")) or ":" in text.split("/", 1)[0]:
        raise _outside(text, field)
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if ".." in parts or _DISGUISED.search(text):
        raise _outside(text, field)
    return "/".join(parts)


def check_local(root: Path, path: Any, *, field: str = "path") -> Path:
    """Give where a path leads, links followed; relative ones are seen from the root.

    Args:
        root: a resolved folder.

    Raises InvalidInput: that is not below the root.
    """
    text = check_text(path, field=field)
    if "\\" in text or text.startswith(("~", "//")) or _URL.match(text) or "::" in text:
        raise _outside(text, field)
    if re.match(r"[A-Za-z]:", text):
        raise _outside(text, field)
    try:
        found = (root / text).resolve()
    except (OSError, RuntimeError) as error:  # links that lead in a circle
        raise _bad(f"The path {shown(text)} leads nowhere: {error}.", field) from None
    if found != root and root not in found.parents:
        raise _outside(text, field)
    return found


def check_url(url: Any, *, protocols: tuple[str, ...] = PROTOCOLS, field: str = "basepath") -> str:
    """Give a storage's URL without a slash at its end.

    Raises InvalidInput (`storage.protocol`, `storage.url`).
    """
    text = check_text(url, field=field)
    found = _URL.fullmatch(text)
    if found is None or "::" in text:
        raise _protocol(text, protocols, field)
    protocol, place = found["protocol"].lower(), found["place"]
    if protocol not in protocols:
        raise _protocol(text, protocols, field)
    host, _, below = place.partition("/")
    if "@" in host:
        raise _url(text, "names a user", field, "Say user and password in the settings.")
    if not re.fullmatch(r"[^\s?#@\\]+", host) or host in (".", ".."):
        raise _url(text, "names no bucket or host", field)
    if re.search(r"[?#\\]|://", below) or _DISGUISED.search(place):
        raise _url(text, "holds more than a place", field, "Options belong into the settings.")
    if ".." in below.split("/"):
        raise _outside(text, field)
    parts = [part for part in below.split("/") if part not in ("", ".")]
    return f"{protocol}://{'/'.join([host, *parts])}"


def _protocol(url: str, protocols: tuple[str, ...], field: str) -> InvalidInput:
    return InvalidInput(
        f"{shown(url)} is not the URL of a storage.",
        code="storage.protocol",
        field=field,
        hint=f"It begins with one of {', '.join(f'{one}://' for one in protocols)}.",
    )


def _url(url: str, problem: str, field: str, hint: str | None = None) -> InvalidInput:
    said = f"The URL {shown(re.sub(r'//[^/@]*@', '//…@', url))} {problem}."
    return InvalidInput(said, code="storage.url", field=field, hint=hint)


def _bad(message: str, field: str) -> InvalidInput:
    return InvalidInput(message, code="path.invalid", field=field)


def _outside(path: str, field: str) -> InvalidInput:
    return InvalidInput(
        f"The path {shown(path)} leads out of its storage.",
        code="path.outside",
        field=field,
        hint="Say one that is relative to the storage's basepath.",
    )
