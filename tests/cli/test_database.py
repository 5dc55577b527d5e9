"""`nbflow database prune` deletes old results, or says what it would."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nbflow.cli.main import run
from nbflow.model import clock
from nbflow.results import ResultStore


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
        assert "0 results" in capsys.readouterr().out
        assert run(["database", "prune", "--older-than", "2d", "--output", "json"]) == 0
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert told["results"] == 1
    assert not store.exists("k")
