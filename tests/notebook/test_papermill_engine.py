"""papermill used by itself, with `--engine nbflow`: no store, no run, the truth in the file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from papermill.exceptions import PapermillExecutionError

SPEC = {"name": "python3", "language": "python", "display_name": "Python 3"}


@pytest.fixture
def write(tmp_path: Path, home: Path) -> Any:
    def write(*sources: str) -> tuple[str, str]:
        cells = [new_markdown_cell("# title"), *map(new_code_cell, sources)]
        cells[1].metadata["tags"] = ["parameters"]
        path = tmp_path / "in.ipynb"
        nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": SPEC}), path)
        return str(path), str(tmp_path / "out.ipynb")

    return write


def execute(paths: tuple[str, str], **options: Any) -> Any:
    options = {"engine_name": "nbflow", "progress_bar": False, **options}
    return papermill.execute_notebook(*paths, **options)


def statuses(path: str) -> list[str]:
    made = nbformat.read(path, as_version=4)
    nbformat.validate(made)
    return [c.metadata.papermill.status for c in made.cells if c.cell_type == "code"]


def test_it_executes_and_saves_outputs(write):
    paths = write("n = 1", "print(n)", "n + 1")
    made = execute(paths, parameters={"n": 41})
    assert made.cells[3].outputs[0].text == "41\n"
    assert made.cells[4].outputs[0].data["text/plain"] == "42"
    assert statuses(paths[1]) == ["completed"] * 4
    saved = nbformat.read(paths[1], as_version=4)
    assert saved.metadata.papermill.parameters == {"n": 41}
    assert saved.metadata.papermill.exception is None


def test_a_failing_cell_is_papermills_own_error_and_later_cells_are_pending(write):
    paths = write("1", "1/0", "3")
    with pytest.raises(PapermillExecutionError, match="ZeroDivisionError"):
        execute(paths)
    made = nbformat.read(paths[1], as_version=4)
    code = [c for c in made.cells if c.cell_type == "code"]
    assert [c.metadata.papermill.status for c in code] == ["completed", "failed", "pending"]
    assert made.metadata.papermill.exception is True


def test_a_dead_kernel_is_not_called_completed(write):
    paths = write("print('kept')", "import os; os._exit(3)", "3")
    with pytest.raises(DeadKernelError, match=r"cell 2 of 3 \(exited with code 3\)"):
        execute(paths)
    assert statuses(paths[1]) == ["completed", "failed", "pending"]
    assert nbformat.read(paths[1], as_version=4).cells[1].outputs[0].text == "kept\n"


def test_a_cell_that_takes_too_long_is_interrupted(write):
    paths = write("1", "import time; time.sleep(60)", "3")
    with pytest.raises(CellTimeoutError, match=r"longer than 0\.5 s"):
        execute(paths, execution_timeout=0.5)
    assert statuses(paths[1]) == ["completed", "failed", "pending"]


def test_the_command_line_works_with_its_options(write, tmp_path):
    paths = write(
        "n = 1", "print('to stdout', n)", "import sys; print('to stderr', file=sys.stderr)"
    )
    command = [
        *(sys.executable, "-m", "papermill", "--engine", "nbflow", *paths, "-p", "n", "2"),
        *("--log-output", "--stdout-file", str(tmp_path / "o"), "--progress-bar"),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "o").read_text() == "to stdout 2\n"
    assert "to stderr" in done.stderr
    assert "4/4" in done.stderr
    assert statuses(paths[1]) == ["completed"] * 4


def fresh(code: str) -> str:
    """Run code in a fresh interpreter and give what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    ).stdout.strip()  # fmt: skip


def test_importing_papermill_pulls_nothing_heavy_of_ours():
    code = "import papermill, sys; print([m for m in sys.modules if m.startswith('nbflow.')])"
    assert fresh(code) == "['nbflow.notebook', 'nbflow.notebook.papermill_engine']"


def test_the_engine_may_be_imported_before_papermill():
    code = "from nbflow.notebook.papermill_engine import NbflowEngine as e; import papermill; "
    code += (
        "from papermill.engines import papermill_engines as p; print(p.get_engine('nbflow') is e)"
    )
    assert fresh(code) == "True"


def test_lightened_imports_still_validate_notebooks():
    code = (
        "from nbflow.notebook import running; running.lighten(); import nbformat, sys\n"
        "from nbformat.v4 import new_notebook, new_code_cell\n"
        "nb = new_notebook(cells=[new_code_cell('1')]); nbformat.validate(nb)\n"
        "nb.cells[0].cell_type = 'no such'\n"
        "try: nbformat.validate(nb)\n"
        "except nbformat.ValidationError: print('refused', sys.modules['rfc3987_syntax'])"
    )
    assert fresh(code) == "refused None"
