"""Runs created for many callers at once: those that wait go into one transaction.

A server that is sent a thousand requests a second would else begin, lock and commit for each. Who
asks alone waits for nobody: the next transaction takes what came while the last one was at work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from nbflow.exceptions import NbflowError
from nbflow.model.runs import NewFlowRun
from nbflow.model.wire import JsonText
from nbflow.orchestration.run_lists import SqlRunLists

#: runs in one transaction at most: others, too, want to write
_MOST = 64


@dataclass
class Asked:
    """One run to create, whoever waits for it, and then what became of it."""

    new: NewFlowRun
    waits: Any
    made: JsonText | None = field(default=None)
    error: Exception | None = field(default=None)


class Together:
    """Creates runs in a thread of its own.

    Args:
        answer: called with what is done, several at once, in that thread.
    """

    def __init__(self, orchestrator: SqlRunLists, answer: Callable[[list[Asked]], None]) -> None:
        self._orchestrator = orchestrator
        self._answer = answer
        self._queue: SimpleQueue[Asked | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="nbflow-creates", daemon=True)
        self._thread.start()

    def ask(self, asked: Asked) -> None:
        """Have a run created."""
        self._queue.put(asked)

    def stop(self) -> None:
        """Stop, once all that was asked is done."""
        self._queue.put(None)
        self._thread.join()

    def _loop(self) -> None:
        while True:
            first = self._queue.get()
            if first is None:
                return
            waiting, goes_on = self._taken(first)
            self._create(waiting)
            self._answer(waiting)
            if not goes_on:
                return

    def _taken(self, first: Asked) -> tuple[list[Asked], bool]:
        waiting = [first]
        while len(waiting) < _MOST and not self._queue.empty():
            more = self._queue.get()
            if more is None:
                return waiting, False
            waiting.append(more)
        return waiting, True

    def _create(self, waiting: list[Asked]) -> None:
        def refuse(at: int, error: NbflowError) -> None:
            waiting[at].error = error

        try:
            made = self._orchestrator.create_each([asked.new for asked in waiting], refuse)
        except Exception as error:
            if len(waiting) > 1:  # nothing was kept: whose fault it is shows when each is alone
                for asked in waiting:
                    self._create([asked])
                return
            waiting[0].error = error
            return
        for asked, run in zip(waiting, made, strict=True):
            asked.made = run
