"""Artifacts of executed cells: with or without nbflow's magics they belong to cell and run."""

from __future__ import annotations

from typing import Any

from nbflow.model.artifacts import ArtifactFilter


def test_what_a_cell_shows_belongs_to_its_task_run(notebooks: Any) -> None:
    ran = notebooks.run(
        "from nbflow.artifacts import *",
        "create_markdown_artifact('plain', key='plain')",
        "bar = create_progress_artifact(1, key='bar')\nupdate_progress_artifact(bar, 50)",
        "%load_ext nbflow\nupdate_progress_artifact(bar, 77)",
        "create_artifact({'text/html': 'x' * 20_000}, key='large')",
        "%%task load\ncreate_markdown_artifact('magic', key='magic')",
        "from nbflow import flow\nflow(name='c')(create_markdown_artifact)('child', 'child')",
        "Artifact.get('bar')",
    )
    assert ran.states == ["Completed"] * 8, ran.log
    found = ran.orchestrator.list_artifacts(ArtifactFilter(ran.run.id)).rows
    by_key = {artifact.key: artifact for artifact in found}
    cells = [cell.id for cell in ran.cells]
    within = {
        key: cells.index(by_key[key].task_run_id) for key in ("plain", "bar", "large", "magic")
    }
    assert within == {"plain": 1, "bar": 2, "large": 4, "magic": 5}
    assert by_key["bar"].data == {"progress": 77.0}
    assert ran.orchestrator.read_artifact_content("large") == {"text/html": "x" * 20_000}
    child = ran.orchestrator.read_artifact("child")
    assert child.flow_run_id not in (None, ran.run.id)
    assert child.task_run_id is None
    shown = ran.notebook.cells[7].outputs[0].data
    assert "77 %" in shown["text/html"]
    assert shown["text/plain"].endswith("77 %")
