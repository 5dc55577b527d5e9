"""Files that other readers see whole or not at all, and that survive a crash once there."""

from __future__ import annotations

import os
from pathlib import Path

from nbflow.faults import fault


def write(path: Path, data: bytes) -> None:
    """Write a file under another name, to the disk, and rename it. Raises OSError.

    A process that is killed amid this leaves `NAME.PID.part`.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(file, left) :]
            os.fsync(file)
        finally:
            os.close(file)
        fault("result.after_temp")
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    fault("result.after_rename")


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8; what is none is shown escaped."""
    write(path, text.encode("utf-8", "backslashreplace"))
