"""S3 against a real server on loopback: files, folders, credentials, what goes wrong."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbflow import connect
from nbflow.deployments import Deployment, run_deployment
from nbflow.exceptions import InvalidInput, NbflowError, NotFound, StorageFailed
from nbflow.filesystems import S3, RemoteFileSystem
from nbflow.orchestration.orchestrator import Orchestrator
from tests.filesystems.conftest import KEY, SECRET, Bucket


def test_files_are_written_read_and_written_over(bucket: Bucket) -> None:
    block = bucket.block("files")
    assert block.write_path("a/ü 1.txt", b"one") == "a/ü 1.txt"
    block.write_path("a/ü 1.txt", b"two")
    assert block.read_path("a/ü 1.txt") == b"two"
    with pytest.raises(NotFound, match="flows/files/none"):
        block.read_path("none")
    for path in ("../x", "/x", "s3://other/x", "a/../../x"):
        with pytest.raises(InvalidInput):
            block.write_path(path, b"")


def test_the_calls_work_inside_a_running_event_loop(bucket: Bucket) -> None:
    block = bucket.block("loop")

    async def both() -> tuple[bytes, bytes]:
        block.write_path("x", b"1")
        await block.awrite_path("y", b"2")
        return await block.aread_path("x"), block.read_path("y")

    assert asyncio.run(both()) == (b"1", b"2")


def test_a_folder_goes_there_and_comes_back(bucket: Bucket, tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    (source / "deep").mkdir(parents=True)
    large = os.urandom(12_000_000)  # more than one part
    (source / "large.bin").write_bytes(large)
    (source / "deep" / "empty").write_bytes(b"")
    (source / "no.key").write_text("")
    (source / ".nbflowignore").write_text("*.key\n")
    block = bucket.block("folder")
    assert block.put_directory(str(source), "v1", ".nbflowignore") == 3
    assert block.get_directory("v1", str(back)) == 3
    assert (back / "large.bin").read_bytes() == large
    assert not (back / "no.key").exists()
    with pytest.raises(NotFound):
        block.get_directory("v2", str(tmp_path / "none"))


def test_any_storage_of_fsspec_is_reached_with_its_settings(bucket: Bucket) -> None:
    settings: Any = {"key": KEY, "secret": SECRET, "endpoint_url": bucket.endpoint}
    block = RemoteFileSystem(basepath=f"s3://{bucket.name}/by-url", settings=settings)
    block.write_path("x.txt", b"1")
    assert bucket.block("by-url").read_path("x.txt") == b"1"
    for name in ("fo", "target_protocol", "target_options"):
        said: Any = {name: "file"}
        other = RemoteFileSystem(basepath=block.basepath, settings=said)
        with pytest.raises(InvalidInput, match="another storage"):
            other.read_path("x.txt")


def test_a_bucket_that_is_not_there_or_nobody_who_answers_is_said(bucket: Bucket) -> None:
    there = bucket.block()
    for block in (
        S3.model_validate({**dict(there), "bucket_path": "no-such-bucket"}),
        S3.model_validate({**dict(there), "endpoint_url": "http://127.0.0.1:9"}),
    ):
        with pytest.raises(NbflowError) as caught:
            block.read_path("x")
        assert isinstance(caught.value, (StorageFailed, NotFound))
        assert SECRET not in str(caught.value)


def test_a_wrong_key_is_refused(bucket: Bucket) -> None:
    with pytest.raises(StorageFailed):
        bucket.block(secret="wrong").read_path("x")


def test_a_deployment_runs_from_a_bucket_and_its_keys_stay_secret(
    bucket: Bucket, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = connect.connect()
    assert isinstance(store, Orchestrator)
    bucket.block("deployments").save("code")
    project = tmp_path / "project"
    project.mkdir()
    code = "from nbflow import flow\nimport rates\n@flow\ndef go():\n    return rates.RATE\n"
    (project / "etl.py").write_text(code)
    (project / "rates.py").write_text("RATE = 42\n")
    monkeypatch.chdir(project)
    Deployment.build_from_flow("etl.py:go", "from-s3", storage="s3/code/etl", apply=True)
    assert bucket.block("deployments").read_path("etl/rates.py") == b"RATE = 42\n"
    monkeypatch.chdir(tmp_path)
    project.rename(tmp_path / "gone")
    waiting = run_deployment("from-s3", timeout=0)
    agent = [sys.executable, "-m", "nbflow", "agent", "start", "--run-once"]
    done = subprocess.run(agent, capture_output=True, text=True, timeout=90)
    run = store.read_flow_run(waiting.id)
    assert run.state.is_completed(), run.state.message
    assert run.state.result() == 42
    assert store.read_block("s3/code").data["aws_secret_access_key"] == "********"
    kept = [file.read_bytes() for file in home.rglob("*") if file.is_file()]
    assert kept
    for secret in (SECRET, KEY):
        assert secret not in done.stdout + done.stderr
        assert not any(secret.encode() in content for content in kept)
