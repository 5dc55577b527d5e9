"""Files that belong to a snapshot: found by globs, never outside their folder, never too many."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.store import included, snapshots


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    for path in ("nb.ipynb", "a.csv", "data/b.csv", "data/deep/c.csv", ".env", "__pycache__/x.pyc"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    (tmp_path / "root-secret").mkdir()
    (tmp_path / "root-secret/s.csv").write_text("secret")
    return root


def test_globs_name_files_by_their_path_below_the_folder(folder: Path, home: Path) -> None:
    kept = included.keep(str(folder), ["**/*", "a.csv"], besides=str(folder / "nb.ipynb"))
    assert list(kept) == ["a.csv", "data/b.csv", "data/deep/c.csv"]
    assert snapshots.read_bytes(kept["data/b.csv"]) == b"data/b.csv"
    assert list(included.find(str(folder), [".env"], besides="")) == [".env"]


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("/etc/passwd", "include.outside"), ("../root-secret/*", "include.outside"),
        ("a/../../x", "include.outside"), ("~/x", "include.outside"), ("a\\b", "include.outside"),
        ("C:\\x", "include.outside"), ("file:///etc/passwd", "include.outside"),
        ("", "include.invalid"), ("x" * 2000, "include.invalid"), ("a\0b", "include.outside"),
    ],
)  # fmt: skip
def test_patterns_that_lead_out_are_refused(pattern: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        included.check_patterns([pattern])
    assert (refused.value.code, refused.value.field) == (code, "include.0")


def test_links_out_pipes_and_what_is_too_much_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(pattern: str) -> str:
        with pytest.raises(InvalidInput) as error:
            included.find(str(folder), [pattern], besides="")
        return error.value.code

    (folder / "out.csv").symlink_to("/etc/hostname")
    assert refused("out.csv") == "include.outside"
    os.mkfifo(folder / "pipe")
    assert refused("pipe") == "include.invalid"
    assert refused("no-such-*.csv") == "include.nothing"
    monkeypatch.setattr(included, "MOST_FILES", 2)
    assert refused("**/*.csv") in ("include.too_large", "include.outside")
