"""As under JupyterHub: below `/user/ada/`, with the hub's name for the user, culled when idle."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jupyter_server.auth.identity import IdentityProvider, User
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect
from traitlets.config import Config

from nbflow import settings
from nbflow.client import discovery
from nbflow.client.http import HttpBackend
from nbflow.model import states
from nbflow.model.runs import NewFlowRun

BASE = "/user/ada/"
NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
    },
    "cells": [
        {"cell_type": "code", "id": "a", "source": "6 * 7", "metadata": {}, "outputs": [],
         "execution_count": None}
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def hub(serving: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A whole server below a hub's address."""
    folder = tmp_path_factory.mktemp("hub")
    with serving(folder, f"--ServerApp.base_url={BASE}") as served:
        yield served


def test_the_whole_journey_goes_below_the_users_address(hub: Any, wait_for: Any) -> None:
    assert hub.url.endswith(BASE)  # what kernels and commands are told
    (hub.root / "a.ipynb").write_text(json.dumps(NOTEBOOK))
    headers = {"Authorization": f"token {hub.token}"}
    api = f"{hub.url}nbflow/api/"
    with httpx.Client(headers=headers, timeout=60) as client:
        assert client.get(api + "health").json()["status"] == "ok"
        assert client.post(api + "deployments", json={"path": "a.ipynb"}).status_code == 201
        run = client.post(api + "deployments/a/run", json={}).json()
    backend = HttpBackend(hub.url, hub.token)
    done = wait_for(
        lambda: (r := backend.read_flow_run(run["id"])).state.is_final() and r, seconds=90
    )
    assert done.state.is_completed(), done.state
    outside = hub.url.removesuffix(BASE.lstrip("/"))
    assert httpx.get(outside + "nbflow/api/health", headers=headers).status_code == 404
    backend.close()


def test_the_websocket_is_there_too(hub: Any) -> None:
    async def hear() -> Any:
        address = hub.url.replace("http", "ws", 1) + "nbflow/api/changes/stream"
        headers = {"Authorization": f"token {hub.token}"}
        socket = await websocket_connect(HTTPRequest(address, headers=headers))
        message = await asyncio.wait_for(socket.read_message(), 20)
        socket.close()
        return json.loads(message)

    assert asyncio.run(hear())["type"] == "snapshot"


def test_a_command_of_the_same_user_finds_it(hub: Any) -> None:
    env = {**os.environ, "NBFLOW_HOME": str(hub.home)}
    with settings.temporary(home=str(hub.home)):
        found = discovery.find()
    assert found is not None
    assert found.url == hub.url
    asked = [sys.executable, "-m", "nbflow", "flow-run", "ls", "--output", "json"]
    env |= {"NBFLOW_API_URL": hub.url, "NBFLOW_API_TOKEN": hub.token}
    done = subprocess.run(asked, env=env, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) is not None


def test_what_lies_in_the_home_is_the_users_alone(hub: Any) -> None:
    open_to_others = [
        path
        for path in (hub.home, *hub.home.rglob("*"))
        if path.is_dir() and stat.S_IMODE(path.stat().st_mode) & 0o077 and path.parent == hub.home
    ]
    assert stat.S_IMODE(hub.home.stat().st_mode) == 0o700, open_to_others
    for word in (hub.home / "servers").iterdir():
        assert stat.S_IMODE(word.stat().st_mode) == 0o600


class Ada(IdentityProvider):
    """The hub's word on who asks."""

    def get_user(self, handler: Any) -> User:
        """Give Ada."""
        return User(username="ada", name="Ada", display_name="Ada L.")

    def is_token_authenticated(self, handler: Any) -> bool:
        """Say that no browser asks."""
        return True


class TestAsAda:
    @pytest.fixture
    def jp_server_config(self) -> Config:
        server = {"jpserver_extensions": {"nbflow": True}, "identity_provider_class": Ada}
        return Config({"ServerApp": server})

    async def test_her_name_is_on_what_she_makes(self, ask: Any, write_notebook: Any) -> None:
        write_notebook("a.ipynb")
        deployed = await ask("POST", "deployments", body={"path": "a.ipynb"})
        run = await ask("POST", "deployments/a/run", body={})
        by_hand = await ask("POST", "flow-runs", body={"flow_name": "x", "created_by": "eve"})
        assert {one.json["created_by"] for one in (deployed, run, by_hand)} == {"ada"}


async def test_a_live_run_keeps_the_server_from_being_culled(
    app: Any, running: Any, home: Path
) -> None:
    extension = next(iter(app.extension_manager.extension_apps["nbflow"]))
    await extension._look_for_activity()
    assert not extension.current_activity()
    backend = running.orchestrator
    run = backend.create_flow_run(NewFlowRun("x", kind="flow", state=states.Pending()))
    backend.propose(run.id, states.Running())
    await extension._look_for_activity()
    assert extension.current_activity()
    seen = app.web_app.settings["nbflow_last_activity"]
    assert seen.tzinfo is not None
    with settings.temporary(keep_server_awake=False):  # an administrator forbids it
        await extension._look_for_activity()
        assert not extension.current_activity()
        assert app.web_app.settings["nbflow_last_activity"] == seen
