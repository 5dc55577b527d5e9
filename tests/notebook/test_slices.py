"""A flow sliced out of a messy notebook, run for real by papermill in a kernel."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell
from vega_datasets import local_data

from nbflow.model import notebooks as documents
from nbflow.model import slices
from nbflow.model.run_options import RunOptions
from nbflow.notebook import cell_graph
from nbflow.store import journal

MESSY = Path(__file__).parents[1] / "model" / "notebooks" / "messy.ipynb"
KEPT = ["imports", "load", "year", "helper", "month", "limits", "clean"]


@pytest.fixture
def messy(notebooks: Any) -> Path:
    return Path(shutil.copy(MESSY, notebooks.folder))


def ids(ran: Any) -> list[str]:
    return [cell.id for cell in ran.notebook.cells]


def test_a_flow_of_a_messy_notebook_runs_alone_with_other_parameters(notebooks: Any, messy: Path):
    given = {"year": 2012, "least": 25.0}
    ran = notebooks.run(path=messy, function="report", parameters=given)
    assert ran.state.name == "Completed"
    assert ids(ran) == [*KEPT, slices.FILLED, "injected-parameters", "report"]
    assert "year = 2012" in ran.notebook.cells[-2].source
    # Counted by hand: pandas' own answer for the same rows.
    weather: Any = local_data.seattle_weather().dropna()
    days = weather[(weather["wind"] > 0) & (weather["date"].dt.year == 2012)]
    warm = days[days["temp_max"] >= 25.0]
    most = warm.groupby(warm["date"].dt.month)["date"].count().max()
    said = f"2012: {len(warm)} days of 25 °C or more, in one month {most}"
    assert said in ran.text(-1)


def test_nothing_is_stale_after_its_run_until_a_cell_changes(notebooks: Any, messy: Path):
    ran = notebooks.run(path=messy, function="report", parameters={"year": 2012})
    nb = documents.parse(messy.read_text(encoding="utf-8"), name="messy.ipynb")
    started = journal.started(ran.folder)
    fresh = [n.id for n in slices.since(nb, started, flow_name="report").cells if not n.stale]
    assert fresh == [*KEPT, "report"]
    clean = next(cell for cell in nb["cells"] if cell["id"] == "clean")
    clean["source"] += "\nweather = weather[:500]"
    after = [n.id for n in slices.since(nb, started, flow_name="report").cells if not n.stale]
    assert after == KEPT[:-1]


def test_values_for_the_own_parameters_cell_and_for_a_later_literal_are_both_used(notebooks: Any):
    own = new_code_cell("year: int = 2015", metadata={"tags": ["parameters"]})
    path = notebooks.write(
        own, "rows = [year] * 2", "top = 5", "raise RuntimeError('not needed')",
        "%%flow report\nprint(rows, year, top)",
    )  # fmt: skip
    ran = notebooks.run(path=path, function="report", parameters={"year": 2012, "top": 9})
    assert ran.state.name == "Completed"
    assert "[2012, 2012] 2012 9" in ran.text(-1)


def test_chosen_cells_run_and_the_parameters_cell_with_them(notebooks: Any):
    own = new_code_cell("n = 1", metadata={"tags": ["parameters"]})
    path = notebooks.write(own, "1 / 0", "# Mine\nprint('n is', n)")
    chosen = RunOptions(cells=("Mine",)).to_json()
    ran = notebooks.run(path=path, options=chosen, parameters={"n": 7})
    assert ran.state.name == "Completed"
    assert len(ran.notebook.cells) == 3
    assert "n is 7" in ran.text(-1)


def test_a_flow_function_is_called_once(notebooks: Any):
    path = notebooks.write(
        "from nbflow import flow", "base = [40]", "unused = 1 / 0",
        "@flow\ndef report(n: int = 1):\n    print('the answer is', base[0] + n)\n\nreport()",
    )  # fmt: skip
    ran = notebooks.run(path=path, function="report", parameters={"n": 2})
    assert ran.state.name == "Completed"
    printed = "".join(ran.text(at) for at in range(len(ran.notebook.cells)))
    assert printed.count("the answer is") == 1
    assert "the answer is 42" in printed


def test_the_graph_of_a_notebook_is_made_of_its_path_or_its_content(messy: Path):
    made = cell_graph(messy)
    assert made.title == "messy.ipynb"
    assert made.upstream("report") == tuple(KEPT)
    content = documents.parse(messy.read_text(encoding="utf-8"), name="messy.ipynb")
    assert cell_graph(content).edges == made.edges
