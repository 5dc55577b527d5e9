"""Variables as user code sets and reads them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from nbflow import variables
from nbflow.exceptions import Conflict, InvalidInput
from nbflow.variables import Variable


def test_a_variable_is_set_read_and_unset(home: Path) -> None:
    made = Variable.set("region", {"eu": ["west", 1]}, tags=["geo"])
    assert (made.name, made.value, made.tags) == ("region", {"eu": ["west", 1]}, ("geo",))
    assert isinstance(made, Variable)
    assert Variable.get("region") == variables.get("region") == {"eu": ["west", 1]}
    assert Variable.unset("region") is True
    assert Variable.unset("region") is False
    assert Variable.get("region") is None


def test_the_default_stands_for_what_is_not_there(home: Path) -> None:
    assert variables.get("nothing", "else") == Variable.get("nothing", default="else") == "else"
    Variable.set("nothing", None)
    assert variables.get("nothing", "else") is None


def test_one_that_is_there_is_not_overwritten_unsaid(home: Path) -> None:
    Variable.set("a", 1)
    with pytest.raises(Conflict, match="there already"):
        Variable.set("a", 2)
    assert Variable.set("a", 2, overwrite=True).value == 2


def test_the_twins_are_awaited(home: Path) -> None:
    async def use() -> list[Any]:
        made = await Variable.aset("a", [1])
        return [made.value, await Variable.aget("a"), await Variable.aunset("a"),
                await Variable.aget("a", 5)]  # fmt: skip

    assert asyncio.run(use()) == [[1], [1], True, 5]


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def _cyclic() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize(
    "wrong",
    [float("nan"), float("inf"), {1: 2}, {"a": {2: 3}}, {1, 2}, b"x", object(), "\ud800",
     _nested(40), _cyclic(), [10**5000]],
)  # fmt: skip
def test_what_json_cannot_hold_is_refused_before_anything_is_kept(home: Path, wrong: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        Variable.set("a", wrong)
    assert (refused.value.code, refused.value.field) == ("variable.value", "value")
    assert not (home / "nbflow.sqlite").exists()


@pytest.mark.parametrize("wrong", ["", "Big", "a b", None, 5, "x" * 256])
def test_what_is_no_name_is_refused(home: Path, wrong: Any) -> None:
    for use in (lambda: Variable.set(wrong, 1), lambda: Variable.get(wrong, 1)):
        with pytest.raises(InvalidInput) as refused:
            use()
        assert (refused.value.code, refused.value.field) == ("variable.name", "name")


@pytest.mark.parametrize("wrong", ["tag", [""], ["a", "a"], [5], ["x" * 65]])
def test_tags_that_are_none_are_refused(home: Path, wrong: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        Variable.set("a", 1, tags=wrong)
    assert refused.value.code == "tags.invalid"
