"""What changes without an event: slots of concurrency limits, and the heartbeats of workers.

An event for each would cost as much as the slot itself. So whoever has them in sight is told that
they are not as they were, at most twice a second, and asks. Nobody looks while nobody watches.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol

#: the shortest time between two looks
PACE_SECONDS = 0.5

#: gives for each noun something that is another whenever its rows are
Marks = Callable[[], Awaitable[Mapping[str, object]]]


class Watcher(Protocol):
    """Somebody who has some nouns in sight."""

    @property
    def nouns(self) -> Collection[str]:
        """Give the nouns it wants to hear of."""
        ...

    def stirred(self, nouns: Collection[str]) -> None:
        """Take in that rows of these nouns are not as they were."""
        ...


class Stirs:
    """Looks whether rows are as they were, when the bus has a reason to, and tells who watches."""

    def __init__(self, log: logging.Logger, *, marks: Marks) -> None:
        self._loop = asyncio.get_running_loop()
        self._log = log
        self._marks = marks
        self._seen: Mapping[str, object] = {}
        self._watchers: set[Watcher] = set()
        self._joined: set[Watcher] = set()
        self._waiting: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._looked_at = 0.0

    def join(self, watcher: Watcher) -> None:
        """Tell somebody from now on: at once that it should ask, then whenever it should again."""
        self._watchers.add(watcher)
        self._joined.add(watcher)
        self._soon()

    def leave(self, watcher: Watcher) -> None:
        """Tell somebody no more."""
        self._watchers.discard(watcher)
        self._joined.discard(watcher)

    def look(self) -> None:
        """Look soon, if anybody watches; called in the bus's thread."""
        if self._watchers:
            self._loop.call_soon_threadsafe(self._soon)

    def close(self) -> None:
        """Look no more."""
        self._watchers.clear()
        if self._waiting is not None:
            self._waiting.cancel()
        if self._looking is not None:
            self._looking.cancel()

    def _soon(self) -> None:
        if self._waiting is None and self._watchers:
            at = max(self._loop.time(), self._looked_at + PACE_SECONDS)
            self._waiting = self._loop.call_at(at, self._begin)

    def _begin(self) -> None:
        self._waiting = None
        if self._looking is not None and not self._looking.done():
            self._looked_at = self._loop.time()
            self._soon()
            return
        self._looked_at = self._loop.time()
        self._looking = self._loop.create_task(self._look())

    async def _look(self) -> None:
        joined, self._joined = self._joined, set()
        try:
            found = await self._marks()
        except Exception as error:  # what is new is told with the next look
            self._log.warning("nbflow could not look at slots and workers: %s", error)
            self._joined |= joined
            return
        changed = {noun for noun, mark in found.items() if self._seen.get(noun) != mark}
        self._seen = found
        for watcher in tuple(self._watchers):
            if mine := (set(found) if watcher in joined else changed).intersection(watcher.nouns):
                watcher.stirred(mine)
