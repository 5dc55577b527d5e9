"""A real S3 server on loopback: SeaweedFS, whose program `weed` comes with the tests' packages."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nbflow.filesystems import S3

KEY, SECRET = "loopback-key-id", "loopback-secret-key-3f9c"


@dataclass(frozen=True)
class Bucket:
    """A bucket of a server on this machine."""

    endpoint: str
    name: str

    def block(self, folder: str = "", *, key: str = KEY, secret: str = SECRET) -> S3:
        """Give a block of a folder in it."""
        said: Any = {"aws_access_key_id": key, "aws_secret_access_key": secret}
        where = f"{self.name}/{folder}".rstrip("/")
        return S3(bucket_path=where, endpoint_url=self.endpoint, region_name="us-east-1", **said)

    def make(self) -> None:
        """Make the bucket."""
        import s3fs

        made: Any = s3fs.S3FileSystem(
            key=KEY, secret=SECRET, endpoint_url=self.endpoint, skip_instance_cache=True
        )
        made.mkdir(self.name)


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """An empty bucket."""
    from tests.conftest import wait_for

    folder = tmp_path_factory.mktemp("s3")
    with _seaweed(folder, wait_for) as port:
        found = Bucket(f"http://127.0.0.1:{port}", "flows")
        found.make()
        yield found


@contextmanager
def _seaweed(folder: Path, wait_for: Callable[..., Any]) -> Iterator[int]:
    ports = {name: _port() for name in ("s3", "filer", "master", "volume")}
    keys = [{"accessKey": KEY, "secretKey": SECRET}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    said = {"identities": [{"name": "tests", "credentials": keys, "actions": actions}]}
    (folder / "s3.json").write_text(json.dumps(said))
    command = [
        str(Path(sys.executable).with_name("weed")), "server", f"-dir={folder}",
        "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3",
        f"-s3.config={folder / 's3.json'}", "-volume.max=20", "-master.volumeSizeLimitMB=64",
        *(f"-{name}.port={port}" for name, port in ports.items()),
    ]  # fmt: skip
    with _running(command, folder):
        wait_for(lambda: _takes(ports["s3"]), seconds=60, what="SeaweedFS")
        yield ports["s3"]


def _takes(port: int) -> bool:
    """Say whether the server stores what it is given: its parts come up one after another."""
    if not _answers(port):
        return False
    probe = Bucket(f"http://127.0.0.1:{port}", "probe")
    try:
        probe.make()
        probe.block().write_path("x", b"1")
    except Exception:
        return False
    return True


@contextmanager
def _running(command: list[str], folder: Path) -> Iterator[None]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, cwd=folder, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # SeaweedFS does not end by SIGTERM
        process.wait(30)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1] % 20000 + 20000  # its gRPC is at 10,000 more
