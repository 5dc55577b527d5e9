"""Changes: asked for once, or told as they are committed, over one websocket a page."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import Any

from jupyter_server.auth.decorator import authorized, ws_authenticated
from tornado import web, websocket

from nbflow import settings
from nbflow.model import changes as model
from nbflow.model.changes import check_wait
from nbflow.model.event_views import EMITTED
from nbflow.model.events import Event
from nbflow.model.pages import every
from nbflow.model.wire import flow_run_row
from nbflow_jupyter.base import ApiHandler, dumps
from nbflow_jupyter.queries import ChangeQuery
from nbflow_jupyter.running import Running
from nbflow_jupyter.streaming import FORBIDDEN, TOO_MANY, TOO_SLOW, UNKNOWN, Streaming

#: runs a snapshot holds, newest first
_SNAPSHOT_RUNS = 200
#: messages, and characters of them, that may wait for a slow browser
_BACKLOG, _BACKLOG_SIZE = 64, 4_000_000

#: the nouns a page may watch, and what it must be allowed to read
_RESOURCES = {
    "artifacts": "nbflow:artifacts",
    "events": "nbflow:events",
    "slots": "nbflow:concurrency-limits",
    "workers": "nbflow:workers",
}

#: users' events one message tells of
_MOST_EMITTED = 100

_RESYNC = json.dumps({"type": "resync"})


class Changes(ApiHandler):
    """What was committed."""

    _track_activity = False
    _waiting: asyncio.Task[model.Changes] | None = None

    @web.authenticated
    @authorized(action="read", resource="nbflow:events")
    async def get(self) -> None:
        """Give the events after a sequence number, oldest first; `wait` for the first of them."""
        asked = self.query(ChangeQuery)
        check_wait(asked.wait)
        self._waiting = asyncio.ensure_future(self._found(asked))
        with suppress(asyncio.CancelledError):  # who asked is gone
            found = await self._waiting
            await self.answer(lambda: found)

    async def _found(self, asked: ChangeQuery) -> model.Changes:
        """Look, and look again whenever something was committed, until there is what is asked."""
        loop, news = asyncio.get_running_loop(), self.running.news
        until = loop.time() + asked.wait
        while True:
            found = await self.off_loop(self.backend.changes, asked.since, limit=asked.limit)
            left = until - loop.time()
            if found.events or not found.complete or left <= 0 or news.closed:
                return found
            await news.any_after(found.seq, left)
            if news.closed:  # the store is about to be
                return found

    def on_connection_close(self) -> None:
        """Wait no longer for who is gone."""
        super().on_connection_close()
        if self._waiting is not None:
            self._waiting.cancel()


class Stream(Streaming):
    """The change stream of one page: a snapshot, then numbered changes.

    Attributes:
        seq: what the page knows; None before its snapshot.
        watched: the runs whose task runs and artifacts it is told of.
        nouns: what it has in sight besides: all artifacts, or what has no events (`Stirs`).
    """

    seq: int | None = None

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Open the change stream (a websocket)."""
        await self.upgrade(*args, **kwargs)

    async def open(self, *args: Any, **kwargs: Any) -> None:
        """Listen first, then send the snapshot: nothing committed between is missed."""
        super().open(*args, **kwargs)
        self.watched: set[str] = set()
        self.nouns: set[str] = set()
        self._early: list[tuple[int, tuple[Event, ...]]] = []
        self._outbox: deque[str] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._leave: Callable[[], None] = self.running.relay.listen(self)
        seq, text = await self.off_loop(_snapshot, self.running)
        self._send(text)
        self.seq = seq
        for to, events in self._early:
            self.tell(to, events)
        self._early.clear()

    def on_close(self) -> None:
        """Stop listening."""
        super().on_close()
        leave = getattr(self, "_leave", None)
        if leave is not None:
            leave()
            self.running.stirs.leave(self)

    # -- to the page --------------------------------------------------------------------------
    def tell(self, to: int, events: tuple[Event, ...]) -> None:
        """Send the page what it does not know yet."""
        if self.seq is None:
            self._early.append((to, events))
            return
        wanted = [event for event in events if event.seq > self.seq and self._wants(event)]
        emitted = sum(event.noun == EMITTED for event in wanted)
        if emitted > _MOST_EMITTED:  # it asks for a page of them instead
            wanted = [event for event in wanted if event.noun != EMITTED]
            self.stirred([EMITTED])
        if wanted:
            message = {"type": "changes", "from": self.seq, "to": to, "events": wanted}
            self.seq = to
            self._send(dumps(message))

    def stirred(self, nouns: Collection[str]) -> None:
        """Tell the page that rows of these nouns are not as they were."""
        self._send(dumps({"type": "stirred", "nouns": sorted(nouns)}))

    def _wants(self, event: Event) -> bool:
        if event.noun == EMITTED:
            return EMITTED in self.nouns
        if event.noun == "artifacts":
            return "artifacts" in self.nouns or event.row.get("flow_run_id") in self.watched
        return event.noun != "task-runs" or event.resource_id in self.watched

    def _send(self, text: str) -> None:
        if self._outbox and self._too_slow(text):
            self._leave()
            self._outbox.clear()
            text = _RESYNC
        self._outbox.append(text)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.ensure_future(self._send_all())

    def _too_slow(self, text: str) -> bool:
        size = sum(map(len, self._outbox)) + len(text)
        return len(self._outbox) >= _BACKLOG or size > _BACKLOG_SIZE

    async def _send_all(self) -> None:
        while self._outbox:
            text = self._outbox.popleft()
            try:
                await self.write_message(text)
            except websocket.WebSocketClosedError:
                return
            if text is _RESYNC:
                self.close(TOO_SLOW, "too slow")

    # -- from the page ------------------------------------------------------------------------
    async def asked(self, message: str) -> None:
        """Take a request to watch a run or a noun, or to stop; anything else closes."""
        match _request(message):
            case ("watch", "flow_run_id", str(flow_run_id)):
                await self._watch(flow_run_id)
            case ("unwatch", "flow_run_id", str(flow_run_id)):
                self.watched.discard(flow_run_id)
            case ("watch", "noun", str(noun)) if noun in _RESOURCES:
                await self._watch_noun(noun)
            case ("unwatch", "noun", str(noun)):
                self.nouns.discard(noun)
                if not self.nouns:
                    self.running.stirs.leave(self)
            case _:
                self.close(UNKNOWN, "not a request this stream knows")

    async def _watch(self, flow_run_id: str) -> None:
        if len(self.watched) >= settings.stream_watched:
            self.close(TOO_MANY, "too many runs watched")
            return
        if not await self.may_read("nbflow:runs"):
            self.close(FORBIDDEN, "not allowed")
            return
        self.watched.add(flow_run_id)
        self._send(await self.off_loop(_run, self.running, flow_run_id))

    async def _watch_noun(self, noun: str) -> None:
        """Tell of a noun from now on: at once that the page should ask, then when to ask again."""
        if not await self.may_read(_RESOURCES[noun]):
            self.close(FORBIDDEN, "not allowed")
            return
        self.nouns.add(noun)
        if noun in ("artifacts", EMITTED):
            self.stirred([noun])
        else:
            self.running.stirs.join(self)


def _request(message: str) -> tuple[Any, str, Any] | None:
    """Read what to do with what: `("watch", "flow_run_id", id)`, or a noun."""
    try:
        said = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    return next(
        (
            (said["type"], of, said[of])
            for of in ("flow_run_id", "noun")
            if set(said) == {"type", of}
        ),
        None,
    )


def _snapshot(running: Running) -> tuple[int, str]:
    """Give a page's first message, and the sequence number it is true at."""
    orchestrator = running.orchestrator
    seq = orchestrator.seq()  # before the rows: what is committed meanwhile is told again
    runs = orchestrator.list_flow_runs(limit=_SNAPSHOT_RUNS).rows
    health = replace(running.health(), seq=seq)
    message = {
        "type": "snapshot",
        "seq": seq,
        "health": health,
        "flow_runs": [flow_run_row(run) for run in runs],
        "deployments": tuple(every(orchestrator.list_deployments)),
        "workers": health.workers,
    }
    return seq, dumps(message)


def _run(running: Running, flow_run_id: str) -> str:
    """Give the answer to a watch; a run that is gone has no task runs."""
    seq = running.orchestrator.seq()
    rows = running.orchestrator.tell_task_runs(flow_run_id)
    asked = dumps(flow_run_id)
    return f'{{"type":"run","flow_run_id":{asked},"seq":{seq},"task_runs":{rows}}}'
