"""Going on where an earlier attempt of a notebook run ended: what the plan says is carried out.

What is to be done is decided in `model.resuming`; how values are saved and restored is asked in
`checkpoints`. Whatever is executed although it had completed is said, in the run's log and in the
cell's state.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow.exceptions import Conflict
from nbflow.model import states
from nbflow.model.cell_reports import CellReport
from nbflow.model.run_options import RunOptions
from nbflow.model.states import State
from nbflow.notebook import steps
from nbflow.notebook.cells import CellRuns
from nbflow.notebook.client import CellClient
from nbflow.notebook.steps import Step

# Most runs are no second attempts and save nothing: these never load what looks into cells.
if TYPE_CHECKING:
    from nbflow.model.cell_makers import Cell
    from nbflow.model.resuming import Before, Plan, Restore
    from nbflow.notebook.checkpoints import Checkpoints
    from nbflow.notebook.past import Past

_LOGGER = "nbflow.notebook"
_PYTHON = (None, "python", "ipython")


class Resuming:
    """What one attempt of a run takes from those before, and leaves to those after it.

    Args:
        path: the attempt's folder.
        runs: its cells' task runs, whose log is written.
        options: how the run is executed.
        past: what earlier attempts have left; None: this one begins at the top.
        asked: a person asked for it (else a notebook that cannot be resumed begins at the top).
    """

    def __init__(
        self,
        path: Path,
        runs: CellRuns,
        options: RunOptions,
        *,
        past: Past | None = None,
        asked: bool = False,
    ) -> None:
        self.path = path
        self.runs = runs
        self.options = options
        self.past = past
        self.asked = asked
        self.cells: tuple[Cell, ...] = ()
        self.steps: dict[str, Step] = {}
        self._checkpoints: Checkpoints | None = None
        self._saves = False
        self.made: Plan | None = None
        self._given: Sequence[Mapping[str, Any]] = ()
        self._failed: dict[str, str] = {}
        #: the last cell this attempt has executed
        self._last: str | None = None

    def plan(self, cells: Sequence[Mapping[str, Any]], language: str | None) -> Mapping[str, Step]:
        """Give the step of each cell, by id. Raises InvalidInput, InvalidNotebook, Conflict."""
        self.steps = steps.of_notebook(cells, language)
        self._given = cells
        self._saves = language in _PYTHON and self.options.checkpoint != "none"
        if self.past is None:
            return self.steps
        if language in _PYTHON:
            from nbflow.notebook.past import cells_of

            self.cells = tuple(cells_of(cells))
            self._decide(self.past.before, start_of(self.cells, self.past.before, self.options))
        elif self.asked:
            raise not_python(language)
        return self.steps

    def _decide(self, before: Before, start: int) -> None:
        """Plan, and say of each cell before the start what becomes of it."""
        from nbflow.model import resuming
        from nbflow.notebook.past import COMPLETED_IN

        assert self.past is not None
        self.made = made = resuming.plan(self.cells, before, start=start)
        shown = self.past.shown
        marks = {cell["id"]: cell["metadata"] for cell in self._given}
        fresh = steps.of_notebook(self._given, "python")
        for cell_id, old in made.reused.items():
            said = f"Completed in attempt {old.attempt}; not executed again."
            marks[cell_id].setdefault("nbflow", {})[COMPLETED_IN] = old.attempt
            report = CellReport("Cached", result_key=old.result_key, outputs=old.outputs)
            self.steps[cell_id] = replace(
                fresh[cell_id],
                state=states.Cached(message=said),
                outputs=shown[old.id]["outputs"],
                execution_count=shown[old.id]["execution_count"],
                report=report if old.result_key else None,
            )
        for cell_id, why in made.again.items():
            what = f"Executed again for {_reasons(why)}."
            self.steps[cell_id] = replace(fresh[cell_id], because=what)

    # -- in the kernel ----------------------------------------------------------------------------
    async def begin(self, client: CellClient) -> State | None:
        """Define again what the cells that are not executed define, and see what can be restored.

        Gives the state of the run if it cannot go on.
        """
        if self.made is None:
            return None
        problem = await self._define(client)
        if problem is not None or self.made.start >= len(self.cells):
            self._say()
            return problem
        start = self.cells[self.made.start].id
        while failed := (await self._try(client, start) or await self._name(client)):
            self._failed |= failed
            self._decide(self._without(self._failed), self.made.start)
        self._say()
        return None

    def _without(self, failed: Mapping[str, str]) -> Before:
        """Give what is left when some values turned out not to be had."""
        from nbflow.model.resuming import Before

        assert self.past is not None
        before = self.past.before
        saved = {name: found for name, found in before.saved.items() if name not in failed}
        cells = tuple(
            replace(cell, outputs=tuple(n for n in cell.outputs if n not in failed))
            for cell in before.cells
        )
        lost = {name: f"which could not be restored ({why})" for name, why in failed.items()}
        return Before(cells, saved, {**before.lost, **lost})

    async def _define(self, client: CellClient) -> State | None:
        from nbflow.notebook import checkpoints

        assert self.made is not None
        for cell in self.cells:
            code = self.made.defined.get(cell.id)
            if code is None:
                continue
            problem = await _run(client, code)
            if problem is not None:  # a default or a base class may be a value of the notebook
                await checkpoints.restore(client, self._everything())
                problem = await _run(client, code)
            if problem is not None:
                return states.Failed(
                    message=f"What {cell} imports and defines could not be executed again: "
                    f"{problem}. `nbflow flow-run retry RUN` runs the notebook from the top.",
                    details={"cause": "resume.definitions", "cell": cell.id},
                )
        return None

    def _everything(self) -> list[Restore]:
        assert self.made is not None
        return [item for found in self.made.restore.values() for item in found]

    async def _name(self, client: CellClient) -> dict[str, str]:
        """Bind the names of tasks and flows whose cells are not executed; give why not."""
        assert self.made is not None
        sources = [cell.source for cell in self.cells]
        failed: dict[str, str] = {}
        for name, cell_id in self.made.named.items():
            if cell_id in self.made.again:
                continue
            at = next(at for at, cell in enumerate(self.cells) if cell.id == cell_id)
            define = "__import__('nbflow.ipython.named', fromlist=['define']).define"
            shell = "__import__('IPython').get_ipython()"
            problem = await _run(client, f"{define}({shell}, {sources[at]!r}, {sources[:at]!r})")
            failed |= {} if problem is None else {name: problem}
        return failed

    async def _try(self, client: CellClient, start: str) -> dict[str, str]:
        """Restore everything; where no cell is executed again, that is all there is to restore."""
        from nbflow.notebook import checkpoints

        return await checkpoints.restore(client, self._everything() + self._random(start))

    async def _restore(self, client: CellClient, cell_id: str) -> dict[str, str]:
        from nbflow.notebook import checkpoints

        assert self.made is not None
        return await checkpoints.restore(client, self.made.restore.get(cell_id, ()))

    def _random(self, cell_id: str) -> list[Restore]:
        """Give what random numbers come next, where that was saved just before a cell."""
        from nbflow.model.resuming import Restore
        from nbflow.notebook import checkpoints

        assert self.past is not None
        assert self.made is not None
        at = self.made.start
        if not at or self.cells[at].id != cell_id or self.made.again:
            return []
        last = self.made.reused.get(self.cells[at - 1].id)
        found = self.past.before.saved.get(checkpoints.RANDOM, ())
        there = [one for one in found if last is not None and one.after == last.id]
        return [Restore(checkpoints.RANDOM, one) for one in there[-1:]]

    async def before(self, client: CellClient, cell_id: str) -> State | None:
        """Restore what a cell needs; give the state of the run if that cannot be."""
        if self.made is None or not self.made.again:
            return None  # where no cell is executed again, `begin` has restored it all
        if code := self.made.redefined.get(cell_id):
            await _run(client, code)
        failed = await self._restore(client, cell_id)
        if not failed:
            return None
        why = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        return states.Failed(
            message=f"What a cell reads could not be restored ({why}). "
            "`nbflow flow-run retry RUN` runs the notebook from the top.",
            details={"cause": "resume.restore", "cell": cell_id},
        )

    async def after(self, client: CellClient, cell_id: str, state: State) -> None:
        """Save what the run's next attempt would need."""
        self._last = cell_id
        wanted = "cell" if state.is_completed() else "failure"
        if self.options.checkpoint == wanted:
            await self._save(client, cell_id, failed=not state.is_completed())

    async def leave(self, client: CellClient) -> None:
        """Save what the next attempt would need when the run leaves its process between cells."""
        if self._last is not None and self.options.checkpoint == "failure":
            await self._save(client, self._last, failed=False, whole=True)

    async def _save(
        self, client: CellClient, cell_id: str, *, failed: bool, whole: bool = False
    ) -> None:
        if not self._saves or client.process.dead.done():
            return
        if self._checkpoints is None:
            from nbflow.notebook.checkpoints import Checkpoints
            from nbflow.notebook.past import cells_of

            self._checkpoints = Checkpoints(self.path, cells_of(self._given))
        problem = await self._checkpoints.after(client, cell_id, failed=failed, whole=whole)
        if problem is not None:
            text = f"The variables could not be saved: {problem}."
            self.runs.log(logging.WARNING, text, cell_id, logger=_LOGGER)

    def _say(self) -> None:
        """Tell what is executed, what is not, and what was restored."""
        assert self.made is not None
        assert self.past is not None
        by_id = {cell.id: cell for cell in self.cells}
        where = "after the last cell"
        if self.made.start < len(self.cells):
            where = f"at {self.cells[self.made.start]}"
        text = f"The run goes on {where}, where attempt {self.past.attempt} ended; "
        text += f"{_cells(len(self.made.reused))} not executed again."
        restored = sorted({item.name for found in self.made.restore.values() for item in found})
        text += f" Restored: {', '.join(restored)}." if restored else ""
        self.runs.log(logging.INFO, text, logger=_LOGGER)
        for cell_id, why in self.made.again.items():
            said = f"{by_id[cell_id]} is executed again for {_reasons(why)}."
            self.runs.log(logging.WARNING, said[0].upper() + said[1:], cell_id, logger=_LOGGER)


def start_of(cells: Sequence[Cell], before: Before, options: RunOptions) -> int:
    """Give the place of the cell a run goes on with. Raises InvalidInput."""
    from nbflow.model import resuming

    if options.resume_from is None:
        return resuming.first(cells, before)
    start = resuming.named(cells, options.resume_from)
    resuming.check_start(cells, start, before)
    return start


def not_python(language: str | None) -> Conflict:
    """Make the error of a notebook whose variables nobody can restore."""
    return Conflict(
        f"A notebook in {language} cannot be resumed: its variables cannot be saved.",
        code="resume.language",
        hint="`nbflow flow-run retry RUN` runs it again, from the top.",
    )


def _reasons(why: Mapping[str, str]) -> str:
    return "; ".join(f"{name}, {reason}" for name, reason in why.items())


def _cells(count: int) -> str:
    return "1 cell is" if count == 1 else f"{count} cells are"


async def _run(client: CellClient, code: str) -> str | None:
    """Execute code in the kernel, showing nothing; give its error."""
    ran = await client.run_silently(code)
    if ran.reply is None:
        return "the kernel died" if not ran.cut_short else ran.cut_short
    if ran.reply["status"] == "ok":
        return None
    return f"{ran.reply.get('ename')}: {ran.reply.get('evalue')}"
