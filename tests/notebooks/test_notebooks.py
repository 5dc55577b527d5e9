"""The tutorial: clean as committed, and run for real, the way users and schedules run it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from nbflow.model.artifacts import ArtifactFilter

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
FIRST = NOTEBOOKS[0]

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)

#: parameters to run each with, and what the executed notebook then shows
GIVEN = {
    "01_first_notebook": ({"year": 2013}, "365 days of 2013"),
    "02_flows_and_tasks": ({"years": [2012, 2013]}, "2 years asked for twice, worked out 2 times"),
    "03_the_notebook_is_the_flow": ({"hot": 32}, "5 above 32"),
    "04_deployments": ({"last_year": 2014}, "hot days in 3 years"),
    "05_on_screen": ({"year": 2013}, "4 warm months in 2013"),
    "06_blocks_and_automations": ({"year": 2013}, "69 hot days in 2013"),
}


def _code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@every_notebook
def test_it_is_committed_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in _code(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None
        assert "execution" not in cell.metadata


@every_notebook
def test_its_cells_have_readable_ids_that_stay(path: Path) -> None:
    ids = [cell["id"] for cell in json.loads(path.read_text())["cells"]]
    assert len(ids) == len(set(ids))
    assert [name for name in ids if not re.fullmatch(r"[a-z][a-z0-9-]*", name)] == []


@every_notebook
def test_it_has_one_parameters_cell(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    tagged = [cell for cell in _code(notebook) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1


@every_notebook
def test_it_is_a_plain_notebook(path: Path, tmp_path: Path, home: Path) -> None:
    copy = shutil.copy(path, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "execute", copy, "--output=executed"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "image/png" in (tmp_path / "executed.ipynb").read_text()


@every_notebook
def test_papermill_runs_it_with_the_engine(path: Path, tmp_path: Path, home: Path) -> None:
    output = tmp_path / "executed.ipynb"
    parameters, shown = GIVEN[path.stem]
    papermill.execute_notebook(path, output, parameters, engine_name="nbflow", progress_bar=False)
    executed = nbformat.read(output, as_version=4)
    counts = [cell.execution_count for cell in _code(executed)]
    assert counts == list(range(1, len(counts) + 1))
    assert shown in json.dumps(executed)


def test_nbflow_runs_the_first_and_keeps_its_artifacts(tmp_path: Path, orchestrator) -> None:
    path = FIRST
    copy = Path(shutil.copy(path, tmp_path))
    before = copy.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", "run", copy, "-p", "year=2012", "-p", "top=3"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = orchestrator.list_flow_runs().rows
    assert run.state.is_completed()
    assert run.parameters["year"] == 2012
    cells = orchestrator.list_task_runs(run.id)
    assert len(cells) >= len(_code(nbformat.read(path, as_version=4)))
    assert {cell.state.name for cell in cells} == {"Completed"}
    artifacts = {
        item.key: item for item in orchestrator.list_artifacts(ArtifactFilter(run.id)).rows
    }
    assert len(artifacts["top-days"].data["rows"]) == 3
    assert "2012" in artifacts["year-in-a-line"].data
    assert copy.read_bytes() == before


def test_nbflow_runs_the_second_with_its_flows_as_children(tmp_path: Path, orchestrator) -> None:
    copy = shutil.copy(NOTEBOOKS[1], tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", "run", copy, "-p", "warm=25"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    runs = {run.flow_name: run for run in orchestrator.list_flow_runs().rows}
    whole, flow = runs["02_flows_and_tasks"], runs["warm-years"]
    assert whole.state.is_completed()
    assert flow.parent_flow_run_id == whole.id
    assert flow.parameters["warm"] == 25
    assert runs["publish"].state.is_failed()
    tasks = {task.name: task for task in orchestrator.list_task_runs(flow.id)}
    assert [state.name for state in tasks["fetch-0"].history] == [
        "Pending", "Running", "AwaitingRetry", "Retrying", "Completed",
    ]  # fmt: skip
    kept = {item.key for item in orchestrator.list_artifacts(ArtifactFilter(whole.id)).rows}
    assert {"pictures", "warm-days", "warm-days-table"} <= kept


def test_nbflow_runs_the_third_and_what_it_mends(tmp_path: Path, orchestrator) -> None:
    copy = shutil.copy(NOTEBOOKS[2], tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", "run", copy, "-p", "year=2015"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    runs = orchestrator.list_flow_runs().rows
    (whole,) = (run for run in runs if run.flow_name == "03_the_notebook_is_the_flow")
    assert whole.state.is_completed()
    years = [run.parameters["year"] for run in runs if run.flow_name == "hottest"]
    assert sorted(years) == [2013, 2015]
    (mended,) = (run for run in runs if run.attempt == 2)
    assert (mended.flow_name, mended.parameters["year"]) == ("messy", 2015)
    cells = {cell.name: cell.state.name for cell in orchestrator.list_task_runs(mended.id)}
    assert (cells["warm"], cells["report"]) == ("Cached", "Completed")


def test_the_third_skips_what_there_is_nothing_to_draw_of(tmp_path: Path, orchestrator) -> None:
    copy = shutil.copy(NOTEBOOKS[2], tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", "run", copy, "-p", "hot=50"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = (r for r in orchestrator.list_flow_runs().rows if r.flow_name.startswith("03"))
    cells = {cell.name: cell.state.name for cell in orchestrator.list_task_runs(run.id)}
    assert (cells["count"], cells["plot"]) == ("Completed", "Skipped")


def test_a_year_without_observations_fails_and_stops_there(tmp_path: Path, orchestrator) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", "run", shutil.copy(FIRST, tmp_path), "-p", "year=1900"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    (run,) = orchestrator.list_flow_runs().rows
    assert run.state.is_failed()
    assert "1900" in run.state.message
    states = {cell.key: cell.state for cell in orchestrator.list_task_runs(run.id)}
    assert states["observations"].is_failed()
    assert not any(states[key].is_completed() for key in ("plot", "artifacts") if key in states)


def test_a_wrong_parameter_is_refused_before_anything_starts(tmp_path: Path, orchestrator) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", "run", shutil.copy(FIRST, tmp_path), "-p", "year=soon"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert "year" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert orchestrator.list_flow_runs().rows == ()


def test_nbflow_runs_the_fourth_with_what_its_worker_ran(tmp_path: Path, orchestrator) -> None:
    copy = shutil.copy(NOTEBOOKS[3], tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", "run", copy, "-p", "first_year=2014"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    runs = orchestrator.list_flow_runs().rows
    (whole,) = (run for run in runs if run.flow_name == "04_deployments")
    assert whole.state.is_completed()
    due = sorted(run.due_at.year for run in runs if run.backfill_id)
    assert due == [2015, 2016]
    assert {run.state.name for run in runs} == {"Completed"}
    assert orchestrator.list_deployments().rows == ()


def test_the_fifth_shows_its_runs_without_scripts(
    tmp_path: Path, orchestrator, inert: Callable[[str], None]
) -> None:
    copy = shutil.copy(NOTEBOOKS[4], tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", "run", copy], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    executed = nbformat.read(tmp_path / "05_on_screen-executed.ipynb", as_version=4)
    shown = {cell["id"]: cell.outputs[-1]["data"] for cell in _code(executed)
             if cell["id"] in ("run", "failure", "runs", "graph", "form")}  # fmt: skip
    assert len(shown) == 5
    for forms in shown.values():
        inert(forms["text/html"])
    assert "UpstreamError" in shown["failure"]["text/plain"]
    assert "2 runs" in shown["runs"]["text/plain"]
    runs = [run for run in orchestrator.list_flow_runs().rows if run.flow_name == "warm-months"]
    assert sorted(run.state.name for run in runs) == ["Completed", "Failed"]
