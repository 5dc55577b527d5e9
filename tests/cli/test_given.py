"""Parameters as they are typed, read by the schema's types."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow.cli import given
from nbflow.exceptions import InvalidInput

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"rows": {"type": "integer"}, "name": {"type": "string"}, "any": {}},
    "additionalProperties": False,
}


def read(*pairs: str, text: str | None = None) -> dict[str, Any]:
    return given.parameters(SCHEMA, pairs, text, what="sales")


def test_values_are_read_by_their_declared_type() -> None:
    assert read("rows=5", "name=5", "any=[1]") == {"rows": 5, "name": "5", "any": [1]}


def test_a_value_may_hold_an_equals_sign_and_be_empty() -> None:
    assert read("name=a=b") == {"name": "a=b"}
    assert read("name=") == {"name": ""}


def test_one_by_one_wins_over_the_object() -> None:
    assert read("rows=2", text='{"rows": 1, "name": "x"}') == {"rows": 2, "name": "x"}


@pytest.mark.parametrize(
    ("pairs", "text", "field"),
    [
        (["rows"], None, "param"),
        (["rows=x"], None, "rows"),
        (["rws=1"], None, "rws"),
        ([], "{", "parameters"),
        ([], "[1]", "parameters"),
        ([], "[" * 100_000, "parameters"),
    ],
)
def test_what_cannot_be_read_is_refused(pairs: list[str], text: str | None, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(*pairs, text=text)
    assert refused.value.field == field
    assert len(str(refused.value)) < 300
