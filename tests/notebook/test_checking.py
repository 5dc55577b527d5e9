"""A notebook's imports are tried in its kernel, in its folder; the rest of it is not run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from nbflow.exceptions import InvalidInput
from nbflow.notebook import checking


def write(folder: Path, *sources: str, kernel: str = "python3") -> str:
    nb = new_notebook(cells=[new_code_cell(source) for source in sources])
    nb.metadata["kernelspec"] = {"name": kernel, "display_name": kernel, "language": "python"}
    path = folder / "a.ipynb"
    nbformat.write(nb, str(path))
    return str(path)


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One trial of a notebook that lacks several things."""
    folder = tmp_path_factory.mktemp("checked")
    (folder / "lib").mkdir()
    (folder / "lib" / "own_module.py").write_text("here = 1\n")
    (folder / "beside.py").write_text("import not_there_either\n")
    path = write(
        folder,
        "import json, os\nimport not_there, also_not_there.inside",
        "open('touched', 'w').close()\nimport sklearn_not_here",
        "import sys\nsys.path.append('lib')",
        "import own_module\nfrom own_module import gone",
        "def f():\n    import lazily_missing",
        "import beside",
        "try:\n    import optional_thing\nexcept ImportError:\n    optional_thing = None",
        "1 / 0",
    )
    return checking.check(path), folder


def test_what_is_missing_is_told_with_its_cell(checked: Any) -> None:
    found, _ = checked
    assert [(item.cell_index, item.module) for item in found.missing] == [
        (0, "not_there"),
        (0, "also_not_there"),
        (1, "sklearn_not_here"),
        (3, None),
        (4, "lazily_missing"),
        (5, "not_there_either"),
    ]
    assert "cannot import name 'gone'" in found.missing[3].message
    assert "pip install not_there" in (found.missing[0].hint or "")
    assert not found.fits


def test_nothing_else_was_run(checked: Any) -> None:
    found, folder = checked
    assert not (folder / "touched").exists()
    assert found.tried == 11


def test_a_notebook_with_everything_fits(tmp_path: Path) -> None:
    found = checking.check(write(tmp_path, "import json"))
    assert found.fits
    assert (found.tried, found.kernel_name) == (1, "python3")


def test_a_kernel_that_is_not_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as refused:
        checking.check(write(tmp_path, "import json", kernel="nope"))
    assert refused.value.code == "kernel.missing"


def test_a_kernel_that_does_not_start_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "kernels" / "broken"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-c", "raise SystemExit('no')", "{connection_file}"]
    text = json.dumps({"argv": argv, "display_name": "Broken", "language": "python"})
    (spec / "kernel.json").write_text(text)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    found = checking.check(write(tmp_path, "import json", kernel="broken"))
    assert not found.fits
    assert found.problem is not None
    assert "broken" in found.problem


def test_the_module_answers_a_server_in_json(tmp_path: Path) -> None:
    path = write(tmp_path, "import not_there")
    command = [sys.executable, "-m", "nbflow.notebook.checking"]
    done = subprocess.run([*command, path], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["missing"][0]["module"] == "not_there"
    gone = subprocess.run(
        [*command, str(tmp_path / "gone.ipynb")], capture_output=True, text=True, check=True
    )
    assert json.loads(gone.stdout)["error"]["code"] == "notebook.missing"
