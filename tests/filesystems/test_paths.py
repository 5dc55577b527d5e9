"""What leads out of a storage is refused before anything is opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbflow.exceptions import InvalidInput
from nbflow.filesystems import paths

HOSTILE_URLS = (
    "simplecache::file:///etc/hostname", "dir::file:///etc", "data:,x", "memory://", "memory://a",
    "github://org:repo@main/x", "file:///etc", "file://../../x", "local:///etc", "/etc", "etc", "",
    "s3", "s3:", "s3:/bucket", "s3://", "s3:///etc", "s3://..", "s3://./x", "s3://bucket/../other",
    "s3://bucket/a/../../b", "s3://bucket/%2e%2e/x", "s3://bucket/a%2Fb", "s3://bucket/a%00b",
    "s3://key:secret@bucket/x", "s3://key@bucket", "s3://bucket?endpoint=evil", "s3://bucket/x?v=1",
    "s3://bucket/x#y", "s3://bucket\\x", "s3://bucket/x\\..\\y", "s3://bucket/x\x00", "s3://b c/x",
    "http://127.0.0.1/x", "https://example.org/x", "zip://a.zip", "zip://*.csv::s3://bucket/a.zip",
    "filecache::s3://bucket/x", "s3://bucket/http://evil/x", "reference://x", "git://repo:a@b/x",
    "jupyter://localhost:8888", "s3://bucket/\ud800", "tar://x::s3://b/y", "S3N://b", "ftp://u@h/x",
)  # fmt: skip
OUTSIDE = (
    "../x", "a/../../x", "..", "/etc/passwd", "//host/share/x", "\\\\host\\share", "..\\x", "C:\\x",
    "C:x", "~/x", "~root/x", "x\x00y", "file:///etc/passwd", "s3://bucket/x", "a::b", "link/x",
    "link", "../root-secret/x", "sub/up/x", "loop/x", 7, None, b"x", "a" * 5000, "\ud800",
    "/proc/self/environ", "x\ny",
)  # fmt: skip


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_a_hostile_url_is_no_storage(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        paths.check_url(url)
    assert caught.value.field == "basepath"
    assert "secret" not in str(caught.value)


def test_there_are_forty_of_them() -> None:
    assert len(set(HOSTILE_URLS)) >= 40


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("s3://bucket", "s3://bucket"),
        ("S3://bucket/a//b/./c/", "s3://bucket/a/b/c"),
        ("gs://my-bucket/flows", "gs://my-bucket/flows"),
        ("az://container/x y", "az://container/x y"),
        ("sftp://host:22/srv/flows", "sftp://host:22/srv/flows"),
    ],
)
def test_a_plain_url_is_taken(said: str, kept: str) -> None:
    assert paths.check_url(said) == kept


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with links that lead out, beside one whose name begins as its own."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "root-secret").mkdir()
    (root / "link").symlink_to(tmp_path / "root-secret")
    (root / "sub" / "up").symlink_to("../../root-secret")
    os.symlink("loop", root / "loop")
    return root.resolve()


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: ascii(path)[:30])
def test_a_path_that_leads_out_of_a_folder_is_refused(root: Path, path: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        paths.check_local(root, path)
    assert caught.value.code in ("path.outside", "path.invalid")


@pytest.mark.parametrize(
    "path", [one for one in OUTSIDE if one not in ("link", "link/x", "sub/up/x", "loop/x")],
    ids=lambda path: ascii(path)[:30],
)  # fmt: skip
def test_a_key_that_leads_out_of_a_storage_is_refused(path: object) -> None:
    with pytest.raises(InvalidInput):
        paths.check_key(path)


def test_a_path_within_is_given_resolved(root: Path) -> None:
    assert paths.check_local(root, "sub/../sub/x") == root / "sub" / "x"
    assert paths.check_local(root, str(root / "x")) == root / "x"
    assert paths.check_local(root, "") == root
    assert paths.check_key("./a//b/") == "a/b"
    assert paths.check_key("ü/名 1.ipynb") == "ü/名 1.ipynb"
