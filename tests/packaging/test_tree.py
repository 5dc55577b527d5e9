"""What may not be in the tree: registries' addresses, one machine's paths, arrows that point up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbflow

LOCK = Path("jupyter_extension/package-lock.json")
CLIENT_FILES = re.compile(
    r"(^|/)(\.npmrc|\.yarnrc\.yml|pip\.conf|\.condarc|[^/]*\.lock|(requirements|constraints)[^/]*\.txt)$"
)


def _values(node: object) -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            if key != "funding":
                yield from _values(value)
    elif isinstance(node, list):
        for value in node:
            yield from _values(value)


def test_the_lock_records_no_address(root: Path) -> None:
    values = list(_values(json.loads((root / LOCK).read_text())))
    assert len(values) > 1000
    assert [key for key, _ in values if key == "resolved"] == []
    assert [value for _, value in values if isinstance(value, str) and "://" in value] == []


def test_every_locked_package_has_its_hash(root: Path) -> None:
    packages = json.loads((root / LOCK).read_text())["packages"]
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []


def test_no_client_file_names_a_host(root: Path, tracked: list[Path]) -> None:
    named = [file for file in tracked if CLIENT_FILES.search(file.as_posix())]
    assert Path("jupyter_extension/.npmrc") in named
    assert [str(file) for file in named if "://" in (root / file).read_text()] == []


def test_no_file_names_a_path_of_this_machine(root: Path, tracked: list[Path]) -> None:
    here = re.compile(re.escape(str(root)).encode() + rb"(?![\w-])")
    assert len(root.parts) > 2, f"{root} is too short a path to look for"
    assert [str(file) for file in tracked if here.search((root / file).read_bytes())] == []


def test_every_import_points_down(root: Path) -> None:
    lint = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(lint, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_import_nbflow_pulls_in_nothing_heavy() -> None:
    heavy = {"tornado", "sqlalchemy", "pydantic", "IPython", "papermill", "nbformat", "httpx"}
    look = "import sys, nbflow; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", look], capture_output=True, text=True, check=True
    )
    assert heavy & set(loaded.stdout.split()) == set()


def test_one_version_everywhere(root: Path) -> None:
    package = json.loads((root / "jupyter_extension/package.json").read_text())
    assert package["version"] == nbflow.__version__
    assert f"## {nbflow.__version__}" in (root / "CHANGELOG.md").read_text()
