"""Locks: one holder at a time, in a process and between processes; the dead hold nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow.exceptions import LockNotHeld
from nbflow.locking import FileSystemLockManager, LockManager, MemoryLockManager

HOLDS = """
import sys, time
from nbflow.locking import FileSystemLockManager
FileSystemLockManager(sys.argv[1]).acquire_lock("k", "other")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(params=["memory", "files"])
def locks(request: pytest.FixtureRequest, tmp_path: Path) -> LockManager:
    """A manager of each kind."""
    return MemoryLockManager() if request.param == "memory" else FileSystemLockManager(tmp_path)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A key of this test's own: the memory's locks are the process's."""
    return f"{request.node.name}/ä {'x' * 300}"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock `k`."""
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()


def test_one_holder_at_a_time(locks: LockManager, key: str) -> None:
    assert not locks.is_locked(key)
    assert locks.acquire_lock(key, "a")
    assert locks.acquire_lock(key, "a")  # its own, again
    assert locks.is_locked(key)
    assert locks.is_lock_holder(key, "a")
    assert not locks.is_lock_holder(key, "b")
    assert not locks.acquire_lock(key, "b", acquire_timeout=0.01)
    assert not locks.wait_for_lock(key, timeout=0.01)
    locks.release_lock(key, "a")
    assert locks.wait_for_lock(key, timeout=0)
    assert locks.acquire_lock(key, "b", acquire_timeout=0)
    locks.release_lock(key, "b")


def test_nobody_gives_back_what_another_holds(locks: LockManager, key: str) -> None:
    locks.acquire_lock(key, "a")
    for holder in ("b", ""):
        with pytest.raises(LockNotHeld):
            locks.release_lock(key, holder)
    locks.release_lock(key, "a")
    with pytest.raises(LockNotHeld):
        locks.release_lock(key, "a")


def test_a_waiter_wakes_when_the_lock_is_given_back(locks: LockManager, key: str) -> None:
    locks.acquire_lock(key, "a")
    got = threading.Event()

    def wait() -> None:
        locks.acquire_lock(key, "b")
        got.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not got.is_set()
    locks.release_lock(key, "a")
    thread.join(60)
    assert got.is_set()
    locks.release_lock(key, "b")


def test_a_hold_that_lasts_too_long_is_given_back(locks: LockManager, key: str) -> None:
    locks.acquire_lock(key, "a", hold_timeout=0.05)
    assert locks.acquire_lock(key, "b", acquire_timeout=10)
    assert not locks.is_lock_holder(key, "a")
    locks.release_lock(key, "b")


def test_a_waiter_that_gave_up_holds_nothing(tmp_path: Path, wait_for: Callable[..., Any]) -> None:
    locks = FileSystemLockManager(tmp_path)
    locks.acquire_lock("k", "a")
    assert not FileSystemLockManager(tmp_path).acquire_lock("k", "b", acquire_timeout=0.01)
    locks.release_lock("k", "a")
    wait_for(lambda: not locks.is_locked("k"), what="the lock to be free")


def test_another_process_holds_a_lock(tmp_path: Path, other: subprocess.Popen[bytes]) -> None:
    locks = FileSystemLockManager(tmp_path)
    assert locks.is_locked("k")
    assert not locks.is_lock_holder("k", "other")
    assert not locks.acquire_lock("k", "me", acquire_timeout=0.01)


def test_the_lock_of_a_killed_process_is_taken_over(
    tmp_path: Path, other: subprocess.Popen[bytes]
) -> None:
    locks = FileSystemLockManager(tmp_path)
    other.send_signal(signal.SIGKILL)
    assert locks.acquire_lock("k", "me", acquire_timeout=10)
    locks.release_lock("k", "me")
