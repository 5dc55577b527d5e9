"""Variables from the command line, in a real store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Call = Callable[..., Any]


@pytest.mark.parametrize(
    ("typed", "value"),
    [("eu-west", "eu-west"), ("5", 5), ('{"a": [1]}', {"a": [1]}), ("null", None), ("{no", "{no")],
)
def test_what_is_typed_is_json_or_text(nbflow: Call, typed: str, value: Any) -> None:
    assert nbflow("variable", "set", "region", typed).code == 0
    assert nbflow("variable", "get", "region", "--output", "json").json() == value


def test_a_text_is_printed_as_it_is(nbflow: Call) -> None:
    nbflow("variable", "set", "region", "eu-west", "--tag", "geo")
    assert nbflow("variable", "get", "region").out == "eu-west\n"
    listed = nbflow("variable", "ls").out
    assert "region" in listed
    assert "geo" in listed
    assert nbflow("variable", "inspect", "region", "--output", "json").json()["tags"] == ["geo"]


def test_one_that_is_there_needs_overwrite(nbflow: Call) -> None:
    nbflow("variable", "set", "a", "1")
    refused = nbflow("variable", "set", "a", "2")
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "--overwrite" in refused.err
    assert nbflow("variable", "set", "a", "2", "--overwrite").code == 0
    assert nbflow("variable", "get", "a").out == "2\n"


def test_one_that_is_unset_is_gone(nbflow: Call) -> None:
    assert "no variables" in nbflow("variable", "ls").out
    nbflow("variable", "set", "a", "1")
    assert nbflow("variable", "unset", "a", "--output", "json").json() == {"deleted": "a"}
    for verb in ("get", "inspect", "unset"):
        assert nbflow("variable", verb, "a").code == 1
    assert nbflow("variable", "ls", "--output", "json").json() == []


def test_a_wrong_name_is_wrong_input(nbflow: Call) -> None:
    assert nbflow("variable", "set", "Not A Name", "1").code == 2
