"""The program `nbflow` as a person starts it: real processes, real kernels, a store in a folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NBFLOW = [sys.executable, "-m", "nbflow"]


@dataclass(frozen=True)
class Said:
    """What the program printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture
def nbflow(home: Path, tmp_path: Path) -> Callable[..., Said]:
    """Start the program, wait for its end."""

    def call(*words: object) -> Said:
        done = subprocess.run(
            [*NBFLOW, *map(str, words)], cwd=tmp_path, capture_output=True, text=True, timeout=110
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[..., Path]:
    """Write a notebook: a `parameters` cell, then such cells."""

    def write(*sources: str, name: str = "sales") -> Path:
        cells = [_cell("parameters", "rows: int = 3", ["parameters"])]
        cells += [_cell(f"cell-{at}", source, []) for at, source in enumerate(sources)]
        metadata = {
            "kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}
        }
        whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}
        path = tmp_path / f"{name}.ipynb"
        path.write_text(json.dumps(whole), encoding="utf-8")
        return path

    return write


def _cell(cell_id: str, source: str, tags: list[str]) -> dict[str, Any]:
    return {"cell_type": "code", "id": cell_id, "metadata": {"tags": tags}, "source": source,
            "outputs": [], "execution_count": None}  # fmt: skip


def texts(path: Path) -> list[str]:
    """Give what each code cell of an executed notebook printed."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(out.get("text", "") for out in cell["outputs"]) for cell in cells]


def executed(out: str) -> Path:
    (line,) = [line for line in out.splitlines() if line.startswith("Executed notebook: ")]
    return Path(line.removeprefix("Executed notebook: "))


def test_a_notebook_runs_with_its_parameters(
    nbflow: Callable[..., Said], notebook: Callable[..., Path], tmp_path: Path
) -> None:
    path = notebook("total = rows * 2", "print(total)")
    before = path.read_bytes()
    said = nbflow("run", path, "-p", "rows=21", "-o", "done.ipynb", "--name", "first")
    assert (said.code, said.err) == (0, "")
    assert "first: Completed" in said.out
    assert texts(tmp_path / "done.ipynb")[-1] == "42\n"
    assert path.read_bytes() == before

    whole = json.loads(nbflow("flow-run", "inspect", "first", "--output", "json").out)
    assert whole["state"]["type"] == "COMPLETED"
    assert whole["parameters"] == {"rows": 21}
    assert {cell["state"]["type"] for cell in whole["task_runs"]} == {"COMPLETED"}
    assert Path(whole["executed_notebook"]).is_file()


def test_a_failing_cell_gives_1_and_the_executed_notebook_is_kept(
    nbflow: Callable[..., Said], notebook: Callable[..., Path]
) -> None:
    said = nbflow("run", notebook("print('before')", "1 / 0", "print('after')"))
    assert said.code == 1
    assert "ZeroDivisionError: division by zero" in said.out
    assert texts(executed(said.out)) == ["", "before\n", "", ""]


def test_a_dead_kernel_gives_138(
    nbflow: Callable[..., Said], notebook: Callable[..., Path]
) -> None:
    said = nbflow("run", notebook("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert said.code == 138
    assert "Kernel died" in said.out


def test_an_interrupt_cancels_the_run_and_gives_130(
    home: Path, notebook: Callable[..., Path], tmp_path: Path, wait_for: Callable[..., object]
) -> None:
    begun = tmp_path / "begun"
    path = notebook(f"import time\nopen({str(begun)!r}, 'w').close()\ntime.sleep(100)")
    process = subprocess.Popen(
        [*NBFLOW, "run", str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(begun.exists, seconds=60, what="the cell")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert "Cancelled" in out


def test_a_deployment_is_made_listed_inspected_and_run(
    nbflow: Callable[..., Said], notebook: Callable[..., Path]
) -> None:
    path = notebook("rows")
    said = nbflow("deploy", path, "--cron", "0 7 * * 1-5", "--timezone", "Europe/Paris")
    assert said.code == 0
    assert "At 07:00 on weekdays (Europe/Paris)" in said.out
    assert said.out.count("  next  ") == 5
    assert "Start `jupyter lab` or `nbflow server start`." in said.err

    (row,) = json.loads(nbflow("deployment", "ls", "--output", "json").out)
    assert (row["name"], row["path"]) == ("sales", str(path))
    whole = json.loads(nbflow("deployment", "inspect", "sales", "--output", "json").out)
    assert whole["id"] == row["id"]

    assert nbflow("deployment", "run", "sales", "-p", "rows=5", "--run-name", "now").code == 0
    (run,) = json.loads(nbflow("flow-run", "ls", "--output", "json").out)
    assert (run["name"], run["state"]["type"]) == ("now", "SCHEDULED")
    assert nbflow("flow-run", "cancel", run["id"][:18]).code == 0


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["deploy", "gone.ipynb"], 2, "There is no notebook"),
        (["deploy", "broken.ipynb"], 2, "broken.ipynb is not JSON: "),
        (["run", "broken.ipynb"], 2, "line 1, column"),
        (["run", "sales.ipynb", "-k", "no-such"], 2, "There is no kernel 'no-such' here."),
        (["run", "sales.ipynb", "-p", "rows=many"], 2, "takes a whole number, not 'many'"),
        (["deploy", "sales.ipynb", "-p", "rws=1"], 2, "Did you mean 'rows'?"),
        (["deploy", "sales.ipynb", "--cron", "1,2,,3 * * * *"], 2, "position"),
        (["deploy", "sales.ipynb", "--cron", "0 24 * * *"], 2, "Write midnight as hour 0"),
        (["deploy", "sales.ipynb", "--cron", "@daily", "--timezone", "Mars/X"], 2, "time zone"),
        (["flow-run", "inspect", "01a20000-0000-7000-8000-000000000001"], 1, "There is no run"),
        (["deployment", "run", "nothing"], 1, "There is no deployment 'nothing'."),
        (["deployment", "rnu", "sales"], 2, "Did you mean 'run'?"),
        (["worker", "start", "--limit", "none"], 2, "is not a whole number"),
    ],
)
def test_bad_input_is_one_line_and_makes_nothing(
    nbflow: Callable[..., Said], notebook: Callable[..., Path], tmp_path: Path, home: Path,
    words: list[str], code: int, expected: str,
) -> None:  # fmt: skip
    notebook("rows")
    (tmp_path / "broken.ipynb").write_text('{"cells": [', encoding="utf-8")
    said = nbflow(*words)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith("nbflow: ")
    assert said.err.count("\n") == 1
    assert expected in said.err
    assert not (home / "runs").exists()
    assert not (home / "snapshots").exists()


@pytest.mark.parametrize("words", [["--help"], ["flow-run", "--help"], ["deploy", "--help"]])
def test_help_loads_nothing_heavy(home: Path, words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "nbflow", *words],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    heavy = (
        "sqlalchemy pydantic tornado IPython papermill nbformat httpx rich zmq traitlets".split()
    )
    assert loaded.isdisjoint(heavy)
    assert "nbflow" in loaded


def test_a_reader_that_leaves_early_is_no_error(nbflow: Callable[..., Said], home: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*NBFLOW, "--help"], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


def test_jupyter_has_nbflow_as_a_command(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "nbflow", "version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)
