"""Events as they are seen, read and written as JSON once, for all who follow them at once.

Called in reader threads. Chunks end where a multiple of their size does, so that those who read at
different places soon read the same ones.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbflow.model.event_log import EventFilter, Meant
from nbflow.model.event_views import EventView
from nbflow.model.pages import every
from nbflow.orchestration.orchestrator import Orchestrator
from nbflow_jupyter.base import dumps

#: commits one chunk is of; chunks that are kept, and the characters of one
SIZE, _KEPT, _LARGEST = 500, 16, 2_000_000
#: characters of one message
_MESSAGE = 1_000_000


@dataclass(frozen=True)
class Told:
    """Events after a place, each with its text, and the place after them."""

    events: tuple[tuple[EventView, str], ...]
    seq: int


class Viewed:
    """What was committed, chunk by chunk."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self._orchestrator = orchestrator
        self._lock = threading.Lock()
        self._chunks: OrderedDict[int, Told] = OrderedDict()

    def after(self, seq: int) -> Told:
        """Give the events of some commits after a number; none: there are none yet."""
        with self._lock:
            found = self._chunks.get(seq)
            return self._read(seq) if found is None else found

    def past(self, where: EventFilter, seq: int) -> Iterator[str]:
        """Give the messages of what was committed before one listens, oldest first."""
        views = every(self._orchestrator.list_events, where, sort="occurred", limit=200)
        texts: list[str] = []
        for view in views:
            if view.seq <= seq:
                texts.append(dumps(view))
            if len(texts) == SIZE:
                yield _message(texts, 0)
                texts = []
        yield _message(texts, seq)

    def _read(self, seq: int) -> Told:
        found = self._orchestrator.view_events(seq, limit=SIZE - seq % SIZE)
        told = Told(tuple((view, dumps(view)) for view in found.views), found.seq)
        if told.events and sum(len(text) for _, text in told.events) <= _LARGEST:
            self._chunks[seq] = told
            if len(self._chunks) > _KEPT:
                self._chunks.popitem(last=False)
        return told


def messages(told: Told, meant: Meant) -> list[str]:
    """Write the events that are meant as messages; the last says how far they go."""
    parts: list[list[str]] = [[]]
    size = 0
    for view, text in told.events:
        if not meant(view):
            continue
        if size > _MESSAGE:
            parts.append([])
            size = 0
        parts[-1].append(text)
        size += len(text)
    if not parts[0]:
        return []
    *earlier, last = parts
    return [*(_message(part, 0) for part in earlier), _message(last, told.seq)]


def _message(texts: Sequence[str], seq: int) -> str:
    return f'{{"views":[{",".join(texts)}],"seq":{seq}}}'
