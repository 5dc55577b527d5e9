"""Slices: which cells are in them, and what is generated around the flow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nbflow.exceptions import InvalidInput, InvalidNotebook
from nbflow.model import notebooks, slices
from nbflow.model.slices import FILLED, Slice

HERE = Path(__file__).parent
MESSY = HERE / "notebooks" / "messy.ipynb"
SECOND = HERE.parents[1] / "notebooks" / "02_flows_and_tasks.ipynb"


def document(*sources: str, parameters: str | None = None, **metadata: Any) -> dict[str, Any]:
    cells = [_cell(f"c{at}", source) for at, source in enumerate(sources)]
    own = [] if parameters is None else [_cell("own", parameters, "parameters")]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": [*own, *cells]}


def _cell(name: str, source: str, *tags: str) -> dict[str, Any]:
    return {
        "cell_type": "code", "id": name, "source": source, "execution_count": 3,
        "metadata": {"tags": list(tags)}, "outputs": [{"output_type": "stream", "text": "old"}],
    }  # fmt: skip


def shown(made: Slice) -> list[tuple[str, str]]:
    return [(cell["id"], cell["source"]) for cell in made.notebook["cells"]]


def executed(nb: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Execute a slice's cells with values injected where papermill puts them."""
    names: dict[str, Any] = {}
    values = slices.fill(nb, slices.parameters_schema(nb), given)
    own = notebooks.parameters_cell(nb)
    for cell in nb["cells"]:
        source = cell["source"]
        exec(source.partition("\n")[2] if source.startswith("%%") else source, names)
        if own is not None and cell["id"] == own[1]["id"]:
            names.update(values)
    return names


def read(path: Path) -> dict[str, Any]:
    return notebooks.parse(path.read_text(encoding="utf-8"), name=path.name)


# -- a %%flow cell ------------------------------------------------------------------------------
def test_a_flow_cell_gets_its_literals_as_parameters_right_before_it():
    made = slices.flow_slice(
        document("import math", "n: int = 3  # how many\ndead = 1", "data = [n] * 2",
                 "other = 5", "%%flow report\nprint(data, n)"),
        "report",
    )  # fmt: skip
    assert shown(made) == [
        ("c1", "n: int = 3  # how many\ndead = 1"),
        ("c2", "data = [n] * 2"),
        (FILLED, "n: int = 3  # how many"),
        ("c4", "%%flow report\nprint(data, n)"),
    ]
    assert made.notebook["cells"][2]["metadata"] == {"tags": ["parameters"]}
    assert [node.id for node in made.kept] == ["c1", "c2", "c4"]
    assert [node.id for node in made.left_out] == ["c0", "c3"]
    declared = made.schema["properties"]["n"]
    assert (declared["type"], declared["default"], declared["description"]) == (
        "integer", 3, "how many",
    )  # fmt: skip


def test_outputs_do_not_come_along():
    made = slices.flow_slice(document("a = []", "%%flow report\nprint(a)"), "report")
    assert all(cell["outputs"] == [] for cell in made.notebook["cells"])
    assert all(cell["execution_count"] is None for cell in made.notebook["cells"])


def test_a_given_value_is_what_the_body_sees_and_nothing_before_it():
    nb = document("n = 3", "data = [n] * 2", "%%flow report\nseen = (data, n)")
    assert executed(slices.flow_slice(nb, "report").notebook, {"n": 7})["seen"] == ([3, 3], 7)
    assert executed(slices.flow_slice(nb, "report").notebook, {})["seen"] == ([3, 3], 3)


def test_what_is_not_a_literal_is_recomputed_and_no_parameter():
    nb = document("a = [1]", "a.append(2)", "b = len(a)", "%%flow report\nseen = (a, b)")
    made = slices.flow_slice(nb, "report")
    assert made.schema["properties"] == {}
    assert executed(made.notebook, {})["seen"] == ([1, 2], 2)


def test_two_literals_of_one_line_become_parameters():
    made = slices.flow_slice(document("a, b = 1, 'x'", "%%flow r\nprint(a, b)"), "r")
    assert shown(made)[1] == (FILLED, "a = 1\nb = 'x'")


def test_a_flow_without_parameters_has_an_empty_cell_for_papermill():
    made = slices.flow_slice(document("%%flow report\nprint(1)"), "report")
    assert made.notebook["cells"][0]["metadata"] == {"tags": ["parameters"]}
    assert slices.parameters_schema(made.notebook)["properties"] == {}


# -- with the notebook's own parameters cell ----------------------------------------------------
def own_and_literal() -> dict[str, Any]:
    return document(
        "rows = [year] * 2", "top = 5", "%%flow report\nseen = (rows, year, top)",
        parameters="year: int = 2015",
    )  # fmt: skip


def test_the_notebooks_own_cell_keeps_what_it_declares():
    made = slices.flow_slice(own_and_literal(), "report")
    assert [name for name, _ in shown(made)] == ["own", "c0", "c1", FILLED, "c2"]
    assert shown(made)[3] == (FILLED, "top = 5")
    assert made.notebook["cells"][0]["metadata"]["tags"] == ["parameters"]
    assert made.notebook["cells"][3]["metadata"]["tags"] == [FILLED]
    assert list(made.schema["properties"]) == ["year", "top"]
    assert slices.parameters_schema(made.notebook) == made.schema


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({}, ([2015, 2015], 2015, 5)),
        ({"year": 2012}, ([2012, 2012], 2012, 5)),
        ({"top": 9}, ([2015, 2015], 2015, 9)),
        ({"year": 2012, "top": 9}, ([2012, 2012], 2012, 9)),
    ],
)
def test_each_given_value_is_used_whichever_cell_declares_it(given: dict[str, Any], seen: Any):
    made = slices.flow_slice(own_and_literal(), "report")
    assert executed(made.notebook, given)["seen"] == seen


def test_filling_again_replaces_what_was_filled_in():
    made = slices.flow_slice(own_and_literal(), "report").notebook
    schema = slices.parameters_schema(made)
    assert slices.fill(made, schema, {"top": 9, "year": 1}) == {"year": 1}
    assert slices.fill(made, schema, {"top": 7}) == {}
    cell = next(cell for cell in made["cells"] if cell["id"] == FILLED)
    assert cell["source"] == "top = 5\n# Parameters\ntop = 7"


def test_a_name_bound_again_to_a_literal_belongs_to_the_later_cell():
    nb = document("top = 5", "%%flow r\nseen = (top, n)", parameters="top = 1\nn = 2")
    made = slices.flow_slice(nb, "r")
    assert executed(made.notebook, {"top": 9, "n": 3})["seen"] == (9, 3)


# -- an @flow function --------------------------------------------------------------------------
FLOW = "from nbflow import flow"


def test_a_flow_function_is_called_with_its_signatures_parameters():
    made = slices.flow_slice(
        document(FLOW, "k = 2", "other = 1",
                 "@flow\ndef report(n: int, top: float = 1.5):\n    return n * k\n\nreport(3)"),
        "report",
    )  # fmt: skip
    assert shown(made)[:2] == [("c0", FLOW), ("c1", "k = 2")]
    assert shown(made)[2][1].endswith("return n * k\n\n# report(3)")
    assert shown(made)[3:] == [
        (FILLED, "n: int\ntop: float = 1.5"),
        ("nbflow-call", "report(n=n, top=top)"),
    ]
    assert made.schema["required"] == ["n"]


def test_all_that_follows_from_the_call_in_its_cell_becomes_a_comment():
    made = slices.flow_slice(
        document(f"{FLOW}\n@flow\ndef r(): return 1\nx = r()\nprint(x)\ny = 2\nif x:\n    r()"), "r"
    )
    assert shown(made)[0][1].splitlines()[3:] == [
        "# x = r()", "# print(x)", "y = 2", "# if x:", "#     r()",
    ]  # fmt: skip
    assert made.problems == ()


def test_a_call_that_shares_its_line_is_told():
    made = slices.flow_slice(document(f"{FLOW}\n@flow\ndef r(): return 1\ny = 2; r()"), "r")
    assert [one["code"] for one in made.problems] == ["slice.called_again"]


def test_async_and_positional_only_parameters_are_called_as_they_must_be():
    made = slices.flow_slice(
        document(f"{FLOW}\n@flow(retries=2)\nasync def r(a, /, b=1, *, c): ..."), "r"
    )
    assert shown(made)[-1][1] == "await r(a, b=b, c=c)"


def test_helpers_defined_below_the_flow_come_before_its_call():
    made = slices.flow_slice(
        document(FLOW, "@flow\ndef r(): return help_()", "x = 1", "def help_(): return x"), "r"
    )
    assert [name for name, _ in shown(made)] == ["c0", "c1", "c2", "c3", FILLED, "nbflow-call"]


def test_a_parameter_called_like_a_variable_of_the_notebook_does_not_replace_it():
    nb = document(
        "def flow(fn): return fn", "n = 10\ndef scale(x): return x * n",
        "@flow\ndef r(n=2): return scale(n)",
    )  # fmt: skip
    made = slices.flow_slice(nb, "r").notebook
    made["cells"][-1]["source"] = made["cells"][-1]["source"].replace("r(*", "seen = r(*")
    assert executed(made, {"n": 5})["seen"] == 50


def test_a_flow_of_the_tutorial_leaves_the_others_out():
    made = slices.flow_slice(read(SECOND), "warm_years")
    assert [node.id for node in made.kept] == ["tasks", "flow"]
    assert list(made.schema["properties"]) == ["years", "warm"]
    assert slices.flow_names(read(SECOND)) == ("warm_years", "rain", "publish", "ask_all")


# -- told ---------------------------------------------------------------------------------------
def test_it_says_what_runs_and_what_does_not():
    lines = str(slices.flow_slice(read(MESSY), "report")).splitlines()
    assert lines[0].startswith("report: runs 8 of 20 cells: import pandas as pd, The observations")
    assert lines[1].startswith("leaves out: How tables look, weather.shape")
    assert lines[2] == "parameters: least, year"
    assert lines[3] == "note: '!ls | head -3' is left out: it runs a shell command."


def test_what_cannot_be_known_is_told():
    nb = document("from m import *", "%run other.py", "a = 1", "%%flow r\nprint(a, nowhere)")
    codes = [one["code"] for one in slices.flow_slice(nb, "r").problems]
    assert codes == ["slice.unknown", "slice.unknown"]
    nb = document("%run other.py", "a = 1", "%%flow r\nprint(a)")
    (problem,) = slices.flow_slice(nb, "r").problems
    assert problem["message"].startswith("'%run other.py' is left out: %run binds")
    (problem,) = slices.flow_slice(document("%%flow r\nprint(nowhere)"), "r").problems
    assert problem["message"] == "'r' reads nowhere, which no cell binds."


def test_a_flow_that_is_not_there_is_refused_with_the_nearest():
    with pytest.raises(InvalidInput, match="There is no flow 'raport'") as error:
        slices.flow_slice(read(MESSY), "raport")
    assert (error.value.code, error.value.hint) == ("flow.unknown", "Did you mean 'report'?")


def test_another_language_is_refused():
    nb = document("x <- 1", kernelspec={"name": "ir", "language": "R"})
    with pytest.raises(InvalidNotebook, match="written in 'r'"):
        slices.flow_slice(nb, "report")


# -- some cells ---------------------------------------------------------------------------------
def test_cells_run_alone_with_what_they_need_or_with_what_needs_them():
    nb = document("a = 1", "b = a", "k = 2", "c = b + k", "d = 1")

    def kept(**how: bool) -> list[str]:
        return [node.id for node in slices.cells_slice(nb, ["c1"], **how).kept]

    assert kept() == ["c1"]
    assert kept(upstream=True) == ["c0", "c1"]
    assert kept(downstream=True) == ["c1", "c3"]
    assert kept(upstream=True, downstream=True) == ["c0", "c1", "c2", "c3"]


def test_a_cell_that_is_not_there_is_refused():
    with pytest.raises(InvalidInput, match="There is no code cell 'x'"):
        slices.cells_slice(document("a = 1"), ["x"])


# -- since a run --------------------------------------------------------------------------------
def test_values_written_into_a_run_make_nothing_stale():
    nb = own_and_literal()
    ran = slices.flow_slice(nb, "report").notebook
    slices.fill(ran, slices.parameters_schema(ran), {"top": 9})
    ran["cells"].insert(1, _cell("injected", "year = 2012", "injected-parameters"))
    assert not any(node.stale for node in slices.since(nb, ran, flow_name="report").cells)
    nb["cells"][1]["source"] = "rows = [year]"
    stale = [node.id for node in slices.since(nb, ran, flow_name="report").cells if node.stale]
    assert stale == ["c0", "c2"]


def test_cells_a_flow_left_out_are_stale_after_its_run():
    nb = document("a = []", "b = 1", "%%flow r\nprint(a)")
    ran = slices.flow_slice(nb, "r").notebook
    assert [n.id for n in slices.since(nb, ran, flow_name="r").cells if n.stale] == ["c1"]
