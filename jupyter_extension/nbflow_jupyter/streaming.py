"""A websocket that tells of what is committed: who may listen, and what closes it.

What is told, and what may be asked, is said in `handlers.changes` and `handlers.event_stream`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from jupyter_server.extension.handler import ExtensionHandlerMixin
from jupyter_server.utils import ensure_async
from tornado import web, websocket

from nbflow import settings
from nbflow_jupyter.base import Problems
from nbflow_jupyter.running import Running

#: what closes a stream (RFC 6455 gives 4000 to 4999 to applications)
UNKNOWN, FORBIDDEN, TOO_SLOW, TOO_MANY, NOT_TEXT = 4400, 4403, 4408, 4429, 1003


class Streaming(  # pyright: ignore[reportIncompatibleVariableOverride, reportIncompatibleMethodOverride]
    Problems, ExtensionHandlerMixin, WebSocketMixin, websocket.WebSocketHandler, JupyterHandler
):
    """One websocket of somebody who may read events, for as long as they may."""

    async def upgrade(self, *args: Any, **kwargs: Any) -> None:
        """Open the websocket, for who may read events."""
        if not await self.may_read("nbflow:events"):
            raise web.HTTPError(403)
        if self.request.headers.get("Upgrade", "").lower() != "websocket":
            raise web.HTTPError(426)
        await self.running.ready()
        opened = super().get(*args, **kwargs)
        if opened is not None:
            await opened

    @property
    def running(self) -> Running:
        """What runs behind this server."""
        return self.settings["nbflow_running"]

    @property
    def max_message_size(self) -> int:
        """Give the bytes a message may have; a longer one closes the stream."""
        return settings.stream_message_bytes

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Begin to count messages, and to look whether this one may still read."""
        opened = super().open(*args, **kwargs)
        most = max(settings.stream_messages_per_second, 1)
        self._heard: deque[float] = deque(maxlen=most)
        self._asking = asyncio.ensure_future(self._ask_again())
        return opened

    def on_close(self) -> None:
        """Look no more."""
        super().on_close()
        asking = getattr(self, "_asking", None)
        if asking is not None:
            asking.cancel()

    async def on_message(self, message: str | bytes) -> None:
        """Take a request; what is none closes, and so do too many."""
        if isinstance(message, bytes):
            self.close(NOT_TEXT, "text only")
        elif self._too_many():
            self.close(TOO_MANY, "too many messages")
        else:
            await self.asked(message)

    async def asked(self, message: str) -> None:
        """Take one request."""
        self.close(UNKNOWN, "not a request this stream knows")

    def on_ping(self, data: bytes) -> None:
        """Count a ping as a message: answering floods of them is work, too."""
        if hasattr(self, "_heard") and self._too_many():
            self.close(TOO_MANY, "too many messages")

    def _too_many(self) -> bool:
        now = asyncio.get_running_loop().time()
        full = len(self._heard) == self._heard.maxlen
        too_many = full and now - self._heard[0] < 1.0
        self._heard.append(now)
        return too_many

    async def _ask_again(self) -> None:
        """Close the stream of who may no longer read: what was allowed may be taken back."""
        while True:
            await asyncio.sleep(settings.stream_check_seconds)
            if not await self.may_read("nbflow:events"):
                self.close(FORBIDDEN, "not allowed any more")
                return

    async def may_read(self, resource: str) -> bool:
        """Say whether who listens may read something."""
        allowed = self.authorizer.is_authorized(self, self.current_user, "read", resource)
        return await ensure_async(allowed)

    async def off_loop(self, call: Callable[..., Any], *args: Any) -> Any:
        """Call what reads in a thread, so that the event loop goes on."""
        return await asyncio.get_running_loop().run_in_executor(self.running.readers, call, *args)
