"""The extension's life: its settings, its start, its stop, and what it says of itself."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.services.contents.manager import ContentsManager
from tornado import web
from traitlets.config import Config

from nbflow import settings
from nbflow.client import discovery
from nbflow.model import clock, states
from nbflow.model.runs import NewFlowRun
from nbflow_jupyter.app import NbflowApp
from nbflow_jupyter.running import Running


def extension(app: Any) -> NbflowApp:
    return app.web_app.settings["nbflow"]


# -- settings ---------------------------------------------------------------------------------


class TestConfigured:
    @pytest.fixture
    def jp_server_config(self) -> Config:
        server = {"jpserver_extensions": {"nbflow": True}}
        return Config({"ServerApp": server, "NbflowApp": {"lease_seconds": 7.5, "worker_limit": 4}})

    def test_a_traitlet_outranks_the_environment(self, monkeypatch: Any, request: Any) -> None:
        monkeypatch.setenv("NBFLOW_LEASE_SECONDS", "99")
        monkeypatch.setenv("NBFLOW_WORKER_LIMIT", "99")
        monkeypatch.setenv("NBFLOW_LATE_SECONDS", "99")
        request.getfixturevalue("app")
        assert (settings.lease_seconds, settings.worker_limit) == (7.5, 4)
        assert settings.late_seconds == 99


def test_every_setting_is_a_traitlet_with_help() -> None:
    traits = NbflowApp.class_traits(config=True)
    for name, setting in settings.SETTINGS.items():
        assert traits[name].default_value == setting.default
        assert traits[name].help == setting.help


def test_the_server_never_imports_user_codes_modules() -> None:
    look = (
        "import sys, nbflow_jupyter.app, nbflow_jupyter.openapi;"
        "print([m for m in sys.modules if m.startswith(('nbflow.flows', 'nbflow.tasks',"
        " 'nbflow.notebook', 'nbflow.engine', 'nbflow.deployments', 'papermill'))])"
    )
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


# -- the store cannot be opened ---------------------------------------------------------------


class TestWithoutAStore:
    """The Jupyter server starts all the same, and each call says what is wrong."""

    @pytest.fixture(params=["newer schema", "not a database", "another database"])
    def home(self, home: Path, request: Any, monkeypatch: Any) -> Path:
        home.mkdir()
        file = home / "nbflow.sqlite"
        if request.param == "newer schema":
            with sqlite3.connect(file) as connection:
                connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
                connection.execute("INSERT INTO alembic_version VALUES ('9999')")
            connection.close()
        elif request.param == "not a database":
            file.write_bytes(b"no database" * 1000)
        else:
            monkeypatch.setenv("NBFLOW_DATABASE_URL", "mysql://nowhere/x")
        return home

    async def test_every_call_is_told_why(
        self, ask: Any, app: Any, jp_fetch: Any, caplog: Any
    ) -> None:
        for verb, path in (("GET", "health"), ("GET", "flow-runs"), ("POST", "records")):
            reply = await ask(verb, path, body={} if verb == "POST" else None)
            assert reply.status == 503
            assert reply.json["code"]
            assert len(reply.json["message"]) > 10
        stream = await ask("GET", "changes/stream", headers={"Upgrade": "websocket"})
        assert stream.status == 503
        assert (await jp_fetch("api", "status")).code == 200
        assert not extension(app).current_activity()


# -- idle or not ------------------------------------------------------------------------------


async def test_an_idle_server_may_be_shut_down(app: Any, running: Running) -> None:
    assert not running.busy(clock.now())
    assert not extension(app).current_activity()


async def test_a_run_that_waits_or_runs_keeps_the_server(app: Any, running: Running) -> None:
    make = running.orchestrator.create_flow_run
    session = make(NewFlowRun("x", kind="session"))
    assert not running.busy(clock.now())
    live = make(NewFlowRun("x"))
    assert running.busy(clock.now())
    running.orchestrator.propose(live.id, states.Failed())
    assert not running.busy(clock.now())
    assert session.kind == "session"
    due_at = clock.now() + timedelta(minutes=30)
    make(NewFlowRun("x", state=states.Scheduled(due_at), due_at=due_at, path="/x", work_pool="p"))
    assert running.busy(clock.now())


async def test_a_schedule_due_within_the_hour_keeps_the_server(
    ask: Any, app: Any, running: Running, write_notebook: Any
) -> None:
    write_notebook("a.ipynb")

    async def deploy(seconds: int) -> None:
        timing = {"interval": seconds}
        await ask(
            "POST", "deployments", body={"path": "a.ipynb", "schedules": [{"timing": timing}]}
        )

    await deploy(3650 * 86400)
    assert not running.busy(clock.now())
    await deploy(1800)
    assert running.busy(clock.now())
    before = app.web_app.last_activity()
    await extension(app)._look_for_activity()
    assert extension(app).current_activity()
    assert app.extension_manager.any_activity()
    assert app.web_app.last_activity() > before


# -- its word for others ----------------------------------------------------------------------


def test_a_server_can_be_found_while_it_runs(
    app: Any, home: Path, jp_auth_header: Any, jp_asyncio_loop: Any
) -> None:
    (server,) = discovery.servers()
    assert server.pid == os.getpid()
    assert jp_auth_header["Authorization"] == f"token {server.token}"
    assert server.url.endswith("/user/a%40b/")
    assert discovery.find() == server
    (word,) = (home / "servers").iterdir()
    assert stat.S_IMODE(word.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    jp_asyncio_loop.run_until_complete(extension(app).stop_extension())
    assert discovery.find() is None


# -- notebooks that lie in no folder ----------------------------------------------------------


class Shelf(ContentsManager):
    """Notebooks that are kept nowhere on disk."""

    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "p", "language": "python"}},
        "cells": [
            {"cell_type": "code", "id": "a", "source": "1", "metadata": {}, "outputs": [],
             "execution_count": None}
        ],
    }  # fmt: skip

    def get(self, path: str, content: bool = True, type: Any = None, format: Any = None) -> Any:
        if path != "shelf/a.ipynb":
            raise web.HTTPError(404, "no such thing")
        model = {"name": "a.ipynb", "path": path, "type": "notebook", "size": None}
        return {**model, "content": self.notebook if content else None}

    def is_hidden(self, path: str) -> bool:
        return False


class TestOnAServerWithoutFiles:
    @pytest.fixture
    def jp_server_config(self) -> Config:
        server = {"jpserver_extensions": {"nbflow": True}, "contents_manager_class": Shelf}
        return Config({"ServerApp": server})

    async def test_a_notebook_is_given_a_place(self, ask: Any, home: Path) -> None:
        reply = await ask("POST", "deployments", body={"path": "shelf/a.ipynb"})
        assert (reply.status, reply.json["name"]) == (201, "a")
        assert reply.json["path"] == str(home / "contents" / "shelf" / "a.ipynb")
        assert (home / "contents" / "shelf").is_dir()
        kept = await ask("GET", f"snapshots/{reply.json['snapshot']}")
        assert [cell["source"] for cell in kept.json["cells"]] == [["1"]]
        live = {"path": "shelf/a.ipynb", "source": "live"}
        refused = await ask("POST", "deployments", body=live)
        assert (refused.status, refused.json["code"]) == (422, "source.no_files")
        none = await ask("POST", "flow-runs/run-notebook", body={"path": "b.ipynb"})
        assert (none.status, none.json["code"]) == (404, "notebook.missing")
