"""A server extension: how late the event loop of the server it is loaded in comes to its timers.

`GET <base_url>lag` gives the delays since the last question, seconds, as JSON.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.serverapp import ServerApp
from tornado import web

#: between two looks
_EVERY_SECONDS = 0.01

_delays: list[float] = []


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "benchmarks.lag"}]


def _load_jupyter_server_extension(server: ServerApp) -> None:
    loop = asyncio.get_event_loop()

    def look(due: float) -> None:
        now = time.perf_counter()
        _delays.append(now - due)
        loop.call_later(_EVERY_SECONDS, look, now + _EVERY_SECONDS)

    loop.call_soon(look, time.perf_counter())
    server.web_app.add_handlers(".*", [(f"{server.base_url}lag", _Lag)])


class _Lag(APIHandler):
    @web.authenticated
    @authorized(action="read", resource="lag")
    async def get(self) -> None:
        found = _delays[:]
        _delays.clear()
        self.finish({"delays": found})
