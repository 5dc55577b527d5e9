"""Processes as owners of runs: who this one is, whether another is alive, and ending what is left.

Reads the process table, and which kernels are kept; about other hosts nothing is guessed.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

from nbflow.model.runs import Owner
from nbflow.store import kept_kernels

#: the variable every descendant of an attempt inherits
MARKER = "NBFLOW_ATTEMPT"
#: Linux takes no longer one
_LONGEST_ENVIRONMENT = 4_000_000


@cache
def boot_id() -> str:
    """Give an id that changes when the machine restarts."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        import psutil

        return str(int(psutil.boot_time()))


def current(*, worker_id: str | None = None) -> Owner:
    """Give this process as an owner."""
    pid = os.getpid()
    return Owner(socket.gethostname(), boot_id(), pid, _started(pid) or 0.0, worker_id)


def of(pid: int) -> Owner:
    """Give another process of this machine as an owner."""
    return Owner(socket.gethostname(), boot_id(), pid, _started(pid) or 0.0)


def alive(owner: Owner) -> bool | None:
    """Say whether an owner's process still runs; None when it lives on a host we cannot see."""
    if owner.host != socket.gethostname():
        return None
    if owner.boot != boot_id():
        return False
    started = _started(owner.pid)
    return started is not None and abs(started - owner.started) < 1.0


def markers() -> set[str]:
    """Give the values of `NBFLOW_ATTEMPT` that processes of this machine carry."""
    entry = f"\0{MARKER}=".encode()
    found: set[str] = set()
    for name in os.listdir("/proc") if Path("/proc/self/environ").exists() else ():
        if name.isdigit() and int(name) != os.getpid():
            _, there, rest = _environment(name).partition(entry)
            if there:
                found.add(rest.partition(b"\0")[0].decode("ascii", "replace"))
    return found


def sweep(marker: str) -> int:
    """Kill every process whose environment carries `NBFLOW_ATTEMPT=marker`; give how many.

    Finds what left its process group or session: a grandchild started by `setsid` or `nohup`. A
    kernel that is kept after a failure, and what it started, is spared while it is kept.
    """
    found = set(_marked(marker))
    found -= _kept(marker) if found else set()
    if not found:
        return 0
    import psutil

    killed: list[psutil.Process] = []
    for pid in found:
        try:
            process = psutil.Process(pid)
            if process.environ().get(MARKER) == marker:
                process.kill()
                killed.append(process)
        except (psutil.Error, OSError):
            continue
    psutil.wait_procs(killed, timeout=5)
    return len(killed)


def _marked(marker: str) -> list[int]:
    """List the other processes that carry a marker, fast: every run looks at all processes."""
    if not Path("/proc/self/environ").exists():
        import psutil

        return [pid for pid in psutil.pids() if pid != os.getpid()]
    entry = f"{MARKER}={marker}\0".encode()
    return [
        int(name)
        for name in os.listdir("/proc")
        if name.isdigit() and int(name) != os.getpid() and _carries(name, entry)
    ]


def _carries(pid: str, entry: bytes) -> bool:
    return b"\0" + entry in _environment(pid)


def _environment(pid: str) -> bytes:
    """Give a process's environment, each entry after a zero byte; empty: it cannot be read."""
    try:
        file = os.open(f"/proc/{pid}/environ", os.O_RDONLY)
    except OSError:  # it has ended, or is somebody else's
        return b""
    try:
        return b"\0" + os.read(file, _LONGEST_ENVIRONMENT)
    except OSError:
        return b""
    finally:
        os.close(file)


def _kept(marker: str) -> set[int]:
    """Give the processes of an attempt that are kept, and whose keeper is there to end them."""
    kept = kept_kernels.of_marker(marker)
    if kept is None or not alive(kept.keeper):
        return set()
    import psutil

    try:
        kernel = psutil.Process(kept.pid)
        return {kernel.pid, *(child.pid for child in kernel.children(recursive=True))}
    except psutil.Error:
        return set()


def _started(pid: int) -> float | None:
    """Give when a process started, in seconds since boot; None when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _started_elsewhere(pid)
    fields = stat.rpartition(")")[2].split()
    if fields[0] == "Z":  # ended, and its parent has not looked yet
        return None
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _started_elsewhere(pid: int) -> float | None:
    if Path("/proc/self/stat").exists():
        return None
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None
