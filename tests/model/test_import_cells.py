"""What a notebook imports is read from it, and nothing else of it would be run."""

from __future__ import annotations

from typing import Any

import pytest

from nbflow.model import import_cells, notebooks


def probes(*sources: str, language: str = "python", tags: tuple[str, ...] = ()) -> list[str]:
    spec = {"name": "k", "display_name": "k", "language": language}
    cells: list[dict[str, Any]] = [
        {
            "cell_type": "code", "id": f"c{at}", "source": source, "metadata": {"tags": [*tags]},
            "outputs": [], "execution_count": None,
        }
        for at, source in enumerate(sources)
    ]  # fmt: skip
    nb = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": cells}
    return [probe.code for probe in import_cells.probes(notebooks.parse(nb_text(nb), name="x"))]


def nb_text(nb: dict[str, Any]) -> str:
    import json

    return json.dumps(nb)


@pytest.mark.parametrize(
    ("source", "tried"),
    [
        ("import a, b\nfrom c.d import e as f", ["import a", "import b", "from c.d import e as f"]),
        ("x = open('data.csv')\nimport a\nprint(x)", ["import a"]),
        ("def f():\n    import lazy", ["import lazy"]),
        ("try:\n    import a\nexcept ImportError:\n    a = None", []),
        ("try:\n    import a\nexcept ValueError:\n    pass", ["import a"]),
        ("try:\n    import a\nexcept:\n    import b", []),
        ("from __future__ import annotations\nimport a", ["import a"]),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import a",
         ["from typing import TYPE_CHECKING"]),
        ("import sys\nsys.path.append('lib')\nimport own",
         ["import sys", "sys.path.append('lib')", "import own"]),
        ("!rm -rf build\nimport a", ["import a"]),
        ("%%task load --retries 2\nimport a\na.go()", ["import a"]),
        ("%%bash\nimport this is no Python", []),
        ("1 +", []),
    ],
)  # fmt: skip
def test_imports_are_tried_one_by_one(source: str, tried: list[str]) -> None:
    assert probes(source) == tried


def test_magics_that_prepare_are_tried_too() -> None:
    (magic, code) = probes("%load_ext autoreload\n%run other.py\nimport a")
    assert "load_ext" in magic
    assert code == "import a"


def test_a_cell_that_is_not_run_is_not_tried() -> None:
    assert probes("import a", tags=("skip-execution",)) == []


def test_of_another_language_nothing_is_tried() -> None:
    assert probes("import a", language="R") == []
