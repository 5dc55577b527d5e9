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
    yield
    _, alive = psutil.wait_procs(of_homes_below(base), timeout=20)
    left = [" ".join(process.cmdline()) for process in alive if process.is_running()]
    assert left == []


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
