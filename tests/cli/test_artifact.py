"""Listing, inspecting and deleting artifacts in a real store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbflow.artifacts import (
    create_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
)
from nbflow.model.artifacts import Artifact
from nbflow.model.runs import Batch, NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator

Call = Callable[..., Any]


@pytest.fixture
def report(orchestrator: Orchestrator) -> list[str]:
    """Two versions of a key, and one artifact without a key."""
    create_markdown_artifact("no key")
    return [create_markdown_artifact(f"version {n}", key="report") for n in (1, 2)]


def test_of_each_key_the_newest_version_is_listed(nbflow: Call, report: list[str]) -> None:
    create_progress_artifact(50, key="bar", description="how far")
    head, bar, text = nbflow("artifact", "ls").out.splitlines()
    assert head.split() == ["KEY", "KIND", "MADE", "SIZE", "ID", "DESCRIPTION"]
    assert bar.split()[:2] == ["bar", "progress"]
    assert "how far" in bar
    assert report[1] in text
    rows = nbflow("artifact", "ls", "--output", "json").json()
    assert [row["key"] for row in rows] == ["bar", "report"]


def test_all_versions_and_those_without_a_key_are_listed_when_asked(
    nbflow: Call, report: list[str]
) -> None:
    rows = nbflow("artifact", "ls", "--all", "--output", "json").json()
    assert [row["key"] for row in rows] == ["report", "report", None]
    rows = nbflow("artifact", "ls", "--key", "report", "--output", "json").json()
    assert [row["id"] for row in rows] == report[::-1]
    assert nbflow("artifact", "ls", "--all", "--limit", "1", "--output", "json").json() == rows[:1]
    assert nbflow("artifact", "ls", "--all", "--kind", "table").out.startswith("There are no")
    assert nbflow("artifact", "ls", "--kind", "poem").code == 2


def test_the_artifacts_of_a_run_are_listed(nbflow: Call, orchestrator: Orchestrator) -> None:
    run = orchestrator.create_flow_run(NewFlowRun("x", name="happy-otter"))
    made = Artifact("markdown", "in the run", flow_run_id=run.id)
    orchestrator.record(Batch(artifacts=(made, Artifact("markdown", "outside"))))
    (row,) = nbflow("artifact", "ls", "--run", "happy-otter", "--output", "json").json()
    assert row["id"] == made.id
    assert nbflow("artifact", "ls", "--run", "nobody").code == 1


def test_inspect_shows_content_and_versions(nbflow: Call, report: list[str]) -> None:
    out = nbflow("artifact", "inspect", "report").out
    assert "  version 2\n" in out
    assert all(artifact_id in out for artifact_id in report)
    assert "  version 1\n" in nbflow("artifact", "inspect", report[0]).out
    whole = nbflow("artifact", "inspect", "report", "--output", "json").json()
    assert whole["data"] == "version 2"
    assert [version["id"] for version in whole["versions"]] == report[::-1]


def test_inspect_shows_tables_and_bundles_as_text(nbflow: Call, orchestrator: Orchestrator) -> None:
    create_table_artifact([{"day": "Mon", "sales": 3}], key="table")
    assert ["Mon", "3"] in [
        line.split() for line in nbflow("artifact", "inspect", "table").out.splitlines()
    ]
    create_artifact({"text/html": "<b>x</b>", "text/plain": "\x1b[31mplain"}, key="bundle")
    out = nbflow("artifact", "inspect", "bundle").out
    assert "Forms     text/html, text/plain" in out
    assert r"\u001b[31mplain" in out


def test_a_key_is_deleted_with_all_its_versions(nbflow: Call, report: list[str]) -> None:
    first = report[0]
    assert nbflow("artifact", "delete", first).out == f"{first}: deleted.\n"
    create_markdown_artifact("version 3", key="report")
    assert nbflow("artifact", "delete", "report").out == "report: 2 versions deleted.\n"
    create_markdown_artifact("version 4", key="report")
    said = nbflow("artifact", "delete", "report", "--output", "json")
    assert said.json() == {"deleted": "report", "count": 1}
    said = nbflow("artifact", "delete", "report")
    assert said.code == 1
    assert said.err.startswith("nbflow: There is no artifact of the key 'report'.")
    assert nbflow("artifact", "inspect", "report").code == 1
    assert nbflow("artifact", "delete", " ").code == 2
