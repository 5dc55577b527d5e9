"""A rotation of keys is killed at each of its places, and done again: no secret is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nbflow.blocks import Secret
from nbflow.faults import POINTS
from nbflow.model.blocks import NewBlock
from nbflow.orchestration import key_rotation
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import blocks, secret_keys

PLACES = sorted(place for place in POINTS if place.startswith("rotate."))
#: more than one batch
COUNT = 101


@pytest.fixture(autouse=True)
def _key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBFLOW_SECRET_KEY_FILE", str(tmp_path / "key"))


@pytest.mark.parametrize("place", PLACES)
def test_a_killed_rotation_loses_nothing(orchestrator: Orchestrator, place: str) -> None:
    for n in range(COUNT):
        orchestrator.save_block(NewBlock("secret", f"s-{n}", {"value": f"secret-{n}"}))
    old = secret_keys.here()[0]
    killed = [_rotated(place, *words).returncode for words in ((), ("--finish",))]
    assert -signal.SIGKILL in killed
    _all_are_there()
    key_rotation.rotate(orchestrator.database)
    done = key_rotation.rotate(orchestrator.database, finish=True)
    assert done.key_id != old.id
    assert [key.id for key in secret_keys.here()] == [done.key_id]
    with orchestrator.database.read() as connection:
        assert not blocks.under_other_keys(connection, done.key_id, after="", limit=1)
        assert secret_keys.in_use(connection) == [done.key_id]
    _all_are_there()


def _all_are_there() -> None:
    for n in range(0, COUNT, 17):
        assert Secret.load(f"s-{n}").get() == f"secret-{n}"


def _rotated(place: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    plan = json.dumps({place: {"do": "kill9", "nth": 1}})
    env = {**os.environ, "NBFLOW_TESTING": "1", "NBFLOW_FAULTS": plan}
    command = [sys.executable, "-m", "nbflow", "secret", "rotate", *words]
    return subprocess.run(command, env=env, capture_output=True, check=False, timeout=60)
