"""A magic cell in an executed notebook: its executor keeps the task run, so none is made here.

What the magic's line asks for is carried out in the kernel; never by both.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

from nbflow.engine import outcomes
from nbflow.exceptions import NbflowError
from nbflow.ipython.options import Options
from nbflow.logging import get_run_logger
from nbflow.model import clock, states
from nbflow.model.states import State
from nbflow.widgets.static import Line, View


class Adopted:
    """Runs a body that already is a task run (a `hosts.Host`)."""

    def __init__(self, name: str, options: Options) -> None:
        self._name = name
        self._options = options
        self._attempt = 0
        self._began = clock.monotonic()
        self._state = states.Running()

    def run(self, work: Callable[[], Any]) -> State:
        """Run a body that does not await."""
        __tracebackhide__ = True
        while (delay := self._try(work)) is not None:
            threading.Event().wait(delay)
        return self._state

    async def arun(self, work: Callable[[], Any]) -> State:
        """Run a body that awaits."""
        __tracebackhide__ = True
        delay = await self._atry(work)
        while delay is not None:
            await asyncio.sleep(delay)
            delay = await self._atry(work)
        return self._state

    def look(self) -> View:
        """Say how the cell stands."""
        seconds = clock.monotonic() - self._began
        return View(Line(self._name, self._state, seconds, self._attempt))

    def _try(self, work: Callable[[], Any]) -> float | None:
        __tracebackhide__ = True
        try:
            self._attempt += 1
            work()
        except BaseException as error:
            return self._failed(error)
        return self._completed()

    async def _atry(self, work: Callable[[], Any]) -> float | None:
        __tracebackhide__ = True
        try:
            self._attempt += 1
            await work()
        except BaseException as error:
            return self._failed(error)
        return self._completed()

    def _completed(self) -> None:
        self._state = states.Completed()

    def _failed(self, error: BaseException) -> float | None:
        """Give how long to wait before the next try; None: there is none."""
        self._state = outcomes.of_error(error)
        attempt, asked = self._attempt, self._options
        if attempt > asked.retries or not self._state.is_failed():
            return None
        delays = asked.retry_delays or (0.0,)
        delay = delays[min(attempt, len(delays)) - 1]
        message = f"Attempt {attempt} of {asked.retries + 1} failed: {self._state.message}"
        _logger().warning("%s; the next is in %g s.", message, delay)
        return delay


def _logger() -> Any:
    try:
        return get_run_logger()
    except NbflowError:  # the run cannot be asked for: the line is still shown in the cell
        return logging.getLogger("nbflow.task_runs")
