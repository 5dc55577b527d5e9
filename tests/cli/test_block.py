"""`nbflow block …` and `nbflow secret …`."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from nbflow.blocks import Secret
from nbflow.model.masking import MASK
from nbflow.store import secret_keys


@pytest.fixture(autouse=True)
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key file of this test's own."""
    path = tmp_path / "keys" / "key"
    monkeypatch.setenv("NBFLOW_SECRET_KEY_FILE", str(path))
    return path


def test_a_secret_is_kept_and_told_to_who_asks(
    nbflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("opensesame\n"))
    kept = nbflow("secret", "set", "door")
    assert (kept.code, kept.out) == (0, "door: kept, encrypted.\n")
    assert nbflow("secret", "get", "door").out == "opensesame\n"
    for words in (("secret", "ls"), ("block", "inspect", "secret/door"), ("block", "ls")):
        for output in ("text", "json"):
            said = nbflow(*words, "--output", output)
            assert said.code == 0
            assert "opensesame" not in said.out
    monkeypatch.setenv("MINE", '{"a": "first"}')
    again = nbflow("secret", "set", "door", "--from-env", "MINE", "--json")
    assert (again.code, "there already" in again.err) == (1, True)
    assert nbflow("secret", "set", "door", "--from-env", "MINE", "--json", "--overwrite").code == 0
    assert Secret.load("door").get() == {"a": "first"}
    assert nbflow("secret", "delete", "door").code == 0
    assert nbflow("secret", "get", "door").code == 1


def test_a_block_is_made_from_a_file_and_words(nbflow: Any, tmp_path: Path) -> None:
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"driver": "sqlite", "password": "opensesame"}))
    words = ("block", "create", "sqlalchemy-credentials", "db", "--data", data)
    made = nbflow(*words, "--set", "port=5", "--set", "host=h", "--output", "json").json()
    assert made["data"] == {"driver": "sqlite", "password": MASK, "port": 5, "host": "h"}
    assert "sqlalchemy-credentials/db" in nbflow("block", "ls", "--capability", "fetch").out
    assert nbflow("block", "ls", "--type", "json", "--output", "json").json() == []
    wrong = nbflow(*words, "--set", "prot=5")
    assert (wrong.code, "prot" in wrong.err or "there already" in wrong.err) == (1, True)
    assert nbflow("block", "delete", "sqlalchemy-credentials/db").code == 0


def test_the_history_of_a_block_says_what_was_done_and_no_value(
    nbflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("opensesame\n"))
    nbflow("secret", "set", "door")
    nbflow("secret", "get", "door")
    told = nbflow("block", "history", "secret/door", "--output", "json")
    done = [(one["event"], one["by"], one["flow_run_id"]) for one in told.json()]
    assert done == [("nbflow.block.opened", None, None), ("nbflow.block.created", None, None)]
    text = nbflow("block", "history", "secret/door").out
    assert "nbflow.block.opened" in text
    assert "opensesame" not in told.out + text
    assert nbflow("block", "history", "secret/none").code == 1


def test_types_are_registered_from_a_file(nbflow: Any, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from nbflow.blocks import Block, Secret\n"
        "class Mine(Block):\n"
        "    '''What it is.'''\n"
        "    _block_type_slug = 'cli-mine'\n"
        "    n: int\n"
    )
    assert nbflow("block", "register", "-f", file).out == "cli-mine: registered.\n"
    shown = nbflow("block", "type", "inspect", "cli-mine").out
    assert "What it is." in shown
    assert "integer" in shown
    assert "cli-mine" in nbflow("block", "type", "ls").out
    assert nbflow("block", "type", "delete", "cli-mine").code == 0
    assert nbflow("block", "type", "delete", "secret").code == 1
    empty = nbflow("block", "register", "-m", "json")
    assert (empty.code, "no block class" in empty.err) == (2, True)
    assert nbflow("block", "register").code == 2


def test_a_key_is_changed_and_the_old_one_let_go(nbflow: Any, key_file: Path) -> None:
    Secret(value="opensesame").save("one")
    old = secret_keys.here()[0]
    done = nbflow("secret", "rotate", "--output", "json").json()
    assert (done["encrypted"], done["lost"], done["key_id"] != old.id) == (1, [], True)
    assert [key.id for key in secret_keys.here()] == [done["key_id"], old.id]
    assert nbflow("secret", "rotate", "--output", "json").json()["encrypted"] == 0
    finished = nbflow("secret", "rotate", "--finish", "--output", "json").json()
    assert finished["retired"] == [old.id]
    assert [key.id for key in secret_keys.here()] == [done["key_id"]]
    kept = Path(finished["kept_in"])
    assert kept.read_text().split() == [old.text]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (kept, key_file)} == {0o600}
    assert Secret.load("one").get() == "opensesame"


def test_keys_that_somebody_sets_are_changed_by_setting_them(
    nbflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (nbflow("secret", "new-key").out.strip() for _ in range(2))
    monkeypatch.setenv("NBFLOW_SECRET_KEYS", old)
    Secret(value="opensesame").save("one")
    refused = nbflow("secret", "rotate")
    assert (refused.code, "NBFLOW_SECRET_KEYS" in refused.err) == (2, True)
    monkeypatch.setenv("NBFLOW_SECRET_KEYS", f"{new},{old}")
    assert nbflow("secret", "rotate", "--output", "json").json()["encrypted"] == 1
    assert nbflow("secret", "rotate", "--finish").code == 0
    monkeypatch.setenv("NBFLOW_SECRET_KEYS", new)
    assert Secret.load("one").get() == "opensesame"
