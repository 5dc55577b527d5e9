"""Locks by key: in this process's memory, or as files that every process of the host sees.

A holder names itself; asking again for a lock it holds is granted. Who locks what is
`nbflow.transactions` and the results store's business.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from nbflow.exceptions import InvalidInput, LockNotHeld
from nbflow.model import clock


class IsolationLevel(Enum):
    """What two transactions with one key do to each other."""

    #: both run, the last to commit stays
    READ_COMMITTED = "read_committed"
    #: the second waits until the first has ended, then finds what it kept
    SERIALIZABLE = "serializable"

    @classmethod
    def of(cls, said: Any) -> IsolationLevel:
        """Give a level by itself or its name, in any case. Raises InvalidInput."""
        try:
            return cls(said.lower() if isinstance(said, str) else said)
        except ValueError:
            names = ", ".join(level.name for level in cls)
            raise InvalidInput(
                f"isolation_level is {said!r}; it is one of {names}.", field="isolation_level"
            ) from None


class LockManager(Protocol):
    """Keeps locks by key. Every method is synchronous and thread-safe."""

    def acquire_lock(
        self,
        key: str,
        holder: str,
        acquire_timeout: float | None = None,
        hold_timeout: float | None = None,
    ) -> bool:
        """Take a lock, waiting at most `acquire_timeout` seconds; say whether it was taken.

        `hold_timeout`: after so many seconds it is given back by itself.
        """
        ...

    def release_lock(self, key: str, holder: str) -> None:
        """Give a lock back. Raises LockNotHeld."""
        ...

    def is_locked(self, key: str) -> bool:
        """Say whether anybody holds a lock."""
        ...

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Say whether this holder, in this process, holds a lock."""
        ...

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody holds a lock, at most `timeout` seconds; say whether it is free."""
        ...


_TRY_EVERY_SECONDS = 0.02


class _Holding:
    """What both managers know of the locks this process holds."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, Any]] = {}
        self._changed = threading.Condition()  # reentrant: it is also held when releasing

    def is_lock_holder(self, key: str, holder: str) -> bool:
        """Say whether this holder, in this process, holds a lock."""
        with self._changed:
            return key in self._held and self._held[key][0] == holder

    def release_lock(self, key: str, holder: str) -> None:
        """Give a lock back. Raises LockNotHeld."""
        with self._changed:
            if key not in self._held or self._held[key][0] != holder:
                raise LockNotHeld(f"{holder!r} does not hold the lock {key!r}.", field="key")
            _, token = self._held.pop(key)
            self._let_go(token)
            self._changed.notify_all()

    def _let_go(self, token: Any) -> None:
        """Do what else giving back takes."""

    def _give_back_after(self, seconds: float | None, key: str, holder: str) -> None:
        if seconds is None:
            return
        token = self._held[key][1]

        def expire() -> None:
            with self._changed:
                if self._held.get(key) == (holder, token):
                    self.release_lock(key, holder)

        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        timer.start()

    def _wait(self, free: Callable[[], bool], timeout: float | None) -> bool:
        with self._changed:
            return self._changed.wait_for(free, timeout)


_MEMORY: tuple[dict[str, tuple[str, Any]], threading.Condition] = ({}, threading.Condition())


class MemoryLockManager(_Holding):
    """Locks between the threads of this process. All of them are one: they know the same keys."""

    def __init__(self) -> None:
        self._held, self._changed = _MEMORY

    def acquire_lock(
        self,
        key: str,
        holder: str,
        acquire_timeout: float | None = None,
        hold_timeout: float | None = None,
    ) -> bool:
        """Take a lock, waiting at most `acquire_timeout` seconds; say whether it was taken."""
        with self._changed:
            if self.is_lock_holder(key, holder):
                return True
            if not self._wait(lambda: key not in self._held, acquire_timeout):
                return False
            self._held[key] = (holder, object())
            self._give_back_after(hold_timeout, key, holder)
            return True

    def is_locked(self, key: str) -> bool:
        """Say whether anybody holds a lock."""
        with self._changed:
            return key in self._held

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody holds a lock, at most `timeout` seconds; say whether it is free."""
        return self._wait(lambda: key not in self._held, timeout)


class FileSystemLockManager(_Holding):
    """Locks between processes: one locked file for each key.

    The kernel holds the lock for the process, so that a process that dies, however, has given back
    what it held.

    Args:
        lock_files_directory: made if it is not there.
    """

    def __init__(self, lock_files_directory: str | os.PathLike[str]) -> None:
        super().__init__()
        self.folder = Path(lock_files_directory).expanduser().absolute()

    def acquire_lock(
        self,
        key: str,
        holder: str,
        acquire_timeout: float | None = None,
        hold_timeout: float | None = None,
    ) -> bool:
        """Take a lock, waiting at most `acquire_timeout` seconds; say whether it was taken."""
        if self.is_lock_holder(key, holder):
            return True
        file = self._locked_file(key, acquire_timeout)
        if file is None:
            return False
        os.ftruncate(file, 0)
        os.pwrite(file, f"{holder} {os.getpid()}\n".encode(errors="replace"), 0)
        with self._changed:
            self._held[key] = (holder, file)
            self._give_back_after(hold_timeout, key, holder)
        return True

    def is_locked(self, key: str) -> bool:
        """Say whether anybody holds a lock."""
        path = self._path(key)
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
        return False

    def wait_for_lock(self, key: str, timeout: float | None = None) -> bool:
        """Wait until nobody holds a lock, at most `timeout` seconds; say whether it is free."""
        if not self.is_locked(key):
            return True
        file = self._locked_file(key, timeout)
        if file is None:
            return False
        self._let_go(file)
        return True

    def _let_go(self, token: Any) -> None:
        os.close(token)

    def _path(self, key: str) -> Path:
        # Keys may be long and may hold anything; the readable end helps who looks.
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / f"{digest[:32]}-{re.sub(r'[^A-Za-z0-9]', '_', key)[-40:]}.lock"

    def _locked_file(self, key: str, timeout: float | None) -> int | None:
        """Open a key's file and lock it. The file stays: to remove it is a race with who waits."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._path(key), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            got = _lock(file, timeout)
        except BaseException:
            os.close(file)
            raise
        if not got:
            os.close(file)
        return file if got else None


def _lock(file: int, timeout: float | None) -> bool:
    if timeout is None:
        fcntl.flock(file, fcntl.LOCK_EX)
        return True
    # flock knows no time limit, and a thread left waiting would get the lock after all: so it is
    # tried again and again.
    until, pause = clock.monotonic() + timeout, threading.Event()
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            left = until - clock.monotonic()
        if left <= 0:
            return False
        pause.wait(min(left, _TRY_EVERY_SECONDS))


def holder_name() -> str:
    """Give a name for a holder: this process, thread and moment."""
    return f"{os.getpid()}-{threading.get_ident()}-{clock.monotonic():.6f}"
