"""A notebook in another language, with a real kernel of it: bash."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbflow import settings
from nbflow.cli import main
from nbflow.exceptions import InvalidInput
from nbflow.model import states
from nbflow.model.backend import RunFilter
from nbflow.notebook import parameters_schema, run_notebook

BASH = {"name": "bash", "language": "bash", "display_name": "Bash"}

pytestmark = pytest.mark.usefixtures("bash")


@pytest.fixture
def write(tmp_path: Path):
    def made(*cells: Any) -> Path:
        nodes = [new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
        path = tmp_path / "script.ipynb"
        nbformat.write(new_notebook(cells=nodes, metadata={"kernelspec": BASH}), path)
        return path

    return made


def cell(source: str, *tags: str, **options: Any) -> Any:
    metadata: dict[str, Any] = {"tags": list(tags)} if tags else {}
    return new_code_cell(source, metadata=metadata | ({"nbflow": options} if options else {}))


PARAMETERS = cell('who=world\nrows="1 2"', "parameters")


def printed(run: Any, at: int) -> str:
    outputs = nbformat.read(run.executed_notebook, as_version=4).cells[at].outputs
    return "".join(output.get("text", "") for output in outputs).strip()


def test_it_runs_with_parameters_as_literals(write, orchestrator):
    path = write(PARAMETERS, 'echo "$who"', 'for row in "${rows[@]}"; do echo "<$row>"; done')
    text = 'it\'s $(id) `id` \\ "x" ü'
    ran = run_notebook(path, {"who": text, "rows": ["a b", 3]})
    assert ran.is_completed()
    assert printed(ran, 2) == text
    assert printed(ran, 3).splitlines() == ["<a b>", "<3>"]
    assert [run.state.name for run in ran.cells] == ["Completed"] * 4
    assert ran.flow_run.state.message == "3 cells completed."
    said = parameters_schema(path)
    assert (said["properties"], said["x-source"]) == ({}, PARAMETERS.source)


def test_a_failing_cell_fails_the_run(write, orchestrator):
    ran = run_notebook(write("echo kept", "ls /nowhere", "echo never"), return_state=True)
    assert ran.is_failed()
    assert [run.state.name for run in ran.cells] == ["Completed", "Failed", "NotReady"]
    assert ran.state.message.startswith("Cell 2 of 3 failed")
    assert printed(ran, 0) == "kept"


def test_metadata_sets_retries_and_a_time_limit_for_a_cell(write, tmp_path, orchestrator):
    count = tmp_path / "count"
    again = cell(f"echo x >> {count}; test $(wc -l < {count}) -ge 3", retries=2, name="again")
    ran = run_notebook(write(again, cell("sleep 60", timeout=1)), return_state=True)
    first, second = ran.cells
    assert (first.name, first.state.name, first.attempt) == ("again", "Completed", 3)
    assert second.state.name == "TimedOut"
    assert ran.is_failed()


def test_it_is_cancelled(write, orchestrator, notebooks, wait_for):
    path = write("echo before", "sleep 60", "echo never")

    def cancel(run: Any) -> None:
        if run.position == 1 and run.state.is_running():
            orchestrator.propose(run.flow_run_id, states.Cancelling())

    with settings.temporary(heartbeat_seconds=0.1):
        ran = notebooks.run(path=path, kernel_name="bash", on_cell=cancel)
    assert ran.state.is_cancelled()
    assert ran.states == ["Completed", "Cancelled", "NotReady"]


REFUSED = [
    ("%%task load\necho 1", {}, "cell.options"),
    ("# nbflow: task load --cache inputs\necho 1", {}, "cell.options"),
    (cell("echo 1", cache="inputs"), {}, "cell.options"),
    (cell("echo 1", kind="flow", name="f"), {}, "cell.options"),
    (PARAMETERS, {"rows": {"a": 1}}, "parameter.type"),
    (PARAMETERS, {"rows": [[1]]}, "parameter.type"),
]


@pytest.mark.parametrize(("content", "parameters", "code"), REFUSED, ids=range(len(REFUSED)))
def test_what_only_python_can_do_is_refused(write, orchestrator, content, parameters, code):
    with pytest.raises(InvalidInput) as caught:
        run_notebook(write(content), parameters)
    assert caught.value.code == code
    assert "bash" in str(caught.value)
    assert orchestrator.list_flow_runs(RunFilter()).rows == ()


def test_a_comment_that_only_names_a_cell_names_it(write, orchestrator):
    ran = run_notebook(write("# nbflow: task load\necho 1"))
    assert ran.cells[0].name == "load"


def test_nbflow_run_runs_it(write, orchestrator, capsys):
    path = write(PARAMETERS, 'echo "hello $who"')
    assert main.run(["run", str(path), "-p", "who=you", "--to", "script", "--output", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    folder = Path(said["executed_notebook"]).parent
    assert "hello you" in (folder / "notebook.ipynb").read_text()
    assert sorted(file.suffix for file in folder.iterdir() if file.stem == "notebook")


def test_threads_run_it_beside_others(write, orchestrator):
    path = write(PARAMETERS, 'echo "$who"')
    found: list[str] = []
    threads = [
        threading.Thread(
            target=lambda n=n: found.append(printed(run_notebook(path, {"who": n}), 2))
        )
        for n in ("a", "b")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["a", "b"]
