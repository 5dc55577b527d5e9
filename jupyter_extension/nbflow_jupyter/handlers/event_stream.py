"""Events told as they are committed to who says which: the stream waits for its reader.

Nothing is held for a slow one but the message it is reading: its place is a number in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from jupyter_server.auth.decorator import ws_authenticated
from tornado import websocket

from nbflow.exceptions import NbflowError
from nbflow.model import reading
from nbflow.model.event_log import EventFilter, EventsWanted, Meant, check_backfill
from nbflow_jupyter.streaming import TOO_SLOW, UNKNOWN, Streaming
from nbflow_jupyter.viewed import SIZE, messages

#: how long a few events wait for others, and a look for news; seconds to take one message
_PAUSE_SECONDS, _LOOK_SECONDS, _SLOWEST_SECONDS = 0.1, 20.0, 60.0


class EventStream(Streaming):
    """One who follows events.

    It says which (`EventsWanted`), at any time anew, and is sent `Views`: at once an empty one that
    says from where on, then those it means. A message whose `seq` is 0 is continued by the next.
    """

    _following: asyncio.Task[None] | None = None

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the stream of events (a websocket)."""
        await self.upgrade(*args, **kwargs)

    async def asked(self, message: str) -> None:
        """Follow the events that are wanted."""
        try:
            wanted = reading.request(EventsWanted, message)
            meant = Meant(wanted)
            check_backfill(wanted.since)
        except NbflowError as error:
            self.close(UNKNOWN, str(error)[:40])
            return
        self._stop()
        self._following = asyncio.ensure_future(self._follow(wanted, meant))

    def on_close(self) -> None:
        """Follow no more."""
        super().on_close()
        self._stop()

    def _stop(self) -> None:
        if self._following is not None:
            self._following.cancel()

    async def _follow(self, wanted: EventsWanted, meant: Meant) -> None:
        with suppress(websocket.WebSocketClosedError):
            seq = await self._begin(wanted)
            while not self.running.news.closed:
                told = await self.off_loop(self.running.viewed.after, seq)
                for text in await self.off_loop(messages, told, meant):
                    await self._tell(text)
                seq = told.seq
                if len(told.events) < SIZE // 2:
                    await self.running.news.any_after(seq, _LOOK_SECONDS)
                    await asyncio.sleep(_PAUSE_SECONDS)

    async def _begin(self, wanted: EventsWanted) -> int:
        """Say from where on, and what was before that, if it is wanted; give the place."""
        seq = await self.off_loop(self.running.orchestrator.seq)
        if wanted.after is not None:
            seq = min(wanted.after, seq)
        await self._tell(f'{{"views":[],"seq":{seq}}}')
        if wanted.since is not None:
            where = EventFilter(wanted.event, wanted.resource, wanted.related, wanted.since)
            past = self.running.viewed.past(where, seq)
            while (text := await self.off_loop(_next, past)) is not None:
                await self._tell(text)
        return seq

    async def _tell(self, text: str) -> None:
        try:
            await asyncio.wait_for(self.write_message(text), _SLOWEST_SECONDS)
        except TimeoutError:
            self.close(TOO_SLOW, "too slow")
            raise websocket.WebSocketClosedError from None


def _next(texts: Iterator[str]) -> str | None:
    return next(texts, None)
