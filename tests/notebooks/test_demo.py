"""`make demo`: it shows a scheduled run, and nothing of it is left when it ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

DEMO = Path(__file__).parents[2] / "scripts" / "demo.py"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment whose temporary files and home lie in the test's folder.

    Afterwards no process lives that was started with it.
    """
    home = str(tmp_path / "home")
    yield os.environ | {"NBFLOW_HOME": home, "TMPDIR": str(tmp_path)}
    assert [process for process in psutil.process_iter() if _home_of(process) == home] == []


def _home_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("NBFLOW_HOME")
    except psutil.Error:
        return None


def test_once_shows_the_scheduled_run_and_stops(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, DEMO, "--once"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Scheduled run \S+ ended Completed", done.stdout)
    assert "The observations of that year" in done.stdout
    assert "top-days" in done.stdout
    executed = re.search(r"^Executed notebook: (.+)$", done.stdout, re.MULTILINE)
    assert executed
    assert "365 days of 2014" in Path(executed[1]).read_text()


def test_it_stays_up_until_interrupted(environment: dict[str, str]) -> None:
    demo = subprocess.Popen(
        [sys.executable, DEMO], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert demo.stdout is not None
    address = next(line for line in demo.stdout if "?token=" in line)
    assert re.match(r"http://127\.0\.0\.1:\d+/lab/tree/01_first_notebook\.ipynb\?", address)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(timeout=300) == 0
