"""Notebooks read from text: what is mended, what is refused, and what is known of their cells."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.exceptions import InvalidNotebook
from nbflow.model import notebooks


def code(source="", *, tags=(), id="a", **metadata):
    metadata = {**metadata, **({"tags": list(tags)} if tags else {})}
    return {"cell_type": "code", "id": id, "source": source, "metadata": metadata,
            "outputs": [], "execution_count": None}  # fmt: skip


def document(*cells, **changed):
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells), **changed}


def parse(*cells, **changed):
    return notebooks.parse(json.dumps(document(*cells, **changed)), name="x.ipynb")


# -- reading ----------------------------------------------------------------------------------


def test_reads_what_nbformat_reads():
    nb = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "p", "display_name": "P"}})
    stream = nbformat.v4.new_output("stream", name="stdout", text="one\ntwo\n")
    table = nbformat.v4.new_output(
        "execute_result",
        data={"text/plain": "a\nb", "application/json": ["a", "b"], "image/png": "iVBO\n"},
        execution_count=3,
    )
    nb.cells = [
        nbformat.v4.new_markdown_cell("# Title\ntext"),
        nbformat.v4.new_code_cell("a = 1\nb = 2", outputs=[stream, table], execution_count=3),
        nbformat.v4.new_raw_cell("raw"),
    ]
    text = nbformat.writes(nb)
    assert notebooks.parse(text, name="x.ipynb") == nbformat.reads(text, 4)


BROKEN = [
    ("", "empty"),
    (" \n", "empty"),
    ("null", "object"),
    ("[]", "object"),
    ("5", "object"),
    ('{"nbformat": 4, "cells": [', "line 1, column 27"),
    ('{"nbformat": 4,\n"nbformat_minor": 5,\n oops}', "line 3, column 2"),
    ('{\n<<<<<<< HEAD\n"a": 1\n=======\n"a": 2\n>>>>>>> x\n}', "merge"),
    ("\udcff{}", "UTF-8"),
    (json.dumps(document(code("'\ud800'"))), "UTF-8"),
    ("{'a': 1}", "line 1, column 2"),
    ("[" * 100_000, "deep"),
    ('{"a": ' * 100_000, "deep"),
    ('{"nbformat": ' + "9" * 5000 + "}", "digits"),
]


@pytest.mark.parametrize(("text", "said"), BROKEN, ids=lambda value: ascii(value)[:30])
def test_broken_text_is_refused_with_its_place(text, said):
    began = time.process_time()
    with pytest.raises(InvalidNotebook) as caught:
        notebooks.parse(text, name="x.ipynb")
    assert time.process_time() - began < 4
    assert caught.value.code == "notebook.invalid"
    assert caught.value.field == "path"
    assert "x.ipynb" in caught.value.message
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("major", [5, 99, 1, 0, -4, "4", 4.0, True, None, [4]])
def test_other_versions_are_refused(major):
    with pytest.raises(InvalidNotebook) as caught:
        parse(nbformat=major)
    assert caught.value.code == "notebook.version"


@pytest.mark.parametrize("minor", [None, "5", -1, 4.5])
def test_missing_minor_is_refused(minor):
    with pytest.raises(InvalidNotebook) as caught:
        parse(nbformat_minor=minor)
    assert caught.value.code == "notebook.version"


WRONG = [
    {"cells": None},
    {"cells": {}},
    {"cells": [None]},
    {"cells": [["a"]]},
    {"cells": [{"cell_type": "heading", "source": "x"}]},
    {"cells": [{"cell_type": 5, "source": "x"}]},
    {"cells": [{"source": "x"}]},
    {"cells": [{"cell_type": "code", "source": 5}]},
    {"cells": [{"cell_type": "code", "source": ["a", 5]}]},
    {"cells": [{"cell_type": "code", "source": "", "metadata": []}, {"cell_type": []}]},
    {"cells": [{"cell_type": "code", "source": "", "metadata": "x"}]},
    {"cells": [{"cell_type": "code", "source": "", "outputs": {"a": 1}}]},
    {"cells": [{"cell_type": "code", "source": "", "outputs": [5]}]},
    {"cells": [{"cell_type": "code", "source": "", "outputs": [{"output_type": "video"}]}]},
    {"cells": [{"cell_type": "code", "source": "", "outputs": [
        {"output_type": "stream", "name": "stdout", "text": 5}]}]},
    {"metadata": []},
]  # fmt: skip


@pytest.mark.parametrize("changed", WRONG, ids=lambda value: str(value)[:60])
def test_wrong_shape_is_refused(changed):
    with pytest.raises(InvalidNotebook) as caught:
        parse(**changed)
    assert caught.value.code == "notebook.invalid"


def test_no_cells_key_is_refused():
    with pytest.raises(InvalidNotebook, match="cells"):
        notebooks.parse('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', name="x.ipynb")


def test_escaped_emoji_is_no_half_character():
    assert "\\ud83c" in json.dumps(document(code("'🎉'")))
    assert parse(code("'🎉'"))["cells"][0]["source"] == "'🎉'"


def test_byte_order_mark_is_tolerated():
    text = "\ufeff" + json.dumps(document(code("a = 1")))
    assert notebooks.parse(text, name="x.ipynb")["cells"][0]["source"] == "a = 1"


def test_what_is_missing_is_filled_in():
    text = '{"nbformat": 4, "nbformat_minor": 4, "cells": [{"cell_type": "code"}]}'
    nb = notebooks.parse(text, name="x.ipynb")
    assert (nb["metadata"], nb["nbformat_minor"]) == ({}, 5)
    nbformat.validate(nbformat.from_dict(nb))


def test_missing_and_wrong_ids_are_given_the_same_way_every_time():
    cells = [code("a = 1"), code("b = 2"), code("a = 1"), code("c"), code("d"), code("e")]
    for cell, given_id in zip(cells, [None, "good", "good", "x" * 65, "a b", 5], strict=True):
        cell["id"] = given_id
    del cells[0]["id"]
    first, second = parse(*cells), parse(*cells)
    ids = [cell["id"] for cell in first["cells"]]
    assert ids == [cell["id"] for cell in second["cells"]]
    assert ids[1] == "good"
    assert len(set(ids)) == 6
    nbformat.validate(nbformat.from_dict(first))
    moved = parse(code("new", id="n"), *cells)
    assert [cell["id"] for cell in moved["cells"]][1:] == ids


OLD = {
    3: {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "old"}, "worksheets": [
        {"metadata": {}, "cells": [
            {"cell_type": "heading", "level": 1, "source": ["Title"], "metadata": {}},
            {"cell_type": "code", "input": ["a = 1\n", "b = 2"], "language": "python",
             "outputs": [], "collapsed": False, "metadata": {}, "prompt_number": 1}]}]},
    2: {"nbformat": 2, "nbformat_minor": 0, "metadata": {"name": "older"}, "worksheets": [
        {"cells": [{"cell_type": "code", "input": "a = 1\nb = 2", "language": "python",
                    "outputs": []}]}]},
}  # fmt: skip


@pytest.mark.parametrize("major", OLD)
def test_old_version_is_upgraded_and_said_so(major):
    nb = notebooks.parse(json.dumps(OLD[major]), name="x.ipynb")
    assert nb["nbformat"] == 4
    assert notebooks.code_cells(nb)[-1][1]["source"] == "a = 1\nb = 2"
    assert [problem["code"] for problem in notebooks.problems(nb)] == ["notebook.old"]


@pytest.mark.parametrize("worksheets", [None, 5, [None], [{"cells": [{"cell_type": "code"}]}]])
def test_old_version_that_is_broken_is_refused(worksheets):
    text = json.dumps({"nbformat": 3, "nbformat_minor": 0, "worksheets": worksheets})
    with pytest.raises(InvalidNotebook):
        notebooks.parse(text, name="x.ipynb")


def test_too_large_text_is_refused(monkeypatch):
    monkeypatch.setattr(notebooks, "LARGEST", 1 << 20)
    with pytest.raises(InvalidNotebook) as caught:
        notebooks.parse(" " * (1 << 20) + "{}", name="x.ipynb")
    assert caught.value.code == "notebook.too_large"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
ALMOST = st.fixed_dictionaries(
    {"nbformat": st.sampled_from([4, 4, 4, 5]), "nbformat_minor": st.integers(0, 5)},
    optional={
        "metadata": JSON | st.just({}),
        "cells": JSON
        | st.lists(
            st.fixed_dictionaries(
                {"cell_type": st.sampled_from(["code", "markdown", "raw"])},
                optional={
                    "source": JSON | st.text(),
                    "metadata": JSON | st.fixed_dictionaries({"tags": JSON, "nbflow": JSON}),
                    "outputs": JSON,
                    "id": JSON,
                    "execution_count": JSON,
                },
            ),
            max_size=3,
        ),
    },
)


@given(JSON | ALMOST)
def test_any_json_is_a_notebook_or_a_clear_refusal(value):
    try:
        nb = notebooks.parse(json.dumps(value), name="x.ipynb")
    except InvalidNotebook:
        return
    for _, cell in notebooks.code_cells(nb):
        assert notebooks.cell_name(cell)
        assert isinstance(notebooks.skips(cell), bool)
        assert isinstance(notebooks.tags(cell), tuple)
    notebooks.kernel_name(nb)
    notebooks.language(nb)
    assert all(problem["message"] for problem in notebooks.problems(nb))


# -- cells ------------------------------------------------------------------------------------

NAMES = [
    ("%%task load --retries 2\nx = 1", "load"),
    ("%%task\nx = 1", "x = 1"),
    ("%%task --retries 2\nx = 1", "x = 1"),
    ("\n\n%%task load", "load"),
    ("%%time\n%%task load\nx", "load"),
    ("%%flow daily --params k=v\nrun()", "daily"),
    ("# nbflow: task load --retries 2\nx = 1", "load"),
    ("#nbflow: flow daily\nx = 1", "daily"),
    ("# nbflow: task\nx = 1", "x = 1"),
    ("# Load the data\ndf = 1", "Load the data"),
    ("# ------\n# Load\ndf = 1", "Load"),
    ("# %%\nx = 1", "x = 1"),
    ("# type: ignore\nx = 1", "x = 1"),
    ("\n\nimport pandas as pd\nx = 1", "import pandas as pd"),
    ("%%tasks load\nx = 1", "x = 1"),
    ("x = '''\n%%task no\n'''", "x = '''"),
    ("x" * 100, "x" * 59 + "…"),
    ("", "empty cell"),
    ("%%bash", "empty cell"),
]


@pytest.mark.parametrize(("source", "name"), NAMES, ids=lambda value: value[:25])
def test_cell_has_a_name(source, name):
    assert notebooks.cell_name(code(source)) == name


def test_name_in_the_metadata_gives_way_to_the_line():
    assert notebooks.cell_name(code("x = 1", nbflow={"name": "load"})) == "load"
    assert notebooks.cell_name(code("%%task clean\nx = 1", nbflow={"name": "load"})) == "clean"
    assert notebooks.cell_name(code("x = 1", nbflow="load")) == "x = 1"
    assert notebooks.cell_name(code("x = 1", nbflow={"name": " "})) == "x = 1"


def test_cells_and_their_tags():
    nb = parse(
        {"cell_type": "markdown", "id": "m", "source": "text", "metadata": {}},
        code("a", id="a", tags=["raises-exception"]),
        code("b", id="b", tags=["skip-execution"]),
        code(" \n", id="c"),
    )
    assert [at for at, _ in notebooks.code_cells(nb)] == [1, 2, 3]
    assert [notebooks.skips(cell) for cell in nb["cells"]] == [True, False, True, True]
    assert [notebooks.may_raise(cell) for cell in nb["cells"]] == [False, True, False, False]


def test_kernel_and_language():
    spec = {"name": "python3", "language": "python", "display_name": "Python 3"}
    nb = parse(metadata={"kernelspec": spec})
    assert (notebooks.kernel_name(nb), notebooks.language(nb)) == ("python3", "python")
    nb = parse(metadata={"kernelspec": {"name": "ir"}, "language_info": {"name": "R"}})
    assert (notebooks.kernel_name(nb), notebooks.language(nb)) == ("ir", "r")
    for metadata in ({}, {"kernelspec": None}, {"kernelspec": {"name": 5}, "language_info": []}):
        nb = parse(metadata=metadata)
        assert (notebooks.kernel_name(nb), notebooks.language(nb)) == (None, None)


def test_first_parameters_cell_counts_and_oddities_are_told():
    second = code("m = 2", id="b", tags=["parameters"])
    third = code("k = 3", id="c")
    third["metadata"]["tags"] = "parameters"
    nb = parse(code("n = 1", tags=["parameters"]), second, third)
    assert notebooks.parameters_cell(nb)[0] == 0
    assert list(notebooks.parameters_schema(nb)["properties"]) == ["n"]
    codes = [problem["code"] for problem in notebooks.problems(nb)]
    assert codes == ["notebook.parameters_twice", "notebook.tags"]


def test_tag_written_as_text_is_a_tag():
    cell = code("n = 1")
    cell["metadata"]["tags"] = "parameters"
    assert list(notebooks.parameters_schema(parse(cell))["properties"]) == ["n"]


def test_notebook_without_parameters_takes_none():
    schema = notebooks.parameters_schema(parse(code("n = 1")))
    assert schema["properties"] == {}
    assert schema["additionalProperties"] is False


def test_parameters_in_another_language_are_not_guessed():
    cell = code("n <- 1", tags=["parameters"])
    schema = notebooks.parameters_schema(parse(cell, metadata={"language_info": {"name": "R"}}))
    assert schema["properties"] == {}
    assert schema["x-source"] == "n <- 1"
    assert "additionalProperties" not in schema


def test_parameters_cell_that_is_not_python_is_a_problem_with_its_line():
    nb = parse(code("n = 1\nm = = 2", tags=["parameters"]))
    with pytest.raises(InvalidNotebook, match="line 2"):
        notebooks.parameters_schema(nb)
    assert notebooks.problems(nb)[0]["code"] == "notebook.parameters"


def test_notebook_where_nothing_would_run_is_told():
    assert [p["code"] for p in notebooks.problems(parse())] == ["notebook.empty"]


def test_reading_pulls_in_neither_nbformat_nor_jsonschema():
    check = (
        "import sys; from nbflow.model import notebooks, parameters, deploying, schedules; "
        f"notebooks.parse({json.dumps(document(code('a')))!r}, name='x'); "
        "heavy = {'nbformat', 'jsonschema', 'tornado', 'sqlalchemy',"
        " 'IPython', 'pydantic'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_would_refuse_a_run_is_a_problem_naming_the_cell():
    nb = parse(
        code("%%task load\nx = 1", id="a"),
        code("# nbflow: task load\ny = 1", id="b"),
        code("z = 1", id="c", nbflow={"retrys": 2}),
        code("%%task load\nleft = 'out'", id="d", tags=["skip-execution"]),
    )
    found = notebooks.problems(nb)
    assert [problem["code"] for problem in found] == ["cell.name", "cell.options"]
    assert "Cell b" in found[0]["message"]
    assert "'retries'" in found[1]["hint"]
    with pytest.raises(InvalidNotebook, match=r"daily\.ipynb: Cell b"):
        notebooks.check_cells(nb, name="daily.ipynb")


NEEDS = [
    ("x = 1", False),
    ("# nbflow is nice", False),
    ("%load_ext nbflow", True),
    ("%nbflow deploy", True),
    ("from nbflow import task", True),
    ("%%time\n%%task\nx", True),
    ("# nbflow: task load", True),
]


@pytest.mark.parametrize(("source", "needs"), NEEDS)
def test_a_notebook_with_magics_needs_nbflow_in_its_kernel(source, needs):
    assert notebooks.needs_nbflow(parse(code(source))) is needs
