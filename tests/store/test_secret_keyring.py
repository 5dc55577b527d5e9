"""Keys of secrets in a keyring: made, rotated, let go of; nothing of them lies in a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest

from nbflow.blocks import Secret
from nbflow.exceptions import Conflict
from nbflow.orchestration import key_rotation
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import secret_keys

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The keyring's file."""
    from tests.file_keyring import FileKeyring

    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.file_keyring.FileKeyring")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TESTS_KEYRING_FILE", str(tmp_path / "keyring.json"))
    monkeypatch.setenv("NBFLOW_SECRET_KEYRING", "1")
    monkeypatch.setenv("NBFLOW_SECRET_KEY_FILE", str(tmp_path / "keys" / "key"))
    keyring.set_keyring(FileKeyring())
    yield tmp_path / "keyring.json"
    assert not (tmp_path / "keys").exists()


def test_keys_in_a_keyring_are_made_rotated_and_let_go_of(
    orchestrator: Orchestrator, entries: Path
) -> None:
    Secret(value="opensesame").save("a")
    old = secret_keys.here()[0]
    assert json.loads(entries.read_text()) == {"nbflow/keys": f"{old.text}\n"}
    assert Secret.load("a").get() == _by_command("get", "a") == "opensesame"
    _by_command("rotate")
    new, kept = secret_keys.here()
    assert (kept, new.id != old.id) == (old, True)
    done = key_rotation.rotate(orchestrator.database, finish=True)
    assert done.kept_in is not None
    assert "nbflow/retired" in done.kept_in
    assert json.loads(entries.read_text()) == {
        "nbflow/keys": f"{new.text}\n",
        "nbflow/retired": old.text,
    }
    assert Secret.load("a").get() == "opensesame"


def test_a_locked_keyring_is_said_and_nothing_is_written(
    orchestrator: Orchestrator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TESTS_KEYRING_FILE", "")
    with pytest.raises(Conflict, match=r"keyring cannot be asked.*locked") as refused:
        Secret(value="opensesame").save("a")
    assert refused.value.code == "secret.keyring_closed"
    assert not orchestrator.list_blocks().rows


def _by_command(*words: str) -> str:
    command = [sys.executable, "-m", "nbflow", "secret", *words]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
