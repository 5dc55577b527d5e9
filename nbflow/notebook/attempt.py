"""One attempt of a notebook run: its cells in order, journaled and recorded, to a final state.

The state comes from what happened: the kernel's replies, its process, a request to stop. Where the
notebook came from, and who is told how it ended, is `running`'s business.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nbflow.model import clock, notebooks, states
from nbflow.model.cell_options import RUN_FACTS
from nbflow.model.states import State
from nbflow.notebook import outcomes
from nbflow.notebook.cells import CellRuns
from nbflow.notebook.client import CellClient, NotStarted, Ran
from nbflow.notebook.outcomes import Place
from nbflow.notebook.stopping import Stop
from nbflow.store import journal
from nbflow.store.journaling import Journal

_LOGGER = "nbflow.notebook"

#: yields seconds to rest while the run is paused; gives the state in which it ends instead
Pausing = Generator[float, None, State | None]


def _go_on() -> Pausing:
    yield from ()


class Attempt:
    """What it takes to execute a prepared notebook, and what becomes of it.

    Args:
        path: the attempt's folder.
        cells: its cells' task runs.
        stop: the request to end it.
        env: environment of the kernel.
        cwd: working directory of the kernel; None: this process's.
        source: where the notebook came from, for its metadata.
        cancelled: asked when it stops: was it because somebody cancelled the run?
        pausing: asked before each cell: is the run paused?
        start_seconds: the longest the kernel may take to answer.
        cell_seconds: the longest a cell may take; None: as long as it likes.
        on_text: also given what cells print: (cell id, stream, text).

    Attributes:
        state: how it ended; None until then.
    """

    def __init__(
        self,
        path: Path,
        cells: CellRuns,
        stop: Stop,
        *,
        env: Mapping[str, str],
        cwd: str | None = None,
        source: str | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        pausing: Callable[[], Pausing] = _go_on,
        start_seconds: float = 60.0,
        cell_seconds: float | None = None,
        on_text: Callable[[str, str, str], None] | None = None,
    ) -> None:
        self.path = path
        self.cells = cells
        self.stop = stop
        self.env = env
        self.cwd = cwd
        self.source = source
        self.cancelled = cancelled
        self.pausing = pausing
        self.start_seconds = start_seconds
        self.cell_seconds = cell_seconds
        self.on_text = on_text
        self.state: State | None = None
        self._places: dict[str, Place] = {}
        self._journal: Journal

    def run(self, nb: Any, kernel_name: str) -> State:
        """Execute a prepared notebook (a NotebookNode). Gives the state of the run.

        Raises OSError when what it puts out cannot be written.
        """
        self._places = outcomes.places(nb.cells)
        self._journal = Journal(self.path, nb)
        try:
            self.cells.plan(nb.cells, self._places)
            self.state = _wait_for(self._run(nb, kernel_name))
            self.cells.close(journal.NOT_RUN)
            self._journal.finish(self.state)
        finally:
            self._journal.close()
        return self.state

    async def _run(self, nb: Any, kernel_name: str) -> State:
        if self.stop.reason is not None:
            return self._stopped(None)
        client = CellClient(
            nb,
            journal=self._journal,
            stop=self.stop,
            on_text=self._text,
            kernel_name=kernel_name,
            startup_timeout=self.start_seconds,
        )
        try:
            async with client.kernel(cwd=self.cwd, env=self.env):
                return await self._run_cells(client, nb)
        except NotStarted as error:
            if self.stop.reason is not None:
                return self._stopped(None)
            words = client.process.last_words()
            return outcomes.not_started(kernel_name, str(error), words)

    async def _run_cells(self, client: CellClient, nb: Any) -> State:
        for cell in nb.cells:
            place = self._places.get(cell["id"])
            if place is None:
                continue
            left = await self._wait_while_paused()
            if left is not None:
                return left
            if self.stop.reason is not None:
                return self._stopped(None)
            ended = await self._run_cell(client, cell, place)
            if client.fault is not None:
                raise client.fault
            if ended is not None:
                return ended
        return outcomes.all_completed(self._places)

    async def _wait_while_paused(self) -> State | None:
        """Begin no cell while the run is paused; give the state it ends in instead, if any."""
        waiting = self.pausing()
        while self.stop.reason is None:
            try:
                await asyncio.sleep(next(waiting))
            except StopIteration as end:
                return end.value
        waiting.close()
        return None

    async def _run_cell(self, client: CellClient, cell: Any, place: Place) -> State | None:
        """Run one cell; give the state of the run if it ends here."""
        if notebooks.skips(cell):
            self._end(cell["id"], outcomes.skipped(), Ran(None, {}, None))
            return None
        if client.process.dead.done():
            return self._died(client, place, before=True)
        self._journal.start(cell["id"], clock.now())
        self.cells.enter(cell["id"], states.Running())
        task_run_id = self.cells.by_cell[cell["id"]].id
        ran = await client.run_cell(cell, seconds=self.cell_seconds, task_run_id=task_run_id)
        cell_state, run_state = self._judge(client, cell, place, ran)
        self._end(cell["id"], cell_state, ran)
        return run_state

    def _judge(
        self, client: CellClient, cell: Any, place: Place, ran: Ran
    ) -> tuple[State, State | None]:
        """Give what became of a cell, and of the run if it ends here."""
        if client.fault is not None:  # whatever the kernel replied: what it showed is not known
            return states.Crashed(message=f"Its output is not kept: {client.fault}"), None
        if ran.cut_short == "stop":
            run = self._stopped(place, killed=ran.killed)
            whole = ran.reply is not None and ran.reply["status"] == "ok"
            return (states.Completed() if whole else State(run.type, message=run.message)), run
        if ran.cut_short == "timeout":
            cell_state = outcomes.timed_out(self.cell_seconds or 0.0)
            return cell_state, outcomes.failed(place, cell_state)
        if ran.reply is None:
            how = outcomes.kernel_ended(client.process.exit_code)
            return states.Crashed(message=f"Kernel died ({how})."), self._died(client, place)
        cell_state = outcomes.replied(cell, ran.reply)
        return cell_state, outcomes.failed(place, cell_state) if cell_state.is_failed() else None

    def _end(self, cell_id: str, state: State, ran: Ran) -> None:
        left_out = self._journal.end(
            cell_id, state, execution_count=ran.execution_count, execution=ran.stamps
        )
        if left_out:
            text = f"{left_out / 1e6:.1f} MB of this cell's output were left out."
            self.cells.log(logging.WARNING, text, cell_id, logger=_LOGGER)
        self.cells.enter(cell_id, state)

    def _died(self, client: CellClient, place: Place, *, before: bool = False) -> State:
        process = client.process
        return outcomes.died(place, process.exit_code, process.last_words(), before=before)

    def _stopped(self, place: Place | None, *, killed: bool = False) -> State:
        reason = self.stop.reason or "terminate"
        cancelled = reason == "cancelled" or self.cancelled()
        return outcomes.stopped(reason, cancelled=cancelled, killed=killed, place=place)

    def _text(self, cell_id: str, stream: str, text: str) -> None:
        self.cells.text(cell_id, stream, text)
        if self.on_text is not None:
            self.on_text(cell_id, stream, text)


def prepare(nb: Any) -> None:
    """Remove from a notebook (its dict) what an earlier run left in it."""
    nb["metadata"].pop("widgets", None)
    _forget(nb["metadata"])
    for cell in nb["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
        cell["metadata"].pop("execution", None)
        _forget(cell["metadata"])


def _forget(metadata: Any) -> None:
    metadata.pop("papermill", None)
    own = metadata.get("nbflow")
    if not isinstance(own, dict):
        return
    metadata["nbflow"] = {key: value for key, value in own.items() if key not in RUN_FACTS}
    if not metadata["nbflow"]:
        del metadata["nbflow"]


def _wait_for(work: Coroutine[Any, Any, State]) -> State:
    """Run a coroutine to its end, also where this thread already runs an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1, thread_name_prefix="nbflow-notebook") as pool:
        return pool.submit(asyncio.run, work).result()
