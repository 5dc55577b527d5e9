"""`GitRepository` against git's own server on this machine, and what it refuses to say to git."""

from __future__ import annotations

import base64
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr, ValidationError

from nbflow.blocks import GitRepository
from nbflow.blocks.git import GitFailed
from nbflow.exceptions import InvalidInput

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

GOOD = [
    "https://github.com/a/b.git", "https://git.example.org:8443/a", "ssh://git@example.org/a/b",
    "git@github.com:a/b.git", "http://127.0.0.1:8000/a",
]  # fmt: skip
HOSTILE = [
    "--upload-pack=touch /tmp/x", "-u", "ext::sh -c id", "file:///etc", "/etc", "../x", "git://h/a",
    "http://example.org/a", "https://user:word@h/a", "https://token@h/a", "https://-h/a",
    "ssh://-oProxyCommand=id/a", "ssh://-o@h/a", "-o@h:a", "git@-h:a", "git@h:-a", "https://h",
    "https://h/", "https://h/a\n--x", "https://h/a b", "https://h:0/a", "https:///a", "fd::7", "",
    "https://h/a#x", "javascript:1", "https://h:99999/a",
]  # fmt: skip
REFERENCES = [
    "-x", "--upload-pack=id", "a..b", "a b", "a~1", "a^", "a:b", "refs//x", "x.lock", "x/", "x.",
    "@{u}", "*", "a\\b", "",
]  # fmt: skip


@pytest.mark.parametrize("url", GOOD)
def test_an_address_is_taken(url: str) -> None:
    assert GitRepository(url=url).url == url


@pytest.mark.parametrize("url", HOSTILE)
def test_an_address_that_git_would_take_for_more_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        GitRepository(url=url)


@pytest.mark.parametrize("name", REFERENCES)
def test_a_name_that_is_no_reference_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        GitRepository(url=GOOD[0], reference=name)
    with pytest.raises(ValidationError):
        GitRepository(url=GOOD[0], commit_sha=name)


def git(folder: Path, *words: str) -> str:
    said = ["git", "-c", "user.name=n", "-c", "user.email=e@example.org", "-C", str(folder), *words]
    return subprocess.run(said, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """A repository with two branches, a link out of it, and a link inside."""
    folder = tmp_path / "served" / "repo"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.txt").write_text("one")
    (folder / "out").symlink_to("/etc")
    (folder / "in").symlink_to("sub/a.txt")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "one")
    git(folder, "checkout", "-qb", "other")
    (folder / "sub" / "a.txt").write_text("two")
    git(folder, "commit", "-qam", "two")
    git(folder, "checkout", "-q", "main")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    return folder


@pytest.fixture
def url(upstream: Path) -> Iterator[str]:
    """Its address at a server that wants a token."""
    wanted = "Basic " + base64.b64encode(b"git:opensesame").decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def _answer(self) -> None:
            if self.headers.get("Authorization") != wanted:
                self.send_error(403)
                return
            asked = urlsplit(self.path)
            env = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(upstream.parent),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": asked.path,
                "QUERY_STRING": asked.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            done = subprocess.run(
                ["git", "http-backend"], env=env, input=body, capture_output=True, check=True
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            self.send_response(200)
            for line in head.decode().splitlines():
                name, _, value = line.partition(": ")
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/repo"
    server.shutdown()
    thread.join()


@pytest.mark.usefixtures("home")
def test_the_files_of_a_branch_or_commit_are_fetched(
    url: str, upstream: Path, tmp_path: Path
) -> None:
    GitRepository(url=url, reference="other", token=SecretStr("opensesame")).save("one")
    commit = GitRepository.load("one").get_directory(local_path=tmp_path / "other")
    assert commit == git(upstream, "rev-parse", "other")
    assert (tmp_path / "other" / "sub" / "a.txt").read_text() == "two"
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == ["in", "sub"]
    main = git(upstream, "rev-parse", "main")
    pinned = GitRepository(url=url, commit_sha=main, token=SecretStr("opensesame"))
    assert pinned.get_directory("sub", tmp_path / "main") == main
    assert (tmp_path / "main" / "a.txt").read_text() == "one"
    for wrong in ("..", "/etc", "gone", "out", ".git"):
        with pytest.raises(InvalidInput):
            pinned.get_directory(wrong, tmp_path / "wrong")
    assert not (tmp_path / "wrong").exists()


def test_what_git_says_of_a_failure_is_told_without_the_token(url: str, tmp_path: Path) -> None:
    refused = GitRepository(url=url, token=SecretStr("wrong-token"))
    with pytest.raises(GitFailed, match="403") as error:
        refused.get_directory(local_path=tmp_path / "x")
    assert "wrong-token" not in str(error.value)
    assert not (tmp_path / "x").exists()
