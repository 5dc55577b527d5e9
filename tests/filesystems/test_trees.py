"""Folders put into a storage and taken out again: on a disk, and in fsspec's memory."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import fsspec
import pytest

from nbflow.exceptions import InvalidInput, NbflowError, NotFound, StorageFailed
from nbflow.filesystems import trees
from nbflow.filesystems.ignoring import FILE_NAME
from nbflow.filesystems.trees import LocalTree, RemoteTree, Tree


@pytest.fixture(params=["local", "remote"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    """An empty storage."""
    if request.param == "local":
        return LocalTree(tmp_path / "storage")
    return RemoteTree(
        fsspec.filesystem("memory", skip_instance_cache=True),
        f"/{tmp_path.name}",
        shown_as="memory://x",
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A working folder as people have them."""
    folder = tmp_path / "project"
    for path, text in {
        "flow.py": "x = 1",
        "data/a.csv": "a,b",
        "data/big.bin": "0" * 1000,
        "__pycache__/flow.pyc": "no",
        ".git/config": "no",
        "deep/er/notes.txt": "ü",
        "deep/er/keep.bin": "yes",
        FILE_NAME: "*.bin\n!keep.bin\n# a remark\n/deep/er/notes.txt\n",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def files(folder: Path) -> set[str]:
    """List a folder's files."""
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_a_folder_comes_back_without_what_is_ignored(
    tree: Tree, project: Path, tmp_path: Path
) -> None:
    assert trees.put_folder(tree, project, "v1", ignore_file=FILE_NAME) == 4
    back = tmp_path / "back"
    assert trees.get_folder(tree, "v1", back) == 4
    assert files(back) == {"flow.py", "data/a.csv", "deep/er/keep.bin", FILE_NAME}
    assert (back / "flow.py").read_text() == "x = 1"
    assert trees.read(tree, "v1/data/a.csv") == b"a,b"


def test_without_an_ignore_file_everything_goes(tree: Tree, project: Path, tmp_path: Path) -> None:
    assert trees.put_folder(tree, project, "", ignore_file=None) == 8
    trees.get_folder(tree, "", tmp_path / "back")
    assert files(tmp_path / "back") == files(project)


def test_an_empty_file_and_an_odd_name_survive(tree: Tree, tmp_path: Path) -> None:
    for name in ("empty", "a b*?[x].txt", "{x}.ipynb", "名.txt", "100%.csv"):
        tree.write(tree.key(name), b"")
        assert trees.read(tree, name) == b""
    assert trees.get_folder(tree, "", tmp_path / "back") == 5


def test_what_is_not_there_is_not_found(tree: Tree, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        trees.read(tree, "nothing")
    with pytest.raises(NotFound):
        trees.get_folder(tree, "nothing", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_write_that_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise OSError(5, "the line was cut")

    tree = LocalTree(tmp_path / "storage")
    tree.write(tree.key("kept"), b"old")
    for name in ("kept", "new"):
        with pytest.raises(StorageFailed):
            tree.write_from(tree.key(name), Broken())
    assert trees.read(tree, "kept") == b"old"
    assert files(tmp_path / "storage") == {"kept"}


def test_a_link_out_of_a_folder_is_refused_before_anything_is_copied(
    tree: Tree, project: Path, tmp_path: Path
) -> None:
    (project / "z").symlink_to("/etc/hostname")
    with pytest.raises(InvalidInput, match="leads out") as caught:
        trees.put_folder(tree, project, "", ignore_file=FILE_NAME)
    assert FILE_NAME in str(caught.value)
    with pytest.raises(NbflowError):
        trees.get_folder(tree, "", tmp_path / "back")
    (project / FILE_NAME).write_text("z\n")
    assert trees.put_folder(tree, project, "", ignore_file=FILE_NAME)


def test_a_pipe_is_no_file(tree: Tree, project: Path) -> None:
    os.mkfifo(project / "pipe")
    with pytest.raises(InvalidInput, match="no plain file"):
        trees.put_folder(tree, project, "", ignore_file=FILE_NAME)


def test_names_in_a_storage_cannot_lead_out_of_the_folder_they_come_to(tmp_path: Path) -> None:
    class Hostile(LocalTree):
        def files(self, below: str) -> Any:
            yield "ok.txt", 1
            yield "../evil.txt", 1

    with pytest.raises(InvalidInput):
        trees.get_folder(Hostile(tmp_path / "s"), "", tmp_path / "back")
    assert not (tmp_path / "evil.txt").exists()
    assert not (tmp_path / "back").exists()


def test_a_link_below_the_target_is_not_followed_out(tree: Tree, tmp_path: Path) -> None:
    tree.write(tree.key("sub/x"), b"1")
    back = tmp_path / "back"
    back.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (back / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInput):
        trees.get_folder(tree, "", back)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_part_that_becomes_a_link_after_the_check_is_not_followed(tmp_path: Path) -> None:
    tree = LocalTree(tmp_path / "storage")
    tree.write("sub/x", b"1")
    key = tree.key("sub/x")
    (tmp_path / "storage" / "sub").rename(tmp_path / "moved")
    (tmp_path / "storage" / "sub").symlink_to(tmp_path / "moved")
    with pytest.raises(NbflowError):
        tree.reading(key)


def test_a_missing_or_unreadable_ignore_file_is_said(tree: Tree, project: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        trees.put_folder(tree, project, "", ignore_file="none.txt")
    assert caught.value.code == "ignore.missing"
    (project / FILE_NAME).write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidInput) as caught:
        trees.put_folder(tree, project, "", ignore_file=FILE_NAME)
    assert caught.value.code == "ignore.invalid"
