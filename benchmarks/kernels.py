"""A kernel from its manager's start to its first reply: ipykernel's own start, forked, standing by.

The same manager, the same client, the same cell, one after the other in turn. CPU is the kernel's
own, from the scheduler's count in nanoseconds; private memory is its USS after that reply.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.manager import AsyncKernelManager

from benchmarks.report import Table, at_least, verdict
from nbflow import settings
from nbflow.kernels import standby
from nbflow.kernels.forking import ForkServer
from nbflow.kernels.provisioner import PreforkProvisioner, manager_for

_RUNS = 9
_PLAIN = "1 + 1"
_HEAVY = "import pandas, numpy, matplotlib.pyplot"
_PRELOAD = "pandas, numpy, matplotlib.pyplot"


@dataclass(frozen=True)
class First:
    """What one kernel's first reply took.

    Attributes:
        wall: seconds from the start of its manager.
        cpu: CPU seconds of the kernel; of one that stood by, since it was taken.
        memory: MB that it alone holds.
    """

    wall: float
    cpu: float
    memory: float


def tables() -> tuple[Table, ...]:
    """Measure; give the table."""
    with (
        tempfile.TemporaryDirectory(prefix="nbflow-bench-") as home,
        settings.temporary(home=home, kernel_standby=1),
    ):
        plain = asyncio.run(_compare(_PLAIN, preload=""))
        heavy = asyncio.run(_compare(_HEAVY, preload=_PRELOAD))
    return (_table(plain, heavy),)


async def _compare(code: str, *, preload: str) -> dict[str, list[First]]:
    found: dict[str, list[First]] = {"cold": [], "forked": [], "parked": []}
    with settings.temporary(kernel_preload=preload):
        host = standby.Standby()
        try:
            await _first(manager_for("python3"), code)  # the zygote starts with the first
            for _ in range(_RUNS):
                cold = AsyncKernelManager(kernel_name="python3")
                found["cold"].append(await _first(cold, code))
                found["forked"].append(await _first(manager_for("python3"), code))
                _park(host)
                await _settled(host)
                found["parked"].append(await _first(manager_for("python3"), code, parked=True))
        finally:
            host.close()
    return found


def _park(host: standby.Standby) -> None:
    _server(host).replenish()


def _server(host: standby.Standby) -> ForkServer:
    (server,) = host._servers.values()
    return server


async def _settled(host: standby.Standby) -> None:
    """Wait until the kernel that stands by has nothing left to do."""
    process = _server(host).process
    assert process is not None
    while True:
        children = psutil.Process(process.pid).children()
        before = sum(_cpu(child.pid) for child in children)
        await asyncio.sleep(0.1)
        if children and before == sum(_cpu(child.pid) for child in children):
            return


async def _first(manager: Any, code: str, *, parked: bool = False) -> First:
    env = dict(os.environ)
    start = time.perf_counter()
    spent = _parked_cpu() if parked else 0.0
    arguments = ["--HistoryManager.hist_file=:memory:"]
    await manager.start_kernel(env=env, extra_arguments=arguments)
    client = manager.client()
    client.start_channels(stdin=False, hb=False, control=False)
    client.execute(code)
    reply = await client.get_shell_msg(timeout=60)
    wall = time.perf_counter() - start
    assert reply["content"]["status"] == "ok", reply
    provisioner = manager.provisioner
    if isinstance(provisioner, PreforkProvisioner):
        assert provisioner.process is not None, provisioner.why_not
        assert provisioner.process.parked is parked  # pyright: ignore[reportAttributeAccessIssue]
    kernel = psutil.Process(provisioner.pid)
    first = First(wall, _cpu(kernel.pid) - spent, kernel.memory_full_info().uss / 1e6)
    client.stop_channels()
    await manager.shutdown_kernel(now=True)
    return first


def _parked_cpu() -> float:
    """Give what the one kernel that stands by has spent: its zygote is our only child with one."""
    waiting = [c for child in psutil.Process().children() for c in child.children()]
    return sum(_cpu(child.pid) for child in waiting)


def _cpu(pid: int) -> float:
    """Give the CPU seconds of all threads a process has now."""
    spent = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        spent += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return spent / 1e9


def _table(plain: dict[str, list[First]], heavy: dict[str, list[First]]) -> Table:
    def median(found: list[First], of: Callable[[First], float]) -> float:
        return statistics.median(of(one) for one in found)

    def row(what: str, found: list[First], budget: str) -> tuple[str, ...]:
        wall, cpu, memory = (
            median(found, of) for of in (lambda f: f.wall, lambda f: f.cpu, lambda f: f.memory)
        )
        return what, f"{wall * 1e3:.0f} ms", f"{cpu * 1e3:.0f} ms", f"{memory:.0f} MB", budget

    forked = plain["forked"]
    wall, cpu = median(forked, lambda f: f.wall), median(forked, lambda f: f.cpu)
    parked = median(plain["parked"], lambda f: f.wall)
    less_cpu = median(heavy["cold"], lambda f: f.cpu) / median(heavy["forked"], lambda f: f.cpu)
    less = median(heavy["cold"], lambda f: f.memory) / median(heavy["forked"], lambda f: f.memory)
    rows = (
        row("ipykernel, started", plain["cold"], "–"),
        row("forked", forked, f"≤ 90 ms: {verdict(wall, 0.090)}; CPU ≤ 60: {verdict(cpu, 0.060)}"),
        row("standing by", plain["parked"], f"≤ 30 ms: {verdict(parked, 0.030)}"),
        row("ipykernel, started, pandas and pyplot", heavy["cold"], "–"),
        row(
            "forked, preloaded with them",
            heavy["forked"],
            f"CPU ≥ 6× less: {at_least(less_cpu, 6)} ({less_cpu:.0f}×); "
            f"private memory ≥ 3×: {at_least(less, 3)} ({less:.1f}×)",
        ),
        row("standing by, preloaded", heavy["parked"], "–"),
    )
    return Table(
        "A kernel, from its manager's start to its first reply",
        (
            f"Medians of {_RUNS}, the ways in turn. CPU is the kernel's own; of one that stood by,",
            "what it spent after it was taken. Private memory is what no other process shares.",
        ),
        ("kernel", "wall", "CPU", "private memory", "budget"),
        rows,
    )


if __name__ == "__main__":
    sys.stdout.write("\n".join(" | ".join(row) for row in tables()[0].rows) + "\n")
