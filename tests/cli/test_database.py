"""`nbflow database` on both databases: schema, copies, what is wrong, and what is kept."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from nbflow import connect, settings
from nbflow.cli.main import run
from nbflow.exceptions import SchemaMismatch
from nbflow.model import clock
from nbflow.model.runs import NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.results import ResultStore
from nbflow.store import database, owners
from nbflow.store.database import Database


def test_prune_says_what_it_would_delete_and_deletes_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = ResultStore()
    store.write("k", b"x" * 20_000)
    with clock.frozen(clock.now() + timedelta(days=3)):
        assert run(["database", "prune", "--older-than", "2d", "--dry-run"]) == 0
        assert "1 results (20," in capsys.readouterr().out
        assert store.exists("k")
        assert run(["database", "prune"]) == 0
        assert "results    0        30 days" in capsys.readouterr().out
        assert run(["database", "prune", "--kind", "runs", "--output", "json"]) == 0
        assert [one["kind"] for one in json.loads(capsys.readouterr().out)] == ["runs"]
        assert run(["database", "prune", "--older-than", "2d", "--output", "json"]) == 0
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert told["results"] == 1
    assert not store.exists("k")


# -- the store itself ---------------------------------------------------------------------------
@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address the commands work on, of a store with one run."""
    if request.param == "postgresql":
        cluster = request.getfixturevalue("postgresql")
        monkeypatch.setenv("NBFLOW_DATABASE_URL", cluster.create(f"cli{uuid4().hex}"))
    make_run("first")
    return settings.store_url()


def make_run(name: str) -> None:
    opened = Orchestrator()
    opened.create_flow_run(NewFlowRun(name))
    opened.close()


def names_kept() -> list[str]:
    opened = Orchestrator()
    found = sorted(run.flow_name for run in opened.list_flow_runs().rows)
    opened.close()
    return found


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out)


def test_a_copy_is_put_back(store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "copy"
    assert run(["database", "backup", str(copy), "--output", "json"]) == 0
    assert said(capsys)["bytes"] == copy.stat().st_size > 0
    assert copy.stat().st_mode & 0o077 == 0
    assert run(["database", "backup", str(copy)]) == 1  # nothing is written over
    assert "is there already" in capsys.readouterr().err
    assert sorted(tmp_path.glob("copy*")) == [copy]  # one file, and no drafts
    make_run("second")
    assert run(["database", "restore", str(copy), "--output", "json"]) == 0
    kept = said(capsys)["kept"]
    assert names_kept() == ["first"]
    if store.startswith("sqlite"):
        assert run(["database", "restore", kept]) == 0
        assert names_kept() == ["first", "second"]


def test_down_and_up_again_with_copies_beside(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["database", "upgrade"]) == 0
    assert "nothing was to be done" in capsys.readouterr().out
    assert run(["database", "downgrade", "--to", "0003", "--output", "json"]) == 0
    down = said(capsys)
    assert (down["from"], down["to"]) == (database.HEAD, "0003")
    assert Path(down["kept"]).stat().st_size > 0
    assert Path(down["kept"]).stat().st_mode & 0o077 == 0
    with pytest.raises(SchemaMismatch):
        Orchestrator()
    assert run(["database", "check"]) == 1
    assert "nbflow database upgrade" in capsys.readouterr().out
    assert run(["database", "upgrade", "--output", "json"]) == 0
    assert said(capsys)["to"] == database.HEAD
    assert names_kept() == ["first"]
    assert run(["database", "downgrade", "--to", "9999"]) != 0
    assert "0001, 0002" in capsys.readouterr().err


def test_check_finds_what_is_wrong_and_says_what_to_do(
    store: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ResultStore().write("k", b"x" * 20_000)
    connect.forget()
    assert run(["database", "check", "--output", "json"]) == 0
    assert said(capsys) == {"ok": True, "problems": []}
    (file,) = (path for path in (home / "results").rglob("*") if path.is_file())
    file.write_bytes(b"y" * 20_000)
    assert run(["database", "check", "--output", "json"]) == 1
    (problem,) = said(capsys)["problems"]
    assert problem["what"] == "I4 k"
    assert "Restore" in problem["hint"]
    assert run(["database", "check", "--no-files"]) == 0
    opened = Database(store)
    with opened.write() as connection:
        connection.exec_driver_sql("DROP INDEX ix_flow_run_lease")
    opened.close()
    assert run(["database", "check"]) == 1
    assert "ix_flow_run_lease" in capsys.readouterr().out


def test_what_is_in_use_is_neither_taken_back_nor_replaced(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = str(tmp_path / "copy")
    assert run(["database", "backup", copy]) == 0
    opened = Orchestrator()
    opened.hold_duty("scheduler", owners.current(), clock.now())
    opened.close()
    for words in (["downgrade"], ["restore", copy]):
        assert run(["database", *words]) == 1
        assert f"in use by process {owners.current().pid}" in capsys.readouterr().err
    assert run(["database", "restore", copy, "--force"]) == 0


def test_what_is_no_copy_is_refused_and_nothing_is_changed(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run("first")
    broken = tmp_path / "broken"
    broken.write_bytes(b"SQLite format 3\0 and then nothing of the kind")
    assert run(["database", "restore", str(broken)]) != 0
    assert "no whole copy" in capsys.readouterr().err
    assert run(["database", "restore", str(tmp_path / "nowhere")]) != 0
    assert names_kept() == ["first"]


def test_a_store_behind_a_server_is_left_to_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NBFLOW_API_URL", "http://127.0.0.1:9/")
    assert run(["database", "check"]) != 0
    assert "belongs to the server" in capsys.readouterr().err


def test_what_postgresql_held_before_its_schema_changed_can_be_put_back(
    postgresql: Any, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("NBFLOW_DATABASE_URL", postgresql.create(f"cli{uuid4().hex}"))
    make_run("first")
    assert run(["database", "downgrade", "--to", "0003", "--output", "json"]) == 0
    kept = said(capsys)["kept"]
    assert Path(kept).parent == home / "backups"
    assert run(["database", "restore", kept]) == 0
    assert names_kept() == ["first"]  # the copy is of the schema before


def test_without_its_programs_postgresql_is_migrated_only_when_told_so(
    postgresql: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("NBFLOW_DATABASE_URL", postgresql.create(f"cli{uuid4().hex}"))
    make_run("first")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(["database", "downgrade", "--to", "0003"]) != 0
    told = capsys.readouterr().err
    assert "schema was left as it is" in told
    assert "no program pg_dump" in told
    assert "--no-backup" in told
    assert names_kept() == ["first"]  # at this nbflow's schema
    assert run(["database", "downgrade", "--to", "0003", "--no-backup"]) == 0
    capsys.readouterr()
    assert run(["database", "upgrade"]) != 0
    assert "--no-backup" in capsys.readouterr().err
    assert run(["database", "upgrade", "--no-backup", "--output", "json"]) == 0
    assert said(capsys)["kept"] is None
    assert names_kept() == ["first"]


def test_without_its_programs_postgresql_is_not_copied(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("NBFLOW_DATABASE_URL", "postgresql://me:hidden@127.0.0.1:9/x")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(["database", "backup", str(tmp_path / "copy")]) != 0
    told = capsys.readouterr().err
    assert "no program pg_dump" in told
    assert "hidden" not in told
