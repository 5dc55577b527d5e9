"""A Jupyter server in this process, with nbflow in it, asked over real sockets.

The fixtures are pytest-jupyter's. They are imported here rather than registered as a plugin,
because some of them run for every test they can reach.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from jupyter_server.serverapp import ServerApp
from pytest_jupyter.jupyter_server import *  # noqa: F403
from traitlets.config import Config

from nbflow import settings
from nbflow_jupyter.running import Running


@dataclass(frozen=True)
class Reply:
    """An answer: its status, its JSON (None: it had no body), its headers."""

    status: int
    json: Any
    headers: Any


@pytest.fixture
def jp_base_url() -> str:
    """An address as a hub gives it, with a character that has to be escaped."""
    return "/user/a%40b/"


@pytest.fixture
def jp_home_dir(tmp_path: Path) -> Path:
    """The user's home folder, which is not nbflow's."""
    made = tmp_path / "user"
    made.mkdir()
    return made


@pytest.fixture
def jp_server_config() -> Config:
    return Config({"ServerApp": {"jpserver_extensions": {"nbflow": True}}})


@pytest.fixture
def without_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker process: what waits, waits."""
    monkeypatch.setenv("NBFLOW_WORKER", "0")


@pytest.fixture(autouse=True)
def _own_settings() -> Iterator[None]:
    """A server's traitlets are this process's settings from the moment it is made."""
    with settings.temporary():
        yield


@pytest.fixture
def app(
    home: Path, without_worker: None, jp_serverapp: ServerApp, jp_asyncio_loop: Any
) -> Iterator[ServerApp]:
    """The server, its extensions started as they are when its event loop is."""
    start = jp_serverapp.extension_manager.start_all_extensions()
    jp_asyncio_loop.run_until_complete(start)
    yield jp_serverapp
    stop = jp_serverapp.extension_manager.stop_all_extensions()
    jp_asyncio_loop.run_until_complete(stop)


@pytest.fixture
def running(app: ServerApp) -> Running:
    """What runs behind the server."""
    return app.web_app.settings["nbflow_running"]


Ask = Callable[..., Awaitable[Reply]]


@pytest.fixture
def ask(app: ServerApp, http_server_client: Any, jp_auth_header: Any, jp_base_url: str) -> Ask:
    """`await ask("GET", "flow-runs", limit=3)`; `body=` is sent as JSON, `raw=` as it is."""

    async def asked(
        verb: str,
        route: str,
        /,
        *,
        body: Any = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Reply:
        content = raw if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if content is not None else {}
        response = await http_server_client.fetch(
            f"{jp_base_url}nbflow/api/{quote(route)}?{urlencode(query, doseq=True)}",
            method=verb,
            body=content,
            headers={**jp_auth_header, **sent, **(headers or {})},
            request_timeout=60,
            raise_error=False,
            allow_nonstandard_methods=True,
            follow_redirects=False,
        )
        told = json.loads(response.body) if response.body else None
        return Reply(response.code, told, response.headers)

    return asked


@pytest.fixture
def write_notebook(jp_root_dir: Path) -> Callable[..., Path]:
    """Write a notebook of some code cells into the server's root; the first has parameters."""

    def write(path: str, *sources: str, kernel: str = "python3", version: int = 4) -> Path:
        cells = [
            {
                "cell_type": "code",
                "id": f"cell-{n}",
                "source": source,
                "metadata": {} if n else {"tags": ["parameters"]},
                "outputs": [],
                "execution_count": None,
            }
            for n, source in enumerate(sources or ("n = 1  # how many", "print(n)"))
        ]
        spec = {"name": kernel, "display_name": kernel, "language": "python"}
        notebook = {
            "nbformat": version,
            "nbformat_minor": 5,
            "metadata": {"kernelspec": spec},
            "cells": cells,
        }
        file = jp_root_dir / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(notebook), encoding="utf-8")
        return file

    return write
