"""A Jupyter server with nbflow for a benchmark: started in a home of its own, watched, ended.

Its process tree is watched as a whole: CPU as what processes there have used, theirs that have
ended included; memory proportionally, so that pages which forks share count once.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_START_SECONDS = 60.0
#: how often the tree is looked at
_LOOK_SECONDS = 0.05


class Tree:
    """A process and all it started, watched until `stop`."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._highest = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def cpu(self) -> float:
        """Give the CPU seconds used so far; a process that ended is counted by who waited."""
        return sum(_cpu(process) for process in self._all())

    def memory(self) -> float:
        """Give the highest proportional memory seen since the last question, in MiB."""
        highest, self._highest = self._highest, 0.0
        return highest

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        self._thread.join()

    def _all(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return []

    def _watch(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            now = sum(_proportional(process) for process in self._all()) / 2**20
            self._highest = max(self._highest, now)


def _cpu(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:4])
    except psutil.Error:
        return 0.0


def _proportional(process: psutil.Process) -> int:
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    line = next(line for line in text.splitlines() if line.startswith("Pss:"))
    return int(line.split()[1]) * 1024


@contextmanager
def nbflow_server() -> Iterator[tuple[Tree, Path]]:
    """Start `nbflow server start`; give its tree and its home, which is this process's, too."""
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder, "home")
        os.environ["NBFLOW_HOME"] = str(home)
        command = ["nbflow", "server", "start", "--port", str(free_port()), "--", "--allow-root"]
        with running([sys.executable, "-m", *command], folder) as tree:
            until(lambda: any(home.glob("servers/*.json")), _START_SECONDS)
            until(lambda: any(home.glob("executors/*.sock")), _START_SECONDS)
            yield tree, home


@contextmanager
def running(command: list[str], folder: str, **environment: str) -> Iterator[Tree]:
    """Run a server's command in a folder, and end it in any case."""
    with Path(folder, "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | environment, stdout=log, stderr=log
        )
    tree = Tree(process.pid)
    try:
        yield tree
    finally:
        tree.stop()
        process.terminate()
        try:
            process.wait(60)
        finally:
            process.kill()
            process.wait()


def until(look: Callable[[], bool], seconds: float) -> None:
    """Wait for a fact."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise SystemExit("A benchmark waited in vain.")
        time.sleep(0.01)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
