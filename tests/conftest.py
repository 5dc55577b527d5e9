"""What all tests share: a home of their own, a real store, and a way to wait for a fact."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from nbflow import connect
from nbflow.orchestration.orchestrator import Orchestrator

Fact = TypeVar("Fact")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home folder of this test's own; no process of it outlives the test's backends."""
    path = tmp_path / "home"
    monkeypatch.setenv("NBFLOW_HOME", str(path))
    for name in ("NBFLOW_API_URL", "NBFLOW_DATABASE_URL", "NBFLOW_FLOW_RUN_ID", "NBFLOW_ATTEMPT"):
        monkeypatch.delenv(name, raising=False)
    yield path
    connect.forget()


@pytest.fixture
def orchestrator(home: Path) -> Orchestrator:
    """The authority over a real SQLite file, the one `connect()` gives in this test."""
    backend = connect.connect()
    assert isinstance(backend, Orchestrator)
    return backend


def wait_for(look: Callable[[], Fact], *, seconds: float = 20.0, what: str = "the fact") -> Fact:
    """Look until something true is there, at most so long; give it."""
    until = time.monotonic() + seconds
    pause = threading.Event()
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        pause.wait(0.02)
    raise AssertionError(f"{what} did not come about within {seconds} s")


@pytest.fixture(name="wait_for")
def _wait_for() -> Callable[..., object]:
    """`wait_for(look, seconds=…)`: no test sleeps."""
    return wait_for
