"""`nbflow graph`: the cell graph in a terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbflow.connect import connect
from nbflow.model.runs import NewFlowRun
from nbflow.notebook.running import run_now
from nbflow.store import owners


def test_the_graph_is_printed_as_lines(nbflow: Any, notebook: Callable[..., Path]):
    said = nbflow("graph", notebook("# Load\na = 1", "# Use\nprint(a)"))
    assert (said.code, said.err) == (0, "")
    assert said.out.splitlines() == [
        "sales.ipynb: 2 code cells", "  Load", "  Use", "      <- Load: a",
    ]  # fmt: skip


def test_the_graph_is_printed_for_mermaid_and_as_json(nbflow: Any, notebook: Callable[..., Path]):
    path = notebook("# Load\na = 1", "# Use\nprint(a)")
    assert "n0 -->|a| n1" in nbflow("graph", path, "--output", "mermaid").out
    found = nbflow("graph", path, "--output", "json").json()
    assert found["edges"] == [{"name": "a", "start": "cell-0", "end": "cell-1", "sure": True}]
    assert [cell["name"] for cell in found["cells"]] == ["Load", "Use"]


def test_a_part_is_what_a_cell_needs_or_what_needs_it(nbflow: Any, notebook: Callable[..., Path]):
    path = notebook("# A\na = 1", "# B\nb = a", "# C\nc = b", "# D\nd = 1")

    def names(*words: str) -> list[str]:
        found = nbflow("graph", path, "--cell", "B", *words, "--output", "json").json()
        return [cell["name"] for cell in found["cells"]]

    assert names("--upstream") == ["A", "B"]
    assert names("--downstream") == ["B", "C"]
    assert names() == ["A", "B", "C"]


def test_what_is_wrong_is_one_line(nbflow: Any, notebook: Callable[..., Path]):
    path = notebook("a = 1")
    said = nbflow("graph", path, "--cell", "nope")
    assert said.code != 0
    assert "There is no code cell 'nope'" in said.err
    assert "--cell CELL" in nbflow("graph", path, "--upstream").err
    assert "There is no notebook" in nbflow("graph", "nowhere.ipynb").err


def test_a_copied_name_is_noted(nbflow: Any, notebook: Callable[..., Path]):
    said = nbflow("graph", notebook("%%task load\na = 1", "%%task load\na = 2"))
    assert said.err == "note: 2 cells are called 'load'; the last one is found by the name.\n"


def test_a_cell_is_run_with_what_it_needs_and_with_what_needs_it(
    nbflow: Any, notebook: Callable[..., Path]
):
    path = notebook("# A\na = 1", "# B\nb = a", "# C\nc = b", "# D\n1 / 0")
    given = ("--output", "json", "-o", "none")

    def ran(*words: str) -> list[str]:
        said = nbflow("run", path, *words, *given)
        assert said.code == 0, said.err
        return [run.name for run in connect().list_task_runs(said.json()["id"])]

    assert ran("--cell", "B") == ["A", "B"]
    assert ran("--cell", "B", "--downstream") == ["A", "B", "C"]
    assert "There is no code cell 'E'" in nbflow("run", path, "--cell", "E", *given).err
    assert "--cell and --downstream" in nbflow("run", path, "--downstream", *given).err


def test_cells_changed_since_a_run_are_marked(nbflow: Any, notebook: Callable[..., Path]):
    path = notebook("# A\na = n", "# B\nb = a", "# C\nc = 1", parameters="n = 1")
    new = NewFlowRun("sales", kind="notebook", path=str(path), owner=owners.current(),
                     kernel_name="python3", parameters={"n": 2})  # fmt: skip
    made = connect().create_flow_run(new)
    assert run_now(connect(), made.id, 1).name == "Completed"
    assert "[stale]" not in nbflow("graph", path, "--run", made.id).out
    notebook("# A\na = n + 1", "# B\nb = a", "# C\nc = 1", parameters="n = 1")
    lines = nbflow("graph", path, "--run", made.id).out.splitlines()
    assert [line.strip() for line in lines if "[stale]" in line] == ["A [stale]", "B [stale]"]
