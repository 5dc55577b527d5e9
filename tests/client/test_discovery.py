"""Finding the Jupyter servers that run for this home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbflow.client import discovery


@pytest.fixture
def leave_word(home: Path):
    """Leave a server's word in the home folder."""

    def leave(pid: int, text: str | None = None) -> None:
        folder = home / "servers"
        folder.mkdir(parents=True, exist_ok=True)
        said = {"url": f"http://127.0.0.1:{pid}/", "token": "t", "pid": pid}
        (folder / f"{pid}.json").write_text(json.dumps(said) if text is None else text)

    return leave


def test_nobody_is_found_in_an_empty_home(home: Path) -> None:
    assert discovery.servers() == ()
    assert discovery.find() is None


def test_only_servers_that_run_are_found(leave_word, home: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    leave_word(ended.pid)
    leave_word(os.getpid())
    assert [server.pid for server in discovery.servers()] == [os.getpid()]
    assert discovery.find() == discovery.Server(
        f"http://127.0.0.1:{os.getpid()}/", "t", os.getpid()
    )


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"url": 1}', '{"url":"","token":"","pid":"x"}']
)
def test_word_that_is_not_whole_is_passed_over(leave_word, text: str) -> None:
    leave_word(os.getpid(), text)
    assert discovery.servers() == ()
