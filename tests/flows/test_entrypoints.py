"""Finding a flow by its entrypoint."""

from __future__ import annotations

import sys

import pytest

from nbflow.exceptions import InvalidInput, NotFound
from nbflow.flows import load_flow_from_entrypoint

SOURCE = """
import helper_of_entrypoints
from nbflow import flow, task

@flow(name="Report", description="Told.")
def report(day: int = helper_of_entrypoints.DAY):
    return day

@task
def no_flow():
    pass

class Holder:
    @flow
    def method(self):
        return 1

if __name__ == "__main__":
    raise RuntimeError("run as a program")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "reports.py").write_text(SOURCE)
    (tmp_path / "helper_of_entrypoints.py").write_text("DAY = 7")
    (tmp_path / "broken.py").write_text("import no_such_module_anywhere")
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in ("helper_of_entrypoints", "reports", "broken"):
        sys.modules.pop(name, None)


def test_a_flow_in_a_file_is_imported_with_its_neighbours(folder):
    found = load_flow_from_entrypoint(f"{folder}/reports.py:report")
    assert (found.name, found.description, found.fn()) == ("Report", "Told.", 7)
    assert load_flow_from_entrypoint(f"{folder}/reports.py:Holder.method").name == "method"


def test_a_flow_in_a_module_is_found_both_ways(folder, monkeypatch):
    monkeypatch.syspath_prepend(folder)
    assert load_flow_from_entrypoint("reports:report").name == "Report"
    assert load_flow_from_entrypoint("reports.report").name == "Report"


@pytest.mark.parametrize(
    ("entrypoint", "error", "said"),
    [
        ("reports.py:reprot", NotFound, "Did you mean 'report'"),
        ("reports.py:no_flow", NotFound, "is a Task"),
        ("missing.py:report", NotFound, "no file"),
        ("no_such_module_anywhere:report", NotFound, "no module"),
        ("report", InvalidInput, "path.py:name"),
        ("", InvalidInput, "path.py:name"),
        ("reports.py:", InvalidInput, "path.py:name"),
        ("reports.py:a b", InvalidInput, "path.py:name"),
        ("book.ipynb:report", InvalidInput, "path.py:name"),
        (3, InvalidInput, "is text"),
    ],
)
def test_what_names_no_flow_is_told(folder, monkeypatch, entrypoint, error, said):
    monkeypatch.chdir(folder)
    with pytest.raises(error, match=said) as caught:
        load_flow_from_entrypoint(entrypoint)
    assert caught.value.field == "entrypoint"


def test_an_error_in_the_users_own_file_is_the_users_own(folder):
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        load_flow_from_entrypoint(f"{folder}/broken.py:report")
