"""Deploying the notebook that is open: by its path, saved as it ran, or refused with names."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nbflow.connect import connect


@dataclass
class Open:
    """A notebook that is open in a front end: cells with ids, saved when it is asked."""

    kernel: Any
    path: Path
    cells: dict[str, str] = field(default_factory=dict)
    tags: dict[str, list[str]] = field(default_factory=dict)

    def save(self) -> None:
        made = [
            {"cell_type": "code", "id": name, "metadata": {"tags": self.tags.get(name, [])},
             "source": source, "outputs": [], "execution_count": None}
            for name, source in self.cells.items()
        ]  # fmt: skip
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}}
        self.path.write_text(json.dumps({**whole, "cells": made}), encoding="utf-8")

    def run(self, name: str, source: str | None = None) -> Any:
        """Run a cell as JupyterLab does, with its id; with a source, it is typed first."""
        if source is not None:
            self.cells[name] = source
        return self.kernel.run(self.cells[name], cell_id=name)

    def edit(self, name: str, source: str) -> None:
        self.cells[name] = source


@pytest.fixture
def opened(start_kernel: Callable[..., Any], home: Path, tmp_path: Path) -> Open:
    path = tmp_path / "My notes.ipynb"
    made = Open(start_kernel(JPY_SESSION_NAME=str(path)), path)
    assert made.run("load", "%load_ext nbflow").ok
    assert made.run("one", "limit = 3").ok
    assert made.run("two", "total = limit * 2").ok
    made.save()
    return made


def test_the_parameters_a_run_was_given_are_not_missed_in_the_file(opened: Open) -> None:
    assert opened.kernel.run("# Parameters\nlimit = 4").ok
    reply = opened.run("deploy", "%nbflow deploy --every 1h")
    assert reply.ok, reply.errors


def test_the_notebook_is_deployed_without_saying_where_it_is(opened: Open) -> None:
    reply = opened.run("deploy", "%nbflow deploy --every 1h --tag mine")
    assert reply.ok, reply.errors
    assert "Deployed 'My notes'" in reply.text()
    (made,) = connect().list_deployments().rows
    assert (made.path, made.tags, made.made_by) == (str(opened.path), ("mine",), "cli")
    assert opened.run("deploy", "%nbflow deploy --name other").ok


def test_what_differs_from_what_ran_is_named_and_nothing_is_deployed(opened: Open) -> None:
    opened.run("one", "limit = 4")
    opened.run("new", "# Something new\nextra = 1")
    reply = opened.run("deploy", "%nbflow deploy")
    assert reply.content["ename"] == "CommandFailed"
    assert (
        "2 cells differ in the saved My notes.ipynb from what ran here: "
        "'limit = 3', 'Something new'. Save the notebook first;" in reply.errors[0]
    )
    assert connect().list_deployments().rows == ()
    opened.save()
    assert opened.run("deploy").ok


def test_a_cell_edited_and_saved_but_not_run_differs(opened: Open) -> None:
    opened.edit("two", "total = limit * 3")
    opened.save()
    assert "'total = limit * 3'" in opened.run("deploy", "%nbflow deploy").errors[0]
    assert opened.run("two").ok
    assert opened.run("deploy").ok


def test_what_does_not_matter_does_not_differ(opened: Open) -> None:
    opened.run("scratch", "1 + 1")
    del opened.cells["scratch"]  # deleted, then saved
    opened.cells["never_run"] = "never = 1"
    opened.edit("two", "total = limit * 2\n\n")
    opened.save()
    opened.run("look", "%nbflow version")  # not in the file, and no part of it
    assert opened.run("deploy", "%nbflow deploy").ok


def test_without_cell_ids_texts_are_compared(opened: Open) -> None:
    opened.kernel.run("typed = 'elsewhere'")
    reply = opened.kernel.run("%nbflow deploy")
    assert "1 cell differs" in reply.errors[0]
    opened.cells["late"] = "typed = 'elsewhere'"
    opened.save()
    assert opened.kernel.run("%nbflow deploy").ok


def test_a_path_that_is_said_is_taken(opened: Open, tmp_path: Path) -> None:
    opened.run("one", "limit = 5")  # not saved: no matter
    os.link(opened.path, tmp_path / "copy.ipynb")
    assert opened.run("deploy", f"%nbflow deploy {tmp_path / 'copy.ipynb'}").ok


def test_a_kernel_that_knows_no_notebook_says_so(start_kernel: Callable[..., Any]) -> None:
    kernel = start_kernel()
    (said,) = kernel.run("%nbflow deploy").errors
    assert "This kernel does not know where its notebook is saved." in said
    assert "%nbflow deploy NOTEBOOK.ipynb:FLOW" in said
    assert kernel.run("%nbflow deploy --help").ok


def test_how_it_is_executed_is_kept(opened: Open) -> None:
    line = "--checkpoint cell --on-failure keep-kernel 2h --to html --to script"
    assert opened.run("deploy", f"%nbflow deploy {line}").ok
    (made,) = connect().list_deployments().rows
    assert made.options == {
        "checkpoint": "cell", "keep_kernel_seconds": 7200.0, "exports": ["html", "script"],
    }  # fmt: skip
    for wrong in ("--checkpoint always", "--on-failure panic 2h", "--on-failure keep-kernel soon"):
        assert opened.run("deploy", f"%nbflow deploy {wrong}").content["ename"] == "CommandFailed"


def test_what_the_parameters_cell_binds_is_a_flows_parameter(opened: Open) -> None:
    opened.tags["given"] = ["parameters"]
    source = "import datetime\nsince = datetime.date(2024, 5, 1)\nmade = max(1, 2)"
    opened.edit("given", source)
    opened.save()
    opened.run("given")
    assert opened.run("flow", "%%flow report\nsince, made, limit").ok
    properties = opened.kernel.value("sorted(report.parameters['properties'])")
    assert properties == "['limit', 'since']"
    assert opened.kernel.run("report(limit=4)").results == ["(datetime.date(2024, 5, 1), 2, 4)"]


# -- one flow of it -----------------------------------------------------------------------------
FLOW = "%%flow report\ntotal + limit"


def test_a_flow_is_deployed_by_its_name(opened: Open) -> None:
    opened.run("flow", FLOW)
    opened.run("unused", "unused = 1")
    opened.save()
    said = opened.run("deploy", "%nbflow deploy report --cron '0 7 * * *' -p limit=9").text()
    assert "Deployed 'report'" in said
    assert "report: runs 3 of 5 cells: limit = 3, total = limit * 2, report" in said
    assert "leaves out: %load_ext nbflow, unused = 1" in said
    assert "parameters: limit" in said
    (made,) = connect().list_deployments().rows
    assert (made.function, made.parameters) == ("report", {"limit": 9})
    (wrong,) = opened.run("deploy", "%nbflow deploy reprot").errors
    assert wrong == (
        "%nbflow deploy reprot: There is no flow 'reprot' in the notebook. Did you mean 'report'?"
    )


def test_a_flow_cell_deploys_itself(opened: Open) -> None:
    opened.run("flow", FLOW)
    reply = opened.run("deploying", "report.deploy(parameters={'limit': 5}, interval=3600).name")
    assert reply.content["ename"] == "InvalidInput"
    assert "2 cells differ" not in reply.errors[0]  # the one that deploys is no matter
    assert (
        "1 cell differs in the saved My notes.ipynb from what ran here: 'report'."
        in (reply.errors[0])
    )
    opened.save()
    assert opened.run("deploying").results == ["'report'"]
    (made,) = connect().list_deployments().rows
    assert (made.function, made.made_by, made.parameters) == ("report", "code", {"limit": 5})
    assert len(made.schedules) == 1


def test_a_decorated_flow_of_a_cell_deploys_itself(opened: Open) -> None:
    function = "@flow(name='Daily totals')\ndef totals(n: int = 1):\n    return total * n"
    opened.run("flow", f"from nbflow import flow\n{function}")
    opened.save()
    reply = opened.run("deploying", "totals.deploy('nightly', parameters={'n': 2}).function")
    assert reply.results == ["'totals'"]
    (made,) = connect().list_deployments().rows
    assert (made.name, made.parameters) == ("nightly", {"n": 2})


def test_a_flow_of_a_module_is_deployed_from_its_file(opened: Open, tmp_path: Path) -> None:
    (opened.kernel.home / "helper_flows.py").write_text(
        "from nbflow import flow\n@flow\ndef elsewhere():\n    pass\n"
    )
    said = "import helper_flows\nhelper_flows.elsewhere.deploy().entrypoint"
    assert opened.run("deploying", said).results == ["'helper_flows.py:elsewhere'"]


def test_what_is_named_otherwise_is_not_this_notebook(opened: Open) -> None:
    folder = opened.path.parent
    (folder / "flows.py").write_text("from nbflow import flow\n\n@flow\ndef nightly(): ...\n")
    reply = opened.run("deploy", f"%nbflow deploy {folder}/flows.py:nightly")
    assert reply.ok, reply.errors
    (folder / "nbflow.yaml").write_text("deployments:\n- entrypoint: My notes.ipynb\n")
    reply = opened.run("deploy", f"%nbflow deploy --all --file {folder}/nbflow.yaml --yes")
    assert reply.ok, reply.errors
    made = {one.name: one.made_by for one in connect().list_deployments().rows}
    assert made == {"nightly": "cli", "My notes": "yaml"}
