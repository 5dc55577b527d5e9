"""What one fresh process costs: wall, CPU with its children's, peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What a process cost: seconds, CPU seconds (its waited-for descendants included), MiB."""

    wall: float
    cpu: float
    memory: float


def cost(command: Sequence[str | Path], *, runs: int = 3) -> Cost:
    """Run a command several times, each with a home of its own; give the cheapest (by CPU)."""
    return min((_once(command) for _ in range(runs)), key=lambda cost: cost.cpu)


def python(code: str, *, runs: int = 5) -> Cost:
    """Measure Python source in a fresh interpreter."""
    return cost([sys.executable, "-c", code], runs=runs)


def _once(command: Sequence[str | Path]) -> Cost:
    with tempfile.TemporaryDirectory(prefix="nbflow-bench-") as home:
        env = os.environ | {"NBFLOW_HOME": str(Path(home, "home"))}
        start = time.perf_counter()
        process = subprocess.Popen(
            command, env=env, cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"{command} failed:\n{said.decode(errors='replace')[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
