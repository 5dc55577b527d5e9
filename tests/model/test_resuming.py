"""Which cells of a resumed run are executed, and where the values come from that they read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.model.cell_makers import Cell
from nbflow.model.resuming import (
    Before,
    Earlier,
    Saved,
    check_start,
    first,
    match,
    named,
    plan,
)


def cells(*sources: str | Cell) -> tuple[Cell, ...]:
    made = [s if isinstance(s, Cell) else Cell(f"c{n}", s) for n, s in enumerate(sources, 1)]
    return tuple(replace(cell, number=n) for n, cell in enumerate(made, 1))


def was(given: tuple[Cell, ...], *, failed: int, **facts: str) -> Before:
    """Give what is left of a run of these cells that failed in one (its number)."""
    saved = {
        name: (Saved(name, after, f"{name}@{after}"),) for name, after in facts.items()
    }  # fmt: skip
    earlier = tuple(Earlier(**vars(cell), done=cell.number < failed) for cell in given)
    return Before(earlier, saved)


CHAIN = cells(
    "import pandas as pd",
    "df = pd.read_csv('a.csv')",
    "total = df.sum()",
    "rows = list(df)",
    "out = broken(total)",
    "print(out, rows)",
)


def where(found: object) -> dict[str, list[str]]:
    """Say by cell what is restored before it."""
    restore = found.restore  # pyright: ignore[reportAttributeAccessIssue]
    return {cell: sorted(item.name for item in items) for cell, items in restore.items()}


def test_what_completed_is_not_executed_and_what_is_read_is_restored() -> None:
    before = was(CHAIN, failed=5, df="c4", total="c4", rows="c4")
    assert first(CHAIN, before) == 4
    made = plan(CHAIN, before, start=4)
    assert list(made.reused) == ["c1", "c2", "c3", "c4"]
    assert made.again == {}
    assert where(made) == {"c5": ["rows", "total"]}  # nobody reads df any more
    assert made.defined == {"c1": "import pandas as pd"}


def test_what_was_not_saved_is_made_again_by_the_cells_that_make_it_and_no_others() -> None:
    before = was(CHAIN, failed=5, df="c4", total="c4")
    made = plan(CHAIN, replace(before, lost={"rows": "it is a lock"}), start=4)
    assert made.again == {"c4": {"rows": "it is a lock"}}
    assert where(made) == {"c4": ["df", "total"]}
    assert list(made.reused) == ["c1", "c2", "c3"]


def test_without_anything_saved_the_whole_slice_is_executed() -> None:
    given = cells("a = load()", "b = 1 + a", "unneeded = noise()", "c = b", "1 / 0 + c")
    made = plan(given, was(given, failed=5), start=4)
    assert list(made.again) == ["c1", "c2", "c4"]
    assert list(made.reused) == ["c3"]


def test_a_value_saved_after_another_cell_had_changed_it_is_not_the_one_of_before() -> None:
    given = cells("rows = []", "rows.append(f(1))", "n = len(rows)", "rows.append(f(2))", "1 / 0")
    before = was(given, failed=5, rows="c4", n="c4")
    made = plan(given, before, start=2)  # begin at cell 3: rows as after cell 2 is wanted
    assert list(made.again) == ["c2"]
    assert made.restore == {}  # the literal of cell 1 is defined again
    assert made.defined == {"c1": "rows = []"}


def test_what_changed_by_another_of_its_names_is_not_the_value_of_before() -> None:
    given = cells("rows = f()", "same = rows", "same.append(1)", "1 / 0 + len(rows)")
    whole = was(given, failed=4)
    one = {name: (Saved(name, "c3", "one place"),) for name in ("rows", "same")}
    made = plan(given, replace(whole, saved=one), start=2)
    assert list(made.again) == ["c1", "c2"]
    assert plan(given, replace(whole, saved=one), start=3).again == {}


def test_a_checkpoint_per_cell_holds_the_value_of_before() -> None:
    given = cells("rows = []", "rows.append(f(1))", "n = len(rows)", "rows.append(f(2))", "1 / 0")
    before = was(given, failed=5)
    saved = {"rows": tuple(Saved("rows", after, after) for after in ("c1", "c2", "c4"))}
    made = plan(given, replace(before, saved=saved), start=2)
    assert made.again == {}
    (item,) = made.restore["c3"]
    assert item.saved
    assert item.saved.after == "c2"


def test_the_stored_outputs_of_a_task_are_used_where_nothing_else_was_saved() -> None:
    given = cells(Cell("t", "%%task load\nx = fetch()", "load"), "y = x + 1", "1 / y")
    before = was(given, failed=2)
    stored = replace(before.cells[0], result_key="k", outputs=("x",))
    made = plan(given, replace(before, cells=(stored, *before.cells[1:])), start=1)
    (item,) = made.restore["c2"]
    assert (item.name, item.result_key, made.again) == ("x", "k", {})


def test_what_functions_read_is_had_when_they_are_used_and_not_else() -> None:
    given = cells(
        "scale = load()",
        "def f(x): return g(x)\ndef g(x): return x * scale\ndef h(): return huge",
        "huge = load_more()",
        "1 / 0 + f(2)",
    )
    made = plan(given, was(given, failed=4), start=3)
    assert made.again == {"c1": {"scale": "which was not saved"}}
    assert list(made.reused) == ["c2", "c3"]


def test_a_cell_that_may_do_anything_is_given_all_that_was_saved() -> None:
    given = cells("a = f()", "b = f()", "exec(code)")
    made = plan(given, was(given, failed=3, a="c2", b="c2"), start=2)
    assert where(made) == {"c3": ["a", "b"]}


# -- an edited notebook --------------------------------------------------------------------------
def test_the_edited_cell_that_failed_is_where_it_begins() -> None:
    edited = (*CHAIN[:4], replace(CHAIN[4], source="out = total"), CHAIN[5])
    assert first(edited, was(CHAIN, failed=5)) == 4


def test_comments_and_formatting_change_nothing() -> None:
    edited = (
        CHAIN[0],
        replace(CHAIN[1], source="# better\ndf = pd.read_csv( 'a.csv' )"),
        *CHAIN[2:],
    )
    assert first(edited, was(CHAIN, failed=5)) == 4


def test_an_edited_cell_above_is_where_it_begins() -> None:
    edited = (CHAIN[0], CHAIN[1], replace(CHAIN[2], source="total = df.mean()"), *CHAIN[3:])
    assert first(edited, was(CHAIN, failed=5)) == 2


def test_an_edited_function_begins_where_it_is_used() -> None:
    given = cells(
        "def f(x): return x", "def g(x): return f(x)", "a = 1 + load()", "b = g(a)", "1 / 0"
    )
    edited = (replace(given[0], source="def f(x): return x + 1"), *given[1:])
    assert first(edited, was(given, failed=5)) == 3
    unused = (*given[:2], replace(given[2]), replace(given[3], source="b = 7 * a"), given[4])
    assert first(unused, was(unused, failed=5)) == 4


def test_an_inserted_cell_is_where_it_begins_unless_it_only_imports() -> None:
    inserted = cells(*CHAIN[:2], Cell("new", "print(df.shape)"), *CHAIN[2:])
    assert first(inserted, was(CHAIN, failed=5)) == 2
    imported = cells(*CHAIN[:2], Cell("new", "import numpy as np"), *CHAIN[2:])
    assert first(imported, was(CHAIN, failed=5)) == 5


def test_a_deleted_cell_changes_those_that_read_what_it_made() -> None:
    without = cells(CHAIN[0], CHAIN[1], CHAIN[3], CHAIN[4], CHAIN[5])  # total is gone
    assert first(without, was(CHAIN, failed=6)) == 3
    shown = cells(CHAIN[0], CHAIN[1], "df.head()", *CHAIN[2:])
    assert first(CHAIN, was(shown, failed=6)) == 4


def test_reordered_cells_that_do_not_touch_each_other_change_nothing() -> None:
    turned = cells(CHAIN[0], CHAIN[1], CHAIN[3], CHAIN[2], CHAIN[4], CHAIN[5])
    assert first(turned, was(CHAIN, failed=5)) == 4
    chain = cells("x = f()", "y = g(x)", "x = h(x)", "z = x", "1 / 0")
    crossed = cells(chain[0], chain[2], chain[1], *chain[3:])
    assert first(crossed, was(chain, failed=5)) == 2  # y now reads another x


def test_a_renamed_cell_is_known_by_its_id_and_a_new_id_by_its_name_or_source() -> None:
    old = was(cells(Cell("a", "x = f()", "load"), Cell("b", "y = g(x)"), "1 / 0"), failed=3).cells
    now = cells(
        Cell("other", "x = f()", "load"), Cell("b", "y = g(x)", "clean"), Cell("n", "1 / 0")
    )
    found = match(now, old)
    assert {cell: earlier.id for cell, earlier in found.items()} == {
        "other": "a", "b": "b", "n": "c3",
    }  # fmt: skip


def test_a_copy_of_a_cell_is_a_new_cell() -> None:
    copied = cells(*CHAIN[:2], Cell("copy", CHAIN[1].source), *CHAIN[2:])
    found = match(copied, was(CHAIN, failed=5).cells)
    assert "copy" not in found
    assert found["c2"].id == "c2"
    assert first(copied, was(CHAIN, failed=5)) == 2


def test_two_cells_of_one_name_keep_their_ids_apart() -> None:
    twice = cells(Cell("a", "x = f()", "load"), Cell("b", "y = f()", "load"))
    turned = cells(twice[1], twice[0])
    found = match(turned, was(twice, failed=3).cells)
    assert {cell: earlier.id for cell, earlier in found.items()} == {"a": "a", "b": "b"}


# -- where a person lets it begin -----------------------------------------------------------------
def test_a_cell_is_meant_by_its_name_its_id_or_its_number() -> None:
    given = cells("a = 1", Cell("x2", "b = 2", "clean"), "c = 3")
    assert [named(given, text) for text in ("clean", "x2", "2", "c3")] == [1, 1, 1, 2]
    with pytest.raises(InvalidInput) as refused:
        named(given, "cleen")
    assert refused.value.field == "resume_from"
    assert "clean" in str(refused.value)


def test_a_run_cannot_begin_after_what_has_not_run() -> None:
    before = was(CHAIN, failed=3)
    check_start(CHAIN, 2, before)
    with pytest.raises(InvalidInput, match="cell 3 did not complete"):
        check_start(CHAIN, 4, before)
