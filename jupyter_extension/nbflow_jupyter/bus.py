"""Jupyter's own event bus: told of flow runs that start and that end, for other extensions.

Coarse on purpose: what follows every change is the change stream (`relay`). Parameters, results and
messages are not told. Events are emitted one by one between other work of the event loop; whoever
listens can neither delay it for long nor break it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jupyter_events import EventLogger

from nbflow.model.events import Event
from nbflow.model.states import TERMINAL, StateType

FLOW_RUN = "urn:nbflow:flow-run:v1"
_SCHEMA = Path(__file__).parent / "event_schemas" / "flow-run" / "v1.yaml"
#: where an event logger keeps who listens, by schema
_LISTENERS = ("_modified_listeners", "_unmodified_listeners")
#: events that may wait; beyond that the oldest are left out
_MOST = 10_000


class JupyterBus:
    """Tells Jupyter's event bus of runs that start and end; used on the event loop."""

    def __init__(self, logger: EventLogger, log: logging.Logger) -> None:
        self._logger = logger
        self._log = log
        self._waiting: deque[dict[str, Any]] = deque(maxlen=_MOST)
        self._emitting: asyncio.Task[None] | None = None
        if FLOW_RUN not in logger.schemas:
            logger.register_event_schema(_SCHEMA)

    def take(self, events: Iterable[Event]) -> None:
        """Tell of those events that are a run's start or end, soon, if anybody listens."""
        if not self._is_heard():
            return
        told = [data for event in events if (data := lifecycle(event)) is not None]
        if len(self._waiting) + len(told) > _MOST:
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
        kept = (getattr(logger, name, {FLOW_RUN: True}) for name in _LISTENERS)
        return bool(logger.handlers) or any(listeners.get(FLOW_RUN) for listeners in kept)

    async def _emit_all(self) -> None:
        while self._waiting:
            try:
                self._logger.emit(schema_id=FLOW_RUN, data=self._waiting.popleft())
            except Exception:
                self._log.exception("nbflow could not emit an event")
            await asyncio.sleep(0)


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
