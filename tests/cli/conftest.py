"""The command line called in this process, and notebooks to hand it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nbflow.cli import main


@dataclass(frozen=True)
class Said:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def nbflow(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """`nbflow("flow-run", "ls")`: the command as a notebook's magic calls it."""

    def call(*words: object) -> Said:
        capsys.readouterr()
        code = main.run([str(word) for word in words])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[..., Path]:
    """`notebook("a = 1", parameters="rows: int = 3")`: a notebook file of such cells."""

    def write(
        *sources: str, parameters: str | None = None, name: str = "sales", kernel: str = "python3"
    ) -> Path:
        cells = [] if parameters is None else [_cell("parameters", parameters, ["parameters"])]
        cells += [_cell(f"cell-{at}", source, []) for at, source in enumerate(sources)]
        spec = {"name": kernel, "display_name": kernel, "language": "python"}
        whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}}
        path = tmp_path / f"{name}.ipynb"
        path.write_text(json.dumps({**whole, "cells": cells}), encoding="utf-8")
        return path

    return write


def _cell(cell_id: str, source: str, tags: list[str]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": cell_id,
        "metadata": {"tags": tags} if tags else {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
