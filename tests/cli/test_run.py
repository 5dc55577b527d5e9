"""`nbflow run` costs no more than it must."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_RUN = """
import sys

import pytest
from nbflow.cli.main import run
code = run(["run", sys.argv[1]])
print(code, "jsonschema" in sys.modules, sys.modules.get("rfc3987_syntax"))
"""


def test_what_makes_importing_nbformat_slow_is_kept_out_of_the_process(home, tmp_path):
    cell = {"cell_type": "code", "id": "a", "source": "1", "metadata": {}}
    cell |= {"outputs": [], "execution_count": None}
    path = tmp_path / "one.ipynb"
    path.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]})
    )
    done = subprocess.run([sys.executable, "-c", _RUN, str(path)], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "0 True None", done.stdout + done.stderr


@pytest.fixture
def notebook(tmp_path):
    cell = {"cell_type": "code", "id": "a", "source": "print('ran')", "metadata": {}}
    cell |= {"outputs": [], "execution_count": None}
    path = tmp_path / "sales.ipynb"
    path.write_text(
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]})
    )
    return path


def test_the_executed_notebook_lies_beside_its_source_which_is_left_alone(
    home, notebook, nbflow, tmp_path
):
    source = notebook.read_bytes()
    said = nbflow("run", str(notebook))
    assert said.code == 0, said.err
    beside = tmp_path / "sales-executed.ipynb"
    assert f"Executed notebook: {beside}" in said.out
    assert json.loads(beside.read_text())["cells"][0]["outputs"][0]["text"] in ("ran\n", ["ran\n"])
    assert notebook.read_bytes() == source
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", beside.name, notebook.name]


def test_a_place_that_cannot_be_written_is_said_and_the_run_succeeds(
    home, notebook, nbflow, tmp_path
):
    (tmp_path / "sales-executed.ipynb").mkdir()
    said = nbflow("run", str(notebook), "--output", "json")
    assert said.code == 0
    assert "cannot be written to" in said.err
    told = json.loads(said.out)
    assert told["output_path"] is None
    assert told["executed_notebook"].startswith(str(home))
    assert not list(tmp_path.glob(".*.part"))


def test_no_copy_is_written_where_none_is_wanted(home, notebook, nbflow, tmp_path):
    said = nbflow("run", str(notebook), "-o", "none")
    assert said.code == 0
    assert f"Executed notebook: {home}" in said.out
    assert not list(tmp_path.glob("*executed*"))


def test_the_notebook_itself_is_never_overwritten(home, notebook, nbflow, tmp_path):
    said = nbflow("run", str(notebook), "-o", str(tmp_path / "." / "sales.ipynb"))
    assert said.code == 2
    assert "is the notebook itself" in said.err
