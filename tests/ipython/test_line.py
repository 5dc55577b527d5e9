"""`%nbflow`: the whole command line inside a kernel, and what goes wrong is one line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nbflow.cli import table


@pytest.mark.parametrize("noun", table.nouns())
def test_every_noun_of_the_command_line_is_there(kernel: Any, noun: str) -> None:
    reply = kernel.run(f"%nbflow {noun} --help")
    words = table.of_noun(noun)[0].words
    if table.of_noun(noun)[0].stays and len(words) == 1:
        return
    assert reply.ok
    assert f"nbflow {noun}" in reply.text()


def test_alone_it_lists_the_commands(kernel: Any) -> None:
    said = kernel.run("%nbflow").text()
    assert said == kernel.run("%nbflow --help").text()
    for command in table.COMMANDS:
        assert f"nbflow {command.name} " in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("dploy", "%nbflow dploy: There is no command 'dploy'. Did you mean 'deploy'?"),
        ("flow-run inspct", "There is no verb 'inspct' of flow-run. Did you mean 'inspect'?"),
        ("flow-run ls --limit 0", "'0' is not a whole number of at least 1"),
        ("server start", "Start `nbflow server start` in a terminal."),
        ("deployment inspect nothing", "There is no deployment 'nothing'"),
        ("run nowhere.ipynb", "There is no notebook"),
    ],
)
def test_a_bad_command_is_an_exception_of_one_line(kernel: Any, line: str, said: str) -> None:
    reply = kernel.run(f"%nbflow {line}")
    (shown,) = reply.errors
    assert reply.content["ename"] == "CommandFailed"
    assert said in shown
    assert "\n" not in shown
    assert reply.text("stderr") == ""


def test_a_bad_command_stops_run_all(kernel: Any) -> None:
    assert kernel.run_all("%nbflow dploy", "1") == ["error", "aborted"]


def test_an_error_may_be_told_apart(kernel: Any) -> None:
    code = (
        "try:\n    %nbflow deployment inspect nothing\n"
        "except Exception as error:\n    print(error.code)"
    )
    assert kernel.run(code).text() == "not_found\n"


def test_what_braces_and_dollars_say_is_taken_as_it_is_written(kernel: Any) -> None:
    kernel.run("x = 1")
    assert kernel.run('%nbflow variable set braces \'{"x": "$x {x}"}\'').ok
    assert json.loads(kernel.run("%nbflow variable get braces").text()) == {"x": "$x {x}"}


def test_a_notebook_runs_from_a_notebook(kernel: Any) -> None:
    cells = [{"cell_type": "code", "id": "one", "metadata": {}, "source": "print(6 * 7)",
              "outputs": [], "execution_count": None}]  # fmt: skip
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": cells}
    (kernel.home / "inner.ipynb").write_text(json.dumps(whole))
    reply = kernel.run("%nbflow run inner.ipynb --name inner-one")
    assert reply.ok
    shown = kernel.run("%nbflow flow-run inspect inner-one").text()
    assert re.search(r"State\s+Completed", shown)
    whole["cells"][0]["source"] = "1 / 0"
    (kernel.home / "inner.ipynb").write_text(json.dumps(whole))
    reply = kernel.run("%nbflow run inner.ipynb")
    assert "exit code 1" in reply.errors[0]


# -- loading nbflow in every kernel -----------------------------------------------------------
def test_autoload_begins_every_kernel_with_nbflow(
    kernel_class: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbflow.cli import main

    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    assert main.run(["config", "autoload", "on"]) == 0
    loaded = kernel_class(folder)
    try:
        assert loaded.run("%%task at_once\n1").results == ["1"]
        assert loaded.value("'_nbflow_autoload' in globals()") == "False"
    finally:
        loaded.shut_down()


def test_autoload_does_no_harm_where_nbflow_is_missing(
    kernel_class: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbflow.cli import main

    folder = tmp_path / "own"
    (folder / "gone").mkdir(parents=True)
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    assert main.run(["config", "autoload", "on"]) == 0
    startup = folder / "ipython" / "profile_default" / "startup"
    (startup / "10-hide.py").write_text("import sys\nsys.modules['nbflow'] = None\n")
    bare = kernel_class(folder)
    try:
        reply = bare.run("2 + 2")
        assert reply.results == ["4"]
        assert bare.value("get_ipython().find_cell_magic('task')") == "None"
    finally:
        bare.shut_down()


def test_autoload_is_told_switched_off_and_never_writes_over_another_file(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from nbflow.cli import main

    def said(*words: str) -> Any:
        capsys.readouterr()
        code = main.run(["config", "autoload", *words, "--output", "json"])
        return json.loads(capsys.readouterr().out) if code == 0 else code

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    assert said()["autoload"] is False
    assert said("off")["autoload"] is False
    assert said("on")["autoload"] is True
    assert said("status")["autoload"] is True
    path = Path(said("off")["path"])
    assert not path.exists()
    path.write_text("print('mine')\n")
    assert [said("on"), said("off"), said()] == [1, 1, 1]
    assert path.read_text() == "print('mine')\n"
