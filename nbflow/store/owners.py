"""Processes as owners of runs: who this one is, whether another is alive, and ending what is left.

Reads the process table, nothing else; a process on another host is never guessed about.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

from nbflow.model.runs import Owner

#: the variable every descendant of an attempt inherits
MARKER = "NBFLOW_ATTEMPT"


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


def alive(owner: Owner) -> bool | None:
    """Say whether an owner's process still runs; None when it lives on a host we cannot see."""
    if owner.host != socket.gethostname():
        return None
    if owner.boot != boot_id():
        return False
    started = _started(owner.pid)
    return started is not None and abs(started - owner.started) < 1.0


def sweep(marker: str) -> int:
    """Kill every process whose environment carries `NBFLOW_ATTEMPT=marker`; give how many.

    Finds what left its process group or session: a grandchild started by `setsid` or `nohup`.
    """
    import psutil

    me = os.getpid()
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.pid != me and process.environ().get(MARKER) == marker:
                process.kill()
                found.append(process)
        except (psutil.Error, OSError):
            continue
    psutil.wait_procs(found, timeout=5)
    return len(found)


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
