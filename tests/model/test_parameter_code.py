"""The injected cell of a Python notebook: executed, it gives each value as the type declared."""

from __future__ import annotations

import ast
import datetime as dt
import math
import pathlib
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.model import parameters
from nbflow.model.parameter_cell import schema
from nbflow.model.parameter_code import source

ENUM = "from enum import Enum\nclass Colour(Enum):\n    RED = 'red'\n    BLUE = 'blue'\n"


def arrived(cell, **values):
    """Give what a notebook has after its parameters cell and the injected one."""
    declared = schema(cell)
    text = source(declared, parameters.check(declared, values, what="x", partial=True))
    names = {}
    exec(ENUM, names)
    exec(text, names)
    return names


TYPED = [
    ("v: int = 1", 5, 5),
    ("v: float = 1", 5, 5.0),
    ("v = 1.5", 2, 2.0),
    ("v: float = 1", 2**60 + 1, 2**60 + 1),
    ("v: float = 1", float("-inf"), -math.inf),
    ("v: int | str = 1", "1", "1"),
    ("v: date", "2026-01-02", dt.date(2026, 1, 2)),
    ("v: date | None = None", None, None),
    ("v: date | None = None", "2026-01-02", dt.date(2026, 1, 2)),
    ("v: date | str = ''", "soon", "soon"),
    ("v = date(2026, 1, 1)", "2026-01-02", dt.date(2026, 1, 2)),
    ("v: datetime", "2026-01-02T03:04:05Z", dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
    ("v = datetime(2026, 1, 1)", "2026-01-02 03:04", dt.datetime(2026, 1, 2, 3, 4)),
    ("v: time", "07:30", dt.time(7, 30)),
    ("v: timedelta", "-PT90M", dt.timedelta(minutes=-90)),
    ("v: timedelta", "PT0S", dt.timedelta()),
    ("v: Path = Path('x')", "a'b\\c", pathlib.Path("a'b\\c")),
    ("v: UUID", "0" * 32, UUID(int=0)),
    ("v: Decimal", "1.50", Decimal("1.50")),
    ("v: bytes = b''", b"\x00\xff", b"\x00\xff"),
    ("v: tuple[int, str] = (1, '')", [2, "b"], (2, "b")),
    ("v: tuple[date, ...] = ()", ["2026-01-02"], (dt.date(2026, 1, 2),)),
    ("v: tuple[int, ...] = ()", [], ()),
    ("v: set[int] = set()", {1, 2}, {1, 2}),
    ("v: set[int] = set()", [], set()),
    ("v: list[Path] = []", ["a"], [pathlib.Path("a")]),
    ("v: dict[str, date] = {}", {"a": "2026-01-02"}, {"a": dt.date(2026, 1, 2)}),
    ("v: Unknown = 1", {"a": ["2026-01-02"]}, {"a": ["2026-01-02"]}),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "value", "expected"), TYPED, ids=str)
def test_a_value_arrives_as_what_is_declared(cell, value, expected):
    found = arrived(cell, v=value)["v"]
    assert found == expected
    assert type(found) is type(expected)


def test_nan_arrives():
    assert math.isnan(arrived("v: float", v=float("nan"))["v"])


@pytest.mark.parametrize(
    "declared", ["Colour", "Colour | None", "Literal[Colour.RED, Colour.BLUE]"]
)
def test_a_member_arrives_of_an_enum_that_the_cell_defines(declared):
    names = arrived(f"{ENUM}v: {declared} = Colour.RED", v="blue")
    assert names["v"] is names["Colour"].BLUE
    assert arrived(f"{ENUM}v: list[Colour]", v=["red"])["v"][0].name == "RED"
    assert arrived("v: Colour = Colour.RED", v="blue")["v"] == "blue"  # defined elsewhere


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip

TRICKY = [
    "'", '"', "\\", "\n", "\r", "\x00", "\u2028", "\u2029", "\u202e", "'''", "#", "{x}", "$(x)",
    "\\u0041", "{}", "\ufeff", "😀", "\x1b[31m", "x'; import os; y='",
]  # fmt: skip


@given(JSON | st.lists(st.sampled_from(TRICKY)).map("".join))
def test_any_json_value_arrives_as_it_is_and_is_a_literal(value):
    text = source({}, {"v": value})
    (assignment,) = ast.parse(text).body
    assert ast.literal_eval(assignment.value) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_of_a_typed_value_becomes_code(value):
    text = source(schema("p: Path"), {"p": value})
    (assignment,) = ast.parse(text).body
    assert isinstance(assignment.value, ast.Call)
    assert [type(argument) for argument in assignment.value.args] == [ast.Constant]
