"""News: requests that are answered as soon as there may be something to do, or to tell.

Workers elsewhere wait for those of their pool: a hint, as a byte on the pipe of the worker beside
the server is one. Who asks for changes waits for any.
"""

from __future__ import annotations

import asyncio

from nbflow.model.events import Event
from nbflow.model.states import StateType

#: states of a run that a worker of its pool wants to hear of
_NEWS = frozenset({StateType.SCHEDULED.value, StateType.CANCELLING.value})
#: what most events are, and no worker waits for: their rows need not be read
NO_NEWS = frozenset({"flow-run.Pending", "flow-run.Running", "flow-run.Completed"})
_LONGEST_SECONDS = 50.0
#: where who waits for any change waits; no pool has this name
_ANY = ""


class News:
    """Who waits for news of which work pool; used on the event loop, but for `deliver`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._last: dict[str, int] = {}
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._closed = False

    def deliver(self, before: int, to: int, events: tuple[Event, ...]) -> None:
        """Take events from the bus, in the bus's thread."""
        told = (e for e in events if e.noun == "flow-runs" and e.kind not in NO_NEWS)
        heard = {
            event.row["work_pool"]: event.seq
            for event in told
            if event.row.get("state", {}).get("type") in _NEWS
        }
        heard.pop(None, None)
        if to > before:
            self._loop.call_soon_threadsafe(self._tell, heard | {_ANY: to})

    @property
    def closed(self) -> bool:
        """Say whether nobody is told any more."""
        return self._closed

    async def any_after(self, seq: int, seconds: float) -> None:
        """Wait until something was committed after a number, at most so many seconds."""
        await self.wait(_ANY, seq, seconds)

    async def wait(self, work_pool: str, since: int, seconds: float) -> int:
        """Wait for news after a number that an earlier call gave; give the number of the latest."""
        if self._last.get(work_pool, 0) <= since and not self._closed:
            woken = asyncio.Event()
            waiting = self._waiting.setdefault(work_pool, set())
            waiting.add(woken)
            try:
                await asyncio.wait_for(woken.wait(), min(max(seconds, 0.0), _LONGEST_SECONDS))
            except TimeoutError:
                pass
            finally:
                waiting.discard(woken)
        return self._last.get(work_pool, since)

    def close(self) -> None:
        """Let nobody wait any more."""
        self._closed = True
        for waiting in self._waiting.values():
            for woken in waiting:
                woken.set()

    def _tell(self, heard: dict[str, int]) -> None:
        self._last |= heard
        for work_pool in heard:
            for woken in self._waiting.get(work_pool, ()):
                woken.set()
