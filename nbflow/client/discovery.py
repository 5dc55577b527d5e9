"""Which Jupyter servers with nbflow run on this machine for this home.

A server leaves word in `servers/PID.json` of the home folder, readable by its owner only, and takes
it back when it stops. Word of a server that died without that is passed over.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from nbflow import settings


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        url: its base address.
        token: what it asks for; empty when it takes none (a password, or a hub, stands before it).
        pid: its process.
    """

    url: str
    token: str
    pid: int


def servers() -> tuple[Server, ...]:
    """List the servers that run for this home, newest first."""
    folder = settings.home() / "servers"
    try:
        found = sorted(folder.glob("*.json"), key=lambda p: p.stat().st_mtime_ns, reverse=True)
    except OSError:  # one of them left meanwhile
        return ()
    words = (read(path) for path in found)
    return tuple(server for server in words if server is not None and _alive(server.pid))


def find() -> Server | None:
    """Give the newest server that runs for this home; None: there is none."""
    return next(iter(servers()), None)


def read(path: Path) -> Server | None:
    """Read the word a server left; None: it is gone, or not yet whole."""
    try:
        said = json.loads(path.read_bytes())
        return Server(url=str(said["url"]), token=str(said["token"]), pid=int(said["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
