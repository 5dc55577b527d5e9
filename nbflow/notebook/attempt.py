"""One attempt of a notebook run: its cells in order, journaled and recorded, to a final state.

The state comes from what happened: the kernel's replies, its process, a request to stop. Where the
notebook came from, and who is told how it ended, is `running`'s business.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from nbflow.faults import fault
from nbflow.model import clock, notebooks, states
from nbflow.model.cell_options import RUN_FACTS
from nbflow.model.cell_reports import CellReport
from nbflow.model.states import State
from nbflow.notebook import outcomes, steps
from nbflow.notebook.cells import CellRuns
from nbflow.notebook.client import CellClient, NotStarted, Ran
from nbflow.notebook.kernel import KernelProcess
from nbflow.notebook.outcomes import Place
from nbflow.notebook.steps import Step
from nbflow.notebook.stopping import Stop
from nbflow.store import journal
from nbflow.store.journaling import Journal
from nbflow.store.memory import Memory

_LOGGER = "nbflow.notebook"

#: yields seconds to rest while the run is paused; gives the state in which it ends instead
Pausing = Generator[float, None, State | None]
#: gives the step of each cell, by id, from all cells and the kernel's language
Planning = Callable[[Sequence[Mapping[str, Any]], str | None], Mapping[str, Step]]


class Carrying(Protocol):
    """What takes variables from one attempt of a run to the next (`resuming`)."""

    async def begin(self, client: CellClient) -> State | None:
        """Make a new kernel ready; give the state of the run if that cannot be."""
        ...

    async def before(self, client: CellClient, cell_id: str) -> State | None:
        """Restore what a cell needs; give the state of the run if that cannot be."""
        ...

    async def leave(self, client: CellClient) -> None:
        """Do what is to be done when the run leaves between two cells."""
        ...

    async def after(self, client: CellClient, cell_id: str, state: State) -> None:
        """Save what the next attempt would need when a cell has ended so."""
        ...


#: may hand the kernel of a failed run over; gives the run's state
Keeping = Callable[[KernelProcess, State], State]


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
        on_text: also given what cells print, all of it: (cell id, stream, text).
        planning: says what is to be done with each cell.
        carrying: takes variables from attempt to attempt.
        keeping: called with the kernel's process and the state before that ends; gives the state.

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
        planning: Planning = steps.of_notebook,
        carrying: Carrying | None = None,
        keeping: Keeping | None = None,
    ) -> None:
        self.path = path
        self.cells = cells
        self.stop = stop
        self.env = env
        self.cwd = cwd
        self.source = source
        self.cancelled = cancelled
        self.keeping = keeping
        self.pausing = pausing
        self.start_seconds = start_seconds
        self.cell_seconds = cell_seconds
        self.on_text = on_text
        self.state: State | None = None
        self.planning = planning
        self.carrying = carrying
        self._places: dict[str, Place] = {}
        self._steps: Mapping[str, Step] = {}
        self._reports: dict[str, CellReport] = {}
        self._journal: Journal
        self._memory = Memory()

    def run(self, nb: Any, kernel_name: str, *, language: str | None = None) -> State:
        """Execute a prepared notebook (a NotebookNode). Gives the state of the run.

        Args:
            language: of the kernel, in lower case; None: as the notebook says.

        Raises OSError when what it puts out cannot be written; before a kernel starts InvalidInput
        and InvalidNotebook for what a cell asks for.
        """
        self._places = outcomes.places(nb.cells)
        self._steps = self.planning(nb.cells, language or notebooks.language(nb))
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
            all_text=self.on_text is not None,
            on_report=self._report,
            lasting=self.keeping is not None,
            kernel_name=kernel_name,
            startup_timeout=self.start_seconds,
        )
        try:
            async with client.kernel(cwd=self.cwd, env=self.env):
                fault("exec.after_kernel_ready")
                if client.process.start_note:
                    self.cells.log(logging.INFO, client.process.start_note, logger=_LOGGER)
                ended = await self._run_cells(client, nb)
                return self.keeping(client.process, ended) if self.keeping else ended
        except NotStarted as error:
            if self.stop.reason is not None:
                return self._stopped(None)
            words = client.process.last_words()
            return outcomes.not_started(kernel_name, str(error), words)

    async def _run_cells(self, client: CellClient, nb: Any) -> State:
        lacking = await self._load_nbflow(client) or await self._carry_on(client)
        if lacking is not None:
            return lacking
        for cell in nb.cells:
            place = self._places.get(cell["id"])
            if place is None:
                continue
            left = await self._wait_while_paused()
            if left is not None:
                if self.carrying is not None and left.leaves():
                    await self.carrying.leave(client)
                return left
            if self.stop.reason is not None:
                return self._stopped(None)
            ended = await self._run_cell(client, cell, place)
            if client.fault is not None:
                raise client.fault
            if ended is not None:
                return ended
        return outcomes.all_completed(self._places)

    async def _load_nbflow(self, client: CellClient) -> State | None:
        """Have nbflow ready in the kernel if a cell needs it; give the state of the run if not."""
        expression = steps.to_load(self._steps)
        if not expression:
            return None
        ran = await client.run_silently(expression, seconds=self.start_seconds)
        if self.stop.reason is not None:
            return self._stopped(None)
        if ran.reply is not None and ran.reply["status"] == "ok":
            return None
        return outcomes.no_nbflow(ran.reply, client.process.manager.kernel_spec.argv[0])

    async def _carry_on(self, client: CellClient) -> State | None:
        """Take over from an earlier attempt; give the state of the run if that cannot be."""
        if self.carrying is None:
            return None
        state = await self.carrying.begin(client)
        return self._stopped(None) if self.stop.reason is not None else state

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
        """Run one cell, again if it asks for that; give the state of the run if it ends here."""
        cell_id, step = cell["id"], self._steps[cell["id"]]
        if notebooks.skips(cell):
            self._end(cell_id, outcomes.skipped(), Ran(None, {}, None))
            return None
        if step.state is not None:
            self._show(cell_id, step)
            return None
        if client.process.dead.done():
            return self._died(client, place, before=True)
        lacking = await self.carrying.before(client, cell_id) if self.carrying else None
        if lacking is not None:
            return lacking
        self._journal.start(cell_id, clock.now())
        self.cells.enter(cell_id, states.Running(message=step.because))
        fault("exec.after_cell_start")
        attempt = 1
        while True:
            ran = await self._try(client, cell, step)
            cell_state, run_state = self._judge(client, cell, place, ran)
            delay = step.delay(attempt) if outcomes.may_try_again(cell_state, ran) else None
            if delay is None:
                break
            await self._rest(client, cell_id, cell_state, f"{attempt} of {step.retries + 1}", delay)
            if self.stop.reason is not None or client.process.dead.done():
                run_state = self._unfinished(client, place)
                cell_state = State(run_state.type, message=run_state.message)
                break
            self.cells.enter(cell_id, states.Retrying())
            attempt += 1
        if self.carrying is not None and self.stop.reason is None:
            await self.carrying.after(client, cell_id, cell_state)
        self._end(cell_id, cell_state, ran)
        fault("exec.after_cell_end")
        if run_state is not None and run_state.is_completed():
            self._skip_rest(place)
        return run_state

    async def _try(self, client: CellClient, cell: Any, step: Step) -> Ran:
        """Run a cell once."""
        limits = [seconds for seconds in (step.seconds, self.cell_seconds) if seconds is not None]
        self._reports.pop(cell["id"], None)
        return await client.run_cell(
            cell,
            source=step.source,
            seconds=min(limits, default=None),
            task_run_id=self.cells.by_cell[cell["id"]].id,
        )

    async def _rest(
        self, client: CellClient, cell_id: str, failed: State, count: str, delay: float
    ) -> None:
        """Wait before a failed cell is run again, and say so."""
        message = f"Attempt {count} failed: {failed.message.rstrip('.')}."
        said = f"{message} The next is in {delay:g} s."
        self.cells.log(logging.WARNING, said, cell_id, logger=_LOGGER)
        self._journal.retry(cell_id, message)
        due_at = clock.now() + timedelta(seconds=delay)
        self.cells.enter(cell_id, states.AwaitingRetry(due_at, message=message))
        await client.rest(delay)

    def _unfinished(self, client: CellClient, place: Place) -> State:
        """Give the state of a run that cannot run its cell again."""
        return self._stopped(place) if self.stop.reason else self._died(client, place)

    def _show(self, cell_id: str, step: Step) -> None:
        """Let a cell that is not run show what it did, and end as it is said to."""
        assert step.state is not None
        self._journal.start(cell_id, clock.now())
        if step.report is not None:
            self._reports[cell_id] = step.report
        for output in step.outputs:
            self._journal.output(cell_id, dict(output))
        state = replace(step.state, at=clock.now())  # it was made when all was planned
        self._end(cell_id, state, Ran(None, {}, step.execution_count))

    def _skip_rest(self, place: Place) -> None:
        """Say of all cells after one that the run completed before them."""
        for cell_id, run in tuple(self.cells.by_cell.items()):
            if run.state.is_pending():
                self._end(cell_id, outcomes.not_needed(place), Ran(None, {}, None))

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
            cell_state = outcomes.timed_out(ran, self._limit(cell["id"]))
            return cell_state, outcomes.failed(place, cell_state)
        if ran.reply is None:
            how = outcomes.kernel_ended(client.process.exit_code)
            return states.Crashed(message=f"Kernel died ({how})."), self._died(client, place)
        cell_state = outcomes.replied(cell, ran.reply, self._reports.get(cell["id"]))
        if cell_state.details.get("cause") == "stop":
            return cell_state, outcomes.completed_early(cell_state)
        return cell_state, outcomes.failed(place, cell_state) if cell_state.is_failed() else None

    def _limit(self, cell_id: str) -> float:
        limits = (self._steps[cell_id].seconds, self.cell_seconds)
        return min(seconds for seconds in limits if seconds is not None)

    def _end(self, cell_id: str, state: State, ran: Ran) -> None:
        report, run = self._reports.get(cell_id), self.cells.by_cell[cell_id]
        left_out = self._journal.end(
            cell_id,
            state,
            execution_count=ran.execution_count,
            execution=ran.stamps,
            attempt=max(run.attempt, report.attempt if report else 1),
            report=report,
        )
        if left_out:
            text = f"{left_out / 1e6:.1f} MB of this cell's output were left out."
            self.cells.log(logging.WARNING, text, cell_id, logger=_LOGGER)
        self.cells.enter(cell_id, state, report)

    def _report(self, cell_id: str, report: CellReport) -> None:
        """Take in what the kernel says of the cell it carries out; it counts once it has ended."""
        self._reports[cell_id] = report
        if cell_id not in self.cells.by_cell or self.cells.by_cell[cell_id].state.is_final():
            return
        waits = self.cells.by_cell[cell_id].state.is_scheduled()
        if report.state_name == "Retrying" and not waits:
            self.cells.enter(cell_id, states.AwaitingRetry(clock.now(), message=report.message))
        elif report.state_name == "Running" and waits:
            self.cells.enter(cell_id, states.Retrying())

    def _died(self, client: CellClient, place: Place, *, before: bool = False) -> State:
        process = client.process
        why = self._memory.why_killed(process.exit_code)
        return outcomes.died(place, process.exit_code, process.last_words(), before=before, why=why)

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
        if "tags" in cell["metadata"]:
            cell["metadata"]["tags"] = list(notebooks.tags(cell))  # a text in a file becomes a list
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
