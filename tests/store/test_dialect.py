"""A store that cannot be opened says why and what to do."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from nbflow import settings
from nbflow.exceptions import InvalidInput, StoreBusy, Unreachable
from nbflow.store import file_systems
from nbflow.store.database import Database


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(Unreachable, match="cannot be made") as caught:
        Database(f"sqlite:///{tmp_path / 'file' / 'home' / 'a.sqlite'}")
    assert caught.value.field == "NBFLOW_HOME"


@pytest.mark.parametrize("url", ["not a url", "mysql://here/db"])
def test_an_address_nbflow_cannot_use_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Database(url)
    assert caught.value.field == "NBFLOW_DATABASE_URL"


def test_a_store_held_by_another_program_is_busy_not_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    with settings.temporary(busy_seconds=0.1):
        store = Database(f"sqlite:///{path}")
        store.prepare()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy), store.write():
            pass
        other.execute("ROLLBACK")
        with store.write():
            pass
        other.close()
        store.close()


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_systems, "_file_system", lambda _folder: "nfs4")
    with pytest.raises(InvalidInput, match="network file system"):
        Database(f"sqlite:///{tmp_path / 'a.sqlite'}")
