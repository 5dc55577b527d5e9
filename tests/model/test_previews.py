"""Previews are short, cheap, and made of anything without harm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbflow.model import masking
from nbflow.model.previews import LONGEST, preview


@pytest.mark.parametrize(
    "value",
    [None, True, 1, -(10**20), 1.5, "a'b", b"\x00", [1, "x"], {"a": None}, (1, 2), {3}, [], {}],
)
def test_a_small_value_is_shown_as_it_is(value: Any) -> None:
    assert preview(value) == repr(value)


def test_large_values_are_cut() -> None:
    for value in (
        "x" * 10**6,
        b"x" * 10**6,
        list(range(10**6)),
        dict.fromkeys(range(9), "y" * 500),
    ):
        assert len(preview(value)) < LONGEST + 50
    assert preview("x" * 3000).startswith("3000 in all: 'xxx")
    assert preview(10**5000) == "an int of 16610 bits"


def test_arrays_and_tables_are_shown_by_shape_and_kind() -> None:
    assert preview(np.zeros((100, 3))) == "ndarray (100, 3) of float64: 0.0, 0.0, 0.0, 0.0, 0.0, …"
    table = pd.DataFrame({"day": ["mon"] * 50, "n": range(50)})
    assert preview(table).startswith("DataFrame of 50 rows, 2 columns: day ")
    assert "n int64" in preview(table)
    assert preview(pd.Series(range(50))) == "Series of 50: int64"


def test_a_list_inside_itself_is_shown() -> None:
    cyclic: list[Any] = [1]
    cyclic.append(cyclic)
    assert "..." in preview(cyclic)


class Fails:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize("value", [Fails(), [Fails()], {"a": Fails()}])
def test_a_repr_that_raises_does_no_harm(value: Any) -> None:
    assert "Fails" in preview(value) or "RuntimeError" in preview(value)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: "x" * (LONGEST - 8) + s,
        lambda s: ["x" * 52 + s + "y" * 300] * 50,
        lambda s: {"a": ["x" * (LONGEST - 40) + s]},
        lambda s: [[(s + "z" * 500).encode()] * 40],
        lambda s: [type("Shows", (), {"__repr__": lambda self: "x" * 115 + s})()] * 40,
    ],
)
def test_a_secret_is_masked_before_it_is_cut_in_two(wrap: Any) -> None:
    secret = "correct-horse-battery-staple"
    with masking.forgetting():
        masking.register_secret(secret)
        shown = preview(wrap(secret))
    assert not any(secret[at : at + 6] in shown for at in range(len(secret) - 5))


def test_every_database_takes_a_preview() -> None:
    assert "\ud800" not in preview(["\ud800"])
    assert "\0" not in preview("a\0b")
