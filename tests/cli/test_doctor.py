"""What the doctor says of a home, a store, and who is running."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbflow import connect
from nbflow.model import clock
from nbflow.model.workers import NewWorker
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import owners

Call = Callable[..., Any]


def found(said: Any, check: str) -> list[dict[str, Any]]:
    return [line for line in said.json() if line["check"] == check]


def test_a_fresh_machine_is_well_and_is_left_as_it_was(nbflow: Call, home: Path) -> None:
    said = nbflow("doctor", "--output", "json")
    assert said.code == 0
    assert {line["level"] for line in said.json()} <= {"OK", "warn"}
    for check in ("home", "store", "kernels", "papermill engine"):
        assert [line["level"] for line in found(said, check)] == ["OK"]
    assert not home.exists()


def test_each_line_says_what_to_do(nbflow: Call) -> None:
    (line,) = [line for line in nbflow("doctor").out.splitlines() if "running:" in line]
    assert line.startswith("warn  running: No scheduler and no worker is running. Start `jupyter")


def test_a_home_open_to_others_is_a_warning(nbflow: Call, home: Path) -> None:
    home.mkdir(mode=0o755)
    (line,) = found(nbflow("doctor", "--output", "json"), "home")
    assert (line["level"], line["hint"]) == ("warn", f"chmod 700 {home}")


def test_a_home_that_is_a_file_is_a_failure(nbflow: Call, home: Path) -> None:
    home.write_text("")
    said = nbflow("doctor", "--output", "json")
    assert said.code == 1
    assert [line["level"] for line in found(said, "home")] == ["fail"]


def test_a_damaged_store_is_a_failure(nbflow: Call, home: Path) -> None:
    home.mkdir(mode=0o700)
    (home / "nbflow.sqlite").write_bytes(b"not a database at all" * 100)
    said = nbflow("doctor", "--output", "json")
    assert said.code == 1
    assert [line["level"] for line in found(said, "store")] == ["fail"]
    assert said.err == ""


def test_a_machine_without_kernels_is_a_failure(
    nbflow: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "jupyter_client.kernelspec.KernelSpecManager.get_all_specs", lambda self: {}
    )
    said = nbflow("doctor", "--output", "json")
    assert said.code == 1
    assert found(said, "kernels")[0]["hint"] == "pip install ipykernel"


def test_who_is_running_is_named_and_the_dead_are_not(
    nbflow: Call, orchestrator: Orchestrator
) -> None:
    me = owners.current()
    orchestrator.hold_duty("scheduler", me, clock.now())
    orchestrator.register_worker(NewWorker("alive", "default", me, limit=1))
    dead = replace(me, started=me.started - 1000)
    orchestrator.register_worker(NewWorker("dead", "default", dead, limit=1))
    lines = found(nbflow("doctor", "--output", "json"), "running")
    assert [line["level"] for line in lines] == ["OK", "OK"]
    assert "worker alive of pool default" in lines[1]["message"]
    connect.forget()
