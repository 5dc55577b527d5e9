"""Artifacts: what may be shown, where it belongs, and what is refused."""

from __future__ import annotations

import base64
import os
import subprocess
import sys

import pytest

from nbflow import flow, task
from nbflow.artifacts import (
    create_image_artifact,
    create_link_artifact,
    create_markdown_artifact,
    create_table_artifact,
)
from nbflow.exceptions import InvalidInput
from nbflow.model.runs import NewFlowRun

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_an_artifact_belongs_to_the_run_around_it(orchestrator):
    @task
    def shows():
        return create_link_artifact("https://example.org", "here", key="my-link")

    @flow
    def report():
        return create_markdown_artifact("# Report", key="report-1", description="weekly"), shows()

    ids = report()
    (run,) = orchestrator.list_flow_runs().rows
    (task_run,) = orchestrator.list_task_runs(run.id)
    found = {a.id: a for a in orchestrator.list_artifacts(run.id)}
    markdown, link = (found[i] for i in ids)
    assert (markdown.kind, markdown.data, markdown.key) == ("markdown", "# Report", "report-1")
    assert (markdown.description, markdown.task_run_id) == ("weekly", None)
    assert link.data == {"url": "https://example.org", "text": "here"}
    assert link.task_run_id == task_run.id


def test_outside_a_run_an_artifact_stands_alone(orchestrator):
    made = create_markdown_artifact("text", key="lonely")
    (found,) = orchestrator.list_artifacts(key="lonely")
    assert (found.id, found.flow_run_id) == (made, None)


def test_a_process_that_a_run_started_shows_its_artifacts_there(orchestrator):
    run = orchestrator.create_flow_run(NewFlowRun(flow_name="notebook", kind="notebook"))
    code = "from nbflow.artifacts import *; create_markdown_artifact('from the kernel')"
    code = code.replace("*", "create_markdown_artifact")
    env = {**os.environ, "NBFLOW_FLOW_RUN_ID": run.id}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
    (found,) = orchestrator.list_artifacts(run.id)
    assert found.data == "from the kernel"


def of(orchestrator, artifact_id):
    (found,) = [a for a in orchestrator.list_artifacts() if a.id == artifact_id]
    return found.data


@pytest.mark.parametrize(
    ("table", "columns", "rows"),
    [
        ([{"a": 1, "b": 2}, {"a": 3, "c": 4}], ["a", "b", "c"], [[1, 2, None], [3, None, 4]]),
        ({"a": [1, 2], "b": ["x", None]}, ["a", "b"], [[1, "x"], [2, None]]),
        ([[1, 2], [3]], ["0", "1"], [[1, 2], [3, None]]),
        ([], [], []),
        ([{"x": float("nan")}, {"x": float("inf")}, {"x": 1j}], ["x"], [[None], [None], ["1j"]]),
    ],
)
def test_a_table_is_made_from_any_of_its_shapes(orchestrator, table, columns, rows):
    data = of(orchestrator, create_table_artifact(table))
    assert data == {"columns": columns, "rows": rows}


def test_a_data_frame_is_a_table(orchestrator):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"n": [1, 2], "at": pandas.to_datetime(["2026-01-01", None])})
    data = of(orchestrator, create_table_artifact(frame))
    assert data == {"columns": ["n", "at"], "rows": [[1, "2026-01-01 00:00:00"], [2, "NaT"]]}


def test_an_image_comes_from_a_file_from_bytes_or_from_a_figure(orchestrator, tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    (tmp_path / "dot.png").write_bytes(PNG)
    figure = Figure()
    figure.subplots().plot([1, 2])
    for image in (tmp_path / "dot.png", str(tmp_path / "dot.png"), PNG, figure):
        data = of(orchestrator, create_image_artifact(image))
        assert data["mime"] == "image/png"
        assert base64.b64decode(data["base64"]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: create_markdown_artifact("x", key="Not A Key"), "key"),
        (lambda: create_markdown_artifact("x", key="-a"), "key"),
        (lambda: create_markdown_artifact(3), "markdown"),  # type: ignore[arg-type]
        (lambda: create_link_artifact("javascript:alert(1)"), "link"),
        (lambda: create_table_artifact("text"), "table"),
        (lambda: create_table_artifact([1, 2]), "table"),
        (lambda: create_table_artifact({"a": [1], "b": []}), "table"),
        (lambda: create_image_artifact(b"no image"), "image"),
        (lambda: create_image_artifact("/no/such/file.png"), "image"),
        (lambda: create_image_artifact(7), "image"),
    ],
)
def test_what_cannot_be_shown_is_refused_and_nothing_kept(orchestrator, make, field):
    with pytest.raises(InvalidInput) as caught:
        make()
    assert caught.value.field == field
    assert orchestrator.list_artifacts() == ()
