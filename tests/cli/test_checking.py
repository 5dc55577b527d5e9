"""`nbflow deploy --check` tells what is missing, and deploys nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[..., Any]


def test_what_is_missing_is_told_with_the_line_that_installs_it(
    nbflow: Call, notebook: Callable[..., Path], home: Path
) -> None:
    path = notebook("import json", "import module_not_there", "1 / 0")
    said = nbflow("deploy", path, "--check")
    assert said.code == 1
    assert "Kernel python3: 2 imports tried" in said.out
    assert "2: import module_not_there  module_not_there" in said.out
    assert "-m pip install module_not_there" in said.out
    assert not (home / "nbflow.sqlite").exists()


def test_nothing_missing_is_success(nbflow: Call, notebook: Callable[..., Path]) -> None:
    path = notebook("import json")
    said = nbflow("deploy", path, "--check", "--output", "json")
    assert said.code == 0
    assert said.json()["missing"] == []
