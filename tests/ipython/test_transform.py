"""The input transformer: pure, quick, and blind to every cell that is not nbflow's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from nbflow.ipython import transform


class Shell:
    """What the transformer asks of a shell: IPython's own transformation."""

    def __init__(self) -> None:
        self.manager = TransformerManager()
        self.nbflow_cells = transform.transformer(self)
        self.manager.cleanup_transforms.append(self.nbflow_cells)

    def transform_cell(self, cell: str) -> str:
        return self.manager.transform_cell(cell)


SHELL = Shell()
PLAIN = TransformerManager()


def transformed(cell: str) -> str:
    return "".join(SHELL.nbflow_cells(cell.splitlines(keepends=True)))


def is_ours(cell: str) -> bool:
    return transform.first_line(cell.splitlines(keepends=True))[0] != ""


ORDINARY = [
    "",
    "\n",
    "x = 1\n",
    "%%time\nx = 1\n",
    "%%task?\n",
    "%%tasks\nx\n",
    "%%taskforce x\ny\n",
    "%%flows\nx\n",
    "%task x\n",
    "%flow x\n",
    "# nbflow tasks are fun\nx\n",
    "# nbflow: tasks\nx\n",
    "# nbflow: deploy\nx\n",
    "#nbflow task\n",
    "x = 1\n# nbflow: task late\n",
    "'''\n%%task x\n'''\n",
    "await nothing\n",
    "x = = 1\n",
    "## nbflow: task heading\n",
]


@pytest.mark.parametrize("cell", ORDINARY)
def test_ordinary_cells_are_handed_back_as_they_came(cell: str) -> None:
    lines = cell.splitlines(keepends=True)
    assert SHELL.nbflow_cells(lines) is lines
    assert "".join(lines) == cell


@given(st.text(st.sampled_from("%#nbflow: task\n\r\t'\"\\=(){}$!?;x"), max_size=40))
def test_any_text_that_is_not_ours_is_byte_identical(cell: str) -> None:
    if not is_ours(cell):
        assert transformed(cell) == cell


@given(st.sampled_from(ORDINARY[2:]), st.text(max_size=30))
def test_ipython_makes_the_same_of_ordinary_cells(cell: str, more: str) -> None:
    def made(manager: TransformerManager) -> str:
        try:
            return manager.transform_cell(cell + more)
        except SyntaxError as error:
            return str(error)

    assert made(SHELL.manager) == made(PLAIN)


MAGICS = [
    "%%task\nx = 1\n",
    "%%task a --retries 2\nx = 1\ny\n",
    "%%flow a\nawait b()\n",
    "%%task a\n!ls\nawait b()\n",
    "# nbflow: task a --tags x,y\nx = 1\n",
    "#nbflow:flow a\nasync with x: pass\n",
    "%%task a\nx = = 1\n",
    "%%flow a\n%%task b\nawait c()\n",
    "%%task a\n%%time\nx\n",
    "%%task a\n",
    "%%task --help\n",
]


@pytest.mark.parametrize("cell", MAGICS)
def test_twice_is_once(cell: str) -> None:
    once = transformed(cell)
    assert transformed(once) == once


@pytest.mark.parametrize("cell", MAGICS)
def test_unfinished_input_never_raises(cell: str) -> None:
    for end in range(len(cell)):
        transformed(cell[:end])
    SHELL.manager.check_complete(cell)


@given(st.sampled_from(["%%task", "%%flow x", "# nbflow: task y"]), st.text(max_size=60))
def test_no_body_makes_it_raise(first: str, body: str) -> None:
    assert isinstance(transformed(f"{first}\n{body}\n"), str)
    assert isinstance(transformed(f"{first}{body}\n"), str)


@pytest.mark.parametrize("line", ["task", "task a", "flow  a --retries 2", "task --help"])
@pytest.mark.parametrize("body", ["x = 1\n", "await x\n", "x = = 1\n", ""])
@pytest.mark.parametrize("mark", ["# nbflow: ", "#nbflow:", "#  nbflow:\t"])
def test_the_comment_means_the_same_as_the_magic(line: str, body: str, mark: str) -> None:
    magic = "%%" + line.replace("  ", " ")
    assert transformed(f"{mark}{line}\n{body}") == transformed(f"{magic}\n{body}")


def test_a_body_that_awaits_is_awaited() -> None:
    made = transformed("%%task a --retries 1\nx = !ls\nawait b(x)\n")
    assert made == (
        "await get_ipython().run_cell_magic('task', 'a --retries 1', 'x = !ls\\nawait b(x)\\n')\n"
    )


@pytest.mark.parametrize(
    "body",
    ["x = 1\n", "async def f():\n    await g()\n", "'await'\n", "# await\n"],
)
def test_a_body_that_does_not_await_stays_a_magic(body: str) -> None:
    assert transformed(f"%%task a\n{body}") == f"%%task a\n{body}"


def test_a_body_that_is_not_python_is_left_to_ipython_with_its_line_numbers() -> None:
    assert transformed("%%task a\nx = = 1\n") == "\nx = = 1\n"


def test_a_magic_is_complete_as_other_magics_are() -> None:
    for cell in ("%%{} a\n", "%%{} a\nx", "%%{} a\nawait x", "%%{} a\nx\n\n", "%%{} a\nx = = 1"):
        ours = SHELL.manager.check_complete(cell.format("task"))
        assert ours == PLAIN.check_complete(cell.format("time"))


def test_a_deep_nest_of_magics_is_no_trouble() -> None:
    assert transformed("%%task a\n" * 30 + "await x\n").count("await x") == 1
