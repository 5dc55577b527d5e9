"""Limits to take slots of, and processes that take them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from nbflow.model.limits import ConcurrencyLimit, NewLimit
from nbflow.orchestration.orchestrator import Orchestrator


@pytest.fixture
def limit(orchestrator: Orchestrator) -> Callable[..., ConcurrencyLimit]:
    """`limit("db", 3)`: a limit in this test's store."""

    def make(name: str, slots: int, **said: Any) -> ConcurrencyLimit:
        return orchestrator.create_limit(NewLimit(name, slots, **said))

    return make


@pytest.fixture
def script() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """`script(text, *args)`: a process of its own; one that is left is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str, *args: object) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", text, *map(str, args)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
