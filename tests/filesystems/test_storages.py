"""Storage blocks: what they take, what they refuse, and that they are saved with their secrets."""

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from nbflow import filesystems
from nbflow.exceptions import InvalidInput, NbflowError, NotFound
from nbflow.filesystems import GCS, S3, Azure, LocalFileSystem, RemoteFileSystem
from nbflow.orchestration.orchestrator import Orchestrator
from tests.filesystems.test_paths import HOSTILE_URLS

ACCOUNT = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint="


@pytest.mark.parametrize("url", HOSTILE_URLS)
def test_no_hostile_url_becomes_a_block(url: str) -> None:
    with pytest.raises(ValidationError):
        RemoteFileSystem(basepath=url)
    made = RemoteFileSystem.model_construct(basepath=url, settings={})  # as loaded unchecked
    with pytest.raises(InvalidInput):
        made.read_path("x")


@pytest.mark.parametrize("where", ["gs://b/x", "b/../c", "file:///etc", "a::b", "/", "b?x=1", ""])
def test_a_bucket_is_a_bucket(where: str) -> None:
    with pytest.raises(ValidationError):
        S3(bucket_path=where)


def test_a_bucket_may_be_said_as_a_url() -> None:
    assert S3(bucket_path="s3://flows/etl/").url() == "s3://flows/etl"
    assert GCS(bucket_path="gcs://flows").url() == "gs://flows"
    assert Azure(bucket_path="abfs://flows/x").url() == "az://flows/x"


def test_a_local_folder_keeps_to_itself(tmp_path: Path) -> None:
    block = LocalFileSystem(basepath=str(tmp_path / "store"))
    assert block.write_path("a/b.txt", b"1") == "a/b.txt"
    assert block.read_path(str(tmp_path / "store" / "a" / "b.txt")) == b"1"
    (tmp_path / "store-secret").write_text("no")
    for path in ("../store-secret", str(tmp_path / "store-secret"), "/etc/hostname"):
        with pytest.raises(InvalidInput):
            block.read_path(path)
    with pytest.raises(InvalidInput):
        block.read_path("")
    with pytest.raises(InvalidInput):
        block.write_path("x", "text")  # pyright: ignore[reportArgumentType]
    with pytest.raises(NbflowError):
        block.read_path("a")


def test_the_twins_do_not_stop_the_loop(tmp_path: Path) -> None:
    block = LocalFileSystem(basepath=str(tmp_path / "store"))

    async def all_of_them() -> tuple[bytes, int, int]:
        await block.awrite_path("x", b"1")
        got = await block.aget_directory(None, str(tmp_path / "back"))
        put = await block.aput_directory(str(tmp_path / "back"), "again")
        return await block.aread_path("again/x"), got, put

    assert asyncio.run(all_of_them()) == (b"1", 1, 1)


def test_keys_are_kept_encrypted_and_come_back(orchestrator: Orchestrator, home: Path) -> None:
    blocks: dict[str, Any] = {
        "s3": S3(
            bucket_path="b", **_said(aws_access_key_id="AKID-1", aws_secret_access_key="S-3cr3t")
        ),
        "gcs": GCS(bucket_path="b", **_said(service_account_info='{"key": "S-3cr3t"}')),
        "azure": Azure(bucket_path="b", **_said(azure_storage_account_key="S-3cr3t")),
        "remote-file-system": RemoteFileSystem(
            basepath="sftp://h/x", settings={"username": "bob", "password": "S-3cr3t"}
        ),
    }
    for slug, block in blocks.items():
        block.save("one")
        assert "S-3cr3t" not in str(orchestrator.read_block(f"{slug}/one").data)
        found, below = filesystems.load(f"{slug}/one/a/b")
        assert (found, below) == (block, "a/b")
    files = [file.read_bytes() for file in home.rglob("*") if file.is_file()]
    assert files
    assert not any(b"S-3cr3t" in content for content in files)


def test_settings_that_sound_secret_are() -> None:
    settings = {"username": "bob", "port": 22, "password": "p-1-2", "client_kwargs": {"aws_key": 1}}
    block = RemoteFileSystem(basepath="sftp://h:2222/x", settings=settings)
    assert block.settings == {"username": "bob", "port": 22}
    assert "p-1-2" not in repr(block)
    assert block.options() == {"host": "h", **settings}
    assert RemoteFileSystem(**dict(block)) == block


def test_what_is_no_storage_is_said(orchestrator: Orchestrator) -> None:
    from nbflow.infrastructure import Process

    Process().save("p")
    with pytest.raises(InvalidInput, match="is no storage"):
        filesystems.load("process/p")
    for reference in ("s3/none", "none/none", "s3", ""):
        with pytest.raises(NotFound):
            filesystems.load(reference)


@pytest.mark.parametrize(
    ("block", "module", "extra"),
    [
        (S3(bucket_path="b"), "s3fs", "nbflow[s3]"),
        (GCS(bucket_path="b"), "gcsfs", "nbflow[gcs]"),
        (Azure(bucket_path="b"), "adlfs", "nbflow[azure]"),
        (RemoteFileSystem(basepath="sftp://h/x"), "paramiko", "paramiko"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_package_that_is_missing_is_named(
    block: Any, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = importlib.import_module("fsspec.registry").__dict__["_registry"]
    for protocol in list(known):
        monkeypatch.delitem(known, protocol)
    for name in [one for one in sys.modules if one.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    for name in (module, "fsspec.implementations.sftp"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InvalidInput) as caught:
        block.read_path("x")
    assert (caught.value.code, extra in str(caught.value)) == ("storage.package", True)


@pytest.mark.parametrize(
    "block",
    [
        GCS(bucket_path="b", project="p", endpoint_url="http://127.0.0.1:9"),
        Azure.model_validate(
            {
                "bucket_path": "b",
                "azure_storage_connection_string": f"{ACCOUNT}http://127.0.0.1:9/a",
            }
        ),
    ],
    ids=["gcs", "azure"],
)
def test_other_clouds_are_asked_where_they_are_said_to_be(block: Any) -> None:
    opened = block.tree()
    assert opened.key("a/b") == "a/b"


@pytest.mark.parametrize("said", ["no json", "[1"])
def test_a_service_account_is_json(said: str) -> None:
    with pytest.raises(InvalidInput, match="not JSON") as caught:
        GCS(bucket_path="b", **_said(service_account_info=said)).read_path("x")
    assert said not in str(caught.value)


def _said(**fields: Any) -> Any:
    return fields
