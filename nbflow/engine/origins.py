"""Origins: which task run made a value, told by the value itself when it is passed on.

What one task returned and another is given makes an edge between their runs, though no future was
passed. Values that Python shares (None, numbers, texts, bytes) tell nothing. Nothing is kept alive
for this but a few small collections, which cannot be referred to weakly.
"""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})
#: collections that are kept alive, and how many items the largest has
_KEPT = 64
_MOST_ITEMS = 100


class Origins:
    """The values that the task runs of one attempt returned, as long as they live."""

    def __init__(self) -> None:
        self._maker: dict[int, str] = {}
        self._refs: dict[int, weakref.ref[Any]] = {}
        self._kept: deque[Any] = deque()
        self._keeping = threading.Lock()  # tasks end on many threads

    def note(self, value: Any, task_run_id: str) -> None:
        """Remember which task run returned a value, and what is in it."""
        if not self._referred(value, task_run_id):
            self._keep(value, task_run_id)
            for item in _items(value):
                if type(item) not in ATOMS:
                    self._referred(item, task_run_id)

    def of(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[str]:
        """Give the ids of the task runs that made a call's arguments, or what is in those."""
        for value in (*args, *kwargs.values()):
            if type(value) in ATOMS:
                continue
            if id(value) in self._maker:
                yield self._maker[id(value)]
                continue
            for item in _items(value):
                if id(item) in self._maker and type(item) not in ATOMS:
                    yield self._maker[id(item)]

    def _referred(self, value: Any, task_run_id: str) -> bool:
        place = id(value)
        if place not in self._refs:
            try:
                self._refs[place] = weakref.ref(value, lambda _: self._forget(place))
            except TypeError:
                return False
        self._maker[place] = task_run_id
        return True

    def _forget(self, place: int) -> None:
        # Called before the place can be taken by another value.
        self._maker.pop(place, None)
        self._refs.pop(place, None)

    def _keep(self, value: Any, task_run_id: str) -> None:
        """Keep a small collection of shared values alive for a while; larger ones are let go."""
        items = _items(value)
        if not items or any(type(item) not in ATOMS for item in items):
            return
        with self._keeping:
            self._kept.append(value)
            self._maker[id(value)] = task_run_id
            if len(self._kept) > _KEPT:
                gone = self._kept.popleft()
                if not any(gone is other for other in self._kept):
                    self._maker.pop(id(gone), None)


def _items(value: Any) -> tuple[Any, ...]:
    """Give a copy of what is in a collection: another thread may change it meanwhile."""
    if not isinstance(value, (list, tuple, dict)) or len(value) > _MOST_ITEMS:
        return ()
    return tuple(value.values()) if isinstance(value, dict) else tuple(value)
