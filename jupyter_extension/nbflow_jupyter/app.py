"""The server extension: its settings as traitlets, its routes, its start and its stop.

What runs is `running`'s; what is answered the handlers'.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
from pathlib import Path
from typing import Any, cast

from jupyter_events import EventLogger
from jupyter_server.extension.application import ExtensionApp
from jupyter_server.serverapp import ServerApp
from traitlets import Bool, Float, Int, TraitType, Unicode

from nbflow import settings
from nbflow.model import clock
from nbflow_jupyter import relay, routes
from nbflow_jupyter.bus import JupyterBus
from nbflow_jupyter.kept_kernels import KeptKernels
from nbflow_jupyter.running import Running

#: how often it is looked whether the server is idle
_ACTIVITY_SECONDS = 30.0

_KINDS: dict[type, type[TraitType]] = {bool: Bool, int: Int, float: Float, str: Unicode}


def _traits() -> dict[str, TraitType]:
    """Give each of nbflow's settings as a traitlet."""
    return {
        name: _KINDS[type(setting.default)](setting.default, help=setting.help).tag(config=True)
        for name, setting in settings.SETTINGS.items()
    }


_WithSettings: Any = type(ExtensionApp)("_WithSettings", (ExtensionApp,), _traits())


class NbflowApp(_WithSettings):
    """Orchestration for this Jupyter server: scheduler, worker, REST API and change stream."""

    name = "nbflow"
    load_other_extensions = True

    _running: Running
    _kept: KeptKernels
    _busy = False
    _watching: asyncio.Task[None] | None = None
    _presence: Path | None = None

    def initialize_settings(self) -> None:
        """Take the configured settings over, above the environment."""
        given = self.config.get(type(self).__name__, {})
        settings.override(**{n: getattr(self, n) for n in settings.SETTINGS if n in given})
        self._running = Running(self.log)
        self._leaving = asyncio.Event()
        self._kept = KeptKernels(cast("Any", self.serverapp).kernel_manager, self.log)
        self.settings["nbflow_running"] = self._running
        self.settings["nbflow_kept_kernels"] = self._kept
        self.settings["nbflow_routes"] = routes.ROUTES

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend(routes.handlers())

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Start what runs behind the server, once its event loop does."""
        logger = cast("EventLogger", serverapp.event_logger)
        bus = JupyterBus(logger, self.log)
        told = relay.Relay(bus, self.log, read=self._running.task_run_rows)
        # A certificate of its own making would not be trusted by kernels.
        url = "" if serverapp.certfile or serverapp.sock else _url(serverapp)
        await self._running.open(told, url=url)
        if not gc.get_freeze_count():  # what was imported stays: nobody looks through it
            gc.freeze()
        self._kept.open()
        self._watching = asyncio.create_task(self._watch_activity())
        self._presence = _write_presence(serverapp)

    async def stop_extension(self) -> None:
        """Let the worker drain, then stop everything."""
        if self._watching is None:
            return
        self._leaving.set()
        await self._watching
        self._watching = None
        await self._kept.close()
        if self._presence is not None:
            self._presence.unlink(missing_ok=True)
        await self._running.close()

    def current_activity(self) -> bool:
        """Say whether runs are live or due soon, so that the server is not shut down as idle."""
        return self._busy

    async def _watch_activity(self) -> None:
        """Keep saying so where JupyterHub's idle culler looks, too."""
        while not self._leaving.is_set():
            try:
                await self._look_for_activity()
            except Exception as error:
                self.log.warning("nbflow could not tell whether it is idle: %s", error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._leaving.wait(), _ACTIVITY_SECONDS)

    async def _look_for_activity(self) -> None:
        busy = await asyncio.to_thread(self._running.busy, clock.now())
        self._busy = busy and settings.keep_server_awake
        if self._busy:
            self.serverapp.web_app.settings["nbflow_last_activity"] = clock.now()


def _write_presence(serverapp: ServerApp) -> Path | None:
    """Leave word of this server in the home folder, for programs of the same user."""
    folder = settings.home() / "servers"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{os.getpid()}.json"
        word = {
            "url": _url(serverapp),
            "token": serverapp.identity_provider.token,
            "pid": os.getpid(),
        }
        half = path.with_suffix(".part")  # nobody may read it before it is whole
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(word, file)
        half.replace(path)
    except OSError as error:
        serverapp.log.warning("nbflow could not leave word of this server: %s", error)
        return None
    return path


def _url(serverapp: ServerApp) -> str:
    """Give the server's base address as a program on this machine reaches it."""
    if serverapp.ip in ("", "0.0.0.0", "::", "*", "localhost"):
        scheme = "https" if serverapp.certfile else "http"
        return f"{scheme}://127.0.0.1:{serverapp.port}{serverapp.base_url}"
    return serverapp.connection_url
