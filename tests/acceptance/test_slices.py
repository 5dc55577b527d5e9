"""A flow deployed out of a messy notebook: a worker runs the cells it needs, and no other.

The notebook has twenty cells on real data, written in the order in which thoughts came; each says
in a file that it ran. What papermill executed is looked at, cell by cell.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

import nbflow
from nbflow.exceptions import Conflict, InvalidInput
from nbflow.model import clock, states
from nbflow.model.runs import FlowRun, NewFlowRun
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow.store import journal

PYTHON = {"name": "python3", "language": "python", "display_name": "Python 3"}
NBFLOW = [sys.executable, "-m", "nbflow"]

#: id: source; those with a star are needed by the flow `report`
CELLS = {
    "extension": "%load_ext nbflow",
    "imports*": "import pandas as pd\nfrom vega_datasets import data",
    "look": "data.list_datasets()[:3]",
    "limit*": "limit: int = 3  # how many cars",
    "failing": "1 / 0",
    "cars*": "cars = data.cars()",
    "head": "cars.head()",
    "wrong": "cars_old = data.cars().dropna()\ncars_old['Name'] = 'x'",
    "origin*": "origin = 'USA'",
    "plot": "import matplotlib.pyplot as plt\nplt.figure()\ncars.plot.scatter('Year', 'Name')",
    "clean*": "%%task clean\nclean = cars.dropna(subset=['Horsepower'])",
    "cleaner*": "clean['kw'] = clean['Horsepower'] * 0.7457",
    "helper*": "def strongest(frame, n):\n    return frame.nlargest(n, 'kw')[['Name', 'kw']]",
    "shell": "!echo never > shell.txt",
    "summary": "summary = clean.groupby('Origin').kw.mean()",
    "secret": "token = input('token? ')",
    "report*": "%%flow report --params limit=8\nchosen = clean[clean.Origin == origin]\n"
    "best = strongest(chosen, limit)\nrows = len(clean)\nbest.Name.tolist()",
    "function*": "from nbflow import flow\n@flow\ndef heaviest(n: int = 2, unit: str = 'lbs'):\n"
    "    found = cars.nlargest(n, 'Weight_in_lbs')\n    return [unit, *found.Name]",
    "called": "heaviest(1)",
    "gone": "raise SystemExit('the end')",
}
NEEDED = ["imports", "limit", "cars", "origin", "clean", "cleaner", "helper"]


def notebook(folder: Path, cells: dict[str, str] = CELLS) -> Path:
    made = []
    for name, source in cells.items():
        name = name.rstrip("*")
        says = f"open('ran.txt', 'a').write('{name} ')"
        cell = new_code_cell(source if source.startswith("%") else f"{says};\n{source}")
        made.append(nbformat.from_dict({**cell, "id": name}))
    path = folder / "messy.ipynb"
    nbformat.write(new_notebook(cells=made, metadata={"kernelspec": PYTHON}), path)
    return path


@pytest.fixture
def worker(home: Path) -> Iterator[None]:
    """A worker of the default pool, which runs what is deployed."""
    command = [*NBFLOW, "worker", "start"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ})
    yield
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)


@pytest.fixture
def ended(
    orchestrator: Orchestrator, wait_for: Callable[..., Any]
) -> Callable[..., tuple[FlowRun, dict[str, Any]]]:
    """Run a deployment to its end; give the run, and the cells of its executed notebook by id."""

    def run(name: str, **parameters: Any) -> tuple[FlowRun, dict[str, Any]]:
        deployment = orchestrator.read_deployment(name)
        now = clock.now()
        new = NewFlowRun(
            deployment.flow_name, kind="notebook", deployment_id=deployment.id,
            parameters=parameters, state=states.Scheduled(now), due_at=now,
        )  # fmt: skip
        made = orchestrator.create_flow_run(new)

        def look() -> FlowRun | None:
            found = orchestrator.read_flow_run(made.id)
            return found if found.state.is_final() else None

        done: FlowRun = wait_for(look, seconds=60, what="the run's end")
        saved = journal.folder(done.run_dir or "") / journal.NOTEBOOK
        cells = nbformat.read(saved, as_version=4).cells
        return done, {cell.id: cell for cell in cells}

    return run


def text(cell: Any) -> str:
    return "".join(o.data["text/plain"] for o in cell.outputs if o.output_type == "execute_result")


def test_a_flow_out_of_twenty_cells_is_deployed_and_run_by_a_worker(
    worker: None, orchestrator: Orchestrator, tmp_path: Path, ended: Callable[..., Any]
) -> None:
    path = notebook(tmp_path)
    command = [*NBFLOW, "deploy", f"{path}:report", "-p", "limit=2"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "report: runs 8 of 20 cells: " in said
    assert "leaves out: %load_ext nbflow, " in said
    assert "parameters: limit, origin" in said

    deployment = orchestrator.read_deployment("report")
    assert (deployment.flow_name, deployment.function) == ("report", "report")
    assert deployment.parameters == {"limit": 2}
    assert deployment.parameter_schema["properties"]["limit"] == {
        "type": "integer", "default": 3, "description": "how many cars", "x-order": 0,
    }  # fmt: skip
    kept = json.loads(orchestrator.read_snapshot(deployment.snapshot))
    assert len(kept["cells"]) == len(CELLS)  # the whole notebook, not the slice

    run, cells = ended("report", origin="Japan")
    assert run.state.is_completed(), run.state
    assert list(cells) == [*NEEDED, "nbflow-parameters", "injected-parameters", "report"]
    assert cells["nbflow-parameters"].metadata.tags == ["parameters"]
    assert cells["nbflow-parameters"].source == "limit: int = 3  # how many cars\norigin = 'USA'"
    assert cells["injected-parameters"].source == "# Parameters\nlimit = 2\norigin = 'Japan'"
    assert text(cells["report"]) == "['datsun 280-zx', 'toyota mark ii']"
    ran = (tmp_path / "ran.txt").read_text().split()
    assert ran == ["imports", "limit", "cars", "origin", "cleaner", "helper"]
    assert not (tmp_path / "shell.txt").exists()


def test_what_is_computed_upstream_comes_out_fresh(
    worker: None, orchestrator: Orchestrator, tmp_path: Path, ended: Callable[..., Any]
) -> None:
    """The data is read when the run starts; nothing of when it was deployed is frozen."""
    (tmp_path / "sales.csv").write_text("day,sold\na,1\nb,2\n")
    path = notebook(
        tmp_path,
        {
            "imports": "import pandas as pd",
            "read": "sales = pd.read_csv('sales.csv')",
            "flow": "%%flow total\nsales.sold.sum().item()",
        },
    )
    nbflow.deploy(f"{path}:total")
    assert text(ended("total")[1]["flow"]) == "3"
    (tmp_path / "sales.csv").write_text("day,sold\na,1\nb,2\nc,40\n")
    assert text(ended("total")[1]["flow"]) == "43"


def test_a_decorated_flow_is_called_with_its_parameters(
    worker: None, orchestrator: Orchestrator, tmp_path: Path, ended: Callable[..., Any]
) -> None:
    made = nbflow.deploy(f"{notebook(tmp_path)}:heaviest", parameters={"unit": "pounds"})
    assert set(made.parameter_schema["properties"]) == {"n", "unit"}
    run, cells = ended("heaviest", n=1)
    assert run.state.is_completed(), run.state
    assert "called" not in cells
    (child,) = [one for one in orchestrator.list_flow_runs().rows if one.kind == "flow"]
    assert (child.flow_name, child.parameters) == ("heaviest", {"n": 1, "unit": "pounds"})
    assert child.state.is_completed()
    assert text(cells["nbflow-call"]) == "['pounds', 'pontiac safari (sw)']"


def test_a_live_source_is_sliced_as_it_is_when_the_run_starts(
    worker: None, orchestrator: Orchestrator, tmp_path: Path, ended: Callable[..., Any]
) -> None:
    cells = {"a": "rows = [1]", "flow": "%%flow total\nsum(rows)"}
    path = notebook(tmp_path, cells)
    nbflow.deploy(f"{path}:total", source="live")
    notebook(tmp_path, {**cells, "a": "rows = list(more)", "0": "more = (5, 6)"})
    run, _ = ended("total")
    assert run.state.is_failed()  # `more` is bound below
    notebook(tmp_path, {"0": "more = (5, 6)", "b": "1 / 0", "c": "rows = list(more)",
                        "flow": cells["flow"]})  # fmt: skip
    run, executed = ended("total")
    assert text(executed["flow"]) == "11"
    assert "b" not in executed


def test_nbflow_run_runs_a_flow_now(home: Path, tmp_path: Path) -> None:
    path = notebook(tmp_path)
    command = [*NBFLOW, "run", f"{path}:report", "-p", "limit=1", "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    run = json.loads(done.stdout)
    assert (run["flow_name"], run["function"]) == ("report", "report")
    assert run["parameters"] == {"limit": 1}
    cells = {cell.id: cell for cell in nbformat.read(run["output_path"], as_version=4).cells}
    assert text(cells["report"]) == "['pontiac grand prix']"


@pytest.mark.parametrize("command", ["deploy", "run"])
def test_a_flow_that_is_not_there_is_told_with_those_that_are(
    home: Path, tmp_path: Path, command: str
) -> None:
    path = notebook(tmp_path)
    for name, hint in (("reprot", "Did you mean 'report'?"), ("x", "There are heaviest, report.")):
        done = subprocess.run(
            [*NBFLOW, command, f"{path}:{name}"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stderr == f"nbflow: There is no flow '{name}' in the notebook. {hint}\n"


def test_a_flow_and_its_notebook_do_not_share_a_name(
    orchestrator: Orchestrator, tmp_path: Path
) -> None:
    path = notebook(tmp_path)
    nbflow.deploy(path, name="report")
    with pytest.raises(Conflict, match="already belongs to"):
        nbflow.deploy(f"{path}:report")
    assert nbflow.deploy(f"{path}:report", replace=True).function == "report"
    with pytest.raises(InvalidInput, match="The function is empty"):
        nbflow.deploy(f"{path}:")
