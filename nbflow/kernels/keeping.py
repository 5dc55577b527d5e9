"""Keep the kernel of a failed run: a small process takes it over, and ends it in time.

    keep(manager, folder=…, flow_run_id=…, attempt=1, until=…)     in the run's process
    python -m nbflow.kernels.keeping                               the process that keeps it

It outlives the run's process and the worker. While it lives, nothing sweeps up the kernel; with it,
the kernel loses what holds it. A kernel that ends earlier ends its keeper, too.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from nbflow import settings
from nbflow.exceptions import Conflict
from nbflow.kernels import apart
from nbflow.model import clock
from nbflow.store import kept_kernels, owners
from nbflow.store.kept_kernels import KeptKernel

#: the clock is looked at that often: it may be set, and the machine may have slept
_LOOK_SECONDS = 30.0


class _AskedToEnd(Exception):
    """The keeper was told to end."""


def keep(
    manager: Any,
    *,
    folder: Path,
    flow_run_id: str,
    attempt: int,
    until: datetime,
    output: int | None = None,
) -> KeptKernel:
    """Have a started kernel kept by a process of its own. Raises OSError.

    Args:
        manager: the kernel's manager; what it holds may be freed afterwards.
        folder: the attempt's folder, where its connection file will lie.
        output: the end of a pipe into which the kernel writes; read so that it never blocks.
    """
    provisioner = manager.provisioner
    if not hasattr(os, "pidfd_open"):
        raise OSError("that works on Linux only")
    if not getattr(provisioner, "pid", None):
        raise OSError("it is no process of this machine")
    held = [fd for fd in (getattr(provisioner, "lifeline", None), output) if fd is not None]
    keeper = _start(held)
    kept = KeptKernel(
        id=manager.kernel_id,
        name=manager.kernel_name,
        flow_run_id=flow_run_id,
        attempt=attempt,
        process=owners.of(provisioner.pid),
        keeper=owners.of(keeper.pid),
        until=until,
        folder=folder,
    )
    kept_kernels.write(kept, manager.get_connection_info())
    assert keeper.stdin is not None
    with keeper.stdin as pipe:
        said = {"flow_run_id": flow_run_id, "attempt": attempt, "output": output}
        pipe.write(json.dumps(said).encode())
    return kept


def _start(held: list[int]) -> subprocess.Popen[bytes]:
    """Start a keeper; what asks it to end waits until it can do so well."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "nbflow.kernels.keeping"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=_environment(),
            pass_fds=held,
            start_new_session=True,
        )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end(kept: KeptKernel) -> None:
    """End a kept kernel and what it started: asked, then made to. Raises Conflict (its host)."""
    alive = owners.alive(kept.process)
    if alive is None:
        raise Conflict(f"The kernel is kept on {kept.process.host}.", code="kernel.elsewhere")
    kept_kernels.forget(kept)
    if alive:
        with suppress(ProcessLookupError):
            pidfd = os.pidfd_open(kept.pid)
            os.killpg(kept.pid, signal.SIGTERM)
            _wait(pidfd, settings.terminate_seconds)
            os.close(pidfd)
    owners.sweep(kept.marker)


def _environment() -> dict[str, str]:
    """Give this process's environment without what would have the keeper swept up."""
    mine = {**os.environ, **settings.environment()}
    return {k: v for k, v in mine.items() if k != owners.MARKER and k not in settings.TOKENS}


def _watch(kept: KeptKernel, output: int | None) -> None:
    """Wait until the kernel ends or its time is over, and take away what it writes."""
    pidfd = os.pidfd_open(kept.pid)
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    if output is not None:
        poller.register(output, select.POLLIN)
    while (left := (kept.until - clock.now()).total_seconds()) > 0:
        for descriptor, _event in poller.poll(min(left, _LOOK_SECONDS) * 1000):
            if descriptor == pidfd:
                return
            if not os.read(descriptor, 65_536):
                poller.unregister(descriptor)


def _wait(pidfd: int, seconds: float) -> None:
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    poller.poll(seconds * 1000)


def _on_signal(_number: int, _frame: object) -> NoReturn:
    raise _AskedToEnd


def main() -> None:
    """Keep the kernel that standard input names, to its end."""
    text = sys.stdin.read()
    if not text:  # whoever wanted it kept has died
        return
    said = json.loads(text)
    kept = kept_kernels.of_attempt(said["flow_run_id"], said["attempt"])
    if kept is None:
        return
    signal.signal(signal.SIGTERM, _on_signal)
    with suppress(_AskedToEnd, ProcessLookupError):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        _watch(kept, said["output"])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end(kept)


if __name__ == "__main__":
    apart.conceal()
    main()
