"""What holds for all tests that strike: once they are over, nothing they started is left."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Look, at the very end, for processes of these tests' homes: with them go ports and pipes."""
    base = tmp_path_factory.getbasetemp()
    others = {*of_homes_below(base)}  # servers that tests before these share
    yield
    mine = [process for process in of_homes_below(base) if process not in others]
    _, alive = psutil.wait_procs(mine, timeout=60)
    left = [" ".join(process.cmdline()) for process in alive if process.is_running()]
    # A tracker goes with the process that started it, and this one goes on.
    assert [one for one in left if "resource_tracker" not in one] == []


def of_homes_below(folder: Path) -> list[psutil.Process]:
    """List the processes that work in a home below a folder, and so hold ports of theirs."""
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            home = process.environ().get("NBFLOW_HOME", "")
            if home.startswith(f"{folder}/") and process.pid != os.getpid():
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
