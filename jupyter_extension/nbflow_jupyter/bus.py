"""Jupyter's own event bus: told of flow runs that start and end, and of events, for extensions.

Coarse on purpose: what follows every change is the change stream (`relay`). Parameters, results,
messages and states of task runs are not told. Events are emitted one by one between other work of
the event loop; whoever listens can neither delay it for long nor break it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_events import EventLogger

from nbflow.model import event_views
from nbflow.model.events import Event
from nbflow.model.states import TERMINAL, StateType
from nbflow.model.wire import jsonable

FLOW_RUN, EVENT = "urn:nbflow:flow-run:v1", "urn:nbflow:event:v1"
_SCHEMAS = Path(__file__).parent / "event_schemas"
#: where an event logger keeps who listens, by schema
_LISTENERS = ("_modified_listeners", "_unmodified_listeners")
#: events that may wait; beyond that the oldest are left out
_MOST = 10_000
#: seconds between two of the many: every page of JupyterLab listens to all there is
_PAUSE = 0.02

#: makes what is told, when its turn comes
Telling = Callable[[], dict[str, Any]]
Say = Callable[[Event], Telling | None]


class JupyterBus:
    """Tells Jupyter's event bus of runs that start and end, and of events; on the event loop."""

    def __init__(self, logger: EventLogger, log: logging.Logger) -> None:
        self._lines = (
            _Line(logger, log, FLOW_RUN, "flow-run", _life),
            _Line(logger, log, EVENT, "event", seen, pause=_PAUSE),
        )

    def take(self, events: Iterable[Event]) -> None:
        """Tell of events, soon, if anybody listens."""
        for line in self._lines:
            line.take(events)

    def close(self) -> None:
        """Tell nobody any more."""
        for line in self._lines:
            line.close()


class _Line:
    """What waits to be told by one schema."""

    def __init__(
        self, logger: EventLogger, log: logging.Logger, schema_id: str, folder: str, say: Say,
        *, pause: float = 0.0,
    ) -> None:  # fmt: skip
        self._logger = logger
        self._log = log
        self._id = schema_id
        self._say = say
        self._pause = pause
        self._waiting: deque[Telling] = deque(maxlen=_MOST)
        self._emitting: asyncio.Task[None] | None = None
        if schema_id not in logger.schemas:
            logger.register_event_schema(_SCHEMAS / folder / "v1.yaml")

    def take(self, events: Iterable[Event]) -> None:
        """Tell of those events that its schema is for, soon, if anybody listens."""
        if not self._is_heard():
            return
        told = [telling for event in events if (telling := self._say(event)) is not None]
        full = len(self._waiting) == _MOST
        if not full and len(self._waiting) + len(told) > _MOST:
            self._log.warning("nbflow left events out: Jupyter's event bus is too slow for them")
        self._waiting.extend(told)
        if self._waiting and (self._emitting is None or self._emitting.done()):
            self._emitting = asyncio.get_running_loop().create_task(self._emit_all())

    def close(self) -> None:
        """Tell nobody any more."""
        self._waiting.clear()
        if self._emitting is not None:
            self._emitting.cancel()

    def _is_heard(self) -> bool:
        """Say whether anybody listens: thousands of runs may be made."""
        logger: Any = self._logger
        kept = (getattr(logger, name, {self._id: True}) for name in _LISTENERS)
        return bool(logger.handlers) or any(listeners.get(self._id) for listeners in kept)

    async def _emit_all(self) -> None:
        while self._waiting:
            try:
                self._logger.emit(schema_id=self._id, data=self._waiting.popleft()())
            except Exception:
                self._log.exception("nbflow could not emit an event")
            await asyncio.sleep(self._pause)


def seen(event: Event) -> Telling | None:
    """Give what makes an event as people see it, when its turn comes; None: states of task runs."""
    return None if event.noun == "task-runs" else partial(_seen, event)


def _seen(event: Event) -> dict[str, Any]:
    told = jsonable(replace(event_views.view(event), payload={}))
    del told["payload"]
    return told


def _life(event: Event) -> Telling | None:
    data = lifecycle(event)
    return None if data is None else lambda: data


def lifecycle(event: Event) -> dict[str, Any] | None:
    """Give a run's start or end in the words of its schema; None for any other event."""
    row = event.row
    if event.noun != "flow-runs" or "state" not in row:
        return None
    state = row["state"]
    final = StateType(state["type"]) in TERMINAL
    if not final and state["type"] != StateType.RUNNING:
        return None
    return {
        "action": "ended" if final else "started",
        "flow_run_id": row["id"],
        "name": row["name"],
        "flow_name": row["flow_name"],
        "kind": row["kind"],
        "deployment_id": row["deployment_id"],
        "state_type": state["type"],
        "state_name": state["name"],
        "at": state["at"],
    }
