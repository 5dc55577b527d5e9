"""What became of a cell and its run, in words."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell

from nbflow.model import states
from nbflow.notebook import outcomes
from nbflow.notebook.outcomes import Place


def test_cells_are_counted_as_people_count_them():
    injected = new_code_cell("n = 2", id="i", metadata={"tags": ["injected-parameters"]})
    cells = [
        new_markdown_cell("# title", id="m"),
        new_code_cell("n = 1", id="a"),
        injected,
        new_code_cell(" \n", id="empty"),
        new_code_cell("n", id="b"),
    ]
    found = outcomes.places(cells)
    assert {k: str(p) for k, p in found.items()} == {
        "a": "cell 1 of 2", "i": "the cell of injected parameters", "b": "cell 2 of 2"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("number", "said"),
    [(5, ""), (4, " Cell 5 did not run."), (3, " Cells 4–5 did not run."),
     (0, " Cells 1–5 did not run.")],
)  # fmt: skip
def test_what_did_not_run_is_said(number, said):
    assert Place("x", number, 5).rest() == said


def test_a_kernels_death_says_how_and_where():
    state = outcomes.died(Place("x", 3, 5), -9, "")
    assert state.is_crashed()
    assert state.message.startswith(
        "Kernel died in cell 3 of 5 (killed by signal 9). Cells 4–5 did not run."
    )
    assert state.details == {"cause": "kernel_died", "cell": "x", "exit_code": -9}
    last = outcomes.died(Place("x", 1, 1), 0, "Fatal Python error: Aborted")
    assert last.message == (
        "Kernel died in cell 1 of 1 (exited with code 0). "
        "Its last words: Fatal Python error: Aborted"
    )


@pytest.mark.parametrize("evalue", ["", None, "x" * 10**6, "\ud800\0 half", "two\nlines"])
def test_any_error_makes_a_message_every_store_takes(evalue):
    reply = {"status": "error", "ename": "Odd", "evalue": evalue}
    state = outcomes.replied(new_code_cell("1"), reply)
    assert state.is_failed()
    assert state.message.startswith("Odd")
    assert len(state.message) < 600
    assert "\0" not in state.message
    state.message.encode()


@pytest.mark.parametrize(
    ("reason", "cancelled", "said"),
    [
        ("interrupt", True, "Cancelled in cell 2 of 3. Cell 3 did not run."),
        ("orphaned", False, "The worker ended, so the run was stopped in cell 2 of 3. Cell 3 did"),
        ("lost", False, "Another process took the run over, so it was stopped in cell 2 of 3."),
    ],
)
def test_a_stop_says_why(reason, cancelled, said):
    place = Place("x", 2, 3)
    state = outcomes.stopped(reason, cancelled=cancelled, killed=False, place=place)
    assert state.message.startswith(said)
    assert state.type is (states.StateType.CANCELLED if cancelled else states.StateType.CRASHED)
