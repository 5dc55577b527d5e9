"""Signs that a file was written to, as the system tells them: inotify on Linux, elsewhere none.

A sign comes at each write, so before what was written counts. What it means others must find out.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

_MODIFIED = 0x2
_LONGEST_READ = 65_536


class Writes:
    """Signs of one file. `descriptor` can be read from while there are some."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def forget(self) -> None:
        """Take the signs that have come."""
        with suppress(BlockingIOError):
            while len(os.read(self.descriptor, _LONGEST_READ)) == _LONGEST_READ:
                continue

    def close(self) -> None:
        """Be told nothing any more."""
        os.close(self.descriptor)


def of(path: Path) -> Writes | None:
    """Give the signs of a file from now on; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    import ctypes

    system = ctypes.CDLL(None)
    descriptor = system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor < 0:  # a user may have so many of them, and no more
        return None
    if system.inotify_add_watch(descriptor, os.fsencode(path), _MODIFIED) < 0:
        os.close(descriptor)
        return None
    return Writes(descriptor)
