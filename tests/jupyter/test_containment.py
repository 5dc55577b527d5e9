"""A path leads to a notebook below the server's root, or nowhere: nothing else is even opened."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

#: what was opened or connected to while somebody listened
_opened: list[str] = []
_listening = False


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if _listening and event in ("open", "socket.getaddrinfo"):
        _opened.append(str(arguments[0]))


sys.addaudithook(_hear)

SECRET = "root-secret"
UP = ["../SECRET", "a/../../SECRET", "a/b/../../../SECRET", "./../SECRET", "/../SECRET",
      "..", "../", "../..", "a/..", "%2e%2e/SECRET", "..%2fSECRET", "..\\SECRET", "....//SECRET",
      "..;/SECRET", "a/./../../SECRET", "RTC:../SECRET", "RTC:/../SECRET",
      ". ./SECRET", "a//../../SECRET", "../../../../../../../../etc/passwd"]  # fmt: skip
ABSOLUTE = ["OUT", "/etc/passwd", "//etc/passwd", "/proc/self/environ", "/proc/self/fd/0",
            "/dev/zero", "/dev/stdin", "/sys/kernel/notes", "~/SECRET", "~root/.bashrc", "~",
            "$HOME/x.ipynb", "%HOME%/x.ipynb", "${OUT}"]  # fmt: skip
WINDOWS = ["C:\\x.ipynb", "C:/x.ipynb", "c:x.ipynb", "\\\\host\\share\\x.ipynb", "//host/share/x",
           "\\\\?\\C:\\x", "\\\\.\\pipe\\x", "CON", "nul.ipynb", "a\\b.ipynb", "a.ipynb::$DATA",
           "a.ipynb:stream", "COM1", "aux.ipynb"]  # fmt: skip
URLS = ["file:///etc/passwd", "file://SECRET", "file:SECRET", "http://127.0.0.1:9/x.ipynb",
        "https://127.0.0.1:9/x.ipynb", "HTTP://127.0.0.1:9/x", "s3://b/x.ipynb", "gs://b/x.ipynb",
        "abs://x/y.ipynb", "adl://x/y", "hdfs://x/y.ipynb", "ftp://h/x.ipynb", "github://o:r@/x",
        "data:,x", "memory://x", "simplecache::file:///etc/hostname", "dir::file:///etc",
        "zip://x::http://h/x.zip", "jar:file:/x!/y", "javascript:alert(1)", "gopher://h/x",
        "//127.0.0.1:9/x.ipynb", "http:/127.0.0.1:9/x", "http:127.0.0.1"]  # fmt: skip
ODD = ["", ".", "/", "//", " ", "\x00", "a\x00.ipynb", "a.ipynb\x00.txt", "x" * 5000, "x/" * 2500,
       "a.ipynb/", "a.ipynb ", "a.ipynb.", "a.ipynb/x", "a.ipynb/..", ".hidden.ipynb",
       ".hidden/a.ipynb", "-rf", "--help", "`id`", "$(id)", "a;b", "a|b", "*", "?", "[a].ipynb",
       "a.ipynb\n", "\n", "{0}.ipynb", "{x.__class__}", "%s%n", "a\u202eb.ipynb", "\ufeff",
       "🙂.ipynb", "A.IPYNB", "a.ipynb?x=y", "a.ipynb#x", "con/../x"]  # fmt: skip
KINDS = ["link.ipynb", "linked/x.ipynb", "chain.ipynb", "fifo.ipynb", "folder.ipynb",
         "socket.ipynb", "broken.ipynb", "loop.ipynb", "device.ipynb", "sibling/x.ipynb",
         "linked/../x.ipynb"]  # fmt: skip
PATHS = [*UP, *ABSOLUTE, *WINDOWS, *URLS, *ODD, *KINDS]
FORBIDDEN = ("/etc/passwd", "/etc/hostname", "/proc/self", "/dev/zero", "/sys/kernel")
ROUTES = [("POST", "deployments"), ("POST", "flow-runs/run-notebook"),
          ("GET", "notebooks/inspect"), ("GET", "notebooks/graph")]  # fmt: skip


@pytest.fixture
def root(jp_root_dir: Path, tmp_path: Path, write_notebook: Callable[..., Path]) -> Path:
    """The server's root, with whatever leads out of it, and a sibling of nearly its name."""
    inside = write_notebook("a/inside.ipynb")
    sibling = jp_root_dir.with_name(jp_root_dir.name + "-secret")
    sibling.mkdir()
    secret = sibling / "x.ipynb"
    secret.write_bytes(inside.read_bytes())
    (tmp_path / SECRET).write_bytes(inside.read_bytes())
    for name, to in {
        "link.ipynb": secret, "linked": sibling, "broken.ipynb": jp_root_dir / "none",
        "device.ipynb": "/dev/zero", "sibling": sibling, "chain.ipynb": jp_root_dir / "link.ipynb",
        "loop.ipynb": jp_root_dir / "loop.ipynb",
    }.items():  # fmt: skip
        (jp_root_dir / name).symlink_to(to)
    os.mkfifo(jp_root_dir / "fifo.ipynb")
    os.mkfifo(jp_root_dir / "socket.ipynb")
    (jp_root_dir / "folder.ipynb").mkdir()
    return jp_root_dir


@pytest.fixture
def listening() -> Iterator[list[str]]:
    """Note what is opened."""
    global _listening
    _opened.clear()
    _listening = True
    yield _opened
    _listening = False


async def test_no_path_leads_out(ask: Any, root: Path, tmp_path: Path, listening: Any) -> None:
    assert len(set(PATHS)) >= 120
    outside = str(root.with_name(root.name + "-secret") / "x.ipynb")
    for path in PATHS:
        path = path.replace("SECRET", SECRET).replace("OUT", outside)
        for verb, route in ROUTES:
            said = {"path": path}
            asked = {"body": said} if verb == "POST" else said
            reply = await ask(verb, route, **asked)
            assert reply.status in (400, 404, 422), (route, path, reply)
            assert reply.json["code"], (route, path, reply)
    assert (await ask("GET", "flow-runs")).json["rows"] == []
    assert (await ask("GET", "deployments")).json["rows"] == []
    strange = [
        name for name in listening
        if SECRET in name or "-secret" in name or name.startswith(FORBIDDEN)
    ]  # fmt: skip
    assert strange == []
    print(f"{len(set(PATHS))} paths to {len(ROUTES)} routes: none led out, nothing was opened")


FINE = ["rep{1}.ipynb", "{x.__class__}.ipynb", "100%.ipynb", "a b.ipynb", "ü.ipynb", "名.ipynb",
        "'quote\".ipynb", "x" * 249 + ".ipynb", "X.IPYNB"]  # fmt: skip


async def test_odd_names_are_only_names(ask: Any, write_notebook: Any) -> None:
    for at, name in enumerate(FINE):
        write_notebook(name)
        body = {"path": name, "name": f"odd-{at}"}
        reply = await ask("POST", "deployments", body=body)
        assert reply.status == 201, (name, reply)
        assert reply.json["path"].endswith(f"/{name}")


async def test_a_link_inside_the_root_is_followed(ask: Any, root: Path) -> None:
    (root / "within.ipynb").symlink_to(root / "a" / "inside.ipynb")
    reply = await ask("GET", "notebooks/inspect", path="within.ipynb")
    assert reply.status == 200, reply
