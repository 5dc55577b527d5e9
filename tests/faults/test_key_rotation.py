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
from nbflow.exceptions import Conflict
from nbflow.faults import POINTS
from nbflow.model.blocks import NewBlock
from nbflow.orchestration import key_rotation
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import blocks, secret_keys
from nbflow.store.block_tables import block_document

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
    told = [one for one in orchestrator.changes(0).events if one.noun == "secret-keys"]
    assert [(one.kind, one.resource_id) for one in told[-2:]] == [
        ("secret-key.rotated", done.key_id),
        ("secret-key.retired", done.key_id),
    ]


def _all_are_there() -> None:
    for n in range(0, COUNT, 17):
        assert Secret.load(f"s-{n}").get() == f"secret-{n}"


def _rotated(place: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    plan = json.dumps({place: {"do": "kill9", "nth": 1}})
    env = {**os.environ, "NBFLOW_TESTING": "1", "NBFLOW_FAULTS": plan}
    command = [sys.executable, "-m", "nbflow", "secret", "rotate", *words]
    return subprocess.run(command, env=env, capture_output=True, check=False, timeout=60)


def test_where_all_keys_are_lost_a_new_one_is_taken_only_when_that_is_said(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        orchestrator.save_block(NewBlock("secret", name, {"value": "opensesame"}))
    Path(os.environ["NBFLOW_SECRET_KEY_FILE"]).rename(tmp_path / "lost")
    with pytest.raises(Conflict) as refused:
        key_rotation.rotate(orchestrator.database)
    assert refused.value.code == "secret.key_lost"
    assert "--without-lost" in str(refused.value.hint)
    assert not secret_keys.here()
    done = key_rotation.rotate(orchestrator.database, without_lost=True)
    assert (done.encrypted, len(done.lost)) == (0, 1)
    assert done.unread == ("secret/a", "secret/b", "secret/c")
    with pytest.raises(Conflict, match=r"secret/a, secret/b, secret/c"):
        key_rotation.rotate(orchestrator.database, finish=True)
    orchestrator.save_block(NewBlock("secret", "a", {"value": "new-one"}, overwrite=True))
    orchestrator.delete_block("secret/b")
    orchestrator.delete_block("secret/c")
    assert Secret.load("a").get() == "new-one"
    assert key_rotation.rotate(orchestrator.database, finish=True).retired == done.lost


def test_one_damaged_secret_does_not_keep_the_others_from_a_new_key(
    orchestrator: Orchestrator,
) -> None:
    for name in ("a", "b"):
        orchestrator.save_block(NewBlock("secret", name, {"value": "opensesame"}))
    with orchestrator.database.write() as connection:
        spoil = block_document.update().where(block_document.c.name == "a")
        connection.execute(spoil, {"secrets": "gAAAA"})
    done = key_rotation.rotate(orchestrator.database)
    assert (done.encrypted, done.lost, done.unread) == (1, (), ("secret/a",))
    assert Secret.load("b").get() == "opensesame"
