"""What one fresh process and all it starts cost: wall, CPU, peak memory; and what it said.

Linux only: the benchmark adopts orphans (`PR_SET_CHILD_SUBREAPER`), so that the CPU of a server
which outlives its client is counted too.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

#: how long an orphan may live on after its client has ended
ORPHAN_SECONDS = 60.0
#: how often memory is looked at
_LOOK_SECONDS = 0.02
_PR_SET_CHILD_SUBREAPER = 36

Command = Sequence[str | Path]


@dataclass(frozen=True)
class Cost:
    """What a process tree cost.

    Attributes:
        wall: seconds until the command itself ended.
        cpu: CPU seconds of the whole tree.
        memory: MiB, the highest sum of resident memory over the tree that was seen.
        said: the JSON object on the last line the command printed; empty without one.
    """

    wall: float
    cpu: float
    memory: float
    said: Mapping[str, Any] = field(default_factory=dict)


def cost(command: Command, *, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command once, with a home folder of its own."""
    _adopt_orphans()
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-", ignore_cleanup_errors=True) as home:
        return _run(command, _environment(home) | dict(env or {}), home)


def costs(command: Command, *, runs: int, env: Mapping[str, str] | None = None) -> list[Cost]:
    """Run a command several times."""
    return [cost(command, env=env) for _ in range(runs)]


def median(values: Iterable[Cost], of: Callable[[Cost], float]) -> float:
    """Give the median of a figure over several runs."""
    return statistics.median(of(value) for value in values)


def _environment(home: str) -> dict[str, str]:
    theirs = {k: v for k, v in os.environ.items() if not k.startswith(("NBFLOW_", "PREFECT_"))}
    return theirs | {
        "NBFLOW_HOME": str(Path(home, "nbflow")),
        "PREFECT_HOME": str(Path(home, "prefect")),
    }


def _run(command: Command, env: Mapping[str, str], folder: str) -> Cost:
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=env, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    memory = _Memory(process.pid)
    out, err = _said(process)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - start
    cpu = used.ru_utime + used.ru_stime + _orphans()
    highest = max(memory.stop(), used.ru_maxrss / 1024)
    if process.returncode != 0:
        raise SystemExit(f"{command} failed:\n{err[-3000:]}")
    return Cost(wall, cpu, highest, _last_object(out))


def _said(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Read both pipes to their ends; who inherited them may hold them longer than the command."""
    texts = ["", ""]

    def read(at: int, stream: Any) -> None:
        texts[at] = stream.read()

    streams = (process.stdout, process.stderr)
    readers = [threading.Thread(target=read, args=pair, daemon=True) for pair in enumerate(streams)]
    for reader in readers:
        reader.start()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    for reader in readers:
        reader.join(5)
    return texts[0], texts[1]


def _orphans() -> float:
    """Wait for what the command left running, and end it when it does not end by itself."""
    cpu, deadline = 0.0, time.monotonic() + ORPHAN_SECONDS
    while True:
        try:
            pid, _, used = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return cpu
        if pid:
            cpu += used.ru_utime + used.ru_stime
        elif time.monotonic() > deadline:
            for child in psutil.Process().children(recursive=True):
                os.kill(child.pid, signal.SIGKILL)
        else:
            time.sleep(0.05)


def _adopt_orphans() -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _last_object(text: str) -> Mapping[str, Any]:
    lines = text.strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        return {}
    return json.loads(lines[-1])


class _Memory:
    """Watches the resident memory of a process tree."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._highest = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Stop; give the highest sum seen, in MiB."""
        self._stopped.set()
        self._thread.join()
        return self._highest

    def _watch(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            self._highest = max(self._highest, self._now())

    def _now(self) -> float:
        try:
            tree = [self._process, *self._process.children(recursive=True)]
        except psutil.Error:
            return 0.0
        return sum(_resident(process) for process in tree) / 2**20


def _resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0
