"""`nbflow flow-run export`: past runs in other formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbflow.model.runs import NewFlowRun
from nbflow.notebook import run_notebook
from nbflow.orchestration.orchestrator import Orchestrator

Call = Callable[..., Any]


def test_a_past_run_is_exported(
    nbflow: Call, notebook: Callable[..., Path], orchestrator: Orchestrator, tmp_path: Path
) -> None:
    ran = run_notebook(notebook("print(6 * 7)"))
    said = nbflow("flow-run", "export", ran.id, "--output", "json").json()
    assert "42" in Path(said["path"]).read_text()
    assert Path(said["path"]).parent == ran.executed_notebook.parent
    target = tmp_path / "report.md"
    said = nbflow("flow-run", "export", ran.name, "--to", "markdown", "-o", target)
    assert said.out == f"Wrote {target}.\n"
    assert "42" in target.read_text()
    for words, problem in (
        (["--to", "htm"], "There are: asciidoc, html"),
        (["-o", tmp_path / "gone" / "x.html"], "folder"),
        (["-o", ran.executed_notebook], "itself"),
    ):
        said = nbflow("flow-run", "export", ran.id, *words)
        assert said.code != 0
        assert problem in said.err


@pytest.mark.parametrize("kind", ["flow", "notebook"])
def test_a_run_without_a_notebook_says_so(
    nbflow: Call, orchestrator: Orchestrator, kind: Any
) -> None:
    run = orchestrator.create_flow_run(NewFlowRun("sales", kind=kind))
    said = nbflow("flow-run", "export", run.id)
    assert said.code != 0
    assert "has no executed notebook here" in said.err
