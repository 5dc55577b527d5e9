"""Plans carried out: a resumed run ends with the values of one that nobody interrupted."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.model.cell_makers import Cell
from nbflow.model.resuming import Before, Earlier, Plan, Saved, first, plan

NAMES = st.sampled_from("abc")
STATEMENTS = st.one_of(
    st.builds("{} = [{}]".format, NAMES, st.integers(0, 9)),
    st.builds("{} = [*{}, 1]".format, NAMES, NAMES),
    st.builds("{}.append(len({}))".format, NAMES, NAMES),
    st.builds("{} += [7]".format, NAMES),
    st.builds("{} = f({})".format, NAMES, NAMES),
    st.builds("def f(x): return [*x, len({})]".format, NAMES),
    st.builds("{}.clear()".format, NAMES),
    st.just("{'kept': a}"),
)
CELLS = st.lists(
    st.lists(STATEMENTS, min_size=1, max_size=2).map("\n".join), min_size=2, max_size=7
)
BEGIN = "a, b, c = [1], [2], [3]\ndef f(x): return [0, *x]"


def execute(sources: list[str], namespace: dict[str, Any]) -> dict[str, Any]:
    for source in sources:
        exec(source, namespace)
    return namespace


def seen(namespace: dict[str, Any]) -> dict[str, Any]:
    return {name: namespace[name] for name in "abc"}


def carried_out(made: Plan, cells: list[Cell], values: dict[str, Any]) -> dict[str, Any]:
    """Do in a new namespace what a plan says; `values` is what was saved, all at once."""
    namespace: dict[str, Any] = {}
    for cell in cells:
        if cell.id in made.defined:
            exec(made.defined[cell.id], namespace)
    for at, cell in enumerate(cells):
        exec(made.redefined.get(cell.id, ""), namespace)
        wanted = made.restore.get(cell.id, ())
        there = copy.deepcopy(values)
        namespace |= {item.name: there[item.name] for item in wanted}
        if at >= made.start or cell.id in made.again:
            exec(cell.source, namespace)
    return namespace


@settings(max_examples=300)
@given(sources=CELLS, data=st.data())
def test_it_ends_as_if_nothing_had_happened(sources: list[str], data: st.DataObject) -> None:
    whole = [BEGIN, *sources, "(a, b, c)"]
    failed = data.draw(st.integers(1, len(whole) - 1))
    lost = data.draw(st.sets(NAMES))
    cells = [Cell(f"c{at}", source, number=at + 1) for at, source in enumerate(whole)]
    then = seen(execute(whole[:failed], {}))
    gone = [id(then[name]) for name in lost]  # what one name cannot save, none can
    kept = {name: value for name, value in then.items() if id(value) not in gone}
    places: dict[int, str] = {}
    saved = {
        name: (Saved(name, f"c{failed - 1}", places.setdefault(id(value), name)),)
        for name, value in kept.items()
    }
    earlier = tuple(Earlier(**vars(c), done=at < failed) for at, c in enumerate(cells))
    before = Before(earlier, saved)
    assert first(cells, before) == failed
    made = plan(cells, before, start=data.draw(st.integers(1, failed)))
    assert seen(carried_out(made, cells, kept)) == seen(execute(whole, {}))
