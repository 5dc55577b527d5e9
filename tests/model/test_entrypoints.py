"""Entrypoints as text: what names a flow, and what must never be imported."""

from __future__ import annotations

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.model import entrypoints

#: row 93 of the bad-input list, and its neighbours
WRONG = (
    "a.b", ":f", "m:", "m:f()", "m:f.__globals__", "-c:x", "a:b:c:d", "", ":", "m f:g", "m:class",
 "m.py:f g", "m:1f", "../..:f", "a..b:f", ".m:f", "m.:f", "http://x/m.py:f",
    "file:///m.py:f", "m.ipynb:f", "x" * 2000 + ":f", None, 5, ["m:f"], "m:f\0", "a/\0.py:f",
)  # fmt: skip


@pytest.mark.parametrize("text", WRONG, ids=lambda text: repr(text)[:20])
def test_what_names_no_flow_is_refused(text: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        entrypoints.parse(text)
    assert (refused.value.code, refused.value.field) == ("entrypoint.invalid", "entrypoint")
    assert refused.value.hint == "Write FILE.py:FLOW or PACKAGE.MODULE:FLOW."


@pytest.mark.parametrize(
    ("text", "found", "stored"),
    [
        ("etl.py:total", ("etl.py", "total", True), "etl.py:total"),
        ("a b/ü{1}.py:f", ("a b/ü{1}.py", "f", True), "ü{1}.py:f"),
        ("/x/y.py:Cls.f", ("/x/y.py", "Cls.f", True), "y.py:Cls.f"),
        ("shop.jobs:tax", ("shop.jobs", "tax", False), "shop.jobs:tax"),
        ("os:system", ("os", "system", False), "os:system"),  # refused by whoever imports it
    ],
)
def test_a_file_is_kept_by_its_name_and_a_module_whole(
    text: str, found: tuple[str, str, bool], stored: str
) -> None:
    read = entrypoints.parse(text)
    assert (tuple(read), read.stored) == (found, stored)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("etl.py:f", True), ("a/b.py:f", True), ("m.n:f", True), ("n.ipynb", False),
     ("n.ipynb:f", False), ("a/n", False), ("n", False), ("a:b.ipynb", False)],
)  # fmt: skip
def test_an_entrypoint_is_told_from_a_notebook(text: str, meant: bool) -> None:
    assert entrypoints.is_meant(text) is meant
