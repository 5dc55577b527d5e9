"""The cell graph of small notebooks, each for one way in which cells hang together."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from nbflow.exceptions import InvalidInput, InvalidNotebook
from nbflow.model import notebooks
from nbflow.model.cell_graph import CellGraph, cell_graph

HERE = Path(__file__).parent
MESSY = HERE / "notebooks" / "messy.ipynb"
TUTORIAL = HERE.parents[1] / "notebooks"

#: functions that give functions with a state of their own
KEEPS = "def f():\n    n = []\n    def g(): n.append(0)\n    return g"
COUNTS = "def f():\n    n = 0\n    def g():\n        nonlocal n\n        n += 1\n    return g"


def document(*sources: str | dict[str, Any], **metadata: Any) -> dict[str, Any]:
    cells = [{"source": one} if isinstance(one, str) else one for one in sources]
    base = {"cell_type": "code", "metadata": {}, "outputs": []}
    named = [base | {"id": f"c{at}"} | cell for at, cell in enumerate(cells)]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": named}


def graph(*sources: str | dict[str, Any], **metadata: Any) -> CellGraph:
    return cell_graph(document(*sources, **metadata))


def needed(*sources: str) -> list[int]:
    """Give which cells the last one needs."""
    made = graph(*sources)
    return [int(one[1:]) for one in made.needed_for([made.cells[-1].id])]


def read(path: Path) -> dict[str, Any]:
    return notebooks.parse(path.read_text(encoding="utf-8"), name=path.name)


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (("a = 1", "b = 2", "print(a)"), [0, 2]),
        (("a = 1", "a = 2", "print(a)"), [1, 2]),
        (("a = 1", "if c: a = 2", "print(a)"), [0, 1, 2]),
        (("a = []", "a.append(1)", "b = 1", "print(a)"), [0, 1, 3]),
        (("a = []", "b = a", "b.append(1)", "print(a)"), [0, 1, 2, 3]),
        (("a = []", "b = a.copy()", "b.append(1)", "print(a)"), [0, 3]),
        (("a = []", "b = [a]", "b[0].append(1)", "print(a)"), [0, 1, 2, 3]),
        (("a = 1", "a += 1", "print(a)"), [0, 1, 2]),
        (("k = 1", "def f(): return k", "k = 2", "print(f())"), [1, 2, 3]),
        (("def f(): return k", "k = 2", "print(f())"), [0, 1, 2]),
        (("def f(): return g()", "def g(): return k", "k = 2", "f()"), [0, 1, 2, 3]),
        (("a = []", "def f(): a.append(1)", "f()", "print(a)"), [0, 1, 2, 3]),
        (("a = []", "def f(): a.append(1)", "print(a)"), [0, 2]),
        (("a = []", "def f(x): x.append(1)", "f(a)", "print(a)"), [0, 1, 2, 3]),
        (("a = []", "def f(x): return len(x)", "f(a)", "print(a)"), [0, 3]),
        (("a = 0", "def f():\n    global a\n    a = 1", "f()", "print(a)"), [1, 2, 3]),
        ((KEEPS, "d = f()", "d()", "e = f()", "print(d())"), [0, 1, 2, 4]),
        ((COUNTS, "d = f()", "d()", "e = f()", "print(d())"), [0, 1, 2, 4]),
        (("class A:\n    def go(self): return k", "k = 1", "o = A()", "o.go()"), [0, 1, 2, 3]),
        (("class A:\n    n = []", "o = A()", "A.n.append(1)", "print(o.n)"), [0, 1, 2, 3]),
        (("a = 1", "del a", "a = 2", "print(a)"), [2, 3]),
        (("df = load()", "df.head()", "df['x'] = 1", "df.plot()", "df.mean()"), [0, 2, 4]),
        (("import numpy as np", "np.random.seed(0)", "x = np.random.rand()"), [0, 1, 2]),
        (("import random", "random.random()", "x = random.random()"), [0, 1, 2]),
        (("import os", "os.environ['A'] = '1'", "print(os.environ)"), [0, 1, 2]),
        (("import matplotlib.pyplot as plt", "plt.plot([1])", "plt.show()"), [0, 2]),
        (("import matplotlib.pyplot as plt", "plt.rcParams['a'] = 1", "plt.show()"), [0, 1, 2]),
        (("%%writefile helper.py\nx = 1", "a = 1", "import helper"), [0, 2]),
        (("sum = 3", "print(sum)"), [0, 1]),
        (("_hidden = 3", "print(_hidden)"), [0, 1]),
        (("%%capture out\nprint(1)", "a = 1", "out.show()"), [0, 2]),
        (("name = 'x'", "a = 1", "!echo {name}"), [0, 2]),
        (("n = 1", "a = 1", "%%task --if n > 0\npass"), [0, 2]),
        (("it = iter([1, 2])", "next(it)", "a = next(it)"), [0, 1, 2]),
        (("from os.path import *", "a = 1", "print(join('a'))"), [0, 2]),
        (("from os.path import *", "a = 1", "print(a)"), [1, 2]),
        (("%run setup.py", "a = 1", "print(a, b)"), [0, 1, 2]),
        (("x = (", "print(x)"), [1]),
    ],
)  # fmt: skip
def test_the_fewest_cells_that_a_cell_needs(sources: tuple[str, ...], expected: list[int]):
    assert needed(*sources) == expected


def test_upstream_and_downstream_leave_the_cell_itself_out():
    made = graph("a = 1", "b = a", "c = b", "d = 1")
    assert made.upstream("c1") == ("c0",)
    assert made.downstream("c1") == ("c2",)
    assert made.downstream("c3") == ()


def test_an_edge_says_which_name_leads_from_which_cell_to_which():
    made = graph("a = 1", "from m import *", "print(a, q)")
    assert {(edge.name, edge.start, edge.end, edge.sure) for edge in made.edges} == {
        ("a", "c0", "c2", True),
        ("q", "c1", "c2", False),
    }


def test_what_cannot_be_known_is_told_by_cell():
    made = graph("from m import *", "exec('x = 1')", "x = (")
    assert set(made.unknown) == {"c0", "c1", "c2"}
    assert "line 1: not Python" in made.unknown["c2"]


def test_a_name_that_no_cell_binds_is_missing():
    assert graph("print(nowhere)").cells[0].missing == ("nowhere",)
    assert graph("from m import *", "print(nowhere)").cells[1].missing == ()


def test_cells_that_do_not_run_are_left_out():
    skipped = {"source": "a = 1", "metadata": {"tags": ["skip-execution"]}}
    markdown = {"cell_type": "markdown", "source": "a = 1"}
    assert [node.id for node in graph(skipped, markdown, "", "a = 2").cells] == ["c3"]


def test_cells_have_their_kind_name_and_place():
    made = graph(
        {"source": "n = 1", "metadata": {"tags": ["parameters"]}},
        "%%task load\na = n",
        "# nbflow: flow report\nprint(a)",
        {"source": "b = 1", "metadata": {"nbflow": {"name": "third", "kind": "task"}}},
        "# Something else\nc = 1",
    )
    assert [(node.kind, node.name) for node in made.cells][1:] == [
        ("task", "load"), ("flow", "report"), ("task", "third"), ("plain", "Something else"),
    ]  # fmt: skip
    assert [node.index for node in made.cells] == [0, 1, 2, 3, 4]
    assert made.cells[0].kind == "parameters"


def test_a_copied_task_name_is_a_problem():
    (problem,) = graph("%%task load\na = 1", "%%task load\na = 2").problems
    assert problem["code"] == "notebook.copied_name"
    assert "'load'" in problem["message"]


def test_a_cell_is_found_by_name_and_id_and_a_wrong_name_by_its_nearest():
    made = graph("%%task load\na = 1", "# same\nb = 1", "# same\nc = 1")
    assert made.cell("load").id == "c0"
    assert made.cell("c1").id == "c1"
    with pytest.raises(InvalidInput, match="There is no code cell 'laod'") as error:
        made.cell("laod")
    assert error.value.hint == "Did you mean 'load'?"
    with pytest.raises(InvalidInput, match="2 cells are called 'same'") as error:
        made.cell("same")
    assert error.value.hint == "Say which by its id: c1, c2."


def test_another_language_is_refused_with_the_reason():
    with pytest.raises(InvalidNotebook, match="written in 'r'") as error:
        graph("x <- 1", kernelspec={"name": "ir", "language": "R"})
    assert error.value.code == "notebook.language"


# -- stale --------------------------------------------------------------------------------------
def test_a_changed_cell_and_all_that_need_it_are_stale():
    before = graph("a = 1", "b = a", "c = 5", "d = b + c").digests
    now = graph("a = 2", "b = a", "c = 5", "d = b + c")
    assert now.stale(before) == ("c0", "c1", "c3")


def test_comments_and_formatting_make_nothing_stale():
    before = graph("a = 1", "b = [a,\n     2]").digests
    assert graph("a  =  1  # one", "# two\nb = [a, 2]").stale(before) == ()


def test_a_cell_that_comes_between_makes_what_reads_it_stale():
    before = graph("a = 1", {"source": "b = a", "id": "b"}).digests
    now = graph("a = 1", {"source": "a = 2", "id": "new"}, {"source": "b = a", "id": "b"})
    assert now.stale(before) == ("new", "b")


@pytest.mark.parametrize("kind", ["%%task count", "# nbflow: task count", "%%flow count"])
def test_a_task_cell_can_be_called_by_its_name_and_reads_what_there_is_then(kind):
    assert needed("x = [1]", f"{kind}\nn = len(x)", "print(count())") == [0, 1, 2]
    assert needed("x = [1]", f"{kind}\nn = len(x)", "x = [1, 2]", "count()") == [0, 1, 2, 3]
    assert graph(f"{kind}\nn = 1", "count()").cells[-1].missing == ()


def test_a_name_that_is_a_variables_is_not_the_tasks():
    assert needed("count = 1", "%%task count\nn = 1", "print(count)") == [0, 2]
    assert needed("%%task count\nn = 1", "%%task count\nn = 2", "count()") == [1, 2]


def test_stale_cells_are_marked_wherever_the_graph_is_shown():
    made = graph("# One\na = 1", "# Two\nb = a").marked(["c1"])
    assert [node.stale for node in made.cells] == [False, True]
    assert "Two [stale]" in made.text()
    assert 'n1["Two"]:::stale' in made.mermaid()


# -- shown --------------------------------------------------------------------------------------
def test_the_text_names_what_each_cell_needs_from_which():
    made = graph("# Load\na, b = 1, 2", "# Use\nprint(a, b, c)", "from m import *")
    assert made.text().splitlines() == [
        "notebook: 3 code cells",
        "  Load",
        "  Use",
        "      <- Load: a, b",
        "      ?  no cell binds c",
        "  from m import *",
        "      ?  line 1: `from m import *` binds names that cannot be known",
    ]


def test_mermaid_has_the_names_at_its_arrows():
    text = graph("# Load\na = 1", "# Use\nprint(a)").mermaid()
    assert text == 'flowchart LR\n    n0["Load"]\n    n1["Use"]\n    n0 -->|a| n1\n'


def test_it_shows_itself_as_a_picture_in_a_notebook():
    shown = graph("a = 1", "b = a")._repr_mimebundle_()
    assert shown["image/svg+xml"].startswith("<svg")
    assert "notebook: 2 code cells" in shown["text/plain"]


# -- real notebooks -----------------------------------------------------------------------------
def test_the_first_tutorial_hangs_together_as_it_reads():
    made = cell_graph(read(TUTORIAL / "01_first_notebook.ipynb"))
    assert made.upstream("top-days") == ("parameters", "observations")
    assert made.upstream("artifacts") == ("parameters", "observations", "top-days")
    assert made.downstream("months") == ()
    assert all(not node.missing and not node.unknown for node in made.cells)


def test_the_second_tutorial_knows_all_its_names():
    made = cell_graph(read(TUTORIAL / "02_flows_and_tasks.ipynb"))
    assert made.upstream("states") == ("parameters", "tasks", "flow")
    assert all(not node.missing and not node.unknown for node in made.cells)


def test_of_the_messy_notebook_eight_cells_of_twenty_are_needed():
    made = cell_graph(read(MESSY))
    assert len(made.cells) == 20
    assert made.needed_for(["report"]) == (
        "imports", "load", "year", "helper", "month", "limits", "clean", "report",
    )  # fmt: skip


def test_two_thousand_cells_are_read_in_seconds_of_cpu_time():
    sources = ["import pandas as pd\ndf = pd.DataFrame({'a': [1]})\nlog = []"]
    forms = (
        "x{0} = df['a'].sum() + {0}\nlog.append(x{0})",
        "def f{0}(v):\n    w = v * x{1}\n    return [q for q in range(w)]",
        "y{0} = f{1}(3)\nif y{0}:\n    df['c{0}'] = y{0}[0]",
        "fig{0} = df.plot(x='a')\nprint(y{1})",
    )
    sources += [forms[(at - 1) % 4].format(at, at - 1) for at in range(1, 2000)]
    begin = time.process_time()
    made = graph(*sources)
    assert len(made.edges) < 10_000
    assert time.process_time() - begin < 60  # it takes two; a quadratic one took minutes


def test_a_node_says_what_its_cell_asks_for_and_which_of_it_stands_on_the_line():
    asks = {"metadata": {"nbflow": {"retries": 2, "name": "other"}}}
    named, line, wrong, plain = graph(
        asks | {"source": "%%task load\na = 1"},
        asks | {"source": "%%task clean --timeout 5m\nb = a"},
        {"source": "c = b", "metadata": {"nbflow": {"retries": "many"}}},
        "d = c",
    ).cells
    assert (named.options, named.on_line) == ({"name": "load", "retries": 2}, ("name",))
    assert (line.options, line.on_line) == ({"name": "clean", "timeout": 300}, ("name", "timeout"))
    assert wrong.problem is not None
    assert wrong.problem["field"] == "metadata.nbflow.retries"
    assert (plain.options, plain.on_line, plain.problem) == ({}, (), None)
