"""How files are said to differ from what was deployed."""

from __future__ import annotations

import json
from typing import Any

from nbflow.model import drift


def notebook(*cells: tuple[str | None, str], minor: int = 5) -> str:
    made: list[dict[str, Any]] = []
    for cell_id, source in cells:
        cell: dict[str, Any] = {"cell_type": "code", "source": source, "metadata": {}}
        cell |= {"outputs": [], "execution_count": None} | ({"id": cell_id} if cell_id else {})
        made.append(cell)
    whole = {"nbformat": 4, "nbformat_minor": minor, "metadata": {}, "cells": made}
    return json.dumps(whole)


def told(before: str, now: str) -> list[tuple[str, str, int, int]]:
    found = drift.of_notebook(before, now, name="n.ipynb")
    return [(one.id, one.change, one.lines_added, one.lines_removed) for one in found]


def test_cells_are_compared_by_id_wherever_they_stand() -> None:
    before = notebook(("a", "x = 1\ny = 2"), ("b", "print(x)"), ("c", "gone"))
    now = notebook(("b", "print(x)"), ("a", "x = 1\ny = 3"), ("d", "new\ncell"))
    assert told(before, now) == [
        ("a", "changed", 1, 1),
        ("d", "added", 2, 0),
        ("c", "removed", 0, 1),
    ]
    assert told(before, before) == []


def test_cells_without_ids_are_compared_by_their_text() -> None:
    before = notebook((None, "x = 1"), (None, "y = 2"), minor=4)
    now = notebook((None, "x = 1"), (None, "y = 3"), minor=4)
    changes = sorted(one.change for one in drift.of_notebook(before, now, name="n.ipynb"))
    assert changes in (["added", "removed"], ["changed"])
    assert told(before, before) == []


def test_files_are_compared_by_lines_and_bytes_as_a_whole() -> None:
    found = drift.of_file("a.py", b"a\nb\n", b"a\nc\nd\n")
    assert found == drift.FileDrift("a.py", "changed", 2, 1)
    assert drift.of_file("a.bin", b"\xff\x00", b"\xff\x01") == drift.FileDrift("a.bin", "changed")
    assert drift.of_file("a", b"x", None) == drift.FileDrift("a", "removed", 0, 1)
    assert drift.of_file("a", b"x", b"x") is None


def test_what_is_gone_or_broken_is_said() -> None:
    text = notebook(("a", "1"))
    assert drift.of_source("/n.ipynb", text, None, script=False)[2] == "/n.ipynb is not there."
    assert "is not JSON" in str(drift.of_source("/n.ipynb", text, "{", script=False)[2])
